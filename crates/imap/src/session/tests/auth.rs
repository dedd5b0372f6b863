use super::*;

/// `user=u@example.org`, token `t0ken`, for XOAUTH2 and OAUTHBEARER.
const XOAUTH2: &str = "dXNlcj11QGV4YW1wbGUub3JnAWF1dGg9QmVhcmVyIHQwa2VuAQE=";
const OAUTHBEARER: &str =
    "bixhPXVAZXhhbXBsZS5vcmcsAWhvc3Q9aW1hcC5leGFtcGxlLm9yZwFwb3J0PTk5MwFhdXRoPUJlYXJlciB0MGtlbgEB";

#[test]
fn credentials_go_out_right_after_a_greeting_that_says_how() {
    implicit(&format!(
        "> authenticate u@example.org t0ken
         S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2] hi
         E: ready
         C: A1 AUTHENTICATE XOAUTH2 {XOAUTH2}
         S: A1 OK [CAPABILITY IMAP4rev1 IDLE] done
         E: authenticated"
    ));
}

#[test]
fn where_the_greeting_says_nothing_capabilities_are_asked_for() {
    for greeting in
        ["* OK hi", "* OK [TABPADEA] Exchange is ready", "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi"]
    {
        implicit(&format!(
            "> authenticate u@example.org t0ken
             S: {greeting}
             C: A1 CAPABILITY
             S: * CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR
             S: A1 OK done
             E: ready
             C: A2 AUTHENTICATE XOAUTH2 {XOAUTH2}
             S: A2 OK done
             E: authenticated"
        ));
    }
}

#[test]
fn without_sasl_ir_the_credentials_wait_for_the_server() {
    implicit(&format!(
        "> authenticate u@example.org t0ken
         S: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hi
         E: ready
         C: A1 AUTHENTICATE XOAUTH2
         S: +
         C: {XOAUTH2}
         S: A1 OK done
         E: authenticated"
    ));
    implicit(
        "> password u pw
         S: * OK [CAPABILITY IMAP4rev1 AUTH=LOGIN SASL-IR] hi
         E: ready
         C: A1 AUTHENTICATE LOGIN
         S: + VXNlciBOYW1lAA==
         C: dQ==
         S: + UGFzc3dvcmQA
         C: cHc=
         S: A1 OK done
         E: authenticated",
    );
}

#[test]
fn a_refused_token_comes_with_its_reason() {
    implicit(&format!(
        "> authenticate u@example.org t0ken
         S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi
         E: ready
         C: A1 AUTHENTICATE XOAUTH2 {XOAUTH2}
         S: + eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIn0=
         C:
         S: A1 NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)
         E: error: server did not accept the credentials: NO [AUTHENTICATIONFAILED] Invalid credentials (Failure) \
            ({{\"status\":\"400\",\"schemes\":\"Bearer\"}})",
    ));
    implicit(&format!(
        "> authenticate u@example.org t0ken
         S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER] hi
         E: ready
         C: A1 AUTHENTICATE OAUTHBEARER {OAUTHBEARER}
         S: + eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=
         C: AQ==
         S: * BYE too many failures
         E: error: server did not accept the credentials: BYE too many failures \
            ({{\"status\":\"invalid_token\"}})",
    ));
    implicit(&format!(
        "> authenticate u@example.org t0ken
         S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi
         E: ready
         C: A1 AUTHENTICATE XOAUTH2 {XOAUTH2}
         S: A1 NO AUTHENTICATE failed.
         E: error: server did not accept the credentials: NO AUTHENTICATE failed."
    ));
}

#[test]
fn a_refused_token_is_told_from_other_failures() {
    let ended = |lines: &str| {
        let mut play = Play::new(options(Security::Implicit), usize::MAX);
        play.session.authenticate(Credentials::bearer("u@example.org", "t0ken").unwrap()).unwrap();
        play.receive(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\r\n");
        play.receive(lines.as_bytes());
        let Err(error) = play.session.step(&mut play.rx, &mut play.tx) else { panic!("{lines}") };
        (error.is_auth(), error.is_transient(), error.needs_new_token(), error.problem())
    };
    let exchange = "A1 OK [Error=\"Microsoft.Exchange.Data.Storage.WrongServerException:Cross Server access is not \
                    allowed\" AuthResultFromPopImapEnd=0 Proxy=x:1993:SSL Service=Imap4] AUTHENTICATE completed.\r\n";
    let expired = "A1 OK done\r\n* BYE Session invalidated - AccessTokenExpired\r\n";
    let throttled = "A1 OK done\r\n* BYE Connection closed. 14\r\n";
    let rows = [
        ("A1 NO AUTHENTICATE failed.\r\n", (true, false, false, None)),
        ("A1 BAD Command Error. 12\r\n", (true, false, false, None)),
        ("A1 NO [EXPIRED] x\r\n", (true, true, true, Some(Problem::TokenExpired))),
        ("A1 NO [UNAVAILABLE] later\r\n", (false, true, false, Some(Problem::Unavailable))),
        ("A1 OK [Error=\"x] AuthResultFromPopImapEnd=8\r\n", (false, false, false, Some(Problem::NoMailbox))),
        (exchange, (false, true, false, Some(Problem::Unavailable))),
        (expired, (false, true, true, Some(Problem::TokenExpired))),
        (throttled, (false, true, false, None)),
        ("A1 OK done\r\nServer Unavailable. 15\r\n", (false, true, false, Some(Problem::Unavailable))),
        ("A1 OK done\r\nnonsense\r\n", (false, false, false, None)),
    ];
    for (lines, want) in rows {
        assert_eq!(ended(lines), want, "{lines}");
    }
}

#[test]
fn no_mechanism_for_the_credentials_is_an_error_before_they_are_sent() {
    implicit(
        "> authenticate u t
         S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=CRAM-MD5 LOGINDISABLED] hi
         E: ready
         E: error: no usable mechanism among PLAIN CRAM-MD5",
    );
    implicit(
        "> authenticate u t
         S: * OK hi
         C: A1 CAPABILITY
         S: A1 OK done
         E: ready
         E: error: server offers no way to authenticate",
    );
    implicit(
        "> authenticate u t
         S: * OK hi
         C: A1 CAPABILITY
         S: A1 BAD what
         E: error: server refused at CAPABILITY: BAD what",
    );
}

/// RFC 9051 section 6.2.3. A token is never shown as a password.
///
/// Servers that offer LOGIN only work with a password account.
#[test]
fn a_password_goes_by_login_where_there_is_no_mechanism() {
    for (user, password, said, answer, end) in [
        ("u", "pw", "u \"pw\"", "OK in", "E: authenticated"),
        ("a@b", "p w\\x", "a@b \"p w\\\\x\"", "OK in", "E: authenticated"),
        (
            "u",
            "hunter2-pw",
            "u \"hunter2-pw\"",
            "NO LOGIN u \"hunter2-pw\"",
            "E: error: server did not accept the credentials: NO LOGIN u \"[redacted]\"",
        ),
    ] {
        let mut play = Play::new(options(Security::Implicit), usize::MAX);
        play.session.authenticate(Credentials::password(user, password).unwrap()).unwrap();
        play.run(&format!(
            "S: * OK [CAPABILITY IMAP4rev1 AUTH=CRAM-MD5] hi
             E: ready
             C: A1 LOGIN {said}
             S: A1 {answer}
             {end}"
        ));
    }
    implicit(
        "> password u pw
         S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=CRAM-MD5] hi
         E: ready
         E: error: no usable mechanism among CRAM-MD5",
    );
    implicit(
        "> password u pw
         S: * OK [CAPABILITY IMAP4rev1 AUTH=CRAM-MD5] hi
         E: ready
         C: A1 LOGIN u \"pw\"
         S: + more
         E: error: protocol error during authentication: nothing waits for a go-ahead: + more",
    );
}

#[test]
fn a_challenge_without_answer_cancels() {
    implicit(
        "> password u pw
         S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi
         E: ready
         C: A1 AUTHENTICATE PLAIN AHUAcHc=
         S: + more
         C: *
         E: error: server challenged after everything was sent",
    );
}

#[test]
fn a_server_that_asks_for_no_credentials_gets_none() {
    implicit(
        "> authenticate u t
         > noop
         S: * PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi
         E: ready
         E: authenticated
         C: A1 NOOP
         S: A1 OK done
         E: done A1 OK done
         > authenticate u t
         E: misuse: credentials were given already",
    );
}

#[test]
fn credentials_are_given_once() {
    implicit(
        "> authenticate u t
         > authenticate u t
         E: misuse: credentials were given already
         S: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hi
         E: ready
         C: A1 AUTHENTICATE XOAUTH2
         > authenticate u t
         E: misuse: credentials were given already",
    );
    let mut play = Play::new(options(Security::Implicit), usize::MAX);
    play.rx.extend(b"* PREAUTH hi\r\n").unwrap();
    assert_eq!(play.session.step(&mut play.rx, &mut play.tx), Ok(Step::Event(Event::Ready)));
    let credentials = Credentials::bearer("u", "t").unwrap();
    assert_eq!(play.session.authenticate(credentials), Err(Misuse::AlreadyAuthenticated));
    assert_eq!(play.session.step(&mut play.rx, &mut play.tx), Ok(Step::Event(Event::Authenticated)));
    assert!(play.session.is_authenticated());
}

#[test]
fn capabilities_are_those_of_the_present_state() {
    let known = |lines: &[&str]| {
        let mut play = Play::new(options(Security::Implicit), usize::MAX);
        play.session.authenticate(Credentials::bearer("u", "t").unwrap()).unwrap();
        for line in lines {
            play.receive(format!("{line}\r\n").as_bytes());
        }
        play.session.capabilities().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let greeting = "* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hi";
    assert_eq!(known(&[greeting]), "IMAP4rev1 AUTH=XOAUTH2");
    assert_eq!(known(&[greeting, "+ ", "A1 OK done"]), "");
    assert_eq!(known(&[greeting, "+ ", "A1 OK [CAPABILITY IMAP4rev1 IDLE] done"]), "IMAP4rev1 IDLE");
    assert_eq!(known(&[greeting, "+ ", "* CAPABILITY IMAP4rev1 MOVE", "A1 OK done"]), "IMAP4rev1 MOVE");
    assert_eq!(known(&[greeting, "+ ", "A1 OK done", "* CAPABILITY MOVE"]), "MOVE");
    assert_eq!(known(&[greeting, "+ ", "A1 OK done", "* ok [capability MOVE] hi"]), "MOVE");
}

#[test]
fn a_trace_of_the_login_holds_no_secret() {
    for capabilities in ["SASL-IR AUTH=XOAUTH2", "AUTH=XOAUTH2"] {
        let mut play = Play::new(options(Security::Implicit), usize::MAX);
        play.tx.start_trace(None);
        play.session.authenticate(Credentials::bearer("u@example.org", "t0ken").unwrap()).unwrap();
        play.receive(format!("* OK [CAPABILITY {capabilities}] hi\r\n").as_bytes());
        if !capabilities.contains("SASL-IR") {
            play.receive(b"+ \r\n");
        }
        play.receive(b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n");
        assert!(play.sent.escape_ascii().to_string().contains(XOAUTH2));
        let shown: Vec<_> = play.tx.take_trace().into_iter().map(|line| line.text).collect();
        assert!(shown.concat().contains("AUTHENTICATE XOAUTH2"), "{shown:?}");
        assert!(shown.concat().contains("[redacted]"), "{shown:?}");
        assert_eq!(shown.last().map(String::as_str), Some(""), "an empty answer is no secret");
        assert!(!shown.concat().contains("dXNlcj"), "{shown:?}");
        assert!(!format!("{:?}", play.session).contains("t0ken"));
    }
}

/// A trace of the machine without a driver shows no secret either, and neither do the events.
///
/// A NO that repeats AUTHENTICATE shows no secret.
#[test]
fn what_a_server_repeats_is_not_shown() {
    let token = "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA";
    let mut play = Play::new(options(Security::Implicit), usize::MAX);
    play.rx.start_trace(None);
    play.session.authenticate(Credentials::bearer("u", token).unwrap()).unwrap();
    play.receive(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\r\n");
    play.receive(b"A1 OK in\r\n");
    play.session.noop().unwrap();
    play.receive(b"");
    play.receive(format!("* NO {token}\r\n* 1 EXISTS\r\nA2 NO [X {token}] {token}\r\n").as_bytes());
    let shown: Vec<String> = play.rx.take_trace().into_iter().map(|line| line.text).collect();
    assert_eq!(shown[2..], ["* NO [redacted]", "* 1 EXISTS", "A2 NO [X [redacted]] [redacted]"]);
    let told = play.told.concat();
    assert!(!told.contains(&token[..12]) && told.contains("[redacted]"), "{told}");
}
