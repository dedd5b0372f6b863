use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use mailbearer::proto::{
    smtp::server::{Answer, Options as SessionOptions, Session},
    wire::{Machine, RecvBuf, SendBuf, Step},
};

use super::{
    Accounts, Options,
    reception::{Done, Next, Reception},
    server::{COMMAND, Shared},
};
use crate::spool::Spool;

/// Serves one client on a pair of streams, as `sendmail -bs` does: in the clear and without a login, for a program on this
/// machine. Answers 250 when a message is in the spool.
///
/// # Errors
///
/// Fails if reading or writing the streams fails.
pub fn speak(
    options: Options,
    spool: Spool,
    accounts: Accounts,
    input: &mut impl Read,
    output: &mut impl Write,
) -> io::Result<()> {
    let mut session = SessionOptions::new(options.name.clone());
    (session.security, session.login, session.mechanisms) = (None, false, Vec::new());
    (session.chunking, session.lenient) = (true, true);
    session.limits.message = options.limits.message;
    session.limits.recipients = options.limits.recipients;
    session.limits.command = COMMAND;
    session.wording.greeting = Answer { code: 220, text: format!("{} ESMTP ready", options.name).into() };
    let receive = session.limits.response.max(PIECE);
    let mut session = Session::new(session);
    let shared = Arc::new(Shared::new(options, spool, accounts, |_| ()));
    let options = shared.options();
    let mut reception = Reception::new(shared, options, IpAddr::V4(Ipv4Addr::LOCALHOST));
    let (mut rx, mut tx) = (RecvBuf::with_limit(receive), SendBuf::new());
    let mut piece = [0; PIECE];
    loop {
        let step = session.step(&mut rx, &mut tx);
        output.write_all(tx.unsent())?;
        output.flush()?;
        tx.sent(usize::MAX);
        let event = match step {
            Ok(Step::Event(event)) => event,
            Ok(Step::Read) => {
                let room = rx.room().min(piece.len());
                match input.read(piece.get_mut(..room).unwrap_or_default()) {
                    Ok(0) => rx.set_eof(),
                    Ok(count) => {
                        rx.extend(piece.get(..count).unwrap_or_default()).map_err(io::Error::other)?
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
                continue;
            }
            Ok(Step::Flush) => continue,
            // A client that leaves within a message has handed nothing over.
            Ok(Step::Close | Step::StartTls) | Err(_) => return Ok(()),
        };
        reception.meet(session.hello(), None);
        let answer = match reception.on(event) {
            Next::Nothing => continue,
            Next::Answer(answer) => answer,
            Next::Work(work) => match reception.work(work) {
                Done::Answer(answer) => answer,
                // No thread sends here, so there is no result to wait for.
                Done::Promise(promise) => reception.outcome(&promise.id, None),
            },
        };
        session.answer(&answer).map_err(io::Error::other)?;
    }
}

/// Octets that are read at a time.
const PIECE: usize = 16 * 1024;
