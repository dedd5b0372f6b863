mod login;

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::time::Duration;

use mailbearer_sasl::Credentials;
use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};
use proptest::prelude::*;

use self::login::{again, talk};
use super::{
    Session,
    script::{Player, TOKEN, play},
};
use crate::{AuthForm, Error, Event, Misuse, Options, ReplyError, Stage};

fn new() -> Session {
    Session::new(Options::new("pop.test", 995)).unwrap()
}

fn with(change: impl Fn(&mut Options)) -> impl Fn() -> Session {
    move || {
        let mut options = Options::new("pop.test", 995);
        change(&mut options);
        Session::new(options).unwrap()
    }
}

fn clear() -> Session {
    with(|options| options.security = Security::StartTls)()
}

/// Up to a session that is ready, with pipelining.
const READY: &str = "S: +OK ready\nC: CAPA\nS: +OK\nS: PIPELINING\nS: UIDL\nS: .\n* ready\n";

#[track_caller]
fn ready(script: &str) -> Session {
    play(new, &format!("{READY}{script}"))
}

#[test]
fn logs_in_reads_and_removes() {
    let session = play(
        new,
        "S: +OK Dovecot ready.
         C: CAPA
         S: +OK
         S: CAPA
         S: SASL PLAIN XOAUTH2
         S: .
         * ready
         > auth
         C: AUTH XOAUTH2 dXNlcj11c2VyQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHQwa2VuAQE=
         S: +OK Logged in.
         * authenticated
         > stat
         > list
         > uidl
         > retr 2
         > dele 2
         > quit
         C: STAT
         S: +OK 2 320
         * 2 messages, 320 octets
         * done 2 320
         C: LIST
         S: +OK 2 messages
         S: 1 120
         S: 2 200 more
         S: .
         * 1 has 120
         * 2 has 200
         * done 2 messages
         C: UIDL
         S: +OK
         S: 1 whqtswO00WBw418f9t5JxYwZ
         S: 2 QhdPYR:00WBw1Ph7x7
         S: .
         * 1 is whqtswO00WBw418f9t5JxYwZ
         * 2 is QhdPYR:00WBw1Ph7x7
         * done
         C: RETR 2
         S: +OK 200 octets
         S: Subject: x
         S:
         S: ..
         S: ..dots
         S: a.b
         S: .
         * done 200 octets: Subject: x\\r\\n\\r\\n.\\r\\n.dots\\r\\na.b\\r\\n
         C: DELE 2
         S: +OK marked
         * done marked
         C: QUIT
         S: +OK bye
         * left, 1 removed
         = close",
    );
    assert_eq!(session.greeting(), "Dovecot ready.");
    assert_eq!(session.stage(), Stage::Over);
}

#[test]
fn commands_are_pipelined_where_that_is_offered() {
    ready(
        "> retr 1
         > retr 2
         > dele 1
         > dele 2
         > quit
         C: RETR 1
         C: RETR 2
         C: DELE 1
         C: DELE 2
         C: QUIT
         S: +OK
         S: a
         S: .
         S: -ERR no such message
         S: +OK
         S: -ERR no such message
         S: +OK
         * done: a\\r\\n
         * refused -ERR no such message
         * done
         * refused -ERR no such message
         * left, 1 removed
         = close",
    );
}

#[test]
fn a_thousand_commands_are_three_bursts() {
    let mut session = new();
    for number in 1..=1000 {
        session.retrieve(number).unwrap();
    }
    let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 20), SendBuf::new());
    let (mut bursts, mut commands, mut done, mut owed) = (0, 0, 0, 0_usize);
    for said in ["+OK\r\n", "+OK\r\nPIPELINING\r\n.\r\n"] {
        assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Read));
        rx.extend(said.as_bytes()).unwrap();
    }
    tx.sent(usize::MAX);
    while done < 1000 {
        let step = session.step(&mut rx, &mut tx).unwrap();
        let sent = tx.unsent().iter().filter(|octet| **octet == b'\n').count();
        if sent > 0 {
            (bursts, commands, owed) = (bursts + 1, commands + sent, owed + sent);
            tx.sent(usize::MAX);
        }
        match step {
            Step::Event(Event::Done(..)) => done += 1,
            Step::Event(_) | Step::Flush => {}
            Step::Read => {
                rx.extend(b"+OK\r\nx\r\n.\r\n").unwrap();
                owed = owed.checked_sub(1).unwrap();
            }
            step => panic!("{step:?}"),
        }
    }
    assert_eq!((bursts, commands), (3, 1000));
}

#[test]
fn without_pipelining_each_waits_for_the_answer() {
    let script = "> noop\n> noop\nC: NOOP\nS: +OK\n* done\nC: NOOP\nS: +OK\n* done\n";
    play(new, &format!("S: +OK\nC: CAPA\nS: +OK\nS: TOP\nS: .\n* ready\n{script}"));
    let one = with(|options| options.limits.pipeline = 0);
    play(one, &format!("{READY}{script}"));
}

#[test]
fn what_was_given_up_is_read_and_not_told() {
    ready(
        "> retr 1
         > retr 2
         > noop
         C: RETR 1
         C: RETR 2
         C: NOOP
         > abandon 0
         S: +OK
         S: +OK I am no answer
         S: .
         S: +OK
         S: b
         S: .
         * done: b\\r\\n
         S: +OK
         * done",
    );
    // All at once, from the second on.
    let mut session = new();
    let tickets = [session.noop().unwrap(), session.noop().unwrap(), session.noop().unwrap()];
    session.quit().unwrap();
    session.abandon_since(tickets[1]);
    let sent = talk(&mut session, &["+OK\r\n", "+OK\r\nPIPELINING\r\n.\r\n"]);
    assert_eq!(sent, "CAPA\r\nNOOP\r\nQUIT\r\n");
    // Not sent yet: never sent.
    let script = "> noop\n> retr 1\nC: NOOP\n> abandon 1\nS: +OK\n* done\n> stat\nC: STAT\nS: +OK 0 0\n* 0 messages, 0 octets\n* done 0 0\n";
    play(new, &format!("S: +OK\nC: CAPA\nS: +OK\nS: .\n* ready\n{script}"));
}

#[test]
fn a_mark_that_nobody_waited_for_is_taken_back() {
    ready(
        "> dele 1
         > dele 2
         > dele 3
         C: DELE 1
         C: DELE 2
         C: DELE 3
         > abandon 1
         > quit
         S: +OK
         S: +OK
         S: +OK
         * done
         * done
         C: RSET
         C: DELE 1
         C: DELE 3
         C: QUIT
         S: +OK
         S: +OK
         S: -ERR gone
         S: +OK
         * left, 1 removed
         = close",
    );
    // It was refused: there is nothing to take back.
    ready(
        "> dele 1\n> dele 2\nC: DELE 1\nC: DELE 2\n> abandon 0\nS: -ERR no\nS: +OK\n* done\n> quit\nC: QUIT\nS: +OK\n* left, 1 removed\n= close",
    );
    // Marks that can't be taken back end the session without QUIT, so that nothing is removed.
    let session = ready(
        "> dele 1\nC: DELE 1\n> abandon 0\nS: +OK\n> quit\nC: RSET\nC: QUIT\nS: -ERR no\n! server refused RSET: -ERR no",
    );
    assert!(!session.outcome_unknown());
}

#[test]
fn what_became_of_the_marks() {
    let marked = "> dele 1\nC: DELE 1\nS: +OK\n* done\n";
    let partly = "> quit\nC: QUIT\nS: -ERR some deleted messages not removed\n\
                  * left, partly: -ERR some deleted messages not removed\n= close";
    ready(&format!("{marked}{partly}"));
    let unknown =
        "> quit\nC: QUIT\neof\n! QUIT was sent, and whether the server removed the messages is unknown";
    let session = ready(&format!("{marked}{unknown}"));
    assert!(session.outcome_unknown());
    assert!(again(session).unwrap_err().is_outcome_unknown());
    let session = ready(&format!("{marked}> quit\nC: QUIT\n"));
    assert!(session.outcome_unknown(), "a driver that gives up asks");
    assert_eq!(session.patience(), Some(Duration::from_secs(300)));
    let session = ready(&format!("{marked}eof\n! connection closed at the next command"));
    assert!(!session.outcome_unknown(), "without QUIT nothing is removed");
    ready(&format!("{marked}> rset\nC: RSET\nS: +OK\n* done\n> quit\nC: QUIT\neof\n* left\n= close"));
    ready("> quit\nC: QUIT\neof\n* left\n= close");
    ready("> quit\nC: QUIT\nS: junk\n* left\n= close");
    let session = ready("> quit\nC: QUIT\n");
    assert_eq!(session.patience(), Some(Duration::from_secs(10)));
}

#[test]
fn a_server_that_takes_its_leave_is_heard() {
    ready("S: -ERR Disconnected for inactivity.\n! server is closing: -ERR Disconnected for inactivity.");
    ready("S: +OK hello?\n! unexpected answer at the next command: +OK hello?");
    ready(
        "> stat\nC: STAT\nS: -ERR [SYS/TEMP] going down\n* refused -ERR [SYS/TEMP] going down\neof\n! connection closed at the next command",
    );
    ready("> retr 1\nC: RETR 1\nS: +OK\nS: half\neof\n! connection closed at RETR");
}

#[test]
fn what_is_no_answer_ends_the_session() {
    for (script, error) in [
        ("> stat\nC: STAT\nS: +OK many\n", "at STAT: not a line of such a listing: many"),
        ("> stat\nC: STAT\nS: +OK 1\n", "at STAT: not a line of such a listing: 1"),
        ("> list\nC: LIST\nS: +OK\nS: 1\n", "at LIST: not a line of such a listing: 1"),
        ("> list\nC: LIST\nS: +OK\nS: 0 7\n", "at LIST: not a line of such a listing: 0 7"),
        ("> list 2\nC: LIST 2\nS: +OK 3 7\n", "at LIST: not a line of such a listing: 3 7"),
        ("> uidl\nC: UIDL\nS: +OK\nS: 1\n", "at UIDL: not a line of such a listing: 1"),
        ("> uidl 2\nC: UIDL 2\nS: +OK 1 x\n", "at UIDL: not a line of such a listing: 1 x"),
        ("> noop\nC: NOOP\nS: + go on\n", "unexpected answer at NOOP: +OK go on"),
        ("> noop\nC: NOOP\nS: \\x1b[2J\n", "at NOOP: not a POP3 answer: \\x1b[2J"),
    ] {
        let session = ready(&format!("{script}! {error}"));
        assert!(again(session).unwrap_err().is_protocol(), "{error}");
    }
}

#[test]
fn one_line_answers_and_languages() {
    ready(
        "> list 2
         > uidl 2
         > top 2 0
         > lang
         > lang de
         > utf8
         C: LIST 2
         C: UIDL 2
         C: TOP 2 0
         C: LANG
         C: LANG de
         C: UTF8
         S: +OK 2 7
         S: +OK 2 abc
         S: +OK
         S: Subject: x
         S:
         S: .
         S: +OK
         S: en English
         S: ..x y
         S: .
         S: +OK de Deutsch
         S: -ERR no
         * 2 has 7
         * done 2 7
         * 2 is abc
         * done 2 abc
         * done: Subject: x\\r\\n\\r\\n
         * en = English
         * .x = y
         * done
         * done de Deutsch
         * refused -ERR no",
    );
}

#[test]
fn servers_that_end_lines_with_lf_alone() {
    let session = with(|_| {});
    let capa = "S: +OK\\n\nC: CAPA\nS: +OK\\n\nS: TOP\\n\nS: .\\n\n* ready\n";
    play(&session, &format!("{capa}> retr 1\nC: RETR 1\nS: +OK\\n\nS: ..a\\n\nS: .\\n\n* done: .a\\n"));
    // Where the server ends its own lines with CRLF, what ends with LF is the message's.
    ready("> retr 1\nC: RETR 1\nS: +OK\nS: a\\n\nS: .\\n\nS: -ERR x\nS: .\n* done: a\\n.\\n-ERR x\\r\\n");
    let strict = with(|options| options.quirks.bare_line_ends = false);
    play(strict, &format!("{capa}> retr 1\nC: RETR 1\nS: +OK\\n\nS: .\\n\nS: x\nS: .\n* done: \\nx\\r\\n"));
}

#[test]
fn limits_hold_at_the_limit_and_one_over() {
    let small = with(|options| {
        (options.limits.line, options.limits.capabilities) = (20, 2);
        (options.limits.listing, options.limits.message) = (2, 5);
    });
    let capa = "S: +OK 4567890123456\nC: CAPA\n";
    let ready = format!("{capa}S: +OK\nS: A\nS: B\nS: .\n* ready\n");
    play(&small, &ready);
    play(&small, "S: +OK 456789012345678\n! at the greeting: line longer than 20 octets");
    play(&small, &format!("{capa}S: +OK\nS: A\nS: B\nS: C\n! at CAPA: answer of more than 2 lines"));
    let list = format!("{ready}> uidl\nC: UIDL\nS: +OK\nS: 1 a\nS: 2 b\n");
    play(&small, &format!("{list}S: .\n* 1 is a\n* 2 is b\n* done"));
    play(&small, &format!("{list}S: 3 c\n* 1 is a\n* 2 is b\n! at UIDL: answer of more than 2 lines"));
    let octets = with(|options| options.limits.listing_octets = 6);
    play(
        &octets,
        &format!("{READY}> uidl\nC: UIDL\nS: +OK\nS: 1 a\nS: 2 b\nS: .\n* 1 is a\n* 2 is b\n* done"),
    );
    let over = "S: 1 ab\nS: 2 b\n* 1 is ab\n! at UIDL: listing of more than 6 octets";
    play(&octets, &format!("{READY}> uidl\nC: UIDL\nS: +OK\n{over}"));
    let retr = format!("{ready}> retr 1\nC: RETR 1\nS: +OK\n");
    play(&small, &format!("{retr}S: abc\nS: .\n* done: abc\\r\\n"));
    play(&small, &format!("{retr}S: abcd\nS: .\n! at RETR: message of more than 5 octets"));
    // A line of a message may be of any length.
    let default = "x".repeat(100_000);
    ready_with_line(&default);
}

fn ready_with_line(line: &str) {
    let script = format!("{READY}> retr 1\nC: RETR 1\nS: +OK\nS: {line}\nS: .\n* done: {line}\\r\\n");
    Player::run(new(), &script, 4096)
        .assert_follows(&script.lines().map(|line| format!("{line}\n")).collect::<String>(), 4096);
}

#[test]
fn wrong_use_is_refused() {
    let mut session = new();
    assert_eq!(session.retrieve(0), Err(Misuse::NoSuchNumber));
    assert_eq!(session.delete(0), Err(Misuse::NoSuchNumber));
    assert_eq!(session.uidl(Some(0)), Err(Misuse::NoSuchNumber));
    for tag in ["", "d e", "de\r\n", &"x".repeat(65)] {
        assert!(matches!(session.language(tag), Err(Misuse::Argument { field: "language", .. })), "{tag:?}");
    }
    let credentials = || Credentials::bearer("u", "t").unwrap();
    session.authenticate(credentials()).unwrap();
    assert_eq!(session.authenticate(credentials()), Err(Misuse::AuthenticatedBefore));
    session.quit().unwrap();
    assert_eq!(session.noop(), Err(Misuse::Over));
    assert!(matches!(
        Session::new(Options::new("a\nb", 995)).map(drop),
        Err(Misuse::Argument { field: "host", .. })
    ));
}

/// Wherever the server goes away, the session ends, and what it says of the marks is true.
#[test]
fn a_session_that_is_cut_anywhere_ends() {
    let script = format!(
        "{READY}> retr 1\n> dele 1\n> quit\nC: RETR 1\nC: DELE 1\nC: QUIT\nS: +OK\nS: ..a\nS: b\nS: .\nS: +OK\nS: +OK bye\n"
    );
    let all: usize =
        script.lines().filter_map(|line| line.strip_prefix("S: ")).map(|line| line.len() + 2).sum();
    for cut in 0..all {
        let player = Player::run_until(new(), &script, 3, Some(cut));
        let Some(Err(error)) = player.last else { panic!("{cut}: {}", player.record) };
        // Behind the answer to DELE it is QUIT's that is awaited.
        let quits = cut >= all - "+OK bye\r\n".len();
        assert_eq!(error.is_outcome_unknown(), quits, "{cut}: {error}");
        assert_eq!(player.session.outcome_unknown(), quits, "{cut}");
        if !quits {
            assert!(matches!(error, Error::Closed { .. }), "{cut}: {error}");
        }
    }
}

#[test]
fn a_trace_shows_no_secret_and_no_message() {
    let mut session = new();
    session.authenticate(Credentials::bearer("u@x", "s3cret-token").unwrap()).unwrap();
    session.retrieve(1).unwrap();
    let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 20), SendBuf::new());
    rx.start_trace(None);
    tx.start_trace(None);
    for said in ["+OK\r\n", "+OK\r\nSASL XOAUTH2\r\n.\r\n", "+OK\r\n", "+OK 7\r\n..private\r\n.\r\n"] {
        rx.extend(said.as_bytes()).unwrap();
        while let Step::Event(_) = session.step(&mut rx, &mut tx).unwrap() {}
    }
    let sent: Vec<String> = tx.take_trace().into_iter().map(|line| line.text).collect();
    assert_eq!(sent, ["CAPA", "AUTH XOAUTH2 [redacted]", "RETR 1"]);
    let heard: Vec<String> = rx.take_trace().into_iter().map(|line| line.text).collect();
    assert_eq!(heard, ["+OK", "+OK", "SASL XOAUTH2", ".", "+OK", "+OK 7", "[11 octets]", "."]);
}

proptest! {
    /// However the server's octets are cut, the session says and tells the same.
    #[test]
    fn cuts_change_nothing(
        lines in prop::collection::vec("(\\+OK|-ERR|\\+|\\.|\\.\\.|1 2|PIPELINING)( [a-z]{0,3})?(\r\n|\n|\r|)", 0..20),
        chunk in 1_usize..9,
    ) {
        let run = |chunk: usize| {
            let mut session = new();
            session.retrieve(1).unwrap();
            session.uidl(None).unwrap();
            session.quit().unwrap();
            let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 16), SendBuf::new());
            let (mut told, mut octets, mut sent) = (vec![], vec![], vec![]);
            // A server does not talk ahead: then what is said would depend on what has arrived.
            for piece in lines.iter().flat_map(|line| line.as_bytes().chunks(chunk)) {
                rx.extend(piece).unwrap();
                loop {
                    let step = session.step(&mut rx, &mut tx);
                    sent.extend_from_slice(tx.unsent());
                    tx.sent(usize::MAX);
                    match step {
                        Ok(Step::Event(Event::Octets(_, piece))) => octets.extend_from_slice(&piece),
                        Ok(Step::Event(event)) => told.push(format!("{event:?}")),
                        _ => break,
                    }
                }
            }
            rx.set_eof();
            let end = loop {
                match session.step(&mut rx, &mut tx) {
                    Ok(Step::Event(_)) => {}
                    end => break end,
                }
            };
            (told, octets, sent, end.map_err(|error| error.to_string()))
        };
        prop_assert_eq!(run(chunk), run(usize::MAX));
    }
}

#[test]
fn errors_say_where() {
    let error = Error::Reply { stage: Stage::List, error: ReplyError::TooManyLines { limit: 7 } };
    assert_eq!(error.to_string(), "at LIST: answer of more than 7 lines");
    assert!(core::error::Error::source(&error).is_some());
}
