use alloc::{format, string::ToString, vec, vec::Vec};

use super::*;

/// Lets `robot` in with `good`, answers STATUS in two parts, accepts IDLE, and says OK to all else.
fn decide(session: &mut Session, event: Event, seen: &mut Vec<String>) {
    let ok = |session: &mut Session, text: &str| session.complete(Status::Ok, None, text).unwrap();
    match event {
        Event::Login { mechanism, login } => {
            let name = mechanism.map_or("LOGIN command", Mechanism::name);
            seen.push(format!("{name} {} {}", login.user, login.secret.expose()));
            if login.user == "robot" && login.secret.expose() == "good" {
                ok(session, "in");
            } else {
                session.refuse_token("eyJzIjoiNDAwIn0=", "refused").unwrap();
            }
        }
        Event::Command(received) => {
            seen.push(received.octets.escape_ascii().to_string());
            match received.command() {
                Ok(Command::Idle) => {
                    session.idle().unwrap();
                    session.untagged(Data::Exists(7));
                }
                Ok(Command::Status { .. }) => session.untagged(Data::Exists(1)),
                Ok(_) => ok(session, received.tag()),
                Err(_) => session.complete(Status::Bad, None, "what").unwrap(),
            }
        }
        Event::Room => {
            session.push(b"* 2 EXISTS\r\n");
            ok(session, "told");
        }
        Event::Done => ok(session, "idled"),
    }
}

/// Returns what a session says and reports for `input` that arrives in pieces of `chunk` octets. At `~` in the input
/// the client waits for TLS.
fn run(mut session: Session, input: &str, chunk: usize) -> (String, Vec<String>) {
    let (mut rx, mut tx) = (RecvBuf::with_limit(session.options.limits.command), SendBuf::new());
    let mut flights = input.split('~').map(str::as_bytes);
    let mut rest = flights.next().unwrap();
    let (mut said, mut seen) = (String::new(), Vec::new());
    loop {
        let step = session.step(&mut rx, &mut tx).unwrap();
        said.push_str(core::str::from_utf8(tx.unsent()).unwrap());
        tx.sent(usize::MAX);
        match step {
            Step::Event(event) => decide(&mut session, event, &mut seen),
            Step::Flush => {}
            Step::StartTls => {
                assert!(rx.unread().is_empty());
                rest = flights.next().unwrap();
            }
            Step::Close => return (said, seen),
            Step::Read if rest.is_empty() => {
                assert!(!rx.is_eof(), "reads on after the end");
                rx.set_eof();
            }
            Step::Read => {
                let (piece, more) = rest.split_at(chunk.min(rest.len()).min(rx.room()));
                rx.extend(piece).unwrap();
                rest = more;
            }
        }
    }
}

fn options(change: impl FnOnce(&mut Options)) -> Options {
    let mut options =
        Options { security: Some(Security::Implicit), capability_codes: false, ..Options::default() };
    change(&mut options);
    options
}

fn check(name: &str, options: &Options, input: &str, said: &[&str], seen: &[&str]) {
    for chunk in [1, 2, 7, 64, input.len().max(1)] {
        let found = run(Session::new(options.clone()), input, chunk);
        let said: String = said.iter().map(|line| format!("{line}\r\n")).collect();
        assert_eq!(found.0, said, "{name} by {chunk}");
        assert_eq!(found.1, seen, "{name} by {chunk}");
    }
}

const GOOD: &str = "dXNlcj1yb2JvdAFhdXRoPUJlYXJlciBnb29kAQE=";
const BAD: &str = "dXNlcj1yb2JvdAFhdXRoPUJlYXJlciBiYWQBAQ==";
const READY: &str = "* OK ready";

#[test]
fn speaks_before_the_login() {
    let rows: &[(&str, &str, &[&str], &[&str])] = &[
        (
            "capabilities",
            "a capability\r\n",
            &[
                "* CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID LOGINDISABLED AUTH=XOAUTH2 AUTH=OAUTHBEARER",
                "a OK done",
            ],
            &[],
        ),
        (
            "what needs no login",
            "a NOOP\r\nb ID NIL\r\nc LOGOUT\r\nd NOOP\r\n",
            &["a OK done", "b OK b", "* BYE goodbye", "c OK done"],
            &["b ID NIL\\r\\n"],
        ),
        (
            "what does",
            "a SELECT INBOX\r\nb IDLE\r\nc UNKNOWN\r\n",
            &["a BAD not now", "b BAD not now", "c BAD not a command"],
            &[],
        ),
        ("no tag", "\r\n(x NOOP\r\n", &["* BAD not a command", "* BAD not a command"], &[]),
        ("in two steps", "a AUTHENTICATE XOAUTH2\r\nGOOD\r\n", &["+ ", "a OK in"], &["XOAUTH2 robot good"]),
        (
            "refused token",
            "a AUTHENTICATE XOAUTH2 BAD\r\n\r\nb AUTHENTICATE XOAUTH2 GOOD\r\n",
            &["+ eyJzIjoiNDAwIn0=", "a NO refused", "b OK in"],
            &["XOAUTH2 robot bad", "XOAUTH2 robot good"],
        ),
        (
            "refusal not acknowledged",
            "a AUTHENTICATE XOAUTH2 BAD\r\nb NOOP\r\n",
            &["+ eyJzIjoiNDAwIn0=", "a BAD not a response of the mechanism"],
            &["XOAUTH2 robot bad"],
        ),
        ("given up", "a AUTHENTICATE XOAUTH2\r\n*\r\n", &["+ ", "a BAD authentication cancelled"], &[]),
        ("malformed", "a AUTHENTICATE XOAUTH2 AAAA\r\n", &["a BAD not a response of the mechanism"], &[]),
        ("other mechanism", "a AUTHENTICATE PLAIN\r\n", &["a NO no such mechanism here"], &[]),
        ("no LOGIN", "a LOGIN robot good\r\n", &["a NO LOGIN is not taken here"], &[]),
        ("gone in the middle", "a NOOP\r\nb NO", &["a OK done"], &[]),
    ];
    for (name, input, said, seen) in rows {
        let input = input.replace("GOOD", GOOD).replace("BAD\r\n", &format!("{BAD}\r\n"));
        check(name, &options(|_| ()), &input, &[&[READY], *said].concat(), seen);
    }
    let passwords = options(|options| (options.login, options.mechanisms) = (true, Mechanism::ALL.to_vec()));
    let rows: &[(&str, &str, &[&str], &[&str])] = &[
        ("login", "a LOGIN robot \"good\"\r\n", &["a OK in"], &["LOGIN command robot good"]),
        (
            "by literals",
            "a LOGIN {5}\r\nrobot {4+}\r\ngood\r\n",
            &["+ go ahead", "a OK in"],
            &["LOGIN command robot good"],
        ),
        ("refused", "a LOGIN robot bad\r\n", &["a NO refused"], &["LOGIN command robot bad"]),
        ("plain", "a AUTHENTICATE PLAIN AHJvYm90AGdvb2Q=\r\n", &["a OK in"], &["PLAIN robot good"]),
        (
            "plain refused",
            "a AUTHENTICATE PLAIN AHJvYm90AGJhZA==\r\n",
            &["a NO refused"],
            &["PLAIN robot bad"],
        ),
        ("not UTF-8", "a AUTHENTICATE PLAIN /w==\r\n", &["a BAD not a response of the mechanism"], &[]),
        (
            "two prompts",
            "a AUTHENTICATE LOGIN\r\ncm9ib3Q=\r\nZ29vZA==\r\n",
            &["+ VXNlcm5hbWU6", "+ UGFzc3dvcmQ6", "a OK in"],
            &["LOGIN robot good"],
        ),
    ];
    for (name, input, said, seen) in rows {
        check(name, &passwords, input, &[&[READY], *said].concat(), seen);
    }
}

#[test]
fn answers_commands_one_by_one() {
    let input = format!(
        "a AUTHENTICATE XOAUTH2 {GOOD}\r\nb STATUS INBOX (MESSAGES)\r\nc APPEND INBOX {{3}}\r\nx\r\n\r\nd IDLE\r\nDONE\r\n\
         e IDLE\r\nf NOOP\r\ng NOOP\r\nh FETCH\r\ni capability\r\nj STARTTLS\r\nk AUTHENTICATE XOAUTH2 {GOOD}\r\nl LOGOUT\r\n"
    );
    let said = [
        READY,
        "a OK in",
        "* 1 EXISTS",
        "* 2 EXISTS",
        "b OK told",
        "+ go ahead",
        "c OK c",
        "+ idling",
        "* 7 EXISTS",
        "d OK idled",
        "+ idling",
        "* 7 EXISTS",
        "e BAD not now",
        "g OK g",
        "h BAD what",
        "* CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID IDLE",
        "i OK done",
        "j BAD not now",
        "k BAD not now",
        "* BYE goodbye",
        "l OK done",
    ];
    let seen = [
        "XOAUTH2 robot good",
        "b STATUS INBOX (MESSAGES)\\r\\n",
        "c APPEND INBOX {3}\\r\\nx\\r\\n\\r\\n",
        "d IDLE\\r\\n",
        "e IDLE\\r\\n",
        "g NOOP\\r\\n",
        "h FETCH\\r\\n",
    ];
    check("dialogue", &options(|_| ()), &input, &said, &seen);
    let told = options(|options| options.capability_codes = true);
    let (said, _) = run(Session::new(told), &format!("a AUTHENTICATE XOAUTH2 {GOOD}\r\n"), 99);
    let greeting =
        "* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID LOGINDISABLED AUTH=XOAUTH2 AUTH=OAUTHBEARER] ready";
    assert_eq!(said, format!("{greeting}\r\na OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID IDLE] in\r\n"));
}

#[test]
fn keeps_its_limits() {
    let small = options(|options| {
        options.limits =
            Limits { command: 80, literals: 5, early_literals: 3, refusals: 2, ..Limits::default() };
    });
    let login = format!("a AUTHENTICATE XOAUTH2 {GOOD}\r\n");
    let rows: &[(&str, String, &[&str])] = &[
        ("early literal at the limit", "a NOOP {3+}\r\nabc\r\n".into(), &["a BAD not a command"]),
        (
            "early literal over it",
            "a NOOP {4}\r\nb NOOP\r\n".into(),
            &["a NO [TOOBIG] literal too large", "b OK done"],
        ),
        ("unasked over it", "a NOOP {4+}\r\nabcd\r\nb NOOP\r\n".into(), &["* BYE too much at once"]),
        ("literal at the limit", format!("{login}b X {{5+}}\r\nabcde\r\n"), &["a OK in", "b BAD what"]),
        (
            "literals over it",
            format!("{login}b X {{3+}}\r\nabc {{3}}\r\nc NOOP\r\n"),
            &["a OK in", "b NO [TOOBIG] literal too large", "c OK c"],
        ),
        ("line at the limit", format!("a NOOP{}\r\n", " ".repeat(72)), &["a BAD not a command"]),
        ("line over it", format!("a NOOP{}\r\nb NOOP\r\n", " ".repeat(73)), &["* BYE too much at once"]),
        ("lines over it", format!("a X{}b NOOP\r\n", " {0+}\r\n".repeat(12)), &["* BYE too much at once"]),
        (
            "refusals",
            "a X\r\nb X\r\nc X\r\nd X\r\n".into(),
            &["a BAD not a command", "b BAD not a command", "c BAD not a command", "* BYE too many errors"],
        ),
    ];
    for (name, input, said) in rows {
        for chunk in [1, 7, 64] {
            let found = run(Session::new(small.clone()), input, chunk);
            let said: String = [&[READY], *said].concat().iter().map(|line| format!("{line}\r\n")).collect();
            assert_eq!(found.0, said, "{name} by {chunk}");
        }
    }
    // A long answer leaves in pieces of bounded size.
    let mut session = Session::new(options(|_| ()));
    let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 20), SendBuf::new());
    session.push(&vec![b'x'; 200_000]);
    let mut octets = 0;
    while !matches!(session.step(&mut rx, &mut tx), Ok(Step::Read)) {
        assert!(tx.unsent().len() <= SendBuf::LIMIT);
        octets += tx.unsent().len();
        tx.sent(usize::MAX);
    }
    assert_eq!((octets + tx.unsent().len(), session.queued()), (200_000 + READY.len() + 2, 0));
}

#[test]
fn starts_tls_and_forgets_what_was_before() {
    let tls = options(|options| (options.security, options.login) = (Some(Security::StartTls), true));
    let input = format!(
        "a CAPABILITY\r\nb AUTHENTICATE XOAUTH2 {GOOD}\r\nc LOGIN robot good\r\nd STARTTLS\r\n~e CAPABILITY\r\n\
         f STARTTLS\r\ng LOGIN robot good\r\n"
    );
    let said = [
        READY,
        "* CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID STARTTLS LOGINDISABLED",
        "a OK done",
        "b NO no such mechanism here",
        "c NO [PRIVACYREQUIRED] LOGIN needs TLS",
        "d OK begin TLS now",
        "* CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=XOAUTH2 AUTH=OAUTHBEARER",
        "e OK done",
        "f BAD not now",
        "g OK in",
    ];
    check("STARTTLS", &tls, &input, &said, &["LOGIN command robot good"]);
    let (said, _) = run(Session::new(tls), "a STARTTLS\r\nb NOOP\r\n", 99);
    assert_eq!(said, format!("{READY}\r\n* BYE octets behind STARTTLS\r\n"));
    let clear = options(|options| (options.security, options.login) = (None, true));
    check(
        "in the clear",
        &clear,
        "a STARTTLS\r\nb LOGIN robot good\r\n",
        &[READY, "a BAD not now", "b OK in"],
        &["LOGIN command robot good"],
    );
}

#[test]
fn wants_each_answer_in_its_turn() {
    let mut session = Session::new(options(|options| options.login = true));
    let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 20), SendBuf::new());
    let idle = Err(Error::Misuse("no command is being answered"));
    assert_eq!(session.complete(Status::Ok, None, ""), idle);
    assert_eq!((session.idle(), session.is_idle()), (idle, false));
    assert_eq!(session.refuse_token("", ""), Err(Error::Misuse("no login waits for its decision")));
    rx.extend(b"a LOGIN u p\r\nb ID NIL\r\n").unwrap();
    assert!(matches!(session.step(&mut rx, &mut tx), Ok(Step::Event(Event::Login { .. }))));
    let status = Err(Error::Misuse("a command ends by OK, NO or BAD"));
    assert_eq!(session.complete(Status::Bye, None, ""), status);
    session.complete(Status::No, Some(Code::Unavailable), "later").unwrap();
    assert!(matches!(session.step(&mut rx, &mut tx), Ok(Step::Event(Event::Command(_)))));
    assert!(matches!(session.step(&mut rx, &mut tx), Ok(Step::Event(Event::Room))));
    session.bye(Some(Code::Unavailable), "restart");
    assert!(matches!(session.step(&mut rx, &mut tx), Ok(Step::Close)));
    assert_eq!(tx.unsent(), b"* OK ready\r\na NO [UNAVAILABLE] later\r\n* BYE [UNAVAILABLE] restart\r\n");

    let mut early = Session::new(options(|_| ()));
    early.bye(None, "Too many connections");
    assert_eq!(run(early, "a NOOP\r\n", 99).0, "* BYE Too many connections\r\n");

    let mut session = Session::new(options(|options| options.login = true));
    rx = RecvBuf::with_limit(1 << 20);
    rx.extend(b"a LOGIN u p\r\n").unwrap();
    assert!(matches!(session.step(&mut rx, &mut tx), Ok(Step::Event(Event::Login { .. }))));
    let unanswered = Err(Error::Misuse("an event was not answered"));
    assert_eq!(session.step(&mut rx, &mut tx).map(drop), unanswered);
    assert_eq!(session.step(&mut rx, &mut tx).map(drop), unanswered);
}

#[test]
fn a_trace_shows_nothing_of_a_long_answer_not_its_end_either() {
    let (mut rx, mut tx) = (RecvBuf::with_limit(1000), SendBuf::new());
    let mut session = Session::new(options(|_| {}));
    session.push(&b"x".repeat(SendBuf::LIMIT + 100));
    tx.start_trace(None);
    let mut sent = 0;
    loop {
        let step = session.step(&mut rx, &mut tx).unwrap();
        sent += tx.unsent().len();
        tx.sent(usize::MAX);
        if matches!(step, Step::Read) {
            break;
        }
    }
    assert!(sent > SendBuf::LIMIT);
    let lines = tx.take_trace();
    assert!(!lines.is_empty() && !format!("{lines:?}").contains("xxxx"), "{lines:?}");
}
