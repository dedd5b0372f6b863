//! The relay, and programs of others that send by it.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use mailbearer_mock::memory::{Message, Options};
use mailbearer_tests::program;

use crate::foreign::{Bench, Done, run};

/// A relay with a user `scanner`, whose password is `scan`, in front of a memory server.
pub(crate) struct Relay {
    pub(crate) bench: Bench,
    home: tempfile::TempDir,
    child: Child,
    pub(crate) port: String,
}

impl Relay {
    pub(crate) fn start(more: &str) -> Self {
        Self::start_by(&["env"], more)
    }

    /// One that is started by another program.
    pub(crate) fn start_by(starter: &[&str], more: &str) -> Self {
        let bench = Bench::start(Options::default());
        let home = tempfile::tempdir().unwrap();
        let command = |words: &[&str]| {
            let mut command = Command::new(starter[0]);
            command.args(&starter[1..]).arg(program()).args(words).env_clear().env("HOME", home.path());
            command.envs(bench.server.env(bench.ca_file()));
            command
        };
        let user = run(&mut command(&["relay", "passwd", "scanner"]), "scan\n").out();
        let config = home.path().join("c.toml");
        let text = format!("[relay]\nlisten = '127.0.0.1:0'\nspool = 'spool'\nlog = 'none'\n{more}\n{user}");
        fs::write(&config, text).unwrap();
        let mut child = command(&["relay", "--config", config.to_str().unwrap()]);
        let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().rsplit_once(':').expect("it listens").1.to_owned();
        Self { bench, home, child, port }
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    pub(crate) fn certificate(&self) -> String {
        self.home.path().join("spool/relay-certificate.pem").display().to_string()
    }

    pub(crate) fn run(&self, words: &[&str], input: &str) -> Done {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(self.home.path()).env("HOME", self.home.path());
        run(&mut command, input)
    }

    /// Waits for a number of messages.
    #[track_caller]
    pub(crate) fn arrived(&self, count: usize) -> Vec<Message> {
        for _ in 0..2400 {
            let messages = self.bench.server.mailbox().messages("INBOX");
            if messages.len() >= count {
                return messages;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("{count} messages never came");
    }

    /// One message arrived, with this in it, to these.
    #[track_caller]
    pub(crate) fn check(&self, to: &[&str], part: &str) {
        let messages = self.arrived(1);
        let text = String::from_utf8_lossy(&messages[0].octets).into_owned();
        assert!(text.contains(part), "{part:?} is not in {text}");
        assert_eq!(messages[0].envelope.as_ref().unwrap().to, to);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const MESSAGE: &str = "From: ann@x.test\r\nTo: bob@x.test\r\nSubject: hello\r\n\r\none\r\n.\r\n..two\r\n";

#[test]
fn smtplib() {
    for (tls, steps) in [
        ("", "s = smtplib.SMTP('127.0.0.1', port)"),
        ("[relay.tls]\nmode = 'starttls'", "s = smtplib.SMTP('localhost', port); s.starttls(context=tls)"),
        ("[relay.tls]\nmode = 'implicit'", "s = smtplib.SMTP_SSL('localhost', port, context=tls)"),
        ("[relay.tls]\nmode = 'both'", "s = smtplib.SMTP_SSL('localhost', port, context=tls)"),
        ("[relay.tls]\nmode = 'both'", "s = smtplib.SMTP('localhost', port); s.starttls(context=tls)"),
    ] {
        let relay = Relay::start(tls);
        let script = format!(
            "import smtplib, ssl, sys\nport = int(sys.argv[1])\n\
             tls = ssl.create_default_context(cafile=sys.argv[2]) if '{tls}' else None\n{steps}\n\
             s.login('scanner', 'scan')\ns.sendmail('ann@x.test', ['bob@x.test'], sys.stdin.read())\ns.quit()\n",
            tls = tls.lines().next().unwrap_or_default()
        );
        let done = relay.run(&["python3", "-c", &script, &relay.port, &relay.certificate()], MESSAGE);
        assert!(done.success, "{tls} {steps}: {done:?}");
        relay.check(&["bob@x.test"], "\r\n\r\none\r\n.\r\n..two\r\n");
    }
}

#[test]
fn swaks() {
    for mechanism in ["PLAIN", "LOGIN"] {
        let relay = Relay::start("");
        let server = format!("127.0.0.1:{}", relay.port);
        let words = [
            "swaks",
            "--server",
            &server,
            "--auth",
            mechanism,
            "--auth-user",
            "scanner",
            "--auth-password",
            "scan",
            "--from",
            "ann@x.test",
            "--to",
            "bob@x.test,eve@x.test",
            "--body",
            "from swaks",
        ];
        let done = relay.run(&words, "");
        assert!(done.success, "{done:?}");
        relay.check(&["bob@x.test", "eve@x.test"], "from swaks");
    }
    let relay = Relay::start("");
    let server = format!("127.0.0.1:{}", relay.port);
    let words = [
        "swaks",
        "--server",
        &server,
        "--auth-user",
        "scanner",
        "--auth-password",
        "wrong",
        "--from",
        "a@x.test",
        "--to",
        "b@x.test",
    ];
    assert_eq!(relay.run(&words, "").code, Some(28), "no authentication succeeded");
}

#[test]
fn curl() {
    let relay = Relay::start("[relay.tls]");
    let url = format!("smtp://localhost:{}", relay.port);
    let words = [
        "curl",
        "--silent",
        "--show-error",
        "--ssl-reqd",
        "--cacert",
        &relay.certificate(),
        "--url",
        &url,
        "--user",
        "scanner:scan",
        "--mail-from",
        "ann@x.test",
        "--mail-rcpt",
        "bob@x.test",
        "--upload-file",
        "-",
    ];
    let done = relay.run(&words, MESSAGE);
    assert!(done.success, "{done:?}");
    relay.check(&["bob@x.test"], "Subject: hello\r\n");
}

#[test]
fn msmtp() {
    let relay = Relay::start("[relay.tls]");
    let port = format!("--port={}", relay.port);
    let trust = format!("--tls-trust-file={}", relay.certificate());
    let words = [
        "msmtp",
        "--host=localhost",
        &port,
        "--tls=on",
        "--tls-starttls=on",
        &trust,
        "--auth=on",
        "--user=scanner",
        "--passwordeval=echo scan",
        "--from=ann@x.test",
        "--",
        "bob@x.test",
    ];
    let done = relay.run(&words, MESSAGE);
    assert!(done.success, "{done:?}");
    relay.check(&["bob@x.test"], "Subject: hello\r\n");
}

/// A firmware of long ago: HELO, no AUTH, a space before the bracket, and nothing waited for twice.
#[test]
fn a_scripted_scanner() {
    let relay = Relay::start("allow_from = '127.0.0.1'");
    let script = "import socket, sys\ns = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\nf = s.makefile('rb')\n\
                  def say(line):\n    s.sendall(line.encode() + b'\\r\\n')\n    print(f.readline().decode().strip())\n\
                  print(f.readline().decode().strip())\nsay('HELO 192.168.0.7')\nsay('MAIL FROM: <root@printer>')\n\
                  say('RCPT TO: <bob@x.test>')\nsay('DATA')\nsay('Subject: scan\\r\\n\\r\\npage\\r\\n.')\nsay('QUIT')\n";
    let done = relay.run(&["python3", "-c", script, &relay.port], "");
    let codes: Vec<String> = done.out().lines().map(|line| line[..3].to_owned()).collect();
    assert_eq!(codes, ["220", "250", "250", "250", "354", "250", "221"]);
    relay.check(&["bob@x.test"], "Subject: scan\r\n");
}

/// Below 32 KiB for each of a thousand clients, TLS included; the next one is told so; 200 logins that each send make one
/// token request. It starts with room for 256 descriptors, and takes what it needs.
#[test]
fn a_thousand_clients() {
    for tls in ["", "[relay.tls]\nmode = 'implicit'"] {
        let relay = Relay::start_by(&["prlimit", "--nofile=256:"], tls);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/crowd.py");
        let (pid, certificate) = (relay.pid(), relay.certificate());
        let mut words = vec!["python3", script, &relay.port, &pid, "scanner", "scan"];
        if !tls.is_empty() {
            words.push(&certificate);
        }
        let out = relay.run(&words, "").out();
        let lines: Vec<&str> = out.lines().collect();
        let kib: f64 = lines[0].parse().unwrap();
        assert!(kib < 32.0, "{kib} KiB for each client");
        assert!(lines[1].starts_with("421 4.3.2 "), "{lines:?}");
        assert_eq!(lines[2], "200");
        assert_eq!(relay.arrived(200).len(), 200);
        assert_eq!(relay.bench.server.tokens().issued(), 1);
    }
}
