use super::*;
use crate::{AppendData, AppendMessage, Command};

fn login(capabilities: &str) -> String {
    format!("S: * PREAUTH [CAPABILITY IMAP4rev1{capabilities}] hi\nE: ready\nE: authenticated\n")
}

#[test]
fn a_message_waits_for_the_server_where_it_must() {
    implicit(&format!(
        "{}
         > noop
         > append Sent 10
         > select INBOX
         C: A1 NOOP
         S: A1 OK done
         E: done A1 OK done
         C: A2 APPEND Sent (\\Seen) {{10}}
         S: * 1 EXISTS
         E: * 1 EXISTS
         S: + go on
         E: body wanted A2
         > body 0123
         C, 0123
         E: body wanted A2
         S: * 2 EXISTS
         E: * 2 EXISTS
         > body 456789
         C: 456789
         C: A3 SELECT INBOX
         S: A2 OK [APPENDUID 1 5] done
         S: A3 OK done
         E: done A2 OK [APPENDUID 1 5] done
         E: done A3 OK done",
        login("")
    ));
}

#[test]
fn a_message_goes_on_at_once_where_it_may() {
    for (capability, size) in [(" LITERAL+", 4097), (" LITERAL-", 4096)] {
        let body = "x".repeat(size);
        implicit(&format!(
            "{}
             > noop
             > append Sent {size}
             C: A1 NOOP
             C: A2 APPEND Sent (\\Seen) {{{size}+}}
             E: body wanted A2
             > body {body}
             C: {body}
             S: A1 OK done
             S: A2 OK done
             E: done A1 OK done
             E: done A2 OK done",
            login(capability)
        ));
    }
    implicit(&format!("{}\n> append Sent 4097\nC: A1 APPEND Sent (\\Seen) {{4097}}", login(" LITERAL-")));
}

#[test]
fn a_refusal_instead_of_the_go_ahead_is_a_result() {
    implicit(&format!(
        "{}
         > append Nowhere 10
         > noop
         C: A1 APPEND Nowhere (\\Seen) {{10}}
         S: A1 NO [TRYCREATE] no such mailbox
         E: done A1 NO [TRYCREATE] no such mailbox
         C: A2 NOOP
         S: A2 OK done
         E: done A2 OK done",
        login("")
    ));
}

#[test]
fn a_refusal_of_what_goes_on_at_once_is_told_at_its_end() {
    implicit(&format!(
        "{}
         > append Sent 4
         > noop
         C: A1 APPEND Sent (\\Seen) {{4+}}
         E: body wanted A1
         > body ab
         C, ab
         E: body wanted A1
         S: A1 NO [OVERQUOTA] full
         S: * 1 EXISTS
         E: * 1 EXISTS
         > body cd
         C: cd
         E: done A1 NO [OVERQUOTA] full
         C: A2 NOOP
         S: A1 NO again
         E: error: protocol error after authentication: answer to no command in flight: A1 NO again",
        login(" LITERAL+")
    ));
    // The server hangs up on what it does not want.
    implicit(&format!(
        "{}
         > append Sent 4
         C: A1 APPEND Sent (\\Seen) {{4+}}
         E: body wanted A1
         S: A1 NO [OVERQUOTA] full
         --eof--
         E: done A1 NO [OVERQUOTA] full
         E: error: connection closed after authentication",
        login(" LITERAL+")
    ));
    for answer in ["S: A1 OK done", "S: A1 NO full\nS: A1 NO full"] {
        let mut play = Play::new(options(Security::Implicit), usize::MAX);
        play.run(&format!(
            "{}
             > append Sent 4
             C: A1 APPEND Sent (\\Seen) {{4+}}
             E: body wanted A1
             {answer}
             E: error: protocol error after authentication: answer to a command that was not sent yet: {}",
            login(" LITERAL+"),
            answer.rsplit("S: ").next().unwrap()
        ));
    }
}

/// The answer to another command, or one that comes too early, is not the end of the message.
#[test]
fn a_message_under_way_goes_on_whatever_else_is_answered() {
    for (status, capability) in [("OK", " LITERAL+"), ("NO", " LITERAL+"), ("BAD", " LITERAL-")] {
        implicit(&format!(
            "{}
             > noop
             > append Sent 4
             C: A1 NOOP
             C: A2 APPEND Sent (\\Seen) {{4+}}
             E: body wanted A2
             > body ab
             C, ab
             E: body wanted A2
             S: A1 {status} done
             E: done A1 {status} done
             > body cd
             C: cd
             S: A2 OK done
             E: done A2 OK done",
            login(capability)
        ));
    }
    let mut play = Play::new(options(Security::Implicit), usize::MAX);
    play.run(&format!(
        "{}
         > append Sent 4
         C: A1 APPEND Sent (\\Seen) {{4}}
         S: + go on
         E: body wanted A1
         > body ab
         C, ab
         E: body wanted A1
         S: A1 OK done
         E: error: protocol error after authentication: answer to a command that was not sent yet: A1 OK done",
        login("")
    ));
    // A refused APPEND that the caller knows of is no longer in flight.
    let mut play = Play::new(options(Security::Implicit), usize::MAX);
    play.run(&format!(
        "{}\n> noop\n> append Sent 4\nC: A1 NOOP\nC: A2 APPEND Sent (\\Seen) {{4+}}\nE: body wanted A2\nS: A2 NO full",
        login(" LITERAL+")
    ));
    play.rx.set_eof();
    let Ok(Step::Event(Event::Done(done))) = play.session.step(&mut play.rx, &mut play.tx) else { panic!() };
    assert_eq!((done.tag, play.session.pending().collect::<Vec<_>>()), (Tag(2), std::vec![Tag(1)]));
}

#[test]
fn a_command_may_have_several_literals() {
    let message = |size| AppendMessage { flags: Vec::new(), date: None, data: AppendData::Stream(size) };
    let append = Command::Append { mailbox: Mailbox::INBOX, messages: std::vec![message(2), message(4)] };
    for size in SIZES {
        let mut play = Play::new(options(Security::Implicit), size);
        play.run(&login(""));
        play.session.command(&append).unwrap();
        play.run(
            "C: A1 APPEND INBOX {2}
             S: +
             E: body wanted A1
             > body ab
             C: ab {4}
             S: +
             E: body wanted A1
             > body cdef
             C: cdef
             S: A1 OK done
             E: done A1 OK done",
        );
    }
    let delete = Command::Delete(Mailbox::new("a\"b").unwrap());
    let long = "x ".repeat(1000);
    let rename = Command::Rename { from: Mailbox::new(&long).unwrap(), to: Mailbox::new(&long).unwrap() };
    let mut play = Play::new(options(Security::Implicit), usize::MAX);
    play.run(&login(""));
    play.session.command(&delete).unwrap();
    play.session.command(&rename).unwrap();
    play.run(&format!(
        "C: A1 DELETE \"a\\\"b\"
         S: A1 OK done
         E: done A1 OK done
         C: A2 RENAME {{2000}}
         S: +
         C: {long} {{2000}}
         S: A2 NO no
         E: done A2 NO no"
    ));
}

#[test]
fn an_empty_message_is_complete_at_once() {
    implicit(&format!(
        "{}
         > append Sent 0
         C: A1 APPEND Sent (\\Seen) {{0}}
         S: + go on
         C:
         S: A1 OK done
         E: done A1 OK done",
        login("")
    ));
}

#[test]
fn a_large_message_passes_in_pieces_of_the_send_buffer() {
    const SIZE: usize = 1_000_000;
    let mut play = Play::new(options(Security::Implicit), usize::MAX);
    play.run(&login(" LITERAL+"));
    assert_eq!(play.session.body(b"too early"), 0);
    play.run(&format!("> append Sent {SIZE}\nC: A1 APPEND Sent (\\Seen) {{{SIZE}+}}\nE: body wanted A1"));
    let message: Vec<u8> = (0..SIZE).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let (mut rest, mut sent, mut wanted) = (message.as_slice(), Vec::new(), true);
    // Octets beyond the announced size are not taken.
    let surplus = [0; 100];
    while sent.len() < SIZE + 2 {
        if wanted {
            let count = play.session.body(&[rest, &surplus].concat());
            assert!(count > 0 && count <= SendBuf::LIMIT && count <= rest.len());
            rest = &rest[count..];
        }
        let step = play.session.step(&mut play.rx, &mut play.tx).unwrap();
        wanted = matches!(step, Step::Event(Event::BodyWanted(_)));
        assert!(wanted || matches!(step, Step::Flush) || rest.is_empty());
        // A driver may empty the send buffer slowly.
        assert!(play.tx.unsent().len() <= SendBuf::LIMIT + 2);
        let piece = play.tx.unsent().len().min(50_000);
        sent.extend_from_slice(&play.tx.unsent()[..piece]);
        play.tx.sent(piece);
    }
    assert_eq!(sent, [message.as_slice(), b"\r\n"].concat());
    assert_eq!(play.session.body(b"too late"), 0);
    play.run("S: A1 OK done\nE: done A1 OK done");
}

#[test]
fn a_large_literal_comes_in_pieces() {
    let mut options = options(Security::Implicit);
    options.limits.literal_inline = 4;
    let script = format!(
        "{}
         > fetch 1 FLAGS
         C: A1 FETCH 1 (FLAGS)
         S: * 1 FETCH (BODY[1] {{4}}
         S: abcd BODY[2] {{5}}
         S: efghi UID 7)
         S: A1 OK done
         E: literal of 5: * 1 FETCH (BODY[1] {{4}}\\r\\nabcd BODY[2] {{5}}
         E: chunk efghi
         E: * 1 FETCH (BODY[1] {{4}}\\r\\nabcd BODY[2] {{0}}\\r\\n UID 7)
         E: done A1 OK done",
        login("")
    );
    play_all(&options, &script);
}
