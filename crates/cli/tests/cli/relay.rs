//! `relay`: a server for devices, and what it does with what they say.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::harness::{Running, World, send_signal};

/// A relay that runs, and where it listens.
pub(crate) struct Relay {
    pub(crate) running: Running,
    pub(crate) port: u16,
}

impl Relay {
    pub(crate) fn start(world: &World, arguments: &[&str]) -> Self {
        let spool = world.path("spool").display().to_string();
        let words = [&["relay", "--listen", "127.0.0.1:0", "--spool", &spool], arguments].concat();
        Self::of(world, &words)
    }

    pub(crate) fn of(world: &World, words: &[&str]) -> Self {
        Self::begin(world.command(words))
    }

    pub(crate) fn begin(command: Command) -> Self {
        let mut running = Running::start(command);
        let line = running
            .stdout
            .next()
            .unwrap_or_else(|| panic!("{:?}", running.stderr.iter().collect::<Vec<_>>()));
        let line = line.unwrap();
        let port = line.rsplit_once(':').unwrap().1.parse().unwrap();
        assert!(line.starts_with("listening on 127.0.0.1:"), "{line}");
        Self { running, port }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.port)
    }

    /// Stops it as systemd does; what it said on the way.
    pub(crate) fn stop(mut self) -> String {
        send_signal(&self.running.child.0, "TERM");
        let status = self.running.child.0.wait().unwrap();
        let log: Vec<String> = self.running.stderr.iter().collect();
        assert_eq!(status.code(), Some(0), "{log:?}");
        log.join("\n")
    }
}

/// A client that says what it is told to.
pub(crate) struct Client {
    pub(crate) stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn new(port: u16) -> Self {
        Self::over(TcpStream::connect(("127.0.0.1", port)).unwrap())
    }

    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn write(&mut self, octets: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(octets.as_ref()).unwrap();
    }

    /// The last line of the next reply.
    pub(crate) fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            if line.len() < 4 || line.as_bytes()[3] != b'-' {
                return line.trim_end().to_owned();
            }
        }
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, said: &str, reply: &str) {
        if !said.is_empty() {
            self.write(format!("{said}\r\n"));
        }
        let found = self.reply();
        assert!(found.starts_with(reply), "{said:?}: {found:?}, not {reply:?}");
    }

    #[track_caller]
    pub(crate) fn dialogue(&mut self, rows: &[(&str, &str)]) {
        for (said, reply) in rows {
            self.expect(said, reply);
        }
    }
}

/// Waits for a number of messages in the mailbox; each with its sender and recipients.
#[track_caller]
pub(crate) fn arrived(world: &World, count: usize) -> Vec<(String, Vec<String>, String)> {
    for _ in 0..1200 {
        let messages = world.server.mailbox().messages("INBOX");
        if messages.len() >= count {
            let one = |message: mailbearer_mock::memory::Message| {
                let envelope = message.envelope.unwrap();
                (envelope.from, envelope.to, String::from_utf8_lossy(&message.octets).into_owned())
            };
            return messages.into_iter().map(one).collect();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{count} messages never came");
}

#[test]
fn a_scanner_without_anything_sends() {
    let world = World::new();
    let relay = Relay::start(&world, &[]);
    let mut client = relay.client();
    client.dialogue(&[
        ("", "220 "),
        ("HELO my_printer", "250 "),
        ("MAIL FROM: root@printer.local", "250 2.1.0"),
        ("RCPT TO: <@a,@b:bob@x.test>", "250 2.1.5"),
        ("RCPT TO:<root>", "553 5.1.3"),
        ("DATA", "354 "),
        ("Subject: scan\r\n\r\n..dot\r\npage\r\n.", "250 2.0.0 Taken as "),
        ("MAIL FROM:<>", "250"),
        ("RCPT TO:<bob@x.test>", "250"),
        ("BDAT 17 LAST\r\nSubject: 2\r\n\r\nx", "250 2.0.0 Taken as "),
        ("QUIT", "221"),
    ]);
    let messages = arrived(&world, 2);
    assert_eq!(
        (messages[0].0.as_str(), messages[0].1.as_slice()),
        ("root@printer.local", &["bob@x.test".to_owned()][..])
    );
    assert!(
        messages[0].2.starts_with("Received: from my_printer ([127.0.0.1])\r\n by "),
        "{}",
        messages[0].2
    );
    assert!(messages[0].2.ends_with("Subject: scan\r\n\r\n.dot\r\npage\r\n"), "{}", messages[0].2);
    assert_eq!(messages[1].0, "");
    assert_eq!(world.server.tokens().issued(), 1);
    drop(client);
    let log = relay.stop();
    for part in [
        "message client=127.0.0.1 id=",
        "delivery id=",
        " result=delivered",
        "connection client=127.0.0.1 hello=my_printer tls=none messages=2 end=quit",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert!(!log.contains("page"), "{log}");
    let status = world.run(&["relay", "status", "--spool", &world.path("spool").display().to_string()]).ok();
    assert!(status.contains("mailbearer_relay_messages_total 2\n"), "{status}");
}

#[test]
fn it_does_not_start_where_it_would_be_open() {
    let world = World::new();
    let spool = world.path("spool").display().to_string();
    let hash = hash(&world, "x");
    let user = format!("[relay.users.u]\npassword_hash = '{hash}'\n");
    let rows: &[(&str, &[&str], &str, Option<i32>)] = &[
        ("beyond loopback", &["--listen", "0.0.0.0:0"], "", Some(78)),
        ("in the clear", &["--listen", "0.0.0.0:0", "--plaintext"], "", Some(78)),
        ("no plaintext", &["--listen", "0.0.0.0:0", "--allow-from", "10.0.0.0/8"], "", Some(78)),
        ("passwords in the clear", &["--listen", "[::]:0", "--plaintext"], &user, Some(78)),
        ("TLS and nobody", &["--listen", "0.0.0.0:0"], "[relay.tls]\n", Some(78)),
        (
            "plaintext and networks",
            &["--listen", "0.0.0.0:0", "--plaintext", "--allow-from", "10.0.0.0/8"],
            "",
            Some(0),
        ),
        ("TLS and users", &["--listen", "0.0.0.0:0"], &format!("{user}[relay.tls]\n"), Some(0)),
        ("loopback", &["--listen", "127.0.0.1:0"], "", Some(0)),
        ("in the file", &[], "[relay]\nlisten = '0.0.0.0:0'\n", Some(78)),
        ("no network", &[], "[relay]\nallow_from = ['10.0.0.0/33']\n", Some(78)),
        ("no address", &[], "[relay]\nlisten = ['localhost']\n", Some(78)),
        ("half a certificate", &[], "[relay.tls]\ncert_file = 'x'\n", Some(78)),
        ("no hash", &[], "[relay.users.u]\npassword_hash = 'secret'\n", Some(78)),
        ("no password", &[], "[relay.users.u]\nfrom = 'a@b'\n", Some(78)),
        ("no such account", &[], &format!("{user}account = 'none'\n"), Some(78)),
        ("no such key", &[], "[relay]\nlisten_on = 'x'\n", Some(78)),
        ("no such word", &[], "[relay]\nlog = 'xml'\n", Some(78)),
        ("no number", &[], "[relay.limits]\nconnections = 0\n", Some(78)),
    ];
    let config = world.path("c.toml").display().to_string();
    for (name, arguments, text, code) in rows {
        fs::write(&config, text).unwrap();
        let words = [&["--config", &config, "relay", "--check", "--spool", &spool], *arguments].concat();
        let outcome = world.run(&words);
        assert_eq!(outcome.code, *code, "{name}: {outcome:?}");
        assert!(!outcome.stderr.contains("secret"), "{outcome:?}");
    }
    // Not the check alone refuses it.
    fs::write(&config, "").unwrap();
    assert_eq!(world.run(&["relay", "--listen", "0.0.0.0:0", "--spool", &spool]).code, Some(78));
}

pub(crate) fn hash(world: &World, password: &str) -> String {
    let printed = world.run_with(&["relay", "passwd", "u", "--json"], format!("{password}\n")).ok();
    let object: serde_json::Value = serde_json::from_str(&printed).unwrap();
    object["password_hash"].as_str().unwrap().to_owned()
}

#[test]
fn passwd_makes_the_table_of_a_user() {
    let world = World::new();
    let printed = world.run_with(&["relay", "passwd", "scan@x.test"], "hunter2\n").ok();
    assert!(
        printed.starts_with("[relay.users.\"scan@x.test\"]\npassword_hash = \"$argon2id$v=19$"),
        "{printed}"
    );
    assert!(!printed.contains("hunter2"));
    world.run_with(&["relay", "passwd", "u"], "\n").failed(64, &["error: the password is empty"]);
}

/// A configuration with users, in a file; its name.
fn users(world: &World, more: &str) -> String {
    let config = world.path("c.toml");
    let [scan, any, out] = ["scan", "any", "out"].map(|password| hash(world, password));
    let text = format!(
        "[relay]\nlisten = '127.0.0.1:0'\nspool = 'spool'\n{more}\n\
         [relay.users.scanner]\npassword_hash = '{scan}'\nfrom = 'Scanner <scan@x.test>'\nsenders = ['scan@x.test']\n\
         [relay.users.\"@x.test\"]\npassword_hash = '{any}'\nsenders = ['@x.test']\n\
         [relay.users.erp]\npassword_hash = '{out}'\n"
    );
    fs::write(&config, text).unwrap();
    config.display().to_string()
}

#[test]
fn users_log_in_as_devices_do() {
    let world = World::new();
    let config = users(&world, "");
    let relay = Relay::of(&world, &["--config", &config, "relay"]);
    let plain = |user: &str, password: &str| STANDARD.encode(format!("\0{user}\0{password}"));
    let encoded = |text: &str| STANDARD.encode(text);
    let mut client = relay.client();
    client.dialogue(&[
        ("", "220 "),
        (&format!("AUTH PLAIN {}", plain("scanner", "scan")), "503 "),
        ("EHLO printer", "250 "),
        ("MAIL FROM:<a@b>", "530 "),
        ("AUTH XOAUTH2 x", "504 "),
        (&format!("AUTH PLAIN {}", plain("scanner", "wrong")), "535 5.7.8"),
        (&format!("AUTH PLAIN {}", plain("nobody", "scan")), "535 5.7.8"),
        ("AUTH PLAIN =", "501 "),
        ("AUTH LOGIN", "334 VXNlcm5hbWU6"),
        ("*", "501 "),
        (&format!("AUTH LOGIN {}", encoded("scanner")), "334 UGFzc3dvcmQ6"),
        (&encoded("scan"), "235 "),
        ("MAIL FROM:<root@printer>", "250 "),
        ("RCPT TO:<bob@x.test>", "250 "),
        ("DATA", "354 "),
        ("From: root@printer\r\nSubject: fixed\r\n\r\nx\r\n.", "250 "),
        ("QUIT", "221"),
    ]);
    let mut client = relay.client();
    client.dialogue(&[
        ("", "220 "),
        ("EHLO x", "250 "),
        ("AUTH PLAIN", "334"),
        (&plain("ann@X.test", "any"), "235 "),
        ("MAIL FROM:<eve@y.test>", "553 5.7.1"),
        ("MAIL FROM:<ann@x.test>", "250 "),
        ("RSET", "250 "),
        ("MAIL FROM:<>", "250 "),
        ("QUIT", "221"),
    ]);
    let messages = arrived(&world, 1);
    assert_eq!(messages[0].0, "scan@x.test");
    assert!(
        messages[0].2.contains("From: Scanner <scan@x.test>\r\n") && !messages[0].2.contains("root@printer"),
        "{messages:?}"
    );
    // A long line is fine, and who guesses is locked out.
    let mut client = relay.client();
    client.dialogue(&[
        ("", "220 "),
        ("EHLO x", "250 "),
        (&format!("AUTH PLAIN {}", "A".repeat(11_000)), "501 "),
    ]);
    for _ in 0..10 {
        client.expect(&format!("AUTH PLAIN {}", plain("erp", "guess")), "535 ");
    }
    client.expect(&format!("AUTH PLAIN {}", plain("erp", "out")), "454 4.7.0");
    let log = relay.stop();
    assert!(
        log.contains("login client=127.0.0.1 user=erp result=refused") && !log.contains("guess"),
        "{log}"
    );
}

/// What was used to smuggle one message in another: refused, and never passed on.
#[test]
fn no_bare_line_end_is_passed_on() {
    let world = World::new();
    let relay = Relay::start(&world, &[]);
    let inner =
        "MAIL FROM:<evil@x.test>\r\nRCPT TO:<victim@x.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n";
    for end in ["\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r\n.\n", "\r\n\0.\r\n", "\r\r\n.\r\r\n"]
    {
        let mut client = relay.client();
        client.dialogue(&[
            ("", "220 "),
            ("EHLO x", "250 "),
            ("MAIL FROM:<a@x.test>", "250 "),
            ("RCPT TO:<b@x.test>", "250 "),
            ("DATA", "354 "),
        ]);
        client.write(format!("Subject: outer\r\n\r\nx{end}{inner}"));
        let reply = client.reply();
        assert!(
            reply.starts_with("550 5.6.11") || end.contains('\0') && reply.starts_with("250"),
            "{end:?}: {reply}"
        );
        client.expect("QUIT", "221");
    }
    for chunk in ["a\nb\r\n", "a\rb\r\n", "a\r\r\n"] {
        let mut client = relay.client();
        client.dialogue(&[
            ("", "220 "),
            ("EHLO x", "250 "),
            ("MAIL FROM:<a@x.test>", "250 "),
            ("RCPT TO:<b@x.test>", "250 "),
        ]);
        client.write(format!("BDAT {} LAST\r\n{chunk}", chunk.len()));
        client.expect("", "550 5.6.11");
    }
    let mut client = relay.client();
    client.dialogue(&[("", "220 "), ("GET / HTTP/1.1", "554 ")]);
    assert_eq!(client.stream.read_to_end(&mut Vec::new()).unwrap(), 0);
    drop(relay);
    for (_, to, text) in world
        .server
        .mailbox()
        .messages("INBOX")
        .into_iter()
        .map(|one| (0, one.envelope.unwrap().to, one.octets))
    {
        assert_eq!(to, ["b@x.test"]);
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{text:?}");
    }
}

#[test]
fn what_is_refused_comes_back_or_is_said_at_once() {
    let world = World::new();
    let config = users(&world, "refusals = 'reply'\nallow_from = '127.0.0.0/8'\nlog = 'json'");
    let relay = Relay::of(&world, &["--config", &config, "relay"]);
    let mut client = relay.client();
    client.dialogue(&[
        ("", "220 "),
        ("EHLO x", "250 "),
        ("MAIL FROM:<ann@x.test>", "250 "),
        ("RCPT TO:<bob@refused.test>", "250 "),
        ("DATA", "354 "),
        ("Subject: 1\r\n\r\nx\r\n.", "550 5."),
        ("MAIL FROM:<ann@x.test>", "250 "),
        ("RCPT TO:<bob@x.test>", "250 "),
        ("DATA", "354 "),
        ("Subject: 2\r\n\r\nx\r\n.", "250 2.0.0 Sent as "),
    ]);
    assert_eq!(fs::read_dir(world.path("spool/failed")).unwrap().count(), 0);
    let log = relay.stop();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["kind"] == "delivery" && line["result"] == "failed"), "{log}");

    let world = World::new();
    let relay = Relay::start(&world, &[]);
    let mut client = relay.client();
    client.dialogue(&[
        ("", "220 "),
        ("EHLO x", "250 "),
        ("MAIL FROM:<ann@x.test>", "250 "),
        ("RCPT TO:<bob@refused.test>", "250 "),
        ("DATA", "354 "),
        ("Subject: lost\r\n\r\nx\r\n.", "250 2.0.0 Taken as "),
    ]);
    let messages = arrived(&world, 1);
    assert_eq!((messages[0].0.as_str(), messages[0].1.as_slice()), ("", &["ann@x.test".to_owned()][..]));
    for part in
        ["report-type=delivery-status", "Final-Recipient: rfc822; bob@refused.test", "\r\nSubject: lost\r\n"]
    {
        assert!(messages[0].2.contains(part), "{part}: {}", messages[0].2);
    }
    drop(client);
    relay.stop();
    assert_eq!(fs::read_dir(world.path("spool/failed")).unwrap().count(), 0, "its sender knows");
}

#[test]
fn there_is_an_end_to_room_and_to_patience() {
    let world = World::new();
    let config = users(
        &world,
        "allow_from = '127.0.0.1'\n[relay.limits]\nconnections = 2\nmessage = 1000\nsilence = 1",
    );
    let relay = Relay::of(&world, &["--config", &config, "relay"]);
    let mut clients = [relay.client(), relay.client()];
    for client in &mut clients {
        client.expect("", "220 ");
    }
    relay.client().expect("", "421 4.3.2");
    clients[0].dialogue(&[("EHLO x", "250 "), ("MAIL FROM:<a@x.test> SIZE=1001", "552 5.3.4")]);
    for client in &mut clients {
        client.expect("", "421 4.4.2");
    }
    drop(clients);
    // What a signal says is read again is what counts from then on.
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("'127.0.0.1'", "'10.0.0.1'")).unwrap();
    send_signal(&relay.running.child.0, "HUP");
    for _ in 0..200 {
        let mut client = relay.client();
        // The relay may not have seen yet that those before have gone.
        if client.reply().starts_with("220 ") {
            client.expect("EHLO x", "250 ");
            client.write("MAIL FROM:<a@x.test>\r\n");
            if client.reply().starts_with("530 ") {
                relay.stop();
                return;
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it was not read again");
}

#[test]
fn a_message_that_was_begun_is_ended_when_it_stops() {
    let world = World::new();
    let relay = Relay::start(&world, &[]);
    let (mut idle, mut busy) = (relay.client(), relay.client());
    idle.dialogue(&[("", "220 "), ("EHLO x", "250 ")]);
    busy.dialogue(&[
        ("", "220 "),
        ("EHLO x", "250 "),
        ("MAIL FROM:<a@x.test>", "250 "),
        ("RCPT TO:<b@x.test>", "250 "),
        ("DATA", "354 "),
    ]);
    busy.write("Subject: 1\r\n\r\nx\r\n");
    send_signal(&relay.running.child.0, "TERM");
    idle.expect("", "421 4.3.2");
    busy.expect(".", "250 2.0.0 Taken as ");
    busy.expect("", "421 4.3.2");
    let mut relay = relay;
    assert_eq!(relay.running.child.0.wait().unwrap().code(), Some(0));
    // It is in the spool, or was sent yet.
    let list = world.run(&["queue", "list", "--spool", &world.path("spool").display().to_string()]).ok();
    assert_eq!(list.lines().count() + world.server.mailbox().messages("INBOX").len(), 1, "{list}");
}

/// A client that goes away in the middle leaves nothing, and one that goes away behind the dot one message at most.
#[test]
fn clients_that_vanish() {
    let world = World::new();
    let relay = Relay::start(&world, &[]);
    for (number, text) in
        ["Subject: half\r\n\r\nx\r\n", "Subject: whole\r\n\r\nx\r\n.\r\n"].iter().enumerate()
    {
        let mut client = relay.client();
        client.dialogue(&[
            ("", "220 "),
            ("EHLO x", "250 "),
            ("MAIL FROM:<a@x.test>", "250 "),
            ("RCPT TO:<b@x.test>", "250 "),
            ("DATA", "354 "),
        ]);
        client.write(text);
        if number == 1 {
            client.expect("", "250 ");
        }
        drop(client);
    }
    assert!(arrived(&world, 1)[0].2.contains("Subject: whole"));
    relay.stop();
    assert_eq!(world.server.mailbox().messages("INBOX").len(), 1);
    assert_eq!(fs::read_dir(world.path("spool/tmp")).unwrap().count(), 0);
}
