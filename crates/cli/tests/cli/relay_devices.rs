//! What devices get wrong at a relay, and what can't be sent to it.

use std::{fs, net::TcpStream};

use crate::{
    harness::World,
    relay::{Client, Relay, arrived, hash},
};

#[test]
fn what_devices_say_is_taken() {
    let world = World::new();
    let relay = Relay::start(&world, &[]);
    let greetings = [
        "EHLO my_printer",
        "EHLO printer",
        "EHLO 192.168.0.7",
        "EHLO",
        "HELO",
        "HELO the printer",
        "EHLO [::1]",
    ];
    for greeting in greetings {
        let mut client = relay.client();
        client.dialogue(&[
            ("", "220 "),
            (greeting, "250 "),
            ("MAIL FROM: <a@x.test>", "250 "),
            ("RSET", "250 "),
        ]);
        client.dialogue(&[
            ("mail from:a@x.test", "250 "),
            ("RSET", "250 "),
            ("MAIL FROM:<@one,@two:a@x.test>", "250 "),
        ]);
        client.dialogue(&[
            ("RCPT TO: b@x.test", "250 "),
            ("RCPT TO: <@one:c@x.test>", "250 "),
            ("QUIT", "221 "),
        ]);
    }
    let long = "x".repeat(500);
    let mut client = relay.client();
    client.dialogue(&[
        ("", "220 "),
        ("MAIL FROM:<a@x.test>", "503 "),
        ("EHLO x", "250 "),
        (&format!("MAIL FROM:<a@x.test> SIZE=5 BODY=8BITMIME RET=HDRS ENVID={}", "x".repeat(100)), "250 "),
        (&format!("RCPT TO:<b@x.test> NOTIFY=NEVER ORCPT=rfc822;{long}@x.test"), "250 "),
        ("RSET", "250 "),
        // What is not offered is not taken.
        ("MAIL FROM:<a@x.test> BODY=BINARYMIME", "555 5.5.4"),
        ("MAIL FROM:<a@x.test> REQUIRETLS", "555 5.5.4"),
        // A refused BDAT still takes its octets, and DATA behind a chunk is out of order.
        ("BDAT 17 LAST\r\nMAIL FROM:<a@b>", "503 "),
        ("BDAT 6\r\nQUIT", "503 "),
        ("MAIL FROM:<a@x.test>", "250 "),
        ("RCPT TO:<b@x.test>", "250 "),
        ("BDAT 12\r\nSubject: 1", "250 "),
        ("DATA", "503 "),
        ("BDAT 5 LAST\r\n\r\nx", "250 2.0.0 Taken as "),
    ]);
    assert!(arrived(&world, 1)[0].2.ends_with("Subject: 1\r\n\r\nx\r\n"));
}

/// Who breaks off within a message has sent none, and who vanishes behind the dot at most one.
#[test]
fn who_vanishes_sends_a_message_once_or_not_at_all() {
    let world = World::new();
    let relay = Relay::start(&world, &[]);
    for number in 0..30 {
        for (body, ends) in [("BDAT 100 LAST\r\nSubject: half\r\n\r\nx\r\n", false), ("DATA\r\n", true)] {
            let mut client = relay.client();
            client.dialogue(&[("", "220 "), ("EHLO x", "250 ")]);
            client.dialogue(&[("MAIL FROM:<a@x.test>", "250 "), ("RCPT TO:<b@x.test>", "250 ")]);
            client.write(body);
            if ends {
                client.expect("", "354 ");
                client.write(format!("Subject: {number}\r\n\r\nx\r\n.\r\n"));
            }
        }
    }
    relay.stop();
    world.run(&["queue", "run", "--spool", &world.path("spool").display().to_string()]).ok();
    let messages = arrived(&world, 0);
    let mut subjects: Vec<&str> = messages
        .iter()
        .filter_map(|(_, _, text)| text.lines().find_map(|line| line.strip_prefix("Subject: ")))
        .collect();
    let all = subjects.len();
    subjects.sort_unstable();
    subjects.dedup();
    assert!(subjects.len() == all && !subjects.contains(&"half"), "{subjects:?}");
    assert_eq!(world.names("spool/tmp").len(), 0);
}

#[test]
fn logins_of_every_form() {
    let world = World::new();
    let config = world.path("c.toml");
    let hash = hash(&world, "pw");
    fs::write(
        &config,
        format!(
            "[relay]\nlisten = '127.0.0.1:0'\nspool = 'spool'\n[relay.users.two]\npassword_hash = '{hash}'\n"
        ),
    )
    .unwrap();
    let relay = Relay::of(&world, &["--config", config.to_str().unwrap(), "relay"]);
    // 12,288 octets with the line end, and one more.
    let line = |octets: usize| format!("AUTH PLAIN {}", "A".repeat(octets - 13));
    let mut client = relay.client();
    client.dialogue(&[
        ("", "220 "),
        ("AUTH LOGIN", "503 "),
        ("EHLO x", "250 "),
        (&line(12_288), "501 "),
        ("NOOP", "250 "),
    ]);
    client.dialogue(&[("AUTH PLAIN", "334"), (&"A".repeat(12_286), "501 "), ("NOOP", "250 ")]);
    client.dialogue(&[("AUTH LOGIN =", "334 UGFzc3dvcmQ6"), ("cHc=", "535 ")]);
    client.dialogue(&[("AUTH LOGIN dHdv", "334 UGFzc3dvcmQ6"), ("cHc=", "235 "), ("AUTH LOGIN", "503 ")]);
    let mut client = relay.client();
    client.dialogue(&[("", "220 "), ("EHLO x", "250 "), (&line(12_289), "500 ")]);
}

#[test]
fn networks_are_of_either_kind() {
    let world = World::new();
    let spool = world.path("spool").display().to_string();
    let words =
        ["relay", "--listen", "[::]:0", "--plaintext", "--allow-from", "127.0.0.0/8", "--spool", &spool];
    let mut running = crate::harness::Running::start(world.command(&words));
    let line = running.line();
    let port: u16 = line.rsplit_once(':').unwrap().1.parse().unwrap();
    // As a mapped address, where the system has one port for both kinds.
    if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
        Client::over(stream).dialogue(&[("", "220 "), ("EHLO x", "250 "), ("MAIL FROM:<a@x.test>", "250 ")]);
    }
    Client::over(TcpStream::connect(("::1", port)).unwrap()).expect("", "554 5.7.1");
    running.stop_by("TERM");
    let words = ["relay", "--listen", "[::1]:0", "--allow-from", "::1", "--spool", &spool];
    let mut running = crate::harness::Running::start(world.command(&words));
    let port: u16 = running.line().rsplit_once(':').unwrap().1.parse().unwrap();
    let mut client = Client::over(TcpStream::connect(("::1", port)).unwrap());
    client.dialogue(&[("", "220 "), ("EHLO x", "250 "), ("MAIL FROM:<a@x.test>", "250 ")]);
}

/// The log says who ended a session, and never that a client took its leave that did not.
#[test]
fn the_log_says_how_sessions_end() {
    let world = World::new();
    let config = "[relay]\nlisten = '127.0.0.1:0'\nspool = 'spool'\n[relay.limits]\nsilence = 1\n";
    std::fs::write(world.path("c.toml"), config).unwrap();
    let relay = Relay::of(&world, &["relay", "--config", "c.toml"]);
    let rows = [
        ("bye", "EHLO bye\r\nQUIT\r\n".to_owned(), "quit"),
        ("left", "EHLO left\r\n".to_owned(), "gone"),
        ("errors", format!("EHLO errors\r\n{}", "what\r\n".repeat(60)), "closed"),
        ("long", format!("EHLO long\r\n{}\r\n", "x".repeat(20_000)), "closed"),
        ("half", "EHLO half\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\nSubject".to_owned(), "…"),
        ("still", "EHLO still\r\n".to_owned(), "silent"),
    ];
    for (name, said, _) in &rows {
        let mut client = relay.client();
        client.write(said);
        if *name != "still" {
            let _ = client.stream.get_ref().shutdown(std::net::Shutdown::Write);
        }
        // To its end.
        let _ = std::io::Read::read_to_end(&mut client.stream, &mut Vec::new());
    }
    let log = relay.stop();
    for (name, _, end) in rows {
        let line = log.lines().find(|line| line.contains(&format!(" hello={name} "))).expect(name);
        match end {
            "…" => assert!(line.contains(" end=\"") && !line.contains("server"), "{line}"),
            end => assert!(line.ends_with(&format!(" end={end}")), "{line}"),
        }
    }
}
