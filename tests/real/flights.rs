//! How many times the client has to wait for the network, TLS included.

use mailbearer::{Account, Address, Message, Range};

use crate::{
    job,
    proxy::Proxy,
    servers::{self, Box, port, tokio},
};

const IMAP: usize = 5;
/// By BDAT. One less where the token fits into the line of AUTH, one more where the server takes DATA alone.
const SMTP: usize = 7;
const TOKEN: usize = 2;

#[test]
fn few_on_every_protocol() {
    let mailbox = Box::new();
    let endpoint = servers::endpoint(&mailbox.token);
    let account = servers::account(&mailbox.user, &endpoint);
    let robot = account.clone().blocking().unwrap();
    let message = message(&mailbox.user);

    // 0, 1 and 1,000 messages.
    robot.send(&robot.compose(&message).unwrap()).unwrap();
    job::wait_for(&robot, 1);
    list(account.clone(), 1);
    let mut smtp = robot.connect_smtp().unwrap();
    let composed = robot.compose(&message).unwrap();
    for _ in 1..1000 {
        smtp.send(&composed).unwrap();
    }
    smtp.quit().unwrap();
    job::wait_for(&robot, 1000);
    list(account.clone(), 1000);

    let smtp = Proxy::new(port("SUBMISSION_PORT"));
    let token = Proxy::new(endpoint.ports().token);
    let mut proxied = account.clone();
    proxied.smtp.as_mut().unwrap().port = smtp.port;
    let oauth = proxied.oauth_mut().unwrap();
    oauth.token_url =
        oauth.token_url.replace(&format!(":{}/", endpoint.ports().token), &format!(":{}/", token.port));
    let robot = proxied.blocking().unwrap();
    robot.send(&composed).unwrap();
    drop(robot);
    assert_eq!(token.flights(), TOKEN, "a token");
    assert_eq!(smtp.flights(), SMTP, "one message");

    let smtp = Proxy::new(port("SUBMISSION_PORT"));
    let mut proxied = account;
    proxied.smtp.as_mut().unwrap().port = smtp.port;
    tokio(async { proxied.tokio().unwrap().send(&composed).await.unwrap() });
    assert_eq!(smtp.flights(), SMTP, "one message, tokio");
}

fn list(mut account: Account, count: usize) {
    let real = account.imap.as_ref().unwrap().port;
    let proxy = Proxy::new(real);
    account.imap.as_mut().unwrap().port = proxy.port;
    let robot = account.clone().blocking().unwrap();
    let mut imap = robot.connect_imap().unwrap();
    let mut listing = imap.list("INBOX", Range::All).unwrap();
    let mut listed = 0;
    while listing.next().unwrap().is_some() {
        listed += 1;
    }
    imap.logout().unwrap();
    assert_eq!((listed, proxy.flights()), (count, IMAP), "blocking");

    let proxy = Proxy::new(real);
    account.imap.as_mut().unwrap().port = proxy.port;
    tokio(async {
        let robot = account.tokio().unwrap();
        let mut imap = robot.connect_imap().await.unwrap();
        let mut listing = imap.list("INBOX", Range::All).await.unwrap();
        while listing.next().await.unwrap().is_some() {}
        imap.logout().await.unwrap();
    });
    assert_eq!(proxy.flights(), IMAP, "{count} messages, tokio");
}

fn message(user: &str) -> Message {
    let robot = Address::parse(user).unwrap();
    Message::new(robot.clone()).to(robot).subject("one of many").text("x")
}
