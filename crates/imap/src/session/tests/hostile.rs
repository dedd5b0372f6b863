//! The rows of the USENIX Security 2021 paper on STARTTLS, and what else a hostile server, or someone in between, may
//! try.

use super::*;

#[test]
fn starttls_is_the_only_word_in_the_clear() {
    for greeting in ["* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR LOGINDISABLED] hi", "* OK hi"] {
        starttls(&format!(
            "> authenticate u t
             > select INBOX
             S: {greeting}
             C: A2 STARTTLS
             S: A2 OK begin
             E: start TLS
             C: A3 CAPABILITY
             S: * CAPABILITY IMAP4rev1 AUTH=XOAUTH2
             S: A3 OK done
             E: ready
             C: A4 AUTHENTICATE XOAUTH2
             S: +
             C: dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==
             S: A4 OK done
             E: authenticated
             C: A1 SELECT INBOX"
        ));
    }
}

/// B1, B1b, B2 (second form), B3, B4: whatever comes with the consent to TLS is an error.
#[test]
fn bytes_behind_the_consent_are_an_error() {
    let injected = [
        "* CAPABILITY IMAP4REV1 AUTH=PLAIN\r\nA2 OK done\r\n",
        "A2 OK logged in\r\n",
        "* OK [ALERT] x\r\n",
        "* BYE close\r\n",
        "\x16",
        "1",
        "\r\n",
    ];
    for injected in injected {
        // In the same segment; and cut at each octet, as long as one of them is there with the consent.
        let consent = format!("A1 OK begin\r\n{injected}");
        for cut in 0..=12 {
            let mut play = Play::new(options(Security::StartTls), usize::MAX);
            play.run("S: * OK hi\nC: A1 STARTTLS");
            play.receive(&consent.as_bytes()[..cut]);
            play.receive(&consent.as_bytes()[cut..]);
            play.run("E: error: data between the answer to STARTTLS and TLS");
        }
    }
}

/// B5: an answer that was sent before the command answers something else.
#[test]
fn answers_that_come_before_their_command_are_an_error() {
    let mut play = Play::new(options(Security::StartTls), usize::MAX);
    play.run(
        "S: * OK hi
         S: A1 OK begin
         C: A1 STARTTLS
         E: error: protocol error at STARTTLS: answer to a command that was not sent yet: A1 OK begin",
    );
    // Its first octets are enough.
    let mut play = Play::new(options(Security::StartTls), usize::MAX);
    play.run(
        "S: * OK hi
         S, A1 O
         C: A1 STARTTLS
         S: K begin
         E: error: protocol error at STARTTLS: answer to a command that was not sent yet: A1 OK begin",
    );
    // A command stuck in the send buffer was not sent either.
    let mut play = Play::new(options(Security::StartTls), usize::MAX);
    play.rx.extend(b"* OK hi\r\n").unwrap();
    assert_eq!(play.session.step(&mut play.rx, &mut play.tx), Ok(Step::Read));
    play.tx.sent(play.tx.unsent().len() - 1);
    play.rx.extend(b"A1 OK begin\r\n").unwrap();
    assert!(matches!(play.session.step(&mut play.rx, &mut play.tx), Err(Error::Protocol { .. })));
    // The same for a login, and for the go-ahead that would have the credentials sent.
    for (early, got) in [("A1 OK in", "answer to a"), ("+", "go-ahead for a")] {
        let mut play = Play::new(options(Security::Implicit), usize::MAX);
        play.run(&format!(
            "> authenticate u t
             S: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hi
             S: {early}
             E: ready
             E: error: protocol error before authentication: {}",
            if early == "+" {
                "nothing waits for a go-ahead: +"
            } else {
                "answer to no command in flight: A1 OK in"
            }
        ));
        let mut play = Play::new(options(Security::Implicit), usize::MAX);
        let first = &early[..1];
        play.run(&format!(
            "> authenticate u t
             S: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hi
             S, {first}
             E: ready
             C: A1 AUTHENTICATE XOAUTH2
             S: {}
             E: error: protocol error during authentication: {got} command that was not sent yet: {early}",
            &early[1..]
        ));
    }
}

/// N-O, N-D: no STARTTLS, or STARTTLS refused.
#[test]
fn without_starttls_nothing_is_said() {
    let refused = "E: error: server refused STARTTLS:";
    let rows = [
        ("* OK [CAPABILITY IMAP4REV1 AUTH=PLAIN] hi", "E: error: server does not offer STARTTLS".to_string()),
        ("* OK [CAPABILITY IMAP4] hi", "E: error: server does not offer STARTTLS".to_string()),
        ("* OK hi", format!("C: A2 STARTTLS\nS: A2 NO no\n{refused} NO no")),
        ("* OK hi", format!("C: A2 STARTTLS\nS: A2 BAD what\n{refused} BAD what")),
        (
            "* OK hi",
            "C: A2 STARTTLS\nS: + continue\n\
             E: error: protocol error at STARTTLS: nothing waits for a go-ahead: + continue"
                .to_string(),
        ),
        ("* OK hi", "C: A2 STARTTLS\nS: * BYE x\nE: error: server ended the session: BYE x".to_string()),
        (
            "* OK hi",
            format!(
                "C: A2 STARTTLS\nS: A2 NO [REFERRAL IMAP://;AUTH=*@attacker.example.org:243/] try\n\
                 {refused} NO [REFERRAL IMAP://;AUTH=*@attacker.example.org:243/] try"
            ),
        ),
    ];
    for (greeting, rest) in rows {
        starttls(&format!("> authenticate u t\n> noop\nS: {greeting}\n{rest}"));
    }
}

/// N-D3: CAPABILITY answered BAD, here behind TLS.
#[test]
fn without_capabilities_nobody_logs_in() {
    starttls(
        "> authenticate u t
         S: * OK hi
         C: A1 STARTTLS
         S: A1 OK begin
         E: start TLS
         C: A2 CAPABILITY
         S: A2 BAD what
         E: error: server refused at CAPABILITY: BAD what",
    );
}

/// N-P, P1 to P5.
#[test]
fn preauth_in_the_clear_is_an_error() {
    for code in ["", "[CAPABILITY IMAP4REV1 STARTTLS] "] {
        starttls(&format!(
            "> authenticate u t
             > select INBOX
             S: * PREAUTH {code}ready
             S: A1 OK x
             E: error: server skips authentication, and with it TLS"
        ));
    }
}

/// N-G.
#[test]
fn a_greeting_is_a_greeting() {
    let rows = [
        ("* NO busy", "server refused at the greeting: NO busy"),
        ("* BAD what", "server refused at the greeting: BAD what"),
        ("* BYE [UNAVAILABLE] later", "server ended the session: BYE [UNAVAILABLE] later"),
        ("A OK hi", "protocol error at the greeting: no greeting: A OK hi"),
        ("* CAPABILITY IMAP4rev1", "protocol error at the greeting: no greeting: * CAPABILITY IMAP4rev1"),
        ("+ hi", "protocol error at the greeting: no greeting: + hi"),
        ("220 smtp \\x1b[2J", "protocol error at the greeting: no greeting: 220 smtp \\x1b[2J"),
        ("+OK pop3", "protocol error at the greeting: no greeting: +OK pop3"),
        ("", "protocol error at the greeting: no greeting: "),
    ];
    for (greeting, error) in rows {
        for play in [implicit, starttls] {
            play(&format!(
                "> authenticate u t
                 S: {greeting}
                 S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi
                 E: error: {error}"
            ));
        }
    }
}

/// T: mailbox data, alerts and referrals from before TLS leave no trace; those after it count.
#[test]
fn nothing_learned_before_tls_survives() {
    let data = [
        "* LIST () \"/\" x",
        "* LSUB () \"/\" x",
        "* STATUS INBOX (MESSAGES 9)",
        "* SEARCH 1",
        "* FLAGS (x)",
        "* 23 EXISTS",
        "* 5 RECENT",
        "* 1 EXPUNGE",
        "* 1 FETCH (FLAGS ())",
        "* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR",
        "* OK [ALERT] call 555",
        "* OK [REFERRAL imaps://example.org:993] x",
        "* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR] x",
        "* NO [BADCHARSET] x",
        "* 1 FETCH (BODY[] {3}\r\nabc)",
        "[COPYUID 1 2 3]",
    ];
    for data in data {
        let escaped = data.replace('\r', "\\r").replace('\n', "\\n");
        let after = if data.starts_with("* CAPABILITY") { String::new() } else { format!("E: {escaped}") };
        // The server's clear capabilities offer XOAUTH2; those that count do not.
        starttls(&format!(
            "> authenticate u t
             S: * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=XOAUTH2 SASL-IR] hi
             S: {escaped}
             C: A1 STARTTLS
             S: {escaped}
             S: A1 OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] begin
             E: start TLS
             C: A2 CAPABILITY
             S: {escaped}
             S: * CAPABILITY IMAP4rev1 AUTH=PLAIN
             S: A2 OK done
             {after}
             E: ready
             E: error: no usable mechanism among PLAIN"
        ));
        starttls(&format!(
            "> authenticate u t
             S: * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=XOAUTH2 SASL-IR] hi
             S: {escaped}
             C: A1 STARTTLS
             S: A1 OK begin
             E: start TLS
             C: A2 CAPABILITY
             S: A2 OK done
             E: ready
             E: error: server offers no way to authenticate"
        ));
    }
}

/// X: only the exact tag of a command in flight ends it.
#[test]
fn tags_are_exact() {
    let login = "S: * PREAUTH hi\nE: ready\nE: authenticated\n> noop\nC: A1 NOOP\n\
                 S: A1 OK done\nE: done A1 OK done\n> noop\n> noop\nC: A2 NOOP\nC: A3 NOOP\n";
    for line in ["a2 OK x", "A1 OK x", "A4 OK x", "A02 OK x", "A22 OK x", "A OK x", "2 OK x"] {
        implicit(&format!(
            "{login}
             S: {line}
             S: A2 OK done
             E: error: protocol error after authentication: answer to no command in flight: {line}"
        ));
    }
    for line in ["A2  OK x", " A2 OK x", "A2", "A2 PREAUTH x", "A2 OKAY"] {
        implicit(&format!(
            "{login}
             S: {line}
             S: A2 OK done
             E: error: protocol error after authentication: neither an answer nor data: {line}"
        ));
    }
    implicit(&format!("{login}\nS: * A2 OK x\nE: * A2 OK x"));
    implicit(&format!(
        "{login}
         S: * PREAUTH x
         E: error: protocol error after authentication: PREAUTH is a greeting: * PREAUTH x"
    ));
}

#[test]
fn a_go_ahead_out_of_place_is_an_error() {
    let login = "S: * PREAUTH hi\nE: ready\nE: authenticated";
    let place = ["", "> noop\nC: A1 NOOP", "> idle\nC: A1 IDLE\nS: + a\nE: idling A1"];
    for (place, stage) in
        place.into_iter().zip(["after authentication", "after authentication", "during IDLE"])
    {
        implicit(&format!(
            "{login}\n{place}
             S: + x
             E: error: protocol error {stage}: nothing waits for a go-ahead: + x"
        ));
    }
}

#[test]
fn success_before_the_credentials_were_sent_is_an_error() {
    implicit(
        "> authenticate u t
         S: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hi
         E: ready
         C: A1 AUTHENTICATE XOAUTH2
         S: A1 OK come in
         E: error: protocol error during authentication: OK before the credentials were sent: A1 OK come in",
    );
    implicit(
        "S: * PREAUTH hi
         E: ready
         E: authenticated
         > append Sent 3
         C: A1 APPEND Sent (\\Seen) {3}
         S: A1 OK done
         E: error: protocol error after authentication: OK to a command that is not complete: A1 OK done",
    );
}

/// U: texts steer no terminal, and are cut.
#[test]
fn texts_are_escaped_and_cut() {
    let long = "x".repeat(60_000);
    implicit("S: * BYE \\x1b]0;\\x07\\x00\nE: error: server ended the session: BYE \\x1b]0;\\x07\\x00");
    implicit(&format!("S: * BYE {long}\nE: error: server ended the session: BYE {}…", "x".repeat(512)));
}

/// Wherever a good session is cut off, it ends, and with an error until LOGOUT is out.
#[test]
fn the_end_at_each_octet_is_noticed() {
    let server = [
        "* OK hi\r\n",
        "A1 OK begin\r\n",
        "* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\nA2 OK done\r\n",
        "+ \r\n",
        "A3 OK done\r\n",
        "* 1 EXISTS\r\nA4 OK done\r\n* 1 FETCH (BODY[] {5}\r\nabcde)\r\nA5 OK done\r\n",
        "+ idling\r\n",
        "* 2 EXISTS\r\n",
        "A6 OK done\r\n",
        "+ go on\r\n",
        "A7 OK done\r\n",
        "* BYE bye\r\nA8 OK bye\r\n",
    ];
    let total: usize = server.iter().map(|part| part.len()).sum();
    for cut in 0..=total {
        let mut play = Play::new(options(Security::StartTls), usize::MAX);
        play.session.authenticate(Credentials::bearer("u", "t").unwrap()).unwrap();
        let (mut left, mut fed) = (cut, 0);
        for (number, part) in server.iter().enumerate() {
            play.pump();
            match number {
                // The tags follow the order in which the commands are sent here.
                5 => play.calls(&["select INBOX", "fetch 1 FLAGS"]),
                6 => play.calls(&["idle"]),
                8 => play.calls(&["done"]),
                9 => play.calls(&["append Sent 2"]),
                10 => play.calls(&["body ab"]),
                11 => play.calls(&["logout"]),
                _ => {}
            }
            let count = left.min(part.len());
            play.receive(&part.as_bytes()[..count]);
            left -= count;
            fed += count;
            if count < part.len() || left == 0 {
                break;
            }
        }
        assert_eq!(fed, cut);
        play.end();
        let last = play.last.clone().unwrap();
        let leaving = play.sent.ends_with(b"LOGOUT\r\n");
        assert_eq!(last == "close", leaving, "cut at {cut}: {last}");
        assert_eq!(last.starts_with("error: connection closed"), !leaving, "cut at {cut}: {last}");
    }
}

impl Play {
    fn calls(&mut self, calls: &[&str]) {
        for call in calls {
            self.call(call);
        }
        self.pump();
    }
}
