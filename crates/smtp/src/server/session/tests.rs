use alloc::{format, string::ToString, vec};

use super::*;
use crate::server::Limits;

mod extensions;
mod relay;

/// `robot` with the token `good` gets in; recipients at `no.test` and the subject `refuse` do not.
fn decide(session: &mut Session, event: Event, seen: &mut Vec<String>) {
    let (told, answer) = match event {
        Event::Login { mechanism, login } => {
            let good = login.user == "robot" && login.secret.expose() == "good";
            let told = format!("{mechanism} {} {}", login.user, login.secret.expose());
            if mechanism.is_bearer() && !good {
                seen.push(told);
                session.refuse_token("eyJzIjoiNDAwIn0=", Answer::new(535, "5.7.3 No")).unwrap();
                return;
            }
            (told, if good { Answer::new(235, "2.7.0 In") } else { Answer::new(535, "5.7.8 No") })
        }
        Event::Mail { sender, parameters } => {
            (format!("from {sender} {}", parameters.len()), Answer::new(250, "2.1.0 OK"))
        }
        Event::Recipient { recipient, .. } if recipient.ends_with("@no.test") => {
            (format!("to {recipient}"), Answer::new(550, "5.1.1 No"))
        }
        Event::Recipient { recipient, .. } => (format!("to {recipient}"), Answer::new(250, "2.1.5 OK")),
        Event::Data => ("data".into(), Answer::new(354, "Go")),
        Event::Content(piece) => {
            match seen.last_mut() {
                Some(last) if last.starts_with('>') => last.push_str(&piece.escape_ascii().to_string()),
                _ => seen.push(format!(">{}", piece.escape_ascii())),
            }
            return;
        }
        Event::EndOfContent => ("end".into(), Answer::new(250, "2.0.0 Taken")),
        Event::Reset => {
            seen.push("reset".into());
            return;
        }
    };
    seen.push(told);
    let others =
        if seen.last().is_some_and(|told| told == "end") { session.due.saturating_sub(1) } else { 0 };
    session.answer(&answer).unwrap();
    // LMTP: the first recipient has it, the others have no room.
    (0..others).for_each(|_| session.answer(&Answer::new(452, "4.2.2 Full")).unwrap());
}

/// What a session says and tells to `input` that comes in pieces of `chunk` octets, and how it ends. `~` in the input
/// is where the client waits for TLS.
fn run(mut session: Session, input: &str, chunk: usize) -> (String, Vec<String>, Result<(), Error>) {
    let (mut rx, mut tx) = (RecvBuf::with_limit(session.options.limits.response), SendBuf::new());
    let mut flights = input.split('~').map(str::as_bytes);
    let mut rest = flights.next().unwrap();
    let (mut said, mut seen) = (String::new(), Vec::new());
    loop {
        let step = session.step(&mut rx, &mut tx);
        said.push_str(core::str::from_utf8(tx.unsent()).unwrap());
        tx.sent(usize::MAX);
        match step {
            Ok(Step::Event(event)) => decide(&mut session, event, &mut seen),
            Ok(Step::Flush) => {}
            Ok(Step::StartTls) => {
                assert!(rx.unread().is_empty());
                rest = flights.next().unwrap();
            }
            Ok(Step::Close) => return (said, seen, Ok(())),
            Ok(Step::Read) if rest.is_empty() => {
                assert!(!rx.is_eof(), "reads on after the end");
                rx.set_eof();
            }
            Ok(Step::Read) => {
                let (piece, more) = rest.split_at(chunk.min(rest.len()).min(rx.room()));
                rx.extend(piece).unwrap();
                rest = more;
            }
            Err(error) => {
                let again = session.step(&mut rx, &mut tx).err();
                assert_eq!(again, Some(error), "a failure sticks");
                return (said, seen, Err(error));
            }
        }
    }
}

fn options(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::new("mx");
    options.security = Some(Security::Implicit);
    change(&mut options);
    options
}

fn check(name: &str, options: &Options, input: &str, said: &[&str], seen: &[&str], end: Result<(), Error>) {
    for chunk in [1, 2, 7, 64, input.len().max(1)] {
        let found = run(Session::new(options.clone()), input, chunk);
        let said: String = said.iter().map(|line| format!("{line}\r\n")).collect();
        assert_eq!(found.0, said, "{name} by {chunk}");
        assert_eq!(found.1, seen, "{name} by {chunk}");
        assert_eq!(found.2, end, "{name} by {chunk}");
    }
}

/// `user=robot^Aauth=Bearer good^A^A`
const GOOD: &str = "dXNlcj1yb2JvdAFhdXRoPUJlYXJlciBnb29kAQE=";
/// `user=robot^Aauth=Bearer bad^A^A`
const BAD: &str = "dXNlcj1yb2JvdAFhdXRoPUJlYXJlciBiYWQBAQ==";
const READY: &str = "220 ready";
const FIRST: &str = "503 5.5.1 Send EHLO first";
const ORDER: &str = "503 5.5.1 Bad sequence of commands";
const MALFORMED: &str = "501 5.5.2 Not a response of the mechanism";

#[test]
fn who_ended_the_session_is_told() {
    let rows = [
        ("EHLO me\r\n", false, false, None),
        ("EHLO me\r\nQUIT\r\n", false, false, Some(End::Quit)),
        ("EHLO me\r\n", true, false, Some(End::Gone)),
        ("EHLO me\r\n", false, true, Some(End::Closed)),
        ("EHLO me\r\nQUIT\r\n", true, false, Some(End::Quit)),
    ];
    for (input, goes, closed, want) in rows {
        let mut session = Session::new(options(|_| {}));
        let (mut rx, mut tx) = (RecvBuf::with_limit(1000), SendBuf::new());
        rx.extend(input.as_bytes()).unwrap();
        assert_eq!(session.end(), None, "{input}");
        loop {
            match session.step(&mut rx, &mut tx) {
                Ok(Step::Flush) => tx.sent(usize::MAX),
                Ok(Step::Read) if goes && !rx.is_eof() => rx.set_eof(),
                Ok(Step::Read) if closed && session.end().is_none() => {
                    session.close(&Answer::new(421, "4.3.2 Shutting down"));
                }
                _ => break,
            }
        }
        assert_eq!(session.end(), want, "{input} {goes} {closed}");
    }
}

#[test]
fn the_clients_name_is_known_until_tls_begins() {
    let mut session = Session::new(options(|options| options.security = Some(Security::StartTls)));
    let (mut rx, mut tx) = (RecvBuf::with_limit(1000), SendBuf::new());
    let rows = [
        ("", None),
        ("HELO me\r\n", Some(("me", false))),
        ("EHLO me.test\r\n", Some(("me.test", true))),
        ("STARTTLS\r\n", None),
    ];
    for (line, want) in rows {
        rx.extend(line.as_bytes()).unwrap();
        while matches!(session.step(&mut rx, &mut tx), Ok(Step::Flush)) {
            tx.sent(usize::MAX);
        }
        assert_eq!(session.hello(), want, "{line}");
    }
}

#[test]
fn takes_messages_one_after_the_other() {
    let input = format!(
        "EHLO me\r\nAUTH XOAUTH2 {GOOD}\r\nMAIL FROM:<a@b> SIZE=9\r\nRCPT TO:<c@no.test>\r\nRCPT TO:<c@d>\r\nDATA\r\n\
         ..a\r\n.\r\nMAIL FROM:<>\r\nRSET\r\nMAIL FROM:<e@f>\r\nRCPT TO:<g@h>\r\nDATA\r\n.\r\nNOOP\r\nVRFY x\r\nQUIT\r\nNOOP\r\n"
    );
    let said = [
        READY,
        "250-mx greets me",
        "250-SIZE 104857600",
        "250-PIPELINING",
        "250-ENHANCEDSTATUSCODES",
        "250-8BITMIME",
        "250-DSN",
        "250-SMTPUTF8",
        "250 AUTH XOAUTH2 OAUTHBEARER",
        "235 2.7.0 In",
        "250 2.1.0 OK",
        "550 5.1.1 No",
        "250 2.1.5 OK",
        "354 Go",
        "250 2.0.0 Taken",
        "250 2.1.0 OK",
        "250 2.0.0 OK",
        "250 2.1.0 OK",
        "250 2.1.5 OK",
        "354 Go",
        "250 2.0.0 Taken",
        "250 2.0.0 OK",
        "252 2.1.5 Send some mail to find out",
        "221 2.0.0 Bye",
    ];
    let seen = [
        "XOAUTH2 robot good",
        "from a@b 1",
        "to c@no.test",
        "to c@d",
        "data",
        ">.a\\r\\n",
        "end",
        "from  0",
        "reset",
        "from e@f 0",
        "to g@h",
        "data",
        "end",
    ];
    check("pipelined", &options(|_| ()), &input, &said, &seen, Ok(()));
}

#[test]
fn logs_in_by_each_mechanism() {
    let all = options(|options| options.mechanisms = Mechanism::ALL.to_vec());
    let rows: &[(&str, &str, &[&str], &[&str])] = &[
        ("in two steps", "AUTH xoauth2\r\nGOOD\r\n", &["334 ", "235 2.7.0 In"], &["XOAUTH2 robot good"]),
        (
            "refused token",
            "AUTH XOAUTH2 BAD\r\n\r\nAUTH XOAUTH2 GOOD\r\n",
            &["334 eyJzIjoiNDAwIn0=", "535 5.7.3 No", "235 2.7.0 In"],
            &["XOAUTH2 robot bad", "XOAUTH2 robot good"],
        ),
        (
            "refusal not acknowledged",
            "AUTH XOAUTH2 BAD\r\n*\r\n",
            &["334 eyJzIjoiNDAwIn0=", MALFORMED],
            &["XOAUTH2 robot bad"],
        ),
        ("plain", "AUTH PLAIN AHJvYm90AGdvb2Q=\r\n", &["235 2.7.0 In"], &["PLAIN robot good"]),
        ("plain refused", "AUTH PLAIN AHJvYm90AGJhZA==\r\n", &["535 5.7.8 No"], &["PLAIN robot bad"]),
        (
            "login",
            "AUTH LOGIN\r\ncm9ib3Q=\r\nZ29vZA==\r\n",
            &["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 2.7.0 In"],
            &["LOGIN robot good"],
        ),
        ("given up", "AUTH XOAUTH2\r\n*\r\n", &["334 ", "501 5.7.0 Authentication cancelled"], &[]),
        ("malformed", "AUTH XOAUTH2 AAAA\r\n", &[MALFORMED], &[]),
        ("other mechanism", "AUTH CRAM-MD5\r\n", &["504 5.5.4 No such mechanism here"], &[]),
        (
            "twice",
            "AUTH XOAUTH2 GOOD\r\nAUTH XOAUTH2 GOOD\r\n",
            &["235 2.7.0 In", ORDER],
            &["XOAUTH2 robot good"],
        ),
    ];
    for (name, input, said, seen) in rows {
        let input = format!("HELO me\r\n{}", input.replace("GOOD", GOOD).replace("BAD", BAD));
        let said = [&[READY, "250 mx greets me"], *said].concat();
        check(name, &all, &input, &said, seen, Ok(()));
    }
    let found = run(Session::new(all), &format!("AUTH XOAUTH2 {GOOD}\r\n"), 64);
    assert_eq!(found.0, format!("{READY}\r\n{FIRST}\r\n"));
}

#[test]
fn keeps_the_order_and_the_limits() {
    let open = options(|options| {
        options.login = false;
        options.limits = Limits { message: 5, recipients: 1, command: 40, response: 60, ..Limits::default() };
    });
    let mail = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";
    let begun = ["250 2.1.0 OK", "250 2.1.5 OK"];
    let both = ["from a@b 0", "to c@d"];
    let large = "552 5.3.4 Message too large";
    let rows: &[(&str, String, Vec<&str>, Vec<&str>)] = &[
        ("size at the limit", "MAIL FROM:<a@b> SIZE=5\r\n".into(), vec!["250 2.1.0 OK"], vec!["from a@b 1"]),
        ("size over it", "MAIL FROM:<a@b> SIZE=6\r\n".into(), vec![large], vec![]),
        ("size past all", "MAIL FROM:<a> SIZE=99999999999999999999\r\n".into(), vec![large], vec![]),
        ("no size", "MAIL FROM:<a@b> SIZE=x\r\n".into(), vec!["501 5.5.4 Wrong arguments"], vec![]),
        ("parameter", "MAIL FROM:<a@b> X=1\r\n".into(), vec!["555 5.5.4 No such parameter here"], vec![]),
        ("utf-8", "MAIL FROM:<ü@b>\r\n".into(), vec!["553 5.6.7 The address needs SMTPUTF8"], vec![]),
        ("utf-8 said", "MAIL FROM:<ü@b> SMTPUTF8\r\n".into(), vec!["250 2.1.0 OK"], vec!["from ü@b 1"]),
        (
            "two senders",
            "MAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n".into(),
            vec!["250 2.1.0 OK", ORDER],
            vec!["from a@b 0"],
        ),
        ("no sender", "RCPT TO:<a@b>\r\nDATA\r\n".into(), vec!["503 5.5.1 Send MAIL first"; 2], vec![]),
        (
            "no recipient",
            "MAIL FROM:<a@b>\r\nRCPT TO:<a@no.test>\r\nDATA\r\n".into(),
            vec!["250 2.1.0 OK", "550 5.1.1 No", "503 5.5.1 No recipient was accepted"],
            vec!["from a@b 0", "to a@no.test"],
        ),
        (
            "too many recipients",
            format!("{mail}RCPT TO:<e@f>\r\n"),
            [&begun[..], &["452 4.5.3 Too many recipients"]].concat(),
            both.into(),
        ),
        (
            "content at the limit",
            format!("{mail}DATA\r\n123\r\n.\r\n"),
            [&begun[..], &["354 Go", "250 2.0.0 Taken"]].concat(),
            [&both[..], &["data", ">123\\r\\n", "end"]].concat(),
        ),
        (
            "greeting again",
            format!("{mail}EHLO me\r\nDATA\r\n").replace("EHLO", "HELO"),
            [&begun[..], &["250 mx greets me", "503 5.5.1 Send MAIL first"]].concat(),
            [&both[..], &["reset"]].concat(),
        ),
        ("unknown", "XYZZY\r\n".into(), vec!["500 5.5.1 No such command"], vec![]),
        ("line at the limit", format!("NOOP {}\r\n", "x".repeat(35)), vec!["250 2.0.0 OK"], vec![]),
        ("line over it", format!("NOOP {}\r\n", "x".repeat(36)), vec!["500 5.5.2 Line too long"], vec![]),
        (
            "line past all",
            format!("NOOP {}\r\nNOOP\r\n", "x".repeat(60)),
            vec!["500 5.5.2 Line too long"],
            vec![],
        ),
        ("gone in the middle of a command", "NOO".into(), vec![], vec![]),
    ];
    for (name, input, said, seen) in rows {
        let said = [&[READY, "250 mx greets me"], &said[..]].concat();
        check(name, &open, &format!("HELO me\r\n{input}"), &said, seen, Ok(()));
    }
    let found = run(Session::new(open.clone()), &format!("MAIL FROM:<a@b>\r\nHELO me\r\n{mail}DATA\r\nx"), 9);
    assert!(found.0.starts_with(&format!("{READY}\r\n{FIRST}\r\n250 mx")), "{}", found.0);
    assert_eq!(found.2, Err(Error::Truncated));
    for (name, content, answer) in [
        ("over the limit", "1234\r\n", large),
        ("bare LF", "1\n2\r\n", "550 5.6.11 Lines must end with CR and LF"),
    ] {
        for chunk in [1, 7, 30] {
            let input = format!("HELO me\r\n{mail}DATA\r\n{content}.\r\nNOOP\r\n");
            let (said, seen, end) = run(Session::new(open.clone()), &input, chunk);
            assert!(said.ends_with(&format!("354 Go\r\n{answer}\r\n250 2.0.0 OK\r\n")), "{name}: {said}");
            assert_eq!(seen.last().map(String::as_str), Some("reset"), "{name}");
            assert_eq!(end, Ok(()), "{name}");
        }
    }
}

#[test]
fn starts_tls_and_forgets_what_was_before() {
    let tls = options(|options| options.security = Some(Security::StartTls));
    let login = format!("AUTH XOAUTH2 {GOOD}\r\n");
    let input = format!("EHLO a\r\n{login}STARTTLS\r\n~MAIL FROM:<a@b>\r\nEHLO b\r\nSTARTTLS\r\n{login}");
    let (said, seen, end) = run(Session::new(tls.clone()), &input, 5);
    let (before, after) = said.split_once("220 2.0.0 Ready for TLS\r\n").unwrap();
    assert!(before.contains("STARTTLS") && !before.contains("AUTH XOAUTH2"), "{before}");
    assert!(before.ends_with("504 5.5.4 No such mechanism here\r\n"), "{before}");
    assert!(after.starts_with(FIRST), "{after}");
    assert!(after.contains("AUTH XOAUTH2") && !after.contains("STARTTLS"), "{after}");
    assert!(after.ends_with(&format!("{ORDER}\r\n235 2.7.0 In\r\n")), "{after}");
    assert_eq!((seen, end), (vec!["XOAUTH2 robot good".to_string()], Ok(())));

    // Someone between may have put more behind it: nothing of that counts (RFC 3207 section 4.2).
    let (said, _, _) = run(Session::new(tls), "STARTTLS\r\nNOOP\r\n", 99);
    assert!(said.ends_with("554 5.5.0 Octets behind STARTTLS\r\n"), "{said}");
    let clear = options(|options| options.security = None);
    let (said, seen, _) = run(Session::new(clear), &format!("EHLO a\r\n{login}STARTTLS\r\n"), 99);
    assert!(
        said.contains("AUTH XOAUTH2 OAUTHBEARER\r\n235") && said.ends_with(&format!("{ORDER}\r\n")),
        "{said}"
    );
    assert_eq!(seen.len(), 1);
}

#[test]
fn ends_by_its_own_word() {
    let mut session = Session::new(options(|_| ()));
    session.close(&Answer::new(421, "4.3.2 Too many connections"));
    assert_eq!(run(session, "EHLO a\r\n", 99).0, "421 4.3.2 Too many connections\r\n");

    let few = options(|options| options.limits.refusals = 2);
    let (said, _, _) = run(Session::new(few), &"X\r\n".repeat(5), 3);
    let unknown = "500 5.5.1 No such command\r\n";
    assert_eq!(said, format!("{READY}\r\n{unknown}{unknown}421 4.7.0 Too many errors\r\n"));

    // A client that has nothing to send keeps no seat; one that sends between may ask as often again.
    let talker = || {
        Session::new(options(|options| {
            (options.limits.chatter, options.login, options.security) = (3, false, None);
        }))
    };
    let over = "421 4.7.0 Too many commands without a message\r\n";
    for chatter in ["NOOP\r\n", "RSET\r\n", "VRFY a\r\n", "EHLO a\r\n", "MAIL FROM:<a@b>\r\nRSET\r\n"] {
        let (said, _, _) = run(talker(), &format!("EHLO a\r\n{}", chatter.repeat(5)), 7);
        assert!(said.ends_with(over) && said.matches("421").count() == 1, "{said}");
    }
    let message = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n";
    let (said, _, _) =
        run(talker(), &format!("EHLO a\r\n{}", format!("RSET\r\nNOOP\r\n{message}").repeat(5)), 7);
    assert!(!said.contains("421"), "{said}");

    // What a browser was made to send: its body may hold a whole session.
    let inner = "\r\nEHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";
    for line in
        ["POST / HTTP/1.1", "get / http/1.0", "PROPFIND /x HTTP/2", "Host: localhost", "content-length: 5"]
    {
        let open = options(|options| options.login = false);
        let (said, seen, _) = run(Session::new(open), &format!("{line}\r\n{inner}"), 7);
        assert_eq!(
            (said.as_str(), seen.len()),
            (&*format!("{READY}\r\n554 5.7.0 This is SMTP\r\n"), 0),
            "{line}"
        );
    }

    // A flood of commands is answered in pieces of a bounded size.
    let (mut session, mut rx, mut tx) = (
        Session::new(options(|options| options.limits.chatter = usize::MAX)),
        RecvBuf::with_limit(1 << 20),
        SendBuf::new(),
    );
    rx.extend(&b"NOOP\r\n".repeat(20_000)).unwrap();
    assert_eq!(session.step(&mut rx, &mut tx).map(|step| matches!(step, Step::Flush)), Ok(true));
    assert!((SendBuf::LIMIT..SendBuf::LIMIT + 100).contains(&tx.unsent().len()));
}

#[test]
fn wants_each_answer_in_its_turn() {
    let yes = Answer::new(250, "OK");
    let mut session = Session::new(options(|options| options.login = false));
    assert_eq!(session.answer(&yes), Err(Error::Misuse("no answer is due")));
    let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 20), SendBuf::new());
    rx.extend(b"HELO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n").unwrap();
    let misfit = Err(Error::Misuse("the answer's code does not fit the event"));
    assert!(matches!(session.step(&mut rx, &mut tx), Ok(Step::Event(Event::Mail { .. }))));
    for wrong in [199, 354, 600] {
        assert_eq!(session.answer(&Answer::new(wrong, "")), misfit, "{wrong}");
    }
    session.answer(&yes).unwrap();
    assert!(matches!(session.step(&mut rx, &mut tx), Ok(Step::Event(Event::Recipient { .. }))));
    assert_eq!(session.answer(&Answer::new(354, "")), misfit);
    assert_eq!(
        session.refuse_token("", Answer::new(535, "")),
        Err(Error::Misuse("no login waits for its answer"))
    );
    session.answer(&yes).unwrap();
    assert!(matches!(session.step(&mut rx, &mut tx), Ok(Step::Event(Event::Data))));
    assert_eq!(session.answer(&yes), misfit);
    let unanswered = Err(Error::Misuse("an event was not answered"));
    assert_eq!(session.step(&mut rx, &mut tx).map(drop), unanswered);
    assert_eq!(session.step(&mut rx, &mut tx).map(drop), unanswered);
}

#[test]
fn parameters_are_taken_where_their_extension_is_offered() {
    let said = |set: fn(&mut Options), command: &str| {
        let mut options = Options::new("mx.test");
        (options.security, options.login) = (None, false);
        set(&mut options);
        let input = format!("EHLO a\r\n{command}\r\n");
        let (said, seen, _) = run(Session::new(options), &input, usize::MAX);
        let last = said.lines().last().unwrap_or_default()[..3].to_string();
        (last, seen.concat().contains("from "))
    };
    let rows: [(&str, fn(&mut Options), &str, bool); 11] = [
        ("login is offered", |_| {}, "MAIL FROM:<a@x> AUTH=<>", true),
        ("no login", |options| options.mechanisms.clear(), "MAIL FROM:<a@x> AUTH=<>", false),
        ("DSN", |_| {}, "MAIL FROM:<a@x> RET=FULL ENVID=1", true),
        ("no DSN", |options| options.dsn = false, "MAIL FROM:<a@x> RET=FULL", false),
        ("no DSN", |options| options.dsn = false, "MAIL FROM:<a@x> ENVID=1", false),
        ("SIZE", |_| {}, "MAIL FROM:<a@x> SIZE=7", true),
        ("what nobody knows", |_| {}, "MAIL FROM:<a@x> COLOUR=RED", false),
        ("7 bits", |options| options.lenient = false, "MAIL FROM:<a@x> BODY=7BIT", true),
        ("8 bits", |options| options.lenient = false, "MAIL FROM:<a@x> BODY=8bitmime", true),
        ("other bits", |options| options.lenient = false, "MAIL FROM:<a@x> BODY=9BIT", false),
        ("any bits", |options| options.lenient = true, "MAIL FROM:<a@x> BODY=9BIT", true),
    ];
    for (name, set, command, want) in rows {
        let (code, seen) = said(set, command);
        assert_eq!((code == "250", seen), (want, want), "{name}: {code}");
    }
    let recipient = |set: fn(&mut Options), parameter: &str| {
        said(set, &format!("MAIL FROM:<a@x>\r\nRCPT TO:<b@y> {parameter}")).0
    };
    assert_eq!(recipient(|_| {}, "NOTIFY=NEVER"), "250");
    assert_ne!(recipient(|options| options.dsn = false, "NOTIFY=NEVER"), "250");
    assert_ne!(recipient(|_| {}, "COLOUR=RED"), "250");
}

#[test]
fn an_answer_of_no_begins_nothing() {
    let mut options = Options::new("mx.test");
    (options.security, options.login) = (None, false);
    let mut session = Session::new(options);
    let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 16), SendBuf::new());
    rx.extend(b"EHLO a\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n").unwrap();
    loop {
        match session.step(&mut rx, &mut tx).unwrap() {
            Step::Event(Event::Mail { .. }) => session.answer(&Answer::new(550, "5.7.1 No")).unwrap(),
            Step::Event(event) => panic!("{event:?}"),
            Step::Read => break,
            _ => {}
        }
    }
    let said = core::str::from_utf8(tx.unsent()).unwrap();
    assert!(said.lines().last().unwrap().starts_with("503"), "{said}");
    assert!(Answer::new(399, "").is_positive() && !Answer::new(400, "").is_positive());
}

#[test]
fn a_trace_shows_commands_and_no_login() {
    let mut options = Options::new("mx.test");
    options.security = None;
    let silence = options.limits.silence;
    let mut session = Session::new(options);
    assert_eq!(session.patience(), Some(silence));
    let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 16), SendBuf::new());
    rx.start_trace(None);
    rx.extend(b"EHLO a\r\nNOOP\r\nauth XOAUTH2 AAAA\r\nAUT\r\n").unwrap();
    while !matches!(session.step(&mut rx, &mut tx), Ok(Step::Read | Step::Event(_)) | Err(_)) {}
    let trace: Vec<String> = rx.take_trace().into_iter().map(|line| line.text).collect();
    assert_eq!(trace[..2], ["EHLO a", "NOOP"]);
    assert!(trace[2].contains("[redacted]") && !trace.concat().contains("AAAA"), "{trace:?}");
    for error in [Error::Truncated, Error::Misuse("x")] {
        assert!(!error.to_string().is_empty());
    }
}
