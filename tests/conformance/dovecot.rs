//! Robots at a Dovecot that asks the mock's authorization server what their tokens are good for (RFC 7662).

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use mailbearer::{
    Account, Range, Security, Server,
    grant::{Algorithm, ClientCertificate, FileAssertion, GitHubActions},
};
use mailbearer_mock::{Server as Mock, memory::Options};

use crate::{
    facade::{account, mock},
    foreign::run,
};

const CERTIFICATE: &str = include_str!("../fixtures/keys/rsa.crt");
const KEY: &str = include_str!("../fixtures/keys/rsa-pkcs8.pem");

/// Dovecot with IMAP over TLS on a free port.
struct Dovecot {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Dovecot {
    fn start(mock: &Mock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The mailbox is nobody's where root runs the tests.
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        for (path, mode) in [(folder.path(), 0o755), (&home, 0o777)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("mock-ca.pem"), mock.ca_pem()).unwrap();
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-days", "2", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        openssl.args(["-noenc", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        run(openssl.args(["-keyout", &path("key.pem"), "-out", &path("cert.pem")]), "").out();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        // Encoded as a form's value (RFC 6749 section 2.3.1), and that as a part of an address.
        let secret = mock.client_secret().bytes().map(|octet| format!("%25{octet:02X}")).collect::<String>();
        let url =
            mock.introspection_url().replace("https://", &format!("https://{}:{secret}@", mock.client_id()));
        let oauth = format!(
            "introspection_mode = post\nintrospection_url = {url}\nactive_attribute = active\nactive_value = true\n\
             username_attribute = username\nscope = IMAP.AccessAsApp\ntls_ca_cert_file = {}\n",
            path("mock-ca.pem")
        );
        fs::write(path("oauth2.conf"), oauth).unwrap();
        fs::write(path("dovecot.conf"), configuration(folder.path(), port)).unwrap();
        let child = Command::new("dovecot")
            .args(["-F", "-c", &path("dovecot.conf")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("dovecot is needed here and does not start ({error}); `cargo xtask test` installs it")
            });
        let server = Self { child, port, folder };
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < until, "no Dovecot: {}", server.log());
            thread::sleep(Duration::from_millis(20));
        }
        server
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The account, with its mailbox here.
    fn account(&self, mock: &Mock) -> Account {
        let own = fs::read_to_string(self.folder.path().join("cert.pem")).unwrap();
        let mut account = account(mock).ca_pem(own + mock.ca_pem()).unwrap();
        account.imap = Some(Server::new("localhost", self.port, Security::Implicit));
        account
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // Its other processes end with it.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn configuration(folder: &Path, port: u16) -> String {
    let id = |option: &str| run(Command::new("id").arg(option), "").out().trim().to_owned();
    let (user, group, folder) = (id("-un"), id("-gn"), folder.display());
    // Everything runs as whoever runs the tests, root aside.
    let (users, owner) = if user == "root" {
        (String::new(), "uid=nobody gid=nogroup".to_owned())
    } else {
        let users = format!(
            "default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n\
             service anvil {{\n  chroot =\n}}\nservice imap-login {{\n  chroot =\n}}\n"
        );
        (users, format!("uid={user} gid={group}"))
    };
    format!(
        "base_dir = {folder}/run\nstate_dir = {folder}/state\ninstance_name = introspecting\nlog_path = {folder}/log\n\
         protocols = imap\nlisten = 127.0.0.1\nssl = required\nssl_cert = <{folder}/cert.pem\n\
         ssl_key = <{folder}/key.pem\nauth_mechanisms = xoauth2 oauthbearer\nauth_verbose = yes\n\
         auth_failure_delay = 0\nmail_location = maildir:~/mail\n{users}\
         passdb {{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {folder}/oauth2.conf\n}}\n\
         userdb {{\n  driver = static\n  args = {owner} home={folder}/home/%u allow_all_users=yes\n}}\n\
         service anvil {{\n  unix_listener anvil-auth-penalty {{\n    mode = 0\n  }}\n}}\n\
         service imap-login {{\n  inet_listener imap {{\n    port = 0\n  }}\n  inet_listener imaps {{\n    \
         port = {port}\n    ssl = yes\n  }}\n}}\n",
    )
}

#[test]
fn a_robots_grant_is_good_where_the_mail_server_asks() {
    let mut options = Options::default();
    options.client_certificate = Some(CERTIFICATE.into());
    let mock = mock(options);
    let dovecot = Dovecot::start(&mock);
    let assertion = dovecot.folder.path().join("federated");
    fs::write(&assertion, mock.federated_token(GitHubActions::AZURE).unwrap()).unwrap();
    let certificate =
        ClientCertificate::from_pem(CERTIFICATE.as_bytes(), &KEY.into(), Algorithm::Ps256).unwrap();
    let robot = || dovecot.account(&mock);
    for (name, account) in [
        ("secret", robot()),
        ("certificate", robot().client_assertion(mock.client_id(), certificate)),
        ("federated", robot().client_assertion(mock.client_id(), FileAssertion::new(&assertion))),
    ] {
        let robot = account.blocking().unwrap();
        let before = mock.tokens().issued();
        let mut imap =
            robot.connect_imap().unwrap_or_else(|error| panic!("{name}: {error}\n{}", dovecot.log()));
        assert_eq!(imap.examine("INBOX").unwrap().list(Range::All).unwrap().count(), 0, "{name}");
        imap.logout().unwrap();
        assert_eq!(mock.tokens().issued(), before + 1, "{name}");
        // What the authorization server takes back is refused, and another one is asked for by itself.
        mock.tokens().expire_all();
        robot.connect_imap().unwrap().logout().unwrap();
        assert_eq!(mock.tokens().issued(), before + 2, "{name}");
    }
    // A token of another server's.
    let other = crate::facade::mock(Options::default());
    let stranger = Account::with_source(mock.user(), move |_: Option<&mailbearer::Token>| {
        let robot = account(&other).blocking()?;
        Ok(robot.token()?)
    });
    let mut stranger = stranger.ca_pem(fs::read(dovecot.folder.path().join("cert.pem")).unwrap()).unwrap();
    stranger.imap = Some(Server::new("localhost", dovecot.port, Security::Implicit));
    let error = stranger.blocking().unwrap().connect_imap().map(drop).unwrap_err();
    assert!(error.is_auth(), "{error}");
}
