//! The relay in front of Postfix, whose Dovecot checks the tokens, and which refuses every bare line end.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

use mailbearer_tests::program;

use crate::{
    job,
    servers::{self, Box, port, setting},
};

/// What a device sends arrives unchanged, and what would be smuggled through some servers does not get past this one.
#[test]
fn a_device_sends_by_postfix_with_a_token() {
    let mailbox = Box::new();
    let endpoint = servers::endpoint(&mailbox.token);
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, [fs::read(setting("CA_FILE")).unwrap(), endpoint.ca_pem().into()].concat()).unwrap();
    let mut command = Command::new(program());
    command.args(["relay", "--listen", "127.0.0.1:0", "--spool"]).arg(folder.path().join("spool"));
    command.env_clear().envs(endpoint.env(&ca_file)).env("MAILBEARER_USER", &mailbox.user);
    command.env("MAILBEARER_IMAP_PORT", port("IMAPS_PORT").to_string());
    command.env("MAILBEARER_SMTP_PORT", port("SUBMISSION_PORT").to_string());
    command.env("XDG_CACHE_HOME", folder.path()).env("XDG_CONFIG_HOME", folder.path());
    let mut relay = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(relay.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let at: u16 = line.trim().rsplit_once(':').expect("it listens").1.parse().unwrap();

    let user = &mailbox.user;
    let dialogue = |content: &str, verdict: &str| {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", at)).unwrap());
        let talk = |stream: &mut BufReader<TcpStream>, said: &str| {
            stream.get_mut().write_all(said.as_bytes()).unwrap();
            let mut reply = String::new();
            while reply.len() < 4 || reply.as_bytes()[3] == b'-' {
                reply.clear();
                assert_ne!(stream.read_line(&mut reply).unwrap(), 0, "{said:?}");
            }
            reply
        };
        let [mail, rcpt] = ["MAIL FROM:", "RCPT TO:"].map(|verb| format!("{verb}<{user}>\r\n"));
        for (said, want) in
            [("", "220"), ("HELO scanner\r\n", "250"), (&mail, "250"), (&rcpt, "250"), ("DATA\r\n", "354")]
        {
            let reply = talk(&mut stream, said);
            assert!(reply.starts_with(want), "{said:?}: {reply}");
        }
        let reply = talk(&mut stream, content);
        assert!(reply.starts_with(verdict), "{content:?}: {reply}");
    };
    let inner =
        format!("MAIL FROM:<{user}>\r\nRCPT TO:<{user}>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n");
    for end in ["\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r\n.\n"] {
        dialogue(&format!("Subject: outer\r\n\r\nx{end}{inner}"), "550 5.6.11");
    }
    for number in 1..=3 {
        dialogue(&format!("Subject: scan {number}\r\n\r\n..\r\n...\r\npage\r\n.\r\n"), "250 2.0.0 Taken as ");
    }
    let robot = servers::account(user, &endpoint).blocking().unwrap();
    let items = job::wait_for(&robot, 3);
    let mut subjects: Vec<&str> = items.iter().map(|item| item.subject.as_str()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["scan 1", "scan 2", "scan 3"]);
    let mut imap = robot.connect_imap().unwrap();
    let text = String::from_utf8(job::body(&mut imap, items[0].uid)).unwrap();
    assert!(text.ends_with("\r\n\r\n.\r\n..\r\npage\r\n"), "{text}");
    let pid = relay.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let mut log = String::new();
    relay.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(relay.wait().unwrap().success());
    assert_eq!(log.matches(" result=delivered ").count(), 3, "{log}");
    assert!(!log.contains(&mailbox.token) && !log.contains("page"), "{log}");
}
