use mailbearer_mock::{Server as Mock, memory};
use mailbearer_net::Blocking;

use super::*;
use crate::{Address, Client, Kind, Message, Security, Server};

mod extensions;
mod opening;

fn start() -> (Mock, Client) {
    start_with(|_| ())
}

fn start_with(change: impl FnOnce(&mut memory::Options)) -> (Mock, Client) {
    let mut options = memory::Options::default();
    // Exchange replaces Message-ID.
    options.personality = memory::Personality::Dovecot;
    change(&mut options);
    let mock = Mock::start(options).unwrap();
    let mut account = Account::custom(mock.user(), mock.token_url(), mock.scope())
        .client_credentials(mock.client_id(), mock.client_secret())
        .ca_pem(mock.ca_pem())
        .unwrap();
    account.smtp = Some(Server::new("localhost", mock.ports().smtps, Security::Implicit));
    (mock, account.blocking().unwrap())
}

fn message(client: &Client, to: &str, text: &str) -> Composed {
    let from = Address::parse(&client.account().user).unwrap();
    client.compose(&Message::new(from).to(Address::parse(to).unwrap()).text(text)).unwrap()
}

fn envelope(message: &Composed) -> Envelope {
    Envelope::new(&message.sender, &message.recipients)
}

fn arrived(mock: &Mock) -> Vec<Vec<u8>> {
    mock.mailbox().messages("INBOX").iter().map(|message| message.octets.to_vec()).collect()
}

#[test]
fn a_message_arrives_as_it_is_however_it_is_handed_over() {
    let (mock, client) = start();
    // More than the session takes at once.
    let large = message(&client, "ann@mail.test", &"a line of a large message\r\n.\r\n".repeat(20_000));
    let mut smtp = client.connect_smtp().unwrap();
    smtp.send(&large).unwrap();
    let mut submission = smtp.submit(envelope(&large)).unwrap();
    for piece in large.octets.chunks(70_001) {
        submission.write(piece).unwrap();
    }
    submission.finish().unwrap();
    let mut submission = smtp.submit(envelope(&large)).unwrap();
    let (head, rest) = large.octets.split_at(1000);
    submission.write(head).unwrap();
    let state = submission.detach();
    let mut submission = smtp.submission(state).unwrap();
    submission.write(rest).unwrap();
    submission.finish().unwrap();
    client.send(&large).unwrap();
    smtp.quit().unwrap();
    assert!(arrived(&mock).iter().all(|octets| *octets == large.octets));
    assert_eq!(arrived(&mock).len(), 4);
}

#[test]
fn a_refused_message_leaves_the_session_for_the_next() {
    let (mock, client) = start();
    let refused = message(&client, "ann@refused.test", "refused");
    let good = message(&client, "ann@mail.test", "good");
    let mut smtp = client.connect_smtp().unwrap();
    let error = smtp.send(&refused).unwrap_err();
    assert!(error.kind() == Kind::Refused && !error.ended_session(), "{error}");
    assert!(smtp.submit(envelope(&refused)).is_err());
    smtp.send(&good).unwrap();
    smtp.quit().unwrap();
    assert_eq!(arrived(&mock), [good.octets]);
}

#[test]
fn a_message_that_is_dropped_takes_the_session_with_it() {
    let (mock, client) = start();
    let dropped = message(&client, "ann@mail.test", "dropped");
    let next = message(&client, "bob@mail.test", "next");
    for detached in [false, true] {
        let mut smtp = client.connect_smtp().unwrap();
        let mut submission = smtp.submit(envelope(&dropped)).unwrap();
        submission.write(b"Subject: half\r\n").unwrap();
        if detached {
            drop(submission.detach());
        } else {
            drop(submission);
        }
        assert_eq!(smtp.send(&next).unwrap_err().kind(), Kind::Unfinished, "{detached}");
        assert_eq!(smtp.quit().unwrap_err().kind(), Kind::Unfinished, "{detached}");
    }
    // A message that was detached from one session belongs to no other, and does not stay valid for long.
    let (mut one, mut other) = (client.connect_smtp().unwrap(), client.connect_smtp().unwrap());
    let state = one.submit(envelope(&dropped)).unwrap().detach();
    let others = other.submit(envelope(&dropped)).unwrap().detach();
    assert!(one.submission(others).is_none());
    assert!(one.submission(state).is_some());
    assert_eq!(arrived(&mock), [[0; 0]; 0]);
}

#[test]
fn many_messages_have_a_verdict_each() {
    let (mock, client) = start();
    let mut messages: Vec<Composed> =
        (0..5).map(|number| message(&client, "ann@mail.test", &format!("number {number}"))).collect();
    messages.insert(2, message(&client, "ann@refused.test", "refused"));
    let mut smtp = client.connect_smtp().unwrap();
    let verdicts: Vec<(usize, bool)> =
        smtp.send_all(&messages).map(|(index, verdict)| (index, verdict.is_ok())).collect();
    assert_eq!(verdicts, [(0, true), (1, true), (2, false), (3, true), (4, true), (5, true)]);
    smtp.send(messages.first().unwrap()).unwrap();
    smtp.quit().unwrap();
    messages.remove(2);
    let mut wanted: Vec<Vec<u8>> = messages.iter().map(|message| message.octets.clone()).collect();
    wanted.push(messages.remove(0).octets);
    assert_eq!(arrived(&mock), wanted);

    // Dropped with a message on its way.
    let mut smtp = client.connect_smtp().unwrap();
    let one = [message(&client, "ann@mail.test", "first"), message(&client, "ann@mail.test", "second")];
    let mut batch = smtp.send_all(&one);
    assert!(matches!(Batch::next(&mut batch), Some((0, Ok(_)))));
    drop(batch);
    smtp.quit().ok();
    let told = arrived(&mock).iter().filter(|octets| **octets == one.first().unwrap().octets).count();
    let other = arrived(&mock).iter().filter(|octets| **octets == one.last().unwrap().octets).count();
    assert_eq!((told, other), (1, 0));
}

/// A verdict is reported for its own message, whoever waits at that time.
#[test]
fn a_verdict_that_nobody_waited_for_is_not_the_next_messages() {
    let (mock, client) = start();
    let blocked = message(&client, "ann@mail.test", "blocked");
    let refused = message(&client, "ann@refused.test", "refused");
    mock.set_fault(memory::Fault::find("content-blocked"));
    let mut smtp = client.connect_smtp().unwrap();
    for told in [
        smtp.send(&blocked).unwrap_err(),
        Batch::next(&mut smtp.send_all(std::slice::from_ref(&blocked))).unwrap().1.unwrap_err(),
        client.send(&blocked).unwrap_err(),
    ] {
        assert!(told.to_string().contains("552") && !told.ended_session(), "{told}");
    }
    smtp.quit().unwrap();
    for (in_batch, taken) in [(false, false), (true, false), (false, true), (true, true)] {
        mock.set_fault(memory::Fault::find("content-blocked").filter(|_| !taken));
        let mut smtp = client.connect_smtp().unwrap();
        let mut submission = smtp.submit(envelope(&blocked)).unwrap();
        submission.write(&blocked.octets).unwrap();
        Blocking::task(async {
            let mut end = std::pin::pin!(submission.end());
            let once = std::future::poll_fn(|context| {
                let _ = end.as_mut().poll(context);
                std::task::Poll::Ready(())
            });
            once.await;
        });
        let error = if in_batch {
            let mut batch = smtp.send_all(std::slice::from_ref(&refused));
            Batch::next(&mut batch).unwrap().1.unwrap_err()
        } else {
            smtp.send(&refused).unwrap_err()
        };
        assert!(error.to_string().contains("550"), "{in_batch} {taken}: {error}");
        smtp.quit().unwrap();
    }
    assert_eq!(arrived(&mock), [&*blocked.octets; 2], "only those that were taken");
}

#[test]
fn a_message_that_can_not_be_sent_is_told_in_its_turn() {
    let (mock, client) = start();
    // More than the session takes at once.
    let good = message(&client, "ann@mail.test", &"a line of a large message\r\n".repeat(20_000));
    let mut bad = message(&client, "ann@mail.test", "bad");
    bad.recipients = Default::default();
    let messages = [&bad, &good, &bad, &bad, &good, &good, &bad].map(Clone::clone);
    let mut smtp = client.connect_smtp().unwrap();
    assert!(smtp.capabilities().has(mailbearer_smtp::Capability::Pipelining));
    let verdicts: Vec<(usize, bool)> =
        smtp.send_all(&messages).map(|(index, verdict)| (index, verdict.is_ok())).collect();
    let want = messages.iter().map(|message| !message.recipients.is_empty()).enumerate();
    assert_eq!(verdicts, want.collect::<Vec<_>>());
    smtp.quit().unwrap();
    assert_eq!(arrived(&mock), [&*good.octets; 3]);
}

#[cfg(feature = "pool")]
#[test]
fn a_session_of_a_pool_says_goodbye() {
    let (_mock, client) = start();
    let said = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let heard = std::sync::Arc::clone(&said);
    let trace = move |line: &crate::TraceLine| heard.lock().unwrap().push_str(&format!("{}\n", line.text));
    let client = Client::<Blocking>::traced(client.account().clone(), trace).unwrap();
    let smtp = client.connect_smtp().unwrap();
    Blocking::task(smtp.say_goodbye_within(Duration::from_secs(30)));
    let said = said.lock().unwrap();
    assert!(said.contains("\nQUIT\n221 "), "{said}");
}
