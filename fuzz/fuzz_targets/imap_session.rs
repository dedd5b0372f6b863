//! A server's bytes never make a session panic, hang, or read on after the end; a response that was cut out of the stream
//! parses or fails, and does the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mailbearer_imap::{
    Mailbox,
    session::{Event, Options, Session},
};
use mailbearer_sasl::Credentials;
use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};

fuzz_target!(|input: (Vec<u8>, u8, bool)| {
    let (script, chunk, starttls) = input;
    let security = if starttls { Security::StartTls } else { Security::Implicit };
    let options = Options::new("mail.test", 143, security);
    let (mut rx, mut tx) = (RecvBuf::with_limit(options.limits.buffer()), SendBuf::new());
    let mut session = Session::new(options);
    session.authenticate(Credentials::bearer("robot@mail.test", "token").unwrap()).unwrap();
    session.examine(Mailbox::new("INBOX").unwrap()).unwrap();
    session.idle().unwrap();
    let mut pieces = script.chunks(usize::from(chunk).max(1));
    loop {
        let step = session.step(&mut rx, &mut tx);
        tx.sent(usize::MAX);
        match step {
            Ok(Step::Event(Event::Data(frame))) => assert_eq!(frame.response(), frame.response()),
            Ok(Step::Read) => match pieces.next() {
                _ if rx.is_eof() => panic!("reads on after the end"),
                Some(piece) => rx.extend(piece).unwrap(),
                None => rx.set_eof(),
            },
            Ok(Step::Event(_) | Step::Flush | Step::StartTls) => {}
            Ok(Step::Close) | Err(_) => return,
        }
    }
});
