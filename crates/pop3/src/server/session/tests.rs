use alloc::{format, string::ToString, vec};

use super::*;
use crate::server::Limits;

/// `robot` with the token or password `good` gets in; there are two messages.
fn decide(session: &mut Session, event: Event, seen: &mut Vec<String>) {
    let message = || Octets::from(b"Subject: x\r\n\r\n.a\r\nb\nc".to_vec());
    seen.push(match &event {
        Event::Login { mechanism, login } => {
            let name = mechanism.map_or("USER", Mechanism::name);
            format!("{name} {} {}", login.user, login.secret.expose())
        }
        event => format!("{event:?}"),
    });
    let result = match event {
        Event::Login { mechanism, login } => {
            match (login.user == "robot" && login.secret.expose() == "good", mechanism) {
                (true, _) => session.answer(&Answer::ok("in")),
                (false, Some(mechanism)) if mechanism.is_bearer() => {
                    session.refuse_token("eyJzIjoiNDAwIn0=", Answer::err("[AUTH] no"))
                }
                (false, _) => session.answer(&Answer::err("[AUTH] no")),
            }
        }
        Event::List(None) => session.answer_lines(&Answer::ok(""), ["1 20", "2 20"]),
        Event::Uidl(None) => session.answer_lines(&Answer::ok(""), ["1 a", ".b\r\n"]),
        Event::Retrieve(1) => session.answer_message(&Answer::ok("20 octets"), message()),
        Event::Top(1, lines) => session.answer_top(&Answer::ok(""), message(), lines),
        Event::Retrieve(_) | Event::Top(..) => session.answer(&Answer::err("no such message")),
        Event::Stat => session.answer(&Answer::ok("2 40")),
        _ => session.answer(&Answer::ok("")),
    };
    result.unwrap();
}

/// What a session says and tells to `input` that comes in pieces of `chunk` octets. `~` in the input is where the client
/// waits for TLS.
fn run(mut session: Session, input: &str, chunk: usize) -> (String, Vec<String>) {
    let (mut rx, mut tx) = (RecvBuf::with_limit(session.options.limits.response), SendBuf::new());
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
                said.push('~');
            }
            Step::Read => {
                assert!(!rx.is_eof());
                let count = chunk.min(rest.len()).min(rx.room());
                rx.extend(&rest[..count]).unwrap();
                rest = &rest[count..];
                if count == 0 {
                    rx.set_eof();
                }
            }
            Step::Close => return (said, seen),
        }
    }
}

fn options(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    options.mechanisms.push(Mechanism::Plain);
    options.user = true;
    change(&mut options);
    options
}

#[track_caller]
fn assert_says(options: &Options, input: &str, want: &str) -> Vec<String> {
    let (said, seen) = run(Session::new(options.clone()), input, usize::MAX);
    assert_eq!(said.replace("\r\n", "\n"), want, "{input}");
    for chunk in [1, 3] {
        assert_eq!(
            run(Session::new(options.clone()), input, chunk),
            (said.clone(), seen.clone()),
            "by {chunk}"
        );
    }
    seen
}

const LOGIN: &str = "USER robot\r\nPASS good\r\n";
const GREETING: &str = "+OK POP3 ready\n";
const LOGGED_IN: &str = "+OK POP3 ready\n+OK Send the password\n+OK in\n";

#[test]
fn serves_a_mailbox() {
    let input = format!(
        "{LOGIN}STAT\r\nLIST\r\nLIST 2\r\nUIDL\r\nRETR 1\r\nTOP 1 1\r\nTOP 1 0\r\nRETR 3\r\nDELE 1\r\nNOOP\r\nRSET\r\nQUIT\r\nSTAT\r\n"
    );
    let want = format!(
        "{LOGGED_IN}+OK 2 40\n+OK\n1 20\n2 20\n.\n+OK\n+OK\n1 a\n..b\\r\\n\n.\n\
         +OK 20 octets\nSubject: x\n\n..a\nb\nc\n.\n+OK\nSubject: x\n\n..a\n.\n+OK\nSubject: x\n\n.\n\
         -ERR no such message\n+OK\n+OK\n+OK\n+OK\n"
    );
    let seen = assert_says(&options(|_| {}), &input, &want);
    let rest = [
        "Stat",
        "List(None)",
        "List(Some(2))",
        "Uidl(None)",
        "Retrieve(1)",
        "Top(1, 1)",
        "Top(1, 0)",
        "Retrieve(3)",
        "Delete(1)",
        "Reset",
        "Quit",
    ];
    assert_eq!(seen[0], "USER robot good");
    assert_eq!(seen[1..], rest);
}

#[test]
fn lets_in_and_keeps_out() {
    let good = "dXNlcj1yb2JvdAFhdXRoPUJlYXJlciBnb29kAQE=";
    let bad = "dXNlcj1yb2JvdAFhdXRoPUJlYXJlciBiYWQBAQ==";
    let all = options(|_| {});
    assert_says(&all, &format!("AUTH XOAUTH2 {good}\r\nNOOP\r\n"), &format!("{GREETING}+OK in\n+OK\n"));
    assert_says(&all, &format!("auth xoauth2\r\n{good}\r\n"), &format!("{GREETING}+ \n+OK in\n"));
    let refused = format!("{GREETING}+ eyJzIjoiNDAwIn0=\n-ERR [AUTH] no\n");
    assert_says(&all, &format!("AUTH XOAUTH2 {bad}\r\n\r\nSTAT\r\n"), &format!("{refused}-ERR Not now\n"));
    let closes = options(|options| options.closes_after_refusal = true);
    assert_says(&closes, &format!("AUTH XOAUTH2 {bad}\r\n\r\nSTAT\r\n"), &refused);
    assert_says(
        &closes,
        "USER robot\r\nPASS bad\r\nNOOP\r\n",
        &format!("{GREETING}+OK Send the password\n-ERR [AUTH] no\n"),
    );
    let exchange = options(|options| options.initial_response = false);
    let closed = format!("{GREETING}-ERR Protocol error. Connection is closed. 10\n");
    assert_says(&exchange, &format!("AUTH XOAUTH2 {good}\r\nNOOP\r\n"), &closed);
    assert_says(&all, "AUTH\r\n", &format!("{GREETING}+OK\nXOAUTH2\nOAUTHBEARER\nPLAIN\n.\n"));
    assert_says(
        &all,
        "AUTH LOGIN\r\nAUTH PLAIN\r\n*\r\nAUTH PLAIN x\r\nPASS good\r\nSTLS\r\nLANG xx\r\nLANG en\r\nUTF8\r\nRETR 0\r\nWHAT\r\n",
        &format!(
            "{GREETING}-ERR No such mechanism here\n+ \n-ERR Authentication cancelled\n\
             -ERR Not a response of the mechanism\n-ERR Not now\n-ERR Not now\n-ERR No such language here\n\
             +OK en English\n+OK UTF-8 from now on\n-ERR Wrong arguments\n-ERR No such command\n"
        ),
    );
}

/// RFC 7628: in one line and in two, and a refusal that waits for the client's `AQ==`.
#[test]
fn oauthbearer_lets_in_and_keeps_out() {
    let good = "bixhPXJvYm90LAFob3N0PXBvcC50ZXN0AXBvcnQ9OTk1AWF1dGg9QmVhcmVyIGdvb2QBAQ==";
    let bad = "bixhPXJvYm90LAFob3N0PXBvcC50ZXN0AXBvcnQ9OTk1AWF1dGg9QmVhcmVyIGJhZAEB";
    let all = options(|_| {});
    for input in
        [format!("AUTH OAUTHBEARER {good}\r\nNOOP\r\n"), format!("auth oauthbearer\r\n{good}\r\nNOOP\r\n")]
    {
        let challenge = if input.starts_with("AUTH") { "" } else { "+ \n" };
        let seen = assert_says(&all, &input, &format!("{GREETING}{challenge}+OK in\n+OK\n"));
        assert_eq!(seen, ["OAUTHBEARER robot good"]);
    }
    let refused = format!("{GREETING}+ eyJzIjoiNDAwIn0=\n");
    let input = format!("AUTH OAUTHBEARER {bad}\r\n");
    assert_says(&all, &input, &refused);
    let verdict = format!("{refused}-ERR [AUTH] no\n-ERR Not now\n");
    assert_says(&all, &format!("{input}AQ==\r\nSTAT\r\n"), &verdict);
    // The other mechanism's message is none of this one's.
    let xoauth2 = "dXNlcj1yb2JvdAFhdXRoPUJlYXJlciBnb29kAQE=";
    let malformed = format!("{GREETING}-ERR Not a response of the mechanism\n");
    assert_says(&all, &format!("AUTH OAUTHBEARER {xoauth2}\r\n"), &malformed);
    let without = options(|options| options.mechanisms.retain(|own| *own != Mechanism::OAuthBearer));
    let unknown = format!("{GREETING}-ERR No such mechanism here\n");
    assert_says(&without, &format!("AUTH OAUTHBEARER {good}\r\n"), &unknown);
}

#[test]
fn tls_comes_before_credentials() {
    let clear = options(|options| options.security = Some(Security::StartTls));
    let input = format!("CAPA\r\nUSER robot\r\nAUTH PLAIN AHJvYm90AGdvb2Q=\r\nSTLS\r\n~CAPA\r\n{LOGIN}");
    let want = format!(
        "{GREETING}+OK Capabilities follow\nTOP\nUIDL\nPIPELINING\nSTLS\n.\n-ERR Not now\n\
         -ERR No such mechanism here\n+OK Begin TLS\n~+OK Capabilities follow\nTOP\nUIDL\nPIPELINING\n\
         SASL XOAUTH2 OAUTHBEARER PLAIN\nUSER\n.\n+OK Send the password\n+OK in\n"
    );
    assert_says(&clear, &input, &want);
    let (said, _) = run(Session::new(clear), "STLS\r\nUSER robot\r\n", usize::MAX);
    assert!(said.ends_with("-ERR Octets behind STLS\r\n"), "{said}");
}

#[test]
fn limits_hold_at_the_limit_and_one_over() {
    let small = options(|options| {
        options.limits = Limits { command: 8, refusals: 1, response: 20, ..Limits::default() }
    });
    assert_says(&small, "NOOP    \r\n", &format!("{GREETING}+OK\n"));
    let too_long = "-ERR Line too long\n";
    assert_says(
        &small,
        "NOOP     \r\nNOOP     \r\nNOOP\r\n",
        &format!("{GREETING}{too_long}-ERR Too many errors\n"),
    );
    // A line that is too long to be held ends the session.
    let (said, _) = run(Session::new(small), &"x".repeat(40), 7);
    assert!(said.ends_with("-ERR Line too long\r\n"), "{said}");
}

#[test]
fn a_large_message_leaves_in_pieces() {
    let mut session = Session::new(options(|options| options.security = None));
    let (mut rx, mut tx) = (RecvBuf::with_limit(9999), SendBuf::new());
    rx.extend(format!("{LOGIN}RETR 1\r\n").as_bytes()).unwrap();
    let line = format!(".{}\r\n", "x".repeat(70));
    let message = line.repeat(10_000).into_bytes();
    let (mut sent, mut flushes) = (vec![], 0);
    loop {
        match session.step(&mut rx, &mut tx).unwrap() {
            Step::Event(Event::Retrieve(_)) => {
                session.answer_message(&Answer::ok(""), message.clone().into()).unwrap();
            }
            Step::Event(event) => decide(&mut session, event, &mut vec![]),
            Step::Flush => flushes += 1,
            _ => break,
        }
        assert!(tx.unsent().len() <= SendBuf::LIMIT);
        if tx.room() < 64 {
            sent.extend_from_slice(tx.unsent());
            tx.sent(usize::MAX);
        }
    }
    sent.extend_from_slice(tx.unsent());
    let text = core::str::from_utf8(&sent).unwrap();
    assert!(flushes > 10 && text.ends_with("xx\r\n.\r\n"));
    assert_eq!(text.matches("\r\n..xxx").count(), 10_000);
}

#[test]
fn answers_that_do_not_fit_are_misuse() {
    let mut session = Session::new(options(|options| options.security = None));
    let (mut rx, mut tx) = (RecvBuf::with_limit(9999), SendBuf::new());
    assert!(session.answer(&Answer::ok("")).is_err());
    rx.extend(b"USER robot\r\nPASS good\r\nLIST\r\n").unwrap();
    let Step::Event(Event::Login { .. }) = session.step(&mut rx, &mut tx).unwrap() else { panic!() };
    assert!(session.refuse_token("", Answer::err("")).is_err(), "a password has no challenge");
    assert!(session.answer_lines(&Answer::ok(""), [""]).is_err());
    session.answer(&Answer::ok("")).unwrap();
    let Step::Event(Event::List(None)) = session.step(&mut rx, &mut tx).unwrap() else { panic!() };
    assert!(session.answer(&Answer::ok("")).is_err(), "lines are missing");
    assert!(session.answer_message(&Answer::ok(""), Octets::default()).is_err());
    assert_eq!(session.step(&mut rx, &mut tx).unwrap_err().to_string(), "an event was not answered");
    assert!(session.step(&mut rx, &mut tx).is_err(), "and it stays so");
}
