//! However the server's bytes are cut up, a submission ends the same way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mailbearer_sasl::Credentials;
use mailbearer_smtp::{Envelope, Error, Event, Options, Session};
use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};

fuzz_target!(|input: (Vec<u8>, u8, bool)| {
    let (script, chunk, starttls) = input;
    let whole = run(&script, script.len().max(1), starttls);
    let cut = run(&script, usize::from(chunk).max(1), starttls);
    // A cut can hide bytes that were sent ahead of time; nothing else may differ.
    let ahead = |end: &Result<Vec<Event>, Error>| {
        matches!(end, Err(Error::BytesBeforeTls | Error::Unexpected { .. } | Error::OutcomeUnknown { .. }))
    };
    if !ahead(&whole) && !ahead(&cut) {
        assert_eq!(whole, cut);
    }
});

fn run(script: &[u8], chunk: usize, starttls: bool) -> Result<Vec<Event>, Error> {
    let mut options = Options::new("mail.test", 587);
    options.security = if starttls { Security::StartTls } else { Security::Implicit };
    let mut session = Session::new(options).unwrap();
    session.authenticate(Credentials::bearer("robot@mail.test", "token").unwrap()).unwrap();
    session.submit(Envelope::new("robot@mail.test", ["a@mail.test", "b@mail.test"])).unwrap();
    let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 20), SendBuf::new());
    let (mut pieces, mut events) = (script.chunks(chunk), Vec::new());
    loop {
        let step = session.step(&mut rx, &mut tx);
        tx.sent(usize::MAX);
        match step? {
            Step::Event(event) => {
                if event == Event::BodyWanted {
                    session.body(b"Subject: x\n\n.\n").unwrap();
                    session.finish_body().unwrap();
                }
                events.push(event);
            }
            Step::Read => match pieces.next() {
                _ if rx.is_eof() => panic!("reads on after the end"),
                Some(piece) => rx.extend(piece).unwrap(),
                None => rx.set_eof(),
            },
            Step::Flush | Step::StartTls => {}
            Step::Close => return Ok(events),
        }
    }
}
