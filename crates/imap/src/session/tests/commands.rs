use super::*;
use crate::{Atom, Command, Status, Text};

const LOGIN: &str = "
    > authenticate u t
    S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi
    E: ready
    C: A1 AUTHENTICATE XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==
    S: A1 OK done
    E: authenticated";

#[test]
fn what_was_queued_goes_out_in_one_flight_after_the_login() {
    implicit(
        "> authenticate u t
         > select INBOX
         > fetch 1:* UID FLAGS
         S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi
         E: ready
         C: A3 AUTHENTICATE XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==
         S: A3 OK done
         E: authenticated
         C: A1 SELECT INBOX
         C: A2 FETCH 1:* (UID FLAGS)
         S: * 1 EXISTS
         S: A1 OK [READ-WRITE] selected
         S: * 1 FETCH (UID 9 FLAGS ())
         S: A2 OK fetched
         E: * 1 EXISTS
         E: done A1 OK [READ-WRITE] selected
         E: * 1 FETCH (UID 9 FLAGS ())
         E: done A2 OK fetched",
    );
}

#[test]
fn answers_are_routed_by_tag_in_any_order() {
    implicit(&format!(
        "{LOGIN}
         > noop
         > examine Entw\u{fc}rfe
         > uid_fetch 4:6,9 FLAGS
         C: A2 NOOP
         C: A3 EXAMINE Entw&APw-rfe
         C: A4 UID FETCH 4:6,9 (FLAGS)
         S: A4 NO [UNAVAILABLE] later
         S: A2 BAD what
         E: done A4 NO [UNAVAILABLE] later
         E: done A2 BAD what
         > noop
         C: A5 NOOP
         S: A3 OK done
         S: A5 OK done
         E: done A3 OK done
         E: done A5 OK done"
    ));
}

#[test]
fn data_comes_at_any_time() {
    implicit(&format!(
        "{LOGIN}
         S: * 5 EXISTS
         S: * OK [ALERT] pay
         S: [COPYUID 55 31 6]
         S: * 1 FETCH (BODY[] {{5}}
         S: a\\r\\nbc)
         S: * XYZ
         E: * 5 EXISTS
         E: * OK [ALERT] pay
         E: [COPYUID 55 31 6]
         E: * 1 FETCH (BODY[] {{5}}\\r\\na\\r\\nbc)
         E: * XYZ"
    ));
}

#[test]
fn before_authentication_only_what_needs_none_goes_out() {
    implicit(
        "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi
         E: ready
         > noop
         > select INBOX
         > noop
         C: A1 NOOP
         > authenticate u t
         S: A1 OK done
         E: done A1 OK done
         C: A4 AUTHENTICATE XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==
         > noop
         S: A4 OK done
         E: authenticated
         C: A2 SELECT INBOX
         C: A3 NOOP
         C: A5 NOOP",
    );
    implicit(
        "> select INBOX
         > logout
         S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi
         E: ready
         C: A1 SELECT INBOX
         C: A2 LOGOUT
         S: A1 BAD not yet
         S: * BYE bye
         S: A2 OK bye
         E: done A1 BAD not yet
         E: done A2 OK bye
         E: closed: bye
         E: close",
    );
}

/// Some commands need no authentication, and some do more to the session than to be sent.
#[test]
fn a_command_by_its_name_is_the_one_with_a_method() {
    let greeted = "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\nE: ready";
    for word in ["CAPABILITY", "NOOP", "ID NIL", "LANGUAGE"] {
        implicit(&format!("{greeted}\n> command {word}\nC: A1 {word}\nS: A1 OK done\nE: done A1 OK done"));
    }
    implicit(&format!("{greeted}\n> command CLOSE"));
    implicit(&format!("{LOGIN}\n> command IDLE\nC: A2 IDLE\nS: + go\nE: idling A2\n> done\nC: DONE"));
    implicit(&format!(
        "{LOGIN}
         > command LOGOUT
         C: A2 LOGOUT
         > noop
         E: misuse: LOGOUT was given already
         S: * BYE bye
         S: A2 OK bye
         E: done A2 OK bye
         E: closed: bye
         E: close"
    ));
}

#[test]
fn a_session_tells_its_state_and_the_first_words_of_the_server() {
    let mut play = Play::new(options(Security::Implicit), usize::MAX);
    assert_eq!((play.session.greeting(), play.session.is_authenticated()), ("", false));
    play.run(
        "> authenticate u t
         S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] h\\x1bi
         E: ready
         C: A1 AUTHENTICATE XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==",
    );
    assert_eq!(play.session.greeting(), "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] h\\x1bi");
    assert!(!play.session.is_authenticated());
    play.run("S: A1 OK done\nE: authenticated");
    assert!(play.session.is_authenticated());
    play.run("> logout\nC: A2 LOGOUT");
    assert!(!play.session.is_authenticated());
}

#[test]
fn a_completion_says_how_it_went() {
    for (status, want) in [("OK", Status::Ok), ("NO", Status::No), ("BAD", Status::Bad)] {
        let mut play = Play::new(options(Security::Implicit), usize::MAX);
        play.run(&format!("{LOGIN}\n> noop\nC: A2 NOOP"));
        play.rx.extend(format!("A2 {status} x\r\n").as_bytes()).unwrap();
        let Ok(Step::Event(Event::Done(done))) = play.session.step(&mut play.rx, &mut play.tx) else {
            panic!()
        };
        assert_eq!((done.status, done.is_ok()), (want, want == Status::Ok));
    }
}

#[test]
fn logout_ends_the_session() {
    implicit(&format!(
        "{LOGIN}
         > select INBOX
         > logout
         > noop
         E: misuse: LOGOUT was given already
         C: A2 SELECT INBOX
         C: A3 LOGOUT
         > noop
         E: misuse: LOGOUT was given already
         S: * 5 EXISTS
         S: A2 OK done
         S: * BYE see \\x1b[2J you
         S: A3 OK bye
         E: * 5 EXISTS
         E: done A2 OK done
         E: done A3 OK bye
         E: closed: see \\x1b[2J you
         E: close
         > noop
         E: misuse: the session has ended"
    ));
}

#[test]
fn after_logout_the_end_of_the_connection_is_no_error() {
    for bye in ["", "S: * BYE bye", "S, * BYE by"] {
        let text = if bye.starts_with("S:") { " bye" } else { " " };
        implicit(&format!(
            "{LOGIN}
             > logout
             C: A2 LOGOUT
             {bye}
             --eof--
             E: closed:{text}
             E: close"
        ));
    }
    implicit(&format!(
        "{LOGIN}
         > noop
         > logout
         C: A2 NOOP
         C: A3 LOGOUT
         --eof--
         E: error: connection closed at LOGOUT"
    ));
    // The error says why the other command got no answer.
    for last in ["--eof--", "S: * BYE bye"] {
        implicit(&format!(
            "{LOGIN}
             > noop
             > logout
             C: A2 NOOP
             C: A3 LOGOUT
             S: * BYE Session invalidated - AccessTokenExpired
             {last}
             E: error: server ended the session: BYE Session invalidated - AccessTokenExpired"
        ));
    }
}

#[test]
fn a_bye_that_nobody_asked_for_is_an_error() {
    implicit(&format!(
        "{LOGIN}
         > noop
         C: A2 NOOP
         S: * BYE Session invalidated - AccessTokenExpired
         S: A2 OK done
         E: error: server ended the session: BYE Session invalidated - AccessTokenExpired"
    ));
}

/// A reply given before the server closes is not lost, to whatever it is one.
#[test]
fn a_reply_counts_though_the_server_hangs_up_behind_it() {
    for (command, answer) in [
        ("STORE 1 +FLAGS (\\Seen)", "NO [LIMIT] too many"),
        ("UID STORE 1 -FLAGS.SILENT (\\Seen)", "OK done"),
        ("UID COPY 1 x", "NO [OVERQUOTA] full"),
        ("UID EXPUNGE 7", "BAD what"),
        ("CREATE x", "OK done"),
    ] {
        for (end, told) in [
            ("S: * BYE too much", "server ended the session: BYE too much"),
            ("--eof--", "connection closed after authentication"),
        ] {
            // The end comes behind what was told.
            let (early, late) = match end {
                "--eof--" => (format!("E: done A2 {answer}"), String::new()),
                _ => (String::new(), format!("E: done A2 {answer}")),
            };
            implicit(&format!(
                "{LOGIN}
                 > command {command}
                 C: A2 {command}
                 S: A2 {answer}
                 {early}
                 {end}
                 {late}
                 E: error: {told}"
            ));
        }
    }
    starttls(
        "S: * OK hi
         C: A1 STARTTLS
         S: A1 NO [UNAVAILABLE] later
         S: * BYE bye
         E: error: server refused STARTTLS: NO [UNAVAILABLE] later",
    );
}

#[test]
fn a_refusal_can_be_told_by_its_kind() {
    let mut play = Play::new(options(Security::Implicit), usize::MAX);
    play.run("S: * OK hi\nC: A1 CAPABILITY");
    assert_eq!(play.session.pending().count(), 0, "the session's own do not count");

    let mut play = Play::new(options(Security::Implicit), usize::MAX);
    play.run(LOGIN);
    let tag = play.session.noop().unwrap();
    assert_eq!(play.session.pending().collect::<Vec<_>>(), [tag]);
    play.pump();
    assert_eq!(play.session.pending().collect::<Vec<_>>(), [tag]);
    play.rx.extend(b"A2 BAD User is authenticated but not connected.\r\n").unwrap();
    let Ok(Step::Event(Event::Done(done))) = play.session.step(&mut play.rx, &mut play.tx) else { panic!() };
    assert_eq!((done.is_ok(), done.problem()), (false, Some(Problem::NotConnected)));
    assert_eq!(play.session.pending().count(), 0);
}

#[test]
fn what_changes_the_session_itself_is_no_command() {
    let mut session = Session::new(options(Security::Implicit));
    let text = |text: &str| text.as_bytes().to_vec();
    let plain = Atom::new("PLAIN").unwrap();
    let forbidden = [
        Command::StartTls,
        Command::Authenticate { mechanism: plain.clone(), initial: None },
        Command::Login { user: Text::from(text("u")), password: text("p").into() },
        Command::Unauthenticate,
        Command::Compress(plain),
    ];
    for command in forbidden {
        assert_eq!(session.command(&command), Err(Misuse::NotACommand), "{command:?}");
    }
    assert!(matches!(session.command(&Command::Id(Vec::new())), Ok(Tag(1))));
    assert!(matches!(session.fetch(1.into(), Vec::new()), Err(Misuse::Invalid(_))));
    assert_eq!(session.noop(), Ok(Tag(2)), "what is refused takes no tag");
    assert_eq!(session.pending().collect::<Vec<_>>(), [Tag(1), Tag(2)]);
}
