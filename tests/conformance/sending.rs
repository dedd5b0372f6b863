//! Submission through the facade: what is dropped, refused or cut never touches another message.

use std::{
    future::poll_fn,
    io::{self, Read},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use mailbearer::{
    Address, Client, Envelope, Error, Kind, Message, Outgoing, Security, Server, Tokio,
    proto::{mime::parse, smtp, wire::Direction},
};
use mailbearer_mock::{Server as Mock, Transcript, memory::Options, serve};

use crate::facade::{account, message, mock, robot, tokio};

/// The messages that arrived.
fn arrived(server: &Mock) -> Vec<String> {
    let texts = server.mailbox().messages("INBOX");
    texts.iter().map(|message| String::from_utf8(message.octets.to_vec()).unwrap()).collect()
}

fn envelope(server: &Mock) -> Envelope {
    Envelope::new(server.user(), [server.user()])
}

fn assert_unfinished<T>(result: Result<T, Error>, name: &str) {
    let Err(error) = result else { panic!("{name}: the session went on") };
    assert!(matches!(error.kind(), Kind::Unfinished), "{name}: {error:?}");
    assert!(!error.is_transient(), "{name}: {error}");
}

/// A message that was stopped half way is not merged with the next one: an abandoned body closes the session, and a
/// later `submit` or `quit` is a clear error.
#[test]
fn a_submission_that_is_dropped_ends_the_session() {
    let server = mock(Options::default());
    let robot = robot(&server);
    let composed = message(&robot);
    for pieces in [&[][..], &[&b"Subject: half\r\n\r\n"[..]], &[b"Subject: half\r\n\r\n", b"half\n"]] {
        let mut smtp = robot.connect_smtp().unwrap();
        let mut submission = smtp.submit(envelope(&server)).unwrap();
        for piece in pieces {
            submission.write(piece).unwrap();
        }
        drop(submission);
        let name = format!("after {} pieces", pieces.len());
        assert_unfinished(smtp.send(&composed), &name);
        assert_unfinished(smtp.submit(envelope(&server)), &name);
        assert_unfinished(smtp.quit(), &name);
    }
    // A write that fails leaves a submission that its caller drops with `?`.
    let mut smtp = robot.connect_smtp().unwrap();
    let mut submission = smtp.submit(envelope(&server)).unwrap();
    submission.write("ä".as_bytes()).unwrap_err();
    drop(submission);
    assert_unfinished(smtp.send(&composed), "8-bit");
    assert_unfinished(smtp.quit(), "8-bit");
    assert_eq!(arrived(&server), [""; 0]);
}

#[test]
fn a_submission_is_kept_without_its_session() {
    let server = mock(Options::default());
    let robot = robot(&server);
    let mut smtp = robot.connect_smtp().unwrap();
    let mut other = robot.connect_smtp().unwrap();
    let mut submission = smtp.submit(envelope(&server)).unwrap();
    submission.write(b"Subject: kept\r\n\r\n").unwrap();
    let state = submission.detach();
    let mut submission = smtp.submission(state).unwrap();
    submission.write(b"body\r\n").unwrap();
    let state = submission.detach();
    smtp.submission(state).unwrap().finish().unwrap();

    // Another session knows nothing of it, whatever it is in the middle of.
    let state = smtp.submit(envelope(&server)).unwrap().detach();
    let others = other.submit(envelope(&server)).unwrap().detach();
    assert!(other.submission(state).is_none());
    other.submission(others).unwrap().finish().unwrap();
    // The state of the first was dropped, in the middle.
    assert_unfinished(smtp.send(&message(&robot)), "detached");
    assert_unfinished(smtp.quit(), "detached");

    let state = other.submit(envelope(&server)).unwrap().detach();
    assert_unfinished(other.submit(envelope(&server)), "another is begun");
    assert!(other.submission(state).is_none(), "it was given up");
    assert_eq!(arrived(&server), ["Subject: kept\r\n\r\nbody\r\n", ""]);
}

const LINES: usize = 200_000;

/// Drops a `send` after each number of polls that it can take.
#[test]
fn a_future_that_is_dropped_never_touches_the_next_message() {
    let server = mock(Options::default());
    let robot: Client<Tokio> = account(&server).tokio().unwrap();
    let (mut whole, mut dropped) = (0, 0);
    tokio(async {
        let second = message(&robot);
        for polls in 1..200 {
            let mut smtp = robot.connect_smtp().await.unwrap();
            let mut first = message(&robot);
            first.octets = format!("Subject: first\r\n\r\n{}", "first\r\n".repeat(LINES)).into_bytes();
            let mut left = polls;
            let mut sending = smtp.send(&first);
            let done = poll_fn(|context| {
                left -= 1;
                match sending.as_mut().poll(context) {
                    Poll::Ready(result) => Poll::Ready(Some(result)),
                    Poll::Pending if left == 0 => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await;
            drop(sending);
            match smtp.send(&second).await {
                Ok(receipt) => {
                    assert_eq!(receipt.accepted.len(), 1);
                    whole += 1;
                    smtp.quit().await.unwrap();
                }
                Err(error) => {
                    assert!(matches!(error.kind(), Kind::Unfinished), "after {polls}: {error:?}");
                    assert!(done.is_none(), "after {polls}");
                    dropped += 1;
                    assert_unfinished(smtp.quit().await, "quit");
                }
            }
            if done.is_some() {
                return;
            }
        }
        panic!("never done");
    });
    // Where the sockets take all of it at once, there is no moment in its middle: the next test has one.
    assert!(whole > 0, "{whole} whole, {dropped} dropped");
    let arrived = arrived(&server);
    let seconds = arrived.iter().filter(|text| text.contains("Subject: one\r\n")).count();
    assert_eq!(seconds, whole);
    for text in arrived {
        let first = text.contains("Subject: first\r\n");
        assert!(first != text.contains("Subject: one\r\n"), "merged: {} octets", text.len());
        let lines = text.lines().filter(|line| *line == "first").count();
        assert_eq!(lines, if first { LINES } else { 0 });
    }
}

/// Passes on so many octets of a client, and reads nothing after them. Says when that is.
fn deaf(port: u16, octets: u64) -> (u16, mpsc::Receiver<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let own = listener.local_addr().unwrap().port();
    let (stalled, stalling) = mpsc::channel();
    thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let (mut to_client, mut from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let downwards = thread::spawn(move || drop(io::copy(&mut from_server, &mut to_client)));
        let _ = io::copy(&mut (&client).take(octets), &mut server);
        let _ = stalled.send(());
        // It stays open until the server has had enough, which is when the test is over.
        downwards.join().unwrap();
    });
    (own, stalling)
}

/// More than the buffers of two sockets hold.
const LARGE: usize = 64 << 20;

/// A message that the server took a part of, when its future is dropped, or its time is over on a blocking runtime.
///
/// A message that was stopped half way, by a dropped future or a failed write, is no part of the next, on both
/// runtimes.
#[test]
fn a_message_that_stops_in_its_middle_is_no_part_of_the_next() {
    let server = mock(Options::default());
    let composed = |mut composed: mailbearer::Composed| {
        composed.octets = b"Subject: first\r\n\r\n".to_vec();
        composed.octets.resize(LARGE, b'x');
        composed
    };
    for driver in ["blocking", "tokio"] {
        let (port, stalled) = deaf(server.ports().smtps, 300_000);
        let mut account = account(&server);
        account.smtp = Some(Server::new("localhost", port, Security::Implicit));
        account.timeouts.write = Duration::from_millis(500);
        match driver {
            "blocking" => {
                let robot = account.blocking().unwrap();
                let mut smtp = robot.connect_smtp().unwrap();
                let error = smtp.send(&composed(message(&robot))).unwrap_err();
                assert_eq!(error.kind(), Kind::Timeout, "{error:?}");
                assert_unfinished(smtp.send(&message(&robot)), driver);
                assert_unfinished(smtp.quit(), driver);
            }
            _ => tokio(async {
                let robot: Client<Tokio> = account.tokio().unwrap();
                let (first, second) = (composed(message(&robot)), message(&robot));
                let mut smtp = robot.connect_smtp().await.unwrap();
                let mut sending = smtp.send(&first);
                while stalled.try_recv().is_err() {
                    let polled = sending.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                    assert!(polled.is_pending(), "{polled:?}");
                    ::tokio::task::yield_now().await;
                }
                drop(sending);
                assert_unfinished(smtp.send(&second).await, driver);
                assert_unfinished(smtp.quit().await, driver);
            }),
        }
    }
    assert_eq!(arrived(&server), [""; 0]);
}

/// The runtime never polls a future that was made and dropped.
#[test]
fn a_future_that_never_ran_leaves_the_session_as_it_was() {
    let server = mock(Options::default());
    let robot: Client<Tokio> = account(&server).tokio().unwrap();
    tokio(async {
        let mut smtp = robot.connect_smtp().await.unwrap();
        let composed = message(&robot);
        drop(smtp.send(&composed));
        smtp.send(&composed).await.unwrap();
        let submission = smtp.submit(envelope(&server)).await.unwrap();
        drop(submission.finish());
        assert_unfinished(smtp.send(&composed).await, "finish was never polled");
        let mut quit = smtp.quit();
        assert!(
            quit.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready(),
            "it waits for nothing"
        );
    });
    assert_eq!(arrived(&server).len(), 1);
}

const GREETING: &str = "--TLS--\n\
    S: 220 ready\nC: EHLO <any>\nS: 250-hello\nS: 250-PIPELINING\nS: 250 AUTH XOAUTH2\n\
    C: AUTH XOAUTH2\nS: 334 \nC: <any>\nS: 235 welcome\n\
    C: MAIL FROM:<robot@mailbearer.test>\nC: RCPT TO:<robot@mailbearer.test>\nC: DATA\n";

/// Whatever the server refuses, it hears QUIT, where QUIT would not be a line of the message.
///
/// After a refusal (MAIL, RCPT, DATA, the dot, SIZE, SMTPUTF8) the session still says QUIT.
#[test]
fn a_refusal_is_followed_by_quit() {
    let rows = [
        ("MAIL", "S: 550 5.7.60 not you\nS: 503 what\nS: 503 what\nC: QUIT\nS: 221 bye\n"),
        ("RCPT", "S: 250 ok\nS: 550 5.1.1 who\nS: 554 nobody\nC: QUIT\nS: 221 bye\n"),
        ("DATA", "S: 250 ok\nS: 250 ok\nS: 451 not now\nC: QUIT\nS: 221 bye\n"),
        ("MAIL, and DATA is taken", "S: 550 5.7.60 not you\nS: 250 ok\nS: 354 go\n--close--\n"),
    ];
    for (name, rest) in rows {
        let server = mock(Options::default());
        let (address, serving) = serve(Transcript::parse(&format!("{GREETING}{rest}")).unwrap()).unwrap();
        let mut account = account(&server);
        account.smtp = Some(Server::new("localhost", address.port(), Security::Implicit));
        let robot = account.ca_pem([server.ca_pem(), serving.ca_pem()].concat()).unwrap().blocking().unwrap();
        let error = robot.send(&message(&robot)).unwrap_err();
        assert!(error.cause::<smtp::Refusal>().is_some(), "{name}: {error:?}");
        serving.join().unwrap_or_else(|difference| panic!("{name}: {difference}"));
    }
}

/// What an account says of its submission sessions is what they do.
#[test]
fn the_options_of_an_account_count() {
    let server = mock(Options::default());
    let script = "--TLS--\nS: 220 ready\nC: EHLO printer.example\nS: 250-hello\nS: 250 SIZE\n--close--\n";
    let (address, serving) = serve(Transcript::parse(script).unwrap()).unwrap();
    let mut account = account(&server);
    account.smtp = Some(Server::new("localhost", address.port(), Security::Implicit));
    let mut options = mailbearer::proto::smtp::Options::new("elsewhere.example", 1);
    options.client_name = "printer.example".into();
    options.limits.reply_lines = 1;
    account.smtp_options = Some(Box::new(options));
    let robot = account.ca_pem([server.ca_pem(), serving.ca_pem()].concat()).unwrap().blocking().unwrap();
    let Err(error) = robot.connect_smtp() else { panic!("two lines are one over the limit") };
    assert!(error.to_string().contains("reply of more than 1 lines"), "{error}");
    serving.join().unwrap();
}

/// A server that has had enough says why and closes. What it said counts, not that a write failed.
///
/// `552 too big` in the middle of an upload is what is told, not "connection reset".
#[test]
fn a_refusal_in_the_middle_of_an_upload_is_told() {
    let script = format!("{GREETING}S: 250 ok\nS: 250 ok\nS: 354 go\nS: 552 5.3.4 too big\n--close--\n");
    let transcript = Transcript::parse(&script).unwrap();
    for driver in ["blocking", "tokio"] {
        let server = mock(Options::default());
        let (address, serving) = serve(transcript.clone()).unwrap();
        let mut account = account(&server);
        account.smtp = Some(Server::new("localhost", address.port(), Security::Implicit));
        let account = account.ca_pem([server.ca_pem(), serving.ca_pem()].concat()).unwrap();
        let large = |mut composed: mailbearer::Composed| {
            composed.octets = b"Subject: x\r\n\r\n".repeat(1_000_000);
            composed
        };
        let error = match driver {
            "blocking" => {
                let robot = account.blocking().unwrap();
                robot.send(&large(message(&robot))).unwrap_err()
            }
            _ => tokio(async {
                let robot: Client<Tokio> = account.tokio().unwrap();
                robot.send(&large(message(&robot))).await.unwrap_err()
            }),
        };
        assert!(error.to_string().contains("552 5.3.4 too big"), "{driver}: {error:?}");
        assert!(!error.is_transient() && !error.outcome_unknown(), "{driver}: {error:?}");
        let _ = serving.join();
    }
}

#[test]
fn files_are_read_while_the_message_is_sent() {
    let server = mock(Options::default());
    let robot = robot(&server);
    let user = Address::parse(&robot.account().user).unwrap();
    let message = || Message::new(user.clone()).to(user.clone()).subject("files").text("x");
    let file: Vec<u8> = (0..2_000_003_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    let outgoing = |size: Option<u64>| {
        Outgoing::new(message())
            .attach_reader("发票.bin", "application/octet-stream", &*file, size)
            .attach_reader("empty", "a/b", std::io::empty(), None)
    };
    let length = u64::try_from(file.len()).ok();
    robot.send_outgoing(outgoing(length)).unwrap();
    tokio(async {
        let robot = account(&server).tokio().unwrap();
        robot.send_outgoing(outgoing(None)).await.unwrap();
    });
    let prepared = robot.prepare(outgoing(length)).unwrap();
    let told = robot.prepare(Outgoing::new(message()).attach_reader("a", "a/b", &*file, length)).unwrap();
    let (size, mut octets) = (told.envelope().size, Vec::new());
    told.copy(|piece| {
        octets.extend_from_slice(piece);
        Ok::<(), Error>(())
    })
    .unwrap();
    assert_eq!((size, prepared.envelope().size), (u64::try_from(octets.len()).ok(), None));
    let parsed = parse::Message::parse(&octets);
    assert!(parsed.attachments().all(|part| part.bytes() == file));

    let messages = server.mailbox().messages("INBOX");
    assert_eq!(messages.len(), 2);
    for message in &messages {
        let parsed = parse::Message::parse(&message.octets);
        let files: Vec<_> = parsed.attachments().collect();
        assert_eq!((files[0].file_name(), files[1].file_name()), (Some("发票.bin"), Some("empty")));
        assert_eq!((files[0].bytes().len(), files[1].bytes().len()), (file.len(), 0));
        assert!(files[0].bytes() == file);
    }

    // What is not as long as was said is not sent, and neither is what can't be read.
    for size in [2_000_002, 2_000_004, 0] {
        let error = robot.send_outgoing(outgoing(Some(size))).unwrap_err();
        assert_eq!(error.kind(), Kind::Input, "{size}: {error}");
    }
    let mut smtp = robot.connect_smtp().unwrap();
    let broken = Outgoing::new(message()).attach_reader("a", "a/b", Broken, None);
    assert_eq!(smtp.send_prepared(robot.prepare(broken).unwrap()).unwrap_err().kind(), Kind::Input);
    assert_unfinished(smtp.quit(), "a file that broke");
    let forgotten = Outgoing::new(message().attach_later("a", "a/b", None));
    assert_eq!(robot.send_outgoing(forgotten).unwrap_err().kind(), Kind::Message);
    assert_eq!(Outgoing::new(message()).attach_path("none".as_ref(), "a/b").unwrap_err().kind(), Kind::Input);
    assert_eq!(Outgoing::new(message()).attach_path(".".as_ref(), "a/b").unwrap_err().kind(), Kind::Input);
    assert_eq!(server.mailbox().messages("INBOX").len(), 2);
}

struct Broken;

impl std::io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("broken"))
    }
}

/// A flight is what the client says before it has to hear something.
#[test]
fn many_messages_take_a_flight_each() {
    let server = mock(Options::default());
    let flights = Arc::new(Mutex::new((0, None)));
    let counting = Arc::clone(&flights);
    let robot: Client = Client::traced(account(&server), move |line| {
        let mut flights = counting.lock().unwrap();
        if line.direction == Direction::Sent && flights.1 != Some(Direction::Sent) {
            flights.0 += 1;
        }
        flights.1 = Some(line.direction);
    })
    .unwrap();
    let mut messages: Vec<_> = (0..20).map(|_| message(&robot)).collect();
    messages[7].recipients = Default::default();
    messages[9].sender = "a>b@x".into();
    let mut smtp = robot.connect_smtp().unwrap();
    let before = flights.lock().unwrap().0;
    let mut verdicts = Vec::new();
    for (index, verdict) in smtp.send_all(&messages) {
        assert_eq!(index, verdicts.len());
        verdicts.push(verdict.map_err(|error| error.kind()));
    }
    let refused: Vec<_> = (0..20).filter(|index| verdicts[*index].is_err()).collect();
    assert_eq!(refused, [7, 9], "{verdicts:?}");
    let took = flights.lock().unwrap().0 - before;
    assert!(took <= 18 + 3, "18 messages took {took} flights");
    assert_eq!(arrived(&server).len(), 18);
    // And goes on as if nothing had been.
    smtp.send(&messages[0]).unwrap();
    // One that is dropped in the middle takes the session with it, and no message comes in half.
    let mut batch = smtp.send_all(&messages[..3]);
    batch.next().unwrap().1.unwrap();
    drop(batch);
    assert_unfinished(smtp.send(&messages[0]), "after a batch");
    assert_eq!(arrived(&server).len(), 20);
}

/// What a message is called at the provider, and whether it is there, also where the provider gives it another Message-ID.
#[test]
fn a_message_is_found_by_the_id_that_it_was_sent_with() {
    use mailbearer_mock::memory::Personality;

    for (personality, folder, is_replaced) in [
        (Personality::Exchange, Some("Sent Items"), true),
        (Personality::Gmail, Some("[Gmail]/Sent Mail"), false),
        (Personality::Dovecot, None, false),
    ] {
        let mut options = Options::default();
        options.personality = personality;
        let server = mock(options);
        let robot: Client = Client::new(account(&server)).unwrap();
        let composed = message(&robot);
        let text = String::from_utf8(composed.octets.clone()).unwrap();
        let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned();
        assert_eq!(robot.arrived(&id, Duration::ZERO).unwrap(), None, "{personality}: not yet");
        let receipt = robot.send(&composed).unwrap();
        assert_eq!(receipt.server_message_id().is_some(), is_replaced, "{personality}: {receipt:?}");
        let found = robot.arrived(&id, Duration::ZERO).unwrap();
        assert_eq!(found.as_ref().map(|found| found.mailbox.as_str()), folder, "{personality}");
        if let Some(found) = found {
            let kept = receipt.server_message_id().unwrap_or(&id);
            assert_eq!(found.message_id, kept, "{personality}");
            // Nothing but the whole id counts.
            assert_eq!(robot.arrived(&id[..id.len() - 3], Duration::ZERO).unwrap(), None, "{personality}");
        }
        let there = &arrived(&server)[0];
        assert_eq!(
            there.contains(&format!("X-Microsoft-Original-Message-ID: {id}\r\n")),
            is_replaced,
            "{there}"
        );
    }
}
