import java.io.FileInputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.mail.Folder;
import javax.mail.Message;
import javax.mail.Session;
import javax.mail.Store;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * A test of JavaMail against `mailbearer mock`; the settings come from the environment, as it prints them.
 * It reads alone: JavaMail 1.6.5 sends a token on the line of its command, which is longer than SMTP allows.
 * On Debian: java -cp /usr/share/java/javax.mail.jar:/usr/share/java/javax.activation.jar Client.java
 */
class Client {
    static String env(String name) {
        return System.getenv(name);
    }

    public static void main(String[] arguments) throws Exception {
        KeyStore anchors = KeyStore.getInstance(KeyStore.getDefaultType());
        anchors.load(null);
        try (FileInputStream file = new FileInputStream(env("MAILBEARER_TLS_CA_FILE"))) {
            anchors.setCertificateEntry("mock", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(anchors);
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(null, trust.getTrustManagers(), null);

        // A token, by client credentials.
        HttpClient http = HttpClient.newBuilder().sslContext(tls).build();
        String form = Map.of(
                "grant_type", "client_credentials",
                "client_id", env("MAILBEARER_OAUTH_CLIENT_ID"),
                "client_secret", env("MAILBEARER_OAUTH_CLIENT_SECRET"),
                "scope", env("MAILBEARER_OAUTH_SCOPE"))
            .entrySet().stream()
            .map(field -> field.getKey() + "=" + URLEncoder.encode(field.getValue(), StandardCharsets.UTF_8))
            .collect(Collectors.joining("&"));
        HttpRequest request = HttpRequest.newBuilder(URI.create(env("MAILBEARER_OAUTH_TOKEN_URL")))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(BodyPublishers.ofString(form)).build();
        String answer = http.send(request, BodyHandlers.ofString()).body();
        var found = Pattern.compile("\"access_token\":\"([^\"]+)\"").matcher(answer);
        if (!found.find()) throw new AssertionError(answer);
        String token = found.group(1);

        // What the test wants to find is put there by the control port.
        http.send(HttpRequest.newBuilder(URI.create(env("MOCK_CONTROL_URL") + "/deliver"))
            .POST(BodyPublishers.ofString("Subject: hello\r\n\r\nworld\r\n")).build(), BodyHandlers.ofString());

        Properties settings = new Properties();
        settings.put("mail.imaps.auth.mechanisms", "XOAUTH2");
        settings.put("mail.imaps.ssl.socketFactory", tls.getSocketFactory());
        Session session = Session.getInstance(settings);

        String user = env("MAILBEARER_USER");
        Store store = session.getStore("imaps");
        store.connect(env("MAILBEARER_IMAP_HOST"), Integer.parseInt(env("MAILBEARER_IMAP_PORT")), user, token);
        Folder inbox = store.getFolder("INBOX");
        inbox.open(Folder.READ_ONLY);
        boolean there = false;
        for (Message message : inbox.getMessages()) there |= "hello".equals(message.getSubject());
        if (!there) throw new AssertionError("the message is not in the inbox");
        inbox.close(false);
        store.close();
        System.out.println("ok");
    }
}
