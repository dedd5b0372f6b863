//! The facade's POP3 against the memory server: both runtimes, each personality, marks and what became of them.

#[path = "../real/proxy.rs"]
pub(crate) mod proxy;

use std::{future::poll_fn, task::Poll, time::Duration};

use mailbearer::{
    Account, Client, Kind, Login, Security, Server, Tokio,
    error::{Missing, Protocol},
    pop3::{Arrived, Removal},
    proto::pop3::Error as PopError,
};
use mailbearer_mock::{
    Server as Mock, Transcript,
    memory::{Fault, Options, Personality},
    serve,
};

use self::proxy::Proxy;
use crate::facade::{account as mail_account, mock, tokio};

fn account(mock: &Mock) -> Account {
    mail_account(mock).pop3(Server::new("localhost", mock.ports().pop3s, Security::Implicit))
}

fn robot(mock: &Mock) -> Client {
    account(mock).blocking().unwrap()
}

fn personality(personality: Personality) -> Mock {
    let mut options = Options::default();
    options.personality = personality;
    mock(options)
}

fn fill(server: &Mock, count: usize) {
    for number in 1..=count {
        let text = format!("Subject: {number}\r\n\r\n.dot\r\nbody of {number}\r\n");
        server.mailbox().deliver(text.into_bytes()).unwrap();
    }
}

fn left(server: &Mock) -> Vec<u32> {
    server.mailbox().messages("INBOX").iter().map(|message| message.uid).collect()
}

#[test]
fn reads_and_removes_at_every_provider() {
    for kind in Personality::ALL {
        let server = personality(kind);
        fill(&server, 3);
        for (port, security) in
            [(server.ports().pop3s, Security::Implicit), (server.ports().pop3, Security::StartTls)]
        {
            let mut account = account(&server);
            account.pop3 = Some(Server::new("localhost", port, security));
            let mut pop3 = account.blocking().unwrap().connect_pop3().unwrap();
            assert_eq!(pop3.stat().unwrap().count, 3, "{kind}");
            let listed = pop3.list().unwrap();
            let numbers: Vec<_> = listed.iter().map(|entry| (entry.number, entry.octets)).collect();
            assert_eq!(numbers, [(1, Some(31)), (2, Some(31)), (3, Some(31))], "{kind}");
            let uids: Vec<_> = listed.iter().filter_map(|entry| entry.uid.as_deref()).collect();
            assert!(uids.len() == 3 && uids.iter().all(|uid| uid.len() == 16), "{kind}: {uids:?}");
            let mut body = pop3.fetch(2).unwrap();
            let mut text = Vec::new();
            while let Some(octets) = body.next().unwrap() {
                text.extend_from_slice(&octets);
            }
            assert_eq!(text, b"Subject: 2\r\n\r\n.dot\r\nbody of 2\r\n", "{kind}");
            drop(body);
            let mut top = pop3.top(3, 0).unwrap();
            assert_eq!(&*top.next().unwrap().unwrap(), b"Subject: 3\r\n\r\n", "{kind}");
            drop(top);
            let missing = pop3.fetch(9).err().unwrap();
            assert!(matches!(missing.kind(), Kind::NotFound) && !missing.ended_session(), "{missing}");
            assert_eq!(pop3.quit().unwrap(), Removal::Nothing, "{kind}");
        }
        let mut pop3 = robot(&server).connect_pop3().unwrap();
        let refused = pop3.delete(&[1, 3, 9]).unwrap();
        assert_eq!(refused.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [9], "{kind}");
        assert_eq!(pop3.marked().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(left(&server), [1, 2, 3], "{kind}: before QUIT nothing goes");
        assert_eq!(pop3.quit().unwrap(), Removal::Done(2), "{kind}");
        assert_eq!(left(&server), [2], "{kind}");
    }
}

#[test]
fn passwords_where_they_are_taken() {
    let server = personality(Personality::Dovecot);
    fill(&server, 1);
    let password = |password: &str| {
        let mut account = account(&server);
        account.login = Login::Password(password.into());
        account.blocking().unwrap().connect_pop3()
    };
    let mut pop3 = password(server.password().unwrap()).unwrap();
    assert_eq!(pop3.stat().unwrap().count, 1);
    let error = password("wrong").err().unwrap();
    assert!(error.is_auth() && error.to_string().contains("[AUTH] Authentication failed."), "{error}");
}

#[test]
fn a_thousand_messages_take_a_handful_of_flights() {
    let server = personality(Personality::Dovecot);
    fill(&server, 1000);
    let fetch = |port: u16| {
        let mut account = account(&server);
        account.pop3.as_mut().unwrap().port = port;
        let mut pop3 = account.blocking().unwrap().connect_pop3().unwrap();
        let numbers: Vec<u32> = pop3.list().unwrap().iter().map(|entry| entry.number).collect();
        let mut messages = pop3.fetch_each(numbers.iter().copied()).unwrap();
        let (mut whole, mut octets) = (Vec::new(), 0);
        while let Some(arrived) = messages.next().unwrap() {
            match arrived {
                Arrived::Octets(_, piece) => octets += piece.len(),
                Arrived::Whole(number) => whole.push(number),
                arrived => panic!("{arrived:?}"),
            }
        }
        drop(messages);
        assert!(whole == numbers, "{} of {}", whole.len(), numbers.len());
        assert_eq!(octets, 31 * 9 + 33 * 90 + 35 * 900 + 37);
        pop3.quit().unwrap();
    };
    // TLS 2, CAPA, AUTH and its token, the listing, three bursts of RETR, QUIT.
    let proxy = Proxy::new(server.ports().pop3s);
    fetch(proxy.port);
    let flights = proxy.flights();
    assert!(flights <= 10, "{flights} flights");

    let proxy = Proxy::new(server.ports().pop3s);
    let mut account = account(&server);
    account.pop3.as_mut().unwrap().port = proxy.port;
    tokio(async {
        let mut pop3 = account.tokio().unwrap().connect_pop3().await.unwrap();
        let mut messages = pop3.fetch_each(1..=1000).unwrap();
        let mut whole = 0;
        while let Some(arrived) = messages.next().await.unwrap() {
            whole += usize::from(matches!(arrived, Arrived::Whole(_)));
        }
        drop(messages);
        assert_eq!(whole, 1000);
        // Marks of all are one or two flights more.
        assert!(pop3.delete(&(1..=1000).collect::<Vec<u32>>()).await.unwrap().is_empty());
        assert_eq!(pop3.quit().await.unwrap(), Removal::Done(1000));
    });
    let flights = proxy.flights();
    assert!(flights <= 12, "{flights} flights, tokio");
    assert!(left(&server).is_empty());
}

#[test]
fn a_token_that_ended_is_renewed_once() {
    let server = mock(Options::default());
    let robot = robot(&server);
    robot.connect_pop3().unwrap().quit().unwrap();
    server.tokens().expire_all();
    robot.connect_pop3().unwrap().quit().unwrap();

    server.set_fault(Fault::find("authenticate-failed"));
    let error = robot.connect_pop3().err().unwrap();
    assert!(error.is_auth() && !error.is_transient(), "{error}");
    assert_eq!(error.protocol(), Some(Protocol::POP3));
    assert_eq!(mailbearer::advice::of(&error).unwrap().id(), "pop-auth");
}

#[test]
fn faults_are_told_apart() {
    type Row = (&'static str, &'static str, Personality, Kind, &'static str, bool);
    let rows: &[Row] = &[
        ("pop-protocol-error", "connect", Personality::Exchange, Kind::Auth, "pop-one-line-auth", false),
        ("pop-basic-off", "connect", Personality::Exchange, Kind::Auth, "pop-basic-off", false),
        ("pop-credentials", "connect", Personality::Dovecot, Kind::Auth, "dovecot-auth", false),
        ("gmail-token-refused", "connect", Personality::Gmail, Kind::Auth, "pop-credentials", false),
        ("pop-in-use", "connect", Personality::Dovecot, Kind::Busy, "pop-in-use", true),
        ("pop-login-delay", "connect", Personality::Dovecot, Kind::Busy, "pop-in-use", true),
        ("pop-system-temporary", "connect", Personality::Dovecot, Kind::Busy, "server-unavailable", true),
        ("pop-disabled", "connect", Personality::Gmail, Kind::Auth, "pop-disabled", false),
        ("server-busy", "connect", Personality::Dovecot, Kind::Busy, "server-unavailable", true),
        ("pop-message-unavailable", "fetch", Personality::Dovecot, Kind::Busy, "server-unavailable", true),
    ];
    for (name, at, kind, want, advice, transient) in rows {
        let server = personality(*kind);
        fill(&server, 1);
        let robot = robot(&server);
        let fault = Fault::find(name).unwrap_or_else(|| panic!("{name}"));
        let error = if *at == "connect" {
            // The token endpoint has the fault too.
            robot.token().unwrap();
            server.set_fault(Some(fault));
            robot.connect_pop3().err().unwrap()
        } else {
            let mut pop3 = robot.connect_pop3().unwrap();
            server.set_fault(Some(fault));
            let error = pop3.fetch(1).err().unwrap();
            server.set_fault(None);
            assert!(pop3.fetch(1).is_ok(), "{name}: the session goes on");
            error
        };
        assert_eq!((error.kind(), error.is_transient()), (*want, *transient), "{name}: {error}");
        let found = mailbearer::advice::of(&error).map(mailbearer::advice::Entry::id);
        assert_eq!(found, Some(*advice), "{name}: {error}");
        if *name == "pop-login-delay" {
            assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
        }
    }
}

#[test]
fn an_account_without_a_server_says_so() {
    let server = mock(Options::default());
    let error = mail_account(&server).blocking().unwrap().connect_pop3().err().unwrap();
    assert_eq!(error.kind(), Kind::Missing(Missing::Server(Protocol::POP3)), "{error}");
}

#[test]
fn what_became_of_the_marks_is_told() {
    let server = personality(Personality::Dovecot);
    fill(&server, 2);
    let robot = robot(&server);
    let mut pop3 = robot.connect_pop3().unwrap();
    pop3.delete(&[1]).unwrap();
    server.set_fault(Fault::find("pop-not-removed"));
    let Removal::Partial(reply) = pop3.quit().unwrap() else { panic!() };
    assert_eq!(reply.to_string(), "-ERR some deleted messages not removed");
    server.set_fault(None);

    // Dropped without QUIT: nothing goes.
    let mut pop3 = robot.connect_pop3().unwrap();
    pop3.delete(&[1, 2]).unwrap();
    drop(pop3);
    assert_eq!(left(&server), [1, 2]);
    let mut pop3 = robot.connect_pop3().unwrap();
    pop3.delete(&[1]).unwrap();
    pop3.reset().unwrap();
    assert_eq!(pop3.quit().unwrap(), Removal::Nothing);
    assert_eq!(left(&server), [1, 2]);
}

/// The server vanishes in the middle of things: a message is not whole, marks are where they were, and after QUIT nobody
/// knows.
#[test]
fn a_server_that_vanishes() {
    let login = "S: +OK Dovecot ready.\nC: CAPA\nS: +OK\nS: SASL XOAUTH2\nS: PIPELINING\nS: .\n\
                 C: AUTH XOAUTH2\nS: + \nC: <any>\nS: +OK\n";
    let play = |rest: &str| {
        let transcript = Transcript::parse(&format!("--TLS--\n{login}{rest}")).unwrap();
        let (address, serving) = serve(transcript).unwrap();
        let token = mailbearer::Token::new("t".repeat(500), None);
        let account =
            Account::with_source("robot@mail.test", move |_: Option<&mailbearer::Token>| Ok(token.clone()))
                .pop3(Server::new("localhost", address.port(), Security::Implicit))
                .ca_pem(serving.ca_pem())
                .unwrap();
        (account.blocking().unwrap().connect_pop3().unwrap(), serving)
    };
    let (mut pop3, _serving) = play("C: RETR 1\nS: +OK\nS: half\n--close--\n");
    let mut body = pop3.fetch(1).unwrap();
    assert_eq!(&*body.next().unwrap().unwrap(), b"half\r\n");
    let error = body.next().unwrap_err();
    assert!(error.ended_session() && error.is_transient() && !error.outcome_unknown(), "{error}");

    let (mut pop3, _serving) = play("C: DELE 1\nS: +OK\nC: QUIT\n--close--\n");
    pop3.delete(&[1]).unwrap();
    let error = pop3.quit().unwrap_err();
    assert!(error.outcome_unknown() && !error.is_transient(), "{error}");
    assert!(error.to_string().contains("whether the server removed the messages is unknown"), "{error}");
    assert!(
        matches!(error.cause(), Some(PopError::OutcomeUnknown { .. })) || error.cause::<PopError>().is_none()
    );

    let (mut pop3, _serving) = play("C: DELE 1\nS: +OK\n--close--\n");
    pop3.delete(&[1]).unwrap();
    let error = pop3.stat().unwrap_err();
    assert!(!error.outcome_unknown(), "{error}");
}

/// Drops each operation after each number of polls that it can take: the next one finds nothing of it, and no message is
/// removed that nobody was told of.
#[test]
fn a_future_that_is_dropped_leaves_nothing_to_the_next() {
    let server = personality(Personality::Dovecot);
    let robot: Client<Tokio> = account(&server).tokio().unwrap();
    let mut polls = 0;
    loop {
        fill(&server, 5_usize.saturating_sub(left(&server).len()));
        let before = left(&server);
        let done = tokio(async {
            let mut pop3 = robot.connect_pop3().await.unwrap();
            let listed = some_polls(pop3.list(), polls).await;
            let marked = some_polls(pop3.delete(&[1, 2]), polls).await;
            let count = pop3.stat().await.unwrap().count;
            assert!(count == 5 || count == 3, "{count}");
            drop(some_polls(pop3.fetch(3), polls).await);
            let mut text = Vec::new();
            let mut body = pop3.fetch(4).await.unwrap();
            while let Some(octets) = body.next().await.unwrap() {
                text.extend_from_slice(&octets);
            }
            drop(body);
            assert!(text.starts_with(b"Subject: ") && text.ends_with(b"\r\n") && text.len() == 31, "{polls}");
            let mut messages = pop3.fetch_each(3..=5).unwrap();
            drop(some_polls(messages.next(), polls).await);
            drop(messages);
            assert!(pop3.delete(&[5]).await.unwrap().is_empty());
            let removed = if marked.is_some() { 3 } else { 1 };
            assert_eq!(pop3.quit().await.unwrap(), Removal::Done(removed), "{polls}");
            listed.is_some() && marked.is_some()
        });
        if done {
            assert_eq!(left(&server), before[2..4]);
            assert!(polls > 0, "nothing was dropped");
            return;
        }
        let kept = if left(&server).len() == 4 { &before[..4] } else { &before[2..4] };
        assert_eq!(left(&server), kept, "{polls}");
        polls += 1;
    }
}

async fn some_polls<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = Box::pin(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
