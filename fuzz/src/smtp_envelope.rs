//! No address adds a command, a parameter or a recipient; what is refused is refused before a word is said.

use arbitrary::{Arbitrary, Unstructured};
use mailbearer_sasl::Credentials;
use mailbearer_smtp::{
    Envelope, Event, Options, Session,
    server::{Command, CommandError},
};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

#[derive(Arbitrary, Debug)]
struct Input {
    sender: String,
    recipients: Vec<String>,
    size: Option<u64>,
    eight_bit: bool,
    smtp_utf8: bool,
    offered: u8,
    user: String,
    secret: String,
    body: Vec<u8>,
}

/// `data` is an [`Input`].
pub fn run(data: &[u8]) {
    let Ok(input) = Input::arbitrary(&mut Unstructured::new(data)) else { return };
    let mut envelope = Envelope::new(input.sender.as_str(), input.recipients.iter().map(String::as_str));
    (envelope.size, envelope.eight_bit, envelope.smtp_utf8) = (input.size, input.eight_bit, input.smtp_utf8);
    let mut session = Session::new(Options::new("mail.test", 465)).unwrap();
    if let Ok(credentials) = Credentials::bearer(input.user.as_str(), input.secret.as_str()) {
        session.authenticate(credentials).unwrap();
    }
    if session.submit(envelope).is_err() {
        return;
    }
    session.quit().unwrap();
    converse(&mut session, &input);
}

/// Plays a server that takes everything, and looks at what it is told.
fn converse(session: &mut Session, input: &Input) {
    let names = ["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 5000", "AUTH XOAUTH2", "AUTH OAUTHBEARER"];
    let offered = names.iter().enumerate().filter(|(bit, _)| input.offered >> bit & 1 > 0);
    let greeting: String = offered.map(|(_, name)| format!("250-{name}\r\n")).collect();
    let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 16), SendBuf::new());
    let (mut heard, mut data) = (Vec::new(), false);
    let (mut senders, mut recipients) = (0, Vec::new());
    rx.extend(b"220 hi\r\n").unwrap();
    loop {
        let step = session.step(&mut rx, &mut tx);
        heard.extend_from_slice(tx.unsent());
        tx.sent(usize::MAX);
        match step {
            Ok(Step::Event(Event::BodyWanted(ticket))) => {
                // Without a declaration such octets are not taken.
                let _ = session.body(ticket, input.body.get(..1000).unwrap_or(&input.body));
                session.finish_body(ticket).unwrap();
            }
            Ok(Step::Event(Event::Submitted(_, receipt))) => {
                let refused: Vec<&str> =
                    receipt.refused.iter().map(|(address, _)| address.as_str()).collect();
                let mut wanted = input.recipients.clone();
                wanted.retain(|address| !refused.contains(&address.as_str()));
                assert_eq!((senders, &recipients, &receipt.accepted), (1, &wanted, &wanted));
            }
            Ok(Step::Read) => {
                let mut replies = String::new();
                while let Some(end) = heard.windows(2).position(|pair| pair == b"\r\n") {
                    let line: Vec<u8> = heard.drain(..end + 2).take(end).collect();
                    if data {
                        if line == b"." {
                            data = false;
                            replies.push_str("250 taken\r\n");
                        }
                        continue;
                    }
                    match Command::parse(&line) {
                        Ok(Command::Ehlo(_)) => {
                            replies.push_str(&format!("250-hi\r\n{greeting}250 HELP\r\n"))
                        }
                        Ok(Command::Mail { sender, parameters }) => {
                            assert_eq!(sender, input.sender);
                            for parameter in &parameters {
                                assert!(matches!(&*parameter.keyword, "SIZE" | "BODY" | "SMTPUTF8"));
                            }
                            senders += 1;
                            replies.push_str("250 ok\r\n");
                        }
                        Ok(Command::Rcpt { recipient, parameters }) => {
                            assert!(parameters.is_empty());
                            recipients.push(recipient);
                            replies.push_str("250 ok\r\n");
                        }
                        Ok(Command::Data) => {
                            data = true;
                            replies.push_str("354 go\r\n");
                        }
                        Ok(Command::Auth { initial, .. }) => {
                            let reply = if initial.is_some() { "235 in\r\n" } else { "334 \r\n" };
                            replies.push_str(reply);
                        }
                        Ok(Command::Quit) => replies.push_str("221 bye\r\n"),
                        Err(CommandError::Syntax("no path in angle brackets")) => {
                            // A lone quote. It is no address, and it adds nothing.
                            assert!(line.starts_with(b"RCPT TO:<") || line.starts_with(b"MAIL FROM:<"));
                            replies.push_str("501 5.1.3 what\r\n");
                        }
                        // The response to a challenge.
                        Err(_)
                            if line
                                .iter()
                                .all(|octet| octet.is_ascii_alphanumeric() || b"+/=".contains(octet)) =>
                        {
                            replies.push_str("235 in\r\n");
                        }
                        other => panic!("{other:?}: {}", line.escape_ascii()),
                    }
                }
                assert!(!replies.is_empty(), "the server waits, and so does the client");
                rx.extend(replies.as_bytes()).unwrap();
            }
            Ok(Step::Event(_) | Step::Flush) => {}
            Ok(Step::Close) | Err(_) => return,
            Ok(step) => panic!("{step:?}"),
        }
    }
}
