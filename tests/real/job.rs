//! Token, send, list, fetch and watch through the library, blocking and on tokio.

use std::time::Duration;

use mailbearer::{Account, Address, Blocking, Change, Client, Composed, Message, Range, Security, Summary};
use mailbearer_wire::Secret;

use crate::servers::{self, Box, setting, tokio};

const SUBJECT: &str = "Grüße aus Köln, 你好";

#[test]
fn blocking_over_starttls() {
    let mailbox = Box::new();
    let endpoint = servers::endpoint(&mailbox.token);
    let mut account = servers::account(&mailbox.user, &endpoint);
    account.imap = Some(servers::server("IMAP_PORT", Security::StartTls));
    blocking_job(account, &mailbox);
}

#[test]
fn blocking_over_tls() {
    let mailbox = Box::new();
    let endpoint = servers::endpoint(&mailbox.token);
    let mut account = servers::account(&mailbox.user, &endpoint);
    account.smtp = Some(servers::server("SUBMISSIONS_PORT", Security::Implicit));
    blocking_job(account, &mailbox);
}

fn blocking_job(account: Account, mailbox: &Box) {
    let robot = account.blocking().unwrap();
    assert_eq!(robot.token().unwrap().access_token.expose(), &mailbox.token);
    assert_eq!(listed(&robot, Range::All), [], "an empty mailbox has an empty listing");
    assert_eq!(listed(&robot, Range::Last(5)), []);

    let message = message(&robot, SUBJECT);
    let receipt = robot.send(&message).unwrap();
    assert_eq!((receipt.accepted.as_slice(), receipt.refused.len()), ([mailbox.user.clone()].as_slice(), 0));
    // Postfix delivers in any order what it has at one time.
    wait_for(&robot, 1);
    let mut smtp = robot.connect_smtp().unwrap();
    smtp.send(&self::message(&robot, "second")).unwrap();
    smtp.send(&self::message(&robot, "third")).unwrap();
    smtp.quit().unwrap();

    let items = wait_for(&robot, 3);
    assert_eq!(items[0].subject, SUBJECT);
    assert_eq!(items[0].from, "Röbot");
    assert_eq!(items[0].address, mailbox.user);
    assert!(items.iter().all(|item| item.uid > 0 && item.date.is_some() && item.size > 0 && !item.seen));
    let last = listed(&robot, Range::Last(2));
    assert_eq!(last, items[1..], "newest last");

    let mut imap = robot.connect_imap().unwrap();
    let octets = body(&mut imap, items[0].uid);
    let text = String::from_utf8(octets).unwrap();
    assert!(
        text.ends_with(std::str::from_utf8(&message.octets).unwrap()),
        "what was sent is what arrived: {text}"
    );
    imap.logout().unwrap();
}

#[test]
fn tokio_end_to_end() {
    let mailbox = Box::new();
    let endpoint = servers::endpoint(&mailbox.token);
    tokio(async {
        let robot = servers::account(&mailbox.user, &endpoint).tokio().unwrap();
        let mut imap = robot.connect_imap().await.unwrap();
        let mut inbox = imap.examine("INBOX").await.unwrap();
        assert_eq!(inbox.exists(), 0);
        let mut watch = inbox.idle().await.unwrap();
        assert_eq!(watch.next_within(Duration::from_millis(1)).await.unwrap(), None);
        let sent = Message::new(Address::parse(&mailbox.user).unwrap())
            .to(Address::parse(&mailbox.user).unwrap())
            .subject(SUBJECT)
            .text("hello");
        robot.send(&robot.compose(&sent).unwrap()).await.unwrap();
        while watch.next().await.unwrap() != (Change::Arrived { first: 1, last: 1 }) {}
        watch.stop().await.unwrap();

        let mut listing = imap.list("INBOX", Range::All).await.unwrap();
        let item = listing.next().await.unwrap().unwrap();
        assert_eq!(item.subject, SUBJECT);
        assert_eq!(listing.next().await.unwrap(), None);
        let mut body = imap.fetch("INBOX", item.uid).await.unwrap();
        assert!(body.next().await.unwrap().unwrap().ends_with(b"hello\r\n"));
        imap.logout().await.unwrap();
        assert_eq!(endpoint.tokens().issued(), 1, "one token serves every connection");
    });
}

#[test]
fn subjects_in_other_charsets_list_right() {
    let mailbox = Box::new();
    let endpoint = servers::endpoint(&mailbox.token);
    let robot = servers::account(&mailbox.user, &endpoint).blocking().unwrap();
    let rows: &[(&[u8], &str)] = &[
        (b"=?GB2312?B?xOO6w6OsysC95w==?=", "你好，世界"),
        (b"=?gbk?Q?=C4=E3=BA=C3?=", "你好"),
        (b"=?GB18030?B?gTCENg==?=", "\u{a5}"),
        (b"=?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=", "こんにちは"),
        (b"=?UTF-8?B?R3LDvMOfZQ==?= =?UTF-8?Q?_aus_K=C3=B6ln?=", "Grüße aus Köln"),
        ("roh: Grüße".as_bytes(), "roh: Grüße"),
    ];
    let mut smtp = robot.connect_smtp().unwrap();
    for (subject, _) in rows {
        let mut envelope = mailbearer::Envelope::new(mailbox.user.as_str(), [mailbox.user.as_str()]);
        envelope.eight_bit = true;
        let mut submission = smtp.submit(envelope).unwrap();
        submission.write(b"From: a@mail.test\r\nSubject: ").unwrap();
        submission.write(subject).unwrap();
        submission.write(b"\r\n\r\nx\r\n").unwrap();
        submission.finish().unwrap();
    }
    smtp.quit().unwrap();
    let items = wait_for(&robot, rows.len());
    let mut subjects: Vec<&str> = items.iter().map(|item| item.subject.as_str()).collect();
    let mut wanted: Vec<&str> = rows.iter().map(|(_, want)| *want).collect();
    subjects.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(subjects, wanted);
}

#[test]
fn some_recipients_refused_is_a_result() {
    let mailbox = Box::new();
    let endpoint = servers::endpoint(&mailbox.token);
    let robot = servers::account(&mailbox.user, &endpoint).blocking().unwrap();
    let nobody = format!("nobody@{}", setting("DOMAIN"));
    let to = |address: &str| Address::parse(address).unwrap();
    let message =
        Message::new(to(&mailbox.user)).to(to(&mailbox.user)).to(to(&nobody)).subject("x").text("x");
    let receipt = robot.send(&robot.compose(&message).unwrap()).unwrap();
    assert_eq!(receipt.accepted, std::slice::from_ref(&mailbox.user));
    assert_eq!(receipt.refused[0].0, nobody);
    assert_eq!(receipt.refused[0].1.code, 550);
    wait_for(&robot, 1);

    let message = Message::new(to(&mailbox.user)).to(to(&nobody)).subject("x").text("x");
    let error = robot.send(&robot.compose(&message).unwrap()).unwrap_err();
    assert!(error.to_string().contains("550"), "{error}");
    assert!(!error.is_transient() && !error.outcome_unknown());
}

#[test]
fn a_large_message_goes_out_and_comes_back_the_same() {
    const LINES: usize = 100_000;
    let mailbox = Box::new();
    let endpoint = servers::endpoint(&mailbox.token);
    let robot = servers::account(&mailbox.user, &endpoint).blocking().unwrap();
    // Every line starts with a dot, and there is more of it than is held at a time.
    let line = b".the quick brown fox jumps over the lazy dog\r\n".as_slice();
    let text = [b"Subject: large\r\n\r\n".as_slice(), &line.repeat(LINES)].concat();
    let mut smtp = robot.connect_smtp().unwrap();
    let mut submission =
        smtp.submit(mailbearer::Envelope::new(mailbox.user.as_str(), [mailbox.user.as_str()])).unwrap();
    for piece in text.chunks(77_777) {
        submission.write(piece).unwrap();
    }
    submission.finish().unwrap();
    smtp.quit().unwrap();
    let item = wait_for(&robot, 1).remove(0);
    let mut imap = robot.connect_imap().unwrap();
    let arrived = body(&mut imap, item.uid);
    let at = arrived.windows(4).position(|octets| octets == b"\r\n\r\n").unwrap();
    assert!(arrived[at + 4..] == line.repeat(LINES), "{} octets came back", arrived.len());
    // A body that is dropped half way leaves the session usable.
    let mut half = imap.fetch("INBOX", item.uid).unwrap();
    assert!(half.next().unwrap().is_some());
    drop(half);
    assert_eq!(imap.list("INBOX", Range::All).unwrap().next().unwrap().unwrap().subject, "large");
    let error = imap.fetch("INBOX", 4_000_000).unwrap().next().unwrap_err();
    assert!(error.to_string().contains("4000000"), "{error}");
    imap.logout().unwrap();
}

#[test]
fn a_large_message_streams_on_tokio_too() {
    let mailbox = Box::new();
    let endpoint = servers::endpoint(&mailbox.token);
    let line = b"the quick brown fox jumps over the lazy dog\r\n".repeat(50_000);
    tokio(async {
        let robot = servers::account(&mailbox.user, &endpoint).tokio().unwrap();
        let mut smtp = robot.connect_smtp().await.unwrap();
        let envelope = mailbearer::Envelope::new(mailbox.user.as_str(), [mailbox.user.as_str()]);
        let mut submission = smtp.submit(envelope).await.unwrap();
        submission.write(b"Subject: large\r\n\r\n").await.unwrap();
        for piece in line.chunks(77_777) {
            submission.write(piece).await.unwrap();
        }
        submission.finish().await.unwrap();
        smtp.quit().await.unwrap();

        let mut imap = robot.connect_imap().await.unwrap();
        let mut inbox = imap.examine("INBOX").await.unwrap();
        while inbox.exists() < 1 {
            inbox.idle().await.unwrap().next().await.unwrap();
        }
        let mut body = imap.fetch("INBOX", 1).await.unwrap();
        let (mut octets, mut pieces) = (Vec::new(), 0);
        while let Some(piece) = body.next().await.unwrap() {
            octets.extend_from_slice(&piece);
            pieces += 1;
        }
        assert!(octets.ends_with(&line) && pieces > 1, "{} octets in {pieces} pieces", octets.len());
        imap.logout().await.unwrap();
    });
}

#[test]
fn a_secret_is_in_no_line_of_the_trace() {
    let mailbox = Box::new();
    let endpoint = servers::endpoint(&mailbox.token);
    let lines = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let sink = std::sync::Arc::clone(&lines);
    let account = servers::account(&mailbox.user, &endpoint);
    let robot = Client::<Blocking>::traced(account, move |line| {
        let mut lines = sink.lock().unwrap();
        lines.push_str(&line.text);
        lines.push('\n');
    });
    let robot = robot.unwrap();
    robot.send(&message(&robot, SUBJECT)).unwrap();
    wait_for(&robot, 1);
    let lines = lines.lock().unwrap();
    for wanted in
        ["POST /", "AUTH XOAUTH2", "MAIL FROM:", "AUTHENTICATE XOAUTH2 [redacted]", "FETCH 1:*", "octets]"]
    {
        assert!(lines.contains(wanted), "{wanted} is missing in\n{lines}");
    }
    let sasl = format!("user={}\u{1}auth=Bearer {}\u{1}\u{1}", mailbox.user, mailbox.token);
    let secret = Secret::<String>::from(endpoint.client_secret());
    for hidden in [
        &mailbox.token[..12],
        &base64(&sasl)[..24],
        secret.expose(),
        &endpoint.client_secret().replace('~', "%7E"),
    ] {
        assert!(!lines.contains(hidden), "{hidden} stands in\n{lines}");
    }
}

fn message(robot: &Client, subject: &str) -> Composed {
    let user = &robot.account().user;
    let from = Address::parse(&format!("Röbot <{user}>")).unwrap();
    let to = Address::parse(user).unwrap();
    robot.compose(&Message::new(from).to(to).subject(subject).text("Hello\n.\n")).unwrap()
}

fn listed(robot: &Client, range: Range) -> Vec<Summary> {
    let mut imap = robot.connect_imap().unwrap();
    let mut listing = imap.list("INBOX", range).unwrap();
    let mut items = Vec::new();
    while let Some(item) = listing.next().unwrap() {
        items.push(item);
    }
    imap.logout().unwrap();
    items
}

/// Postfix says yes before Dovecot has the message.
pub(crate) fn wait_for(robot: &Client, count: usize) -> Vec<Summary> {
    let mut imap = robot.connect_imap().unwrap();
    let mut inbox = imap.examine("INBOX").unwrap();
    while inbox.exists() < count.try_into().unwrap() {
        let change = inbox.idle().unwrap().next_within(Duration::from_secs(20)).unwrap();
        assert!(change.is_some(), "{count} are to arrive, there are {}", inbox.exists());
    }
    let mut items = Vec::new();
    let mut listing = imap.list("INBOX", Range::All).unwrap();
    while let Some(item) = listing.next().unwrap() {
        items.push(item);
    }
    imap.logout().unwrap();
    items
}

pub(crate) fn body(imap: &mut mailbearer::Imap<Blocking>, uid: u32) -> Vec<u8> {
    let mut body = imap.fetch("INBOX", uid).unwrap();
    let mut octets = Vec::new();
    while let Some(piece) = body.next().unwrap() {
        octets.extend_from_slice(&piece);
    }
    octets
}

fn base64(text: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(text)
}
