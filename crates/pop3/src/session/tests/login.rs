//! Getting in: capabilities, TLS and the forms of AUTH.

use super::*;

/// A server that repeats what it was sent: with a command, on a line of its own, after PASS, and long after the login.
#[test]
fn what_a_server_repeats_of_a_login_is_not_shown() {
    const TOKEN_64: &str = "dXNlcj11c2VyQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHQwa2VuLXQwa2VuAQE=";
    const PLAIN_64: &str = "AHVzZXJAZXhhbXBsZS5jb20AaHVudGVyMjI=";
    let token = || Credentials::bearer("user@example.com", "t0ken-t0ken").unwrap();
    let password = || Credentials::password("user@example.com", "hunter22").unwrap();
    let in_capa = |line: &str| format!("+OK\r\n{line}\r\n.\r\n");
    let two_lines = AuthForm::TwoLines;
    let rows = [
        (
            "a token",
            token(),
            "SASL XOAUTH2",
            AuthForm::OneLine,
            vec![format!("-ERR [AUTH] AUTH XOAUTH2 {TOKEN_64}?")],
        ),
        ("decoded", token(), "SASL XOAUTH2", AuthForm::OneLine, vec!["-ERR no t0ken-t0ken here".into()]),
        ("alone", token(), "SASL XOAUTH2", two_lines, vec!["+ ".into(), format!("-ERR what is {TOKEN_64}")]),
        ("no answer", token(), "SASL XOAUTH2", two_lines, vec!["+ ".into(), format!("{TOKEN_64} what?")]),
        (
            "a password",
            password(),
            "SASL PLAIN",
            AuthForm::OneLine,
            vec![format!("-ERR AUTH PLAIN {PLAIN_64}")],
        ),
        ("PASS", password(), "USER", AuthForm::OneLine, vec!["+OK".into(), "-ERR bad PASS hunter22".into()]),
        (
            "later",
            password(),
            "USER",
            AuthForm::OneLine,
            vec!["+OK".into(), "+OK".into(), "-ERR not hunter22".into()],
        ),
    ];
    for (name, credentials, capability, form, said) in rows {
        let mut session = with(|options| options.auth = form)();
        session.authenticate(credentials).unwrap();
        session.stat().unwrap();
        let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 20), SendBuf::new());
        rx.start_trace(None);
        let mut told = String::new();
        for line in [&["+OK ready\r\n".into(), in_capa(capability)], &*said].concat() {
            rx.extend(line.as_bytes()).unwrap();
            if !line.ends_with('\n') {
                rx.extend(b"\r\n").unwrap();
            }
            loop {
                match session.step(&mut rx, &mut tx) {
                    Ok(Step::Event(event)) => told.push_str(&format!("{event:?}")),
                    Ok(_) => break,
                    Err(error) => {
                        told.push_str(&format!("{error} {error:?}"));
                        break;
                    }
                }
            }
        }
        let trace: String = rx.take_trace().into_iter().map(|line| line.text).collect();
        for text in [&told, &trace] {
            assert!(text.contains("[redacted]"), "{name}: {text}");
            for secret in [TOKEN_64, PLAIN_64, "t0ken", "hunter22"] {
                assert!(!text.contains(secret), "{name}: {text}");
            }
        }
    }
}

/// RFC 5034 section 4, and what Exchange makes of it.
#[test]
fn the_token_goes_with_the_command_only_where_it_may() {
    let long = "t".repeat(300);
    let rows: &[(&str, &str, &str, AuthForm, &str, bool)] = &[
        ("short", "ready", "SASL XOAUTH2", AuthForm::Fitting, TOKEN, true),
        ("long", "ready", "SASL XOAUTH2", AuthForm::Fitting, &long, false),
        ("long all the same", "ready", "SASL XOAUTH2", AuthForm::OneLine, &long, true),
        ("never", "ready", "SASL XOAUTH2", AuthForm::TwoLines, TOKEN, false),
        (
            "Exchange",
            "The Microsoft Exchange POP3 service is ready. [TQBX]",
            "SASL XOAUTH2",
            AuthForm::Fitting,
            TOKEN,
            false,
        ),
    ];
    for (name, greeting, sasl, form, token, goes_with) in rows {
        let mut session = with(|options| options.auth = *form)();
        session.authenticate(Credentials::bearer("u", *token).unwrap()).unwrap();
        let sent = talk(&mut session, &[&format!("+OK {greeting}\r\n"), &format!("+OK\r\n{sasl}\r\n.\r\n")]);
        let auth = sent.lines().last().unwrap();
        assert_eq!(auth != "AUTH XOAUTH2", *goes_with, "{name}: {auth}");
        if !goes_with {
            assert!(talk(&mut session, &["+ \r\n"]).starts_with("dXNlcj"), "{name}");
        }
    }
    // At the limit and one over it: command, space, response and line end.
    for (user, goes_with) in [(151, true), (152, false)] {
        let mut session = new();
        session.authenticate(Credentials::bearer("u".repeat(user), "t".repeat(9)).unwrap()).unwrap();
        let sent = talk(&mut session, &["+OK\r\n", "+OK\r\nSASL XOAUTH2\r\n.\r\n"]);
        let auth = sent.lines().last().unwrap().len() + 2;
        assert_eq!(auth > 14, goes_with, "{auth}");
        assert!(auth <= 255, "{auth}");
    }
}

/// Steps through all of it; what was sent.
pub(super) fn talk(session: &mut Session, server: &[&str]) -> String {
    let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 20), SendBuf::new());
    let mut sent = Vec::new();
    for said in server {
        rx.extend(said.as_bytes()).unwrap();
        while let Ok(Step::Event(_)) = session.step(&mut rx, &mut tx) {}
        sent.extend_from_slice(tx.unsent());
        tx.sent(usize::MAX);
    }
    String::from_utf8(sent).unwrap()
}

#[test]
fn two_lines_and_a_reason() {
    play(
        new,
        "S: +OK The Microsoft Exchange POP3 service is ready.
         C: CAPA
         S: +OK
         S: SASL PLAIN XOAUTH2
         S: .
         * ready
         > auth
         C: AUTH XOAUTH2
         S: +
         C: dXNlcj11c2VyQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHQwa2VuAQE=
         S: + eyJzdGF0dXMiOiI0MDAifQ==
         C:
         S: -ERR Authentication failure: unknown user name or bad password.
         C: QUIT
         ! server did not accept the credentials (XOAUTH2): -ERR Authentication failure: unknown user name or bad password.; reason given: {\"status\":\"400\"}",
    );
}

/// RFC 7628, with the host and port that the session was made for. It is chosen where `XOAUTH2` is not offered.
#[test]
fn oauthbearer_where_it_alone_is_offered() {
    let response = "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9cG9wLnRlc3QBcG9ydD05OTUBYXV0aD1CZWFyZXIgdDBrZW4BAQ==";
    let one_line = with(|options| options.auth = AuthForm::OneLine);
    let two_lines = with(|options| options.auth = AuthForm::TwoLines);
    let alone = format!("AUTH OAUTHBEARER {response}");
    let after = format!("AUTH OAUTHBEARER\nS: +\nC: {response}");
    let xoauth2 = "AUTH XOAUTH2 dXNlcj11c2VyQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHQwa2VuAQE=";
    let rows: &[(&dyn Fn() -> Session, &str, &str, &str)] = &[
        (&new, "ready", "PLAIN OAUTHBEARER", &alone),
        (&new, "ready", "oauthbearer", &alone),
        (&one_line, "ready", "OAUTHBEARER", &alone),
        (&two_lines, "ready", "OAUTHBEARER", &after),
        (&new, "The Microsoft Exchange POP3 service is ready.", "OAUTHBEARER", &after),
        (&new, "ready", "OAUTHBEARER XOAUTH2", xoauth2),
        (&new, "ready", "XOAUTH2 OAUTHBEARER", xoauth2),
    ];
    for (session, greeting, offer, sent) in rows {
        let greet = format!("S: +OK {greeting}\nC: CAPA\nS: +OK\nS: SASL {offer}\nS: .\n* ready\n> auth\n");
        play(session, &format!("{greet}C: {sent}\nS: +OK\n* authenticated"));
    }
    // RFC 7628 section 3.2.3: the client answers the reason with a lone 0x01, and the server refuses.
    let reason = "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=";
    let refused = format!(
        "S: + {reason}\nC: AQ==\nS: -ERR [AUTH] no\nC: QUIT\n\
         ! server did not accept the credentials (OAUTHBEARER): -ERR [AUTH] no; \
         reason given: {{\"status\":\"invalid_token\"}}"
    );
    let rows: [(&dyn Fn() -> Session, &str); 2] = [(&one_line, &alone), (&two_lines, &after)];
    for (session, sent) in rows {
        let greet = "S: +OK\nC: CAPA\nS: +OK\nS: SASL OAUTHBEARER\nS: .\n* ready\n> auth\n";
        let Err(error) = again(play(session, &format!("{greet}C: {sent}\n{refused}"))) else {
            panic!("{sent}")
        };
        assert!(error.is_auth(), "{error}");
    }
}

#[test]
fn what_the_mechanism_does_not_get_past() {
    let greet = "S: +OK x\nC: CAPA\nS: +OK\nS: SASL XOAUTH2\nS: .\n* ready\n> auth\nC: AUTH XOAUTH2\n";
    let two_lines = with(|options| options.auth = AuthForm::TwoLines);
    for (rest, transient) in [
        ("S: -ERR unknown mechanism\nC: QUIT\n! server refused AUTH: -ERR unknown mechanism", false),
        ("S: * OK\n! at AUTH: not a POP3 answer: * OK", false),
        ("eof\n! connection closed at AUTH", true),
    ] {
        let session = play(&two_lines, &format!("{greet}{rest}"));
        assert!(!format!("{session:?}").contains(TOKEN));
        let Err(error) = again(session) else { panic!("{rest}") };
        assert_eq!((error.is_transient(), error.is_auth()), (transient, false), "{error}");
    }
    // Exchange 2003 says +OK where a challenge is due.
    let script = format!(
        "{greet}S: +OK\nC: dXNlcj11c2VyQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHQwa2VuAQE=\nS: +OK in\n* authenticated"
    );
    play(&two_lines, &script);
    let strict = with(|options| {
        options.auth = AuthForm::TwoLines;
        options.quirks.exchange_2003_ok_for_challenge = false;
    });
    play(strict, &format!("{greet}S: +OK go\n! unexpected answer at AUTH: +OK go"));
    // A server that goes on asking.
    let asks = "S: +\nC: dXNlcj11c2VyQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHQwa2VuAQE=\n";
    let more = "S: + eA==\nC:\n".repeat(4);
    play(
        &two_lines,
        &format!("{greet}{asks}{more}S: + eA==\nC: *\n! XOAUTH2: server challenged more than 4 times"),
    );
}

pub(super) fn again(mut session: Session) -> Result<Step<Event>, Error> {
    session.step(&mut RecvBuf::with_limit(99), &mut SendBuf::new())
}

#[test]
fn passwords_go_by_what_there_is() {
    let capa = |lines: &str| format!("S: +OK x\nC: CAPA\nS: +OK\n{lines}S: .\n* ready\n");
    let plain = "> password pw\nC: AUTH PLAIN AHVzZXJAZXhhbXBsZS5jb20AcHc=\nS: +OK\n* authenticated";
    play(new, &format!("{}{plain}", capa("S: USER\nS: SASL LOGIN PLAIN\n")));
    let user = "> password p w\nC: USER user@example.com\nS: +OK\nC: PASS p w\nS: +OK\n* authenticated";
    play(new, &format!("{}{user}", capa("S: USER\n")));
    // A server that does not know CAPA.
    play(new, &format!("S: +OK x\nC: CAPA\nS: -ERR what?\n* ready\n{user}"));
    let none = "> password pw\nC: QUIT\n! server offers no mechanism for these credentials, only XOAUTH2";
    play(new, &format!("{}{none}", capa("S: SASL XOAUTH2\n")));
    let token = "> auth\nC: QUIT\n! server offers no mechanism for these credentials, only PLAIN USER";
    play(new, &format!("{}{token}", capa("S: USER\nS: SASL PLAIN\n")));
    let refused = "> password hunter22\nC: USER user@example.com\nS: +OK\nC: PASS hunter22\n\
                   S: -ERR [AUTH] hunter22 is wrong\nC: QUIT\n\
                   ! server did not accept the credentials (USER and PASS): -ERR [AUTH] [redacted] is wrong";
    play(new, &format!("{}{refused}", capa("S: USER\n")));
    let busy = "> password pw\nC: USER user@example.com\nS: -ERR [IN-USE] locked\nC: QUIT\n\
                ! server did not let the user in now (USER and PASS): -ERR [IN-USE] locked";
    let Err(error) = again(play(new, &format!("{}{busy}", capa("S: USER\n")))) else { panic!() };
    assert!(error.is_transient() && !error.is_auth());

    // What would be a line of its own.
    let mut session = new();
    session.authenticate(Credentials::password("u", "a\r\nDELE 1").unwrap()).unwrap();
    let sent = talk(&mut session, &["+OK\r\n", "+OK\r\nUSER\r\n.\r\n"]);
    assert_eq!(sent, "CAPA\r\nQUIT\r\n");
    assert_eq!(again(session), Err(Error::Unfit));
}

#[test]
fn a_server_without_capa_sees_the_token_after_its_challenge() {
    play(
        new,
        "S: +OK x
         C: CAPA
         S: -ERR what?
         * ready
         > auth
         C: AUTH XOAUTH2
         S: -ERR what?
         C: QUIT
         ! server refused AUTH: -ERR what?",
    );
}

#[test]
fn in_the_clear_it_says_no_more_than_it_has_to() {
    play(
        clear,
        "> auth
         > quit
         S: +OK x
         C: CAPA
         S: +OK
         S: SASL PLAIN
         S: STLS
         S: .
         C: STLS
         S: +OK go
         = tls
         C: CAPA
         S: +OK
         S: SASL XOAUTH2
         S: .
         * ready
         C: AUTH XOAUTH2 dXNlcj11c2VyQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHQwa2VuAQE=
         S: +OK
         * authenticated
         C: QUIT
         S: +OK
         * left
         = close",
    );
    let capa = "S: +OK x\nC: CAPA\nS: +OK\nS: SASL PLAIN\n";
    play(clear, &format!("{capa}S: .\n! server does not offer STLS"));
    play(clear, &format!("> quit\n{capa}S: .\n! server does not offer STLS"));
    play(clear, "S: +OK x\nC: CAPA\nS: -ERR what?\n! server does not offer STLS");
    play(clear, "S: -ERR no\n! server refused the greeting: -ERR no");
    let stls = format!("{capa}S: STLS\nS: .\nC: STLS\n");
    play(clear, &format!("{stls}S: -ERR not now\n! server refused STLS: -ERR not now"));
}

/// As by who sits between: octets ahead of TLS (curl's test 982 is one).
#[test]
fn nothing_said_ahead_of_tls_counts() {
    for server in [
        "+OK x\r\n|+OK\r\nSTLS\r\n.\r\n+OK\r\n",
        "+OK x\r\n|+OK\r\nSTLS\r\n.\r\n|+OK Begin\r\n+OK\r\nSASL PLAIN\r\n.\r\n",
        "+OK x\r\n|+OK\r\nSTLS\r\n.\r\n|+OK Begin\r\n+",
    ] {
        let mut session = clear();
        let sent = talk(&mut session, &server.split('|').collect::<Vec<_>>());
        assert!(!sent.contains("AUTH"), "{sent}");
        assert_eq!(again(session), Err(Error::BytesBeforeTls), "{server}");
    }
}
