//! Postfix as a client of the relay: a smarthost for a whole machine. It works as root only, so elsewhere nothing is tried.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use crate::relay::Relay;

/// A Postfix of its own that gives all its mail to a relay.
struct Postfix {
    folder: tempfile::TempDir,
    port: u16,
}

impl Postfix {
    /// `None` where this user may not start one.
    fn start(settings: &str) -> Option<Self> {
        if fs::metadata("/proc/self").ok()?.uid() != 0 {
            return None;
        }
        // Its Unix sockets have short names.
        let folder = tempfile::Builder::new().prefix("pf").tempdir_in("/tmp").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = folder.path().display();
        for name in ["etc", "data", "queue"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {dir}/queue\ndata_directory = {dir}/data\n\
             maillog_file = {dir}/log\nmaillog_file_prefixes = {dir}\nmyhostname = office.test\nmydestination =\n\
             inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\nalias_maps =\nalias_database =\n\
             disable_dns_lookups = yes\nsmtp_host_lookup = native\nsmtpd_peername_lookup = no\nbiff = no\n\
             smtpd_relay_restrictions = permit_mynetworks, reject\nsmtpd_forbid_bare_newline = reject\n\
             smtp_sasl_auth_enable = yes\nsmtp_sasl_security_options = noanonymous\n\
             smtp_sasl_password_maps = texthash:{dir}/etc/passwords\nsmtputf8_enable = yes\n{settings}\n"
        );
        let service = |name: &str, command: &str| format!("{name} unix - - n - {command}\n");
        let master = [
            format!("127.0.0.1:{port} inet n - n - - smtpd\n"),
            "qmgr unix n - n 300 1 qmgr\npostlog unix-dgram n - n - 1 postlogd\ntlsmgr unix - - n 1000? 1 tlsmgr\n".into(),
            "cleanup unix n - n - 0 cleanup\nflush unix n - n 1000? 0 flush\n".into(),
            service("rewrite", "- trivial-rewrite"),
            service("smtp", "- smtp"),
            service("relay", "- smtp"),
            service("bounce", "0 bounce"),
            service("defer", "0 bounce"),
            service("trace", "0 bounce"),
            service("proxymap", "- proxymap"),
            service("error", "- error"),
            service("retry", "- error"),
            "anvil unix - - n - 1 anvil\nscache unix - - n - 1 scache\n".into(),
        ];
        fs::write(folder.path().join("etc/main.cf"), main).unwrap();
        fs::write(folder.path().join("etc/master.cf"), master.concat()).unwrap();
        // Others than root have to get through to the queue.
        run(Command::new("chmod").arg("755").arg(folder.path()));
        run(Command::new("chown").arg("postfix").arg(folder.path().join("data")));
        Some(Self { folder, port })
    }

    /// Starts it with a login for the relay at this port.
    fn up(&self, port: &str, password: &str) {
        let path = self.folder.path().join("etc/passwords");
        fs::write(path, format!("[localhost]:{port} scanner:{password}\n")).unwrap();
        self.control("start");
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("Postfix does not answer: {}", self.log());
    }

    fn control(&self, what: &str) {
        run(Command::new("postfix").arg("-c").arg(self.folder.path().join("etc")).arg(what));
    }

    /// Has it try again at its next start what it put off.
    fn make_due(&self) {
        for folder in fs::read_dir(self.folder.path().join("queue/deferred")).unwrap() {
            for message in fs::read_dir(folder.unwrap().path()).unwrap() {
                // That is how Postfix notes when it is due.
                let file = fs::File::options().write(true).open(message.unwrap().path()).unwrap();
                file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
            }
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let etc = self.folder.path().join("etc");
        let _ = Command::new("postfix")
            .arg("-c")
            .arg(etc)
            .arg("stop")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

fn run(command: &mut Command) {
    let null = || Stdio::null();
    let status = command.stdin(null()).stdout(null()).stderr(null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

/// 20 messages of a machine, over STARTTLS with the relay's own certificate and a login: each arrives once and unchanged.
#[test]
fn a_smarthost_for_postfix() {
    let relay = Relay::start("[relay.tls]\nmode = 'starttls'");
    let (port, certificate) = (relay.port.clone(), relay.certificate());
    let settings = format!(
        "relayhost = [localhost]:{port}\nsmtp_tls_security_level = verify\nsmtp_tls_CAfile = {certificate}\n\
         smtp_tls_loglevel = 1"
    );
    let Some(postfix) = Postfix::start(&settings).filter(|_| exists("/usr/sbin/postfix")) else { return };
    postfix.up(&port, "scan");
    let script = "import smtplib, sys\ns = smtplib.SMTP('127.0.0.1', int(sys.argv[1]))\n\
                  for i in range(20):\n    \
                  s.sendmail('ann@x.test', ['bob@x.test', 'eve@x.test'], f'From: ann@x.test\\r\\nSubject: {i}\\r\\n\\r\\n.\\r\\n..\\r\\nGr\\u00fc\\u00dfe\\r\\n'.encode(), ['BODY=8BITMIME', 'RET=HDRS'], ['NOTIFY=FAILURE'])\n\
                  s.quit()\n";
    relay.run(&["python3", "-c", script, &postfix.port.to_string()], "").out();
    let messages = relay.arrived(20);
    let mut subjects: Vec<u32> = Vec::new();
    for message in &messages {
        let text = String::from_utf8(message.octets.to_vec()).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap();
        subjects.push(line.parse().unwrap());
        assert!(text.ends_with("\r\n\r\n.\r\n..\r\nGrüße\r\n"), "{text}");
        assert!(
            text.contains("from office.test ([127.0.0.1])\r\n") && text.contains(" with ESMTPSA id "),
            "{text}"
        );
        assert_eq!(message.envelope.as_ref().unwrap().to, ["bob@x.test", "eve@x.test"]);
    }
    subjects.sort_unstable();
    assert_eq!(subjects, (0..20).collect::<Vec<_>>());
    assert!(postfix.log().contains("Verified TLS connection established to localhost"), "{}", postfix.log());
    assert_eq!(relay.bench.server.tokens().issued(), 1);
}

/// A wrong password keeps the mail with Postfix: nothing is lost, and it goes when the password is right.
#[test]
fn postfix_keeps_what_the_relay_does_not_let_in() {
    let relay = Relay::start("");
    // It tries once with each password: who tries often is locked out.
    let settings = format!("relayhost = [localhost]:{}", relay.port);
    let Some(postfix) = Postfix::start(&settings).filter(|_| exists("/usr/sbin/postfix")) else { return };
    postfix.up(&relay.port, "wrong");
    let script = "import smtplib, sys\ns = smtplib.SMTP('127.0.0.1', int(sys.argv[1]))\n\
                  s.sendmail('ann@x.test', ['bob@x.test'], 'Subject: kept\\r\\n\\r\\nx\\r\\n')\ns.quit()\n";
    relay.run(&["python3", "-c", script, &postfix.port.to_string()], "").out();
    for _ in 0..1200 {
        if postfix.log().contains("status=deferred") {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(postfix.log().contains("status=deferred"), "{}", postfix.log());
    postfix.control("stop");
    postfix.make_due();
    postfix.up(&relay.port, "scan");
    relay.check(&["bob@x.test"], "Subject: kept\r\n");
}
