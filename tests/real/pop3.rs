//! POP3 on Dovecot, with its tokens.

use mailbearer::{
    Account, Address, Message, Security,
    pop3::{Arrived, Removal},
};

use crate::{
    job,
    proxy::Proxy,
    servers::{self, Box, port, tokio},
};

/// TLS 2, CAPA, AUTH and the token, the listing, three bursts of RETR, QUIT.
const FLIGHTS: usize = 10;

#[test]
fn a_thousand_messages() {
    let mailbox = Box::new();
    let endpoint = servers::endpoint(&mailbox.token);
    let account =
        servers::account(&mailbox.user, &endpoint).pop3(servers::server("POP3S_PORT", Security::Implicit));
    let robot = account.clone().blocking().unwrap();
    let address = Address::parse(&mailbox.user).unwrap();
    let message = Message::new(address.clone()).to(address).subject("one of many").text(".\n..dots\nx");
    let composed = robot.compose(&message).unwrap();
    let mut smtp = robot.connect_smtp().unwrap();
    for _ in 0..1000 {
        smtp.send(&composed).unwrap();
    }
    smtp.quit().unwrap();
    job::wait_for(&robot, 1000);

    let through = |to: u16| {
        let proxy = Proxy::new(to);
        let mut account: Account = account.clone();
        account.pop3.as_mut().unwrap().port = proxy.port;
        (proxy, account)
    };
    let (proxy, proxied) = through(port("POP3S_PORT"));
    let mut pop3 = proxied.blocking().unwrap().connect_pop3().unwrap();
    let listed = pop3.list().unwrap();
    assert_eq!(listed.len(), 1000);
    assert!(listed.iter().all(|entry| entry.uid.is_some() && entry.octets.is_some()), "{:?}", listed[0]);
    let mut messages = pop3.fetch_each(listed.iter().map(|entry| entry.number)).unwrap();
    let (mut whole, mut octets, mut first) = (0, 0, Vec::new());
    while let Some(arrived) = messages.next().unwrap() {
        match arrived {
            Arrived::Octets(number, piece) => {
                octets += u64::try_from(piece.len()).unwrap();
                if number == 1 {
                    first.extend_from_slice(&piece);
                }
            }
            Arrived::Whole(_) => whole += 1,
            arrived => panic!("{arrived:?}"),
        }
    }
    drop(messages);
    let first = String::from_utf8(first).unwrap();
    assert!(first.ends_with("\r\n\r\n.\r\n..dots\r\nx\r\n"), "{first}");
    assert_eq!((whole, Some(octets)), (1000, listed.iter().map(|entry| entry.octets).sum()));
    assert_eq!(pop3.quit().unwrap(), Removal::Nothing);
    let flights = proxy.flights();
    assert!(flights <= FLIGHTS, "{flights} flights");

    let (proxy, proxied) = through(port("POP3S_PORT"));
    tokio(async {
        let mut pop3 = proxied.tokio().unwrap().connect_pop3().await.unwrap();
        assert_eq!(pop3.stat().await.unwrap().count, 1000);
        let all: Vec<u32> = (1..=1000).collect();
        assert!(pop3.delete(&all).await.unwrap().is_empty());
        assert_eq!(pop3.quit().await.unwrap(), Removal::Done(1000));
    });
    let flights = proxy.flights();
    assert!(flights <= FLIGHTS, "{flights} flights, tokio");
    let mut pop3 = robot.connect_pop3().unwrap();
    assert_eq!(pop3.stat().unwrap().count, 0);
    pop3.quit().unwrap();

    endpoint.tokens().hand_out("no-token-of-dovecots");
    let error = account.blocking().unwrap().connect_pop3().err().unwrap();
    assert!(error.is_auth() && error.to_string().contains("[AUTH]"), "{error}");
}
