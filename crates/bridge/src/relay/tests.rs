use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpStream},
    path::Path,
    sync::atomic::{AtomicI64, Ordering},
};

use mailbearer::Envelope;

use super::*;
use crate::{
    spool::Limits,
    upstream::{Server, Upstream},
};

/// Says this to the relay, and reads what it answers.
fn converse(port: SocketAddr, rows: &[(&str, &str)]) {
    let mut client = BufReader::new(TcpStream::connect(port).unwrap());
    for (said, want) in rows {
        if !said.is_empty() {
            client.get_mut().write_all(format!("{said}\r\n").as_bytes()).unwrap();
        }
        let mut line = String::new();
        while !line.starts_with(want) {
            line.clear();
            assert!(
                client.read_line(&mut line).unwrap() > 0 && line.starts_with(&want[..3]),
                "{said}: {line}"
            );
        }
    }
}

/// A relay in front of this server, and its port.
fn relay_to(upstream: &Upstream, folder: &Path) -> (Relay, SocketAddr) {
    let spool = Spool::open(folder.join("spool"), Limits::default()).unwrap();
    let accounts = Accounts::new().with(None, upstream.client.clone());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap();
    (Relay::start(Options::new("relay.test"), vec![listener], spool, accounts, |_| ()).unwrap(), port)
}

/// The client's NOTIFY and ORCPT go to the next server for each recipient; where that has no DSN, whoever asked to hear of the
/// delivery hears that it was passed on.
#[test]
fn reports_are_asked_for_of_the_next_server_or_made_here() {
    const MESSAGE: [(&str, &str); 9] = [
        ("", "220 "),
        ("HELO x", "250 "),
        ("EHLO x", "250 "),
        ("MAIL FROM:<ann@x.test> ENVID=QQ1", "250 "),
        ("RCPT TO:<bob@mx.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;robert@old.test", "250 "),
        ("RCPT TO:<eve@mx.test> NOTIFY=FAILURE", "250 "),
        ("RCPT TO:<nobody@mx.test>", "250 "),
        ("DATA", "354 "),
        ("Subject: 1\r\n\r\nx\r\n.", "250 "),
    ];
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(Server::default());
    let (relay, port) = relay_to(&upstream, &folder.path().join("dsn"));
    converse(port, &MESSAGE);
    relay.drain(Duration::from_secs(10));
    let want =
        ["bob@mx.test NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;robert@old.test", "eve@mx.test NOTIFY=FAILURE"];
    assert_eq!(upstream.server().recipients_said[..2], want);

    let upstream = Upstream::start(Server { no_dsn: true, ..Server::default() });
    let (relay, port) = relay_to(&upstream, folder.path());
    converse(port, &MESSAGE);
    let report = loop {
        let server = upstream.server();
        if let Some(index) = server.contents.iter().position(|content| content.contains("delivery-status")) {
            assert_eq!(server.envelopes[index], (String::new(), vec!["ann@x.test".to_owned()]));
            break server.contents[index].clone();
        }
        drop(server);
        thread::sleep(PAUSE);
    };
    for part in [
        "Original-Envelope-Id: QQ1\r\n",
        "\r\nOriginal-Recipient: rfc822; robert@old.test\r\nFinal-Recipient: rfc822; bob@mx.test\r\nAction: relayed\r\n",
        "\r\nFinal-Recipient: rfc822; nobody@mx.test\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        "text/rfc822-headers\r\n\r\nReceived: ",
    ] {
        assert!(report.contains(part), "{part:?} is not in {report}");
    }
    assert!(!report.contains("eve@mx.test"), "{report}");
    relay.drain(Duration::from_secs(10));
}

/// On a port that takes both, a trace says of each client how its TLS began.
#[test]
fn a_trace_says_how_each_client_began() {
    let authority = mailbearer_mock::Authority::new().unwrap();
    let mut options = Options::new("relay.test");
    options.tls = Some((Mode::Both, authority.server_tls(mailbearer_mock::Certificate::Good).unwrap()));
    let (tell, told) = mpsc::channel();
    options.observer = Some(crate::relay::Observer::new(move |event| {
        let _ = tell.send(event.place.security);
    }));
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path().join("spool"), Limits::default()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap();
    let relay = Relay::start(options, vec![listener], spool, Accounts::new(), |_| ()).unwrap();
    converse(port, &[("", "220 "), ("EHLO x", "250 "), ("QUIT", "221 ")]);
    assert_eq!(told.recv_timeout(Duration::from_secs(60)), Ok(Security::StartTls));
    assert!(told.try_iter().all(|security| security == Security::StartTls));
    let mut account =
        mailbearer::Account::with_source("robot@mx.test", |_| Ok(mailbearer::Token::new("t0ken", None)))
            .ca_pem(authority.pem())
            .unwrap();
    account.smtp = Some(mailbearer::Server::new("localhost", port.port(), Security::Implicit));
    // It says hello before it finds that nothing here takes a token.
    let _ = account.blocking().unwrap().connect_smtp();
    let is_implicit = |security: &Security| *security == Security::Implicit;
    relay.drain(Duration::from_secs(10));
    assert!(told.iter().any(|security| is_implicit(&security)));
}

/// What was handed out when the relay begins to drain is not begun, and waits for the next start.
#[test]
fn what_drains_begins_no_other_message() {
    let upstream = Upstream::start(Server::default());
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path().join("spool"), Limits::default()).unwrap();
    let mut writer = spool.begin(&Envelope::new("ann@x.test", ["bob@mx.test"]), None).unwrap();
    writer.write(b"Subject: 1\r\n\r\n").unwrap();
    let id = writer.commit().unwrap();
    let accounts = Accounts::new().with(None, upstream.client.clone());
    let shared = Shared::new(Options::new("relay.test"), spool.clone(), accounts, |_| ());
    shared.outgoing.stop();
    outgoing::send_all_of(&shared, &spool.lock().unwrap().reporting(&shared), &[&id]);
    assert_eq!(upstream.server().connections, 0);
    assert_eq!(spool.find(&id).unwrap().place(), spool::Place::Queue);
}

/// A relay that was killed between a verdict and its report sends the report when it starts again, and then removes the message.
#[test]
fn a_report_that_a_killed_relay_owed_is_sent() {
    let upstream = Upstream::start(Server::default());
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path().join("spool"), Limits::default()).unwrap();
    let mut writer = spool.begin(&Envelope::new("ann@mx.test", ["nobody@mx.test"]), None).unwrap();
    writer.write(b"Subject: mine\r\n\r\n").unwrap();
    let id = writer.commit().unwrap();
    let line = br#"{"at":4000000000,"attempt":1,"next":4000000000,"owed":{"about":[0],"id":"0123456789abcdef01234567890"},"results":[{"reply":"550 5.1.1 no","state":"failed","which":[0]}],"waited":0}"#;
    let path = folder.path().join("spool/queue").join(&id);
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(&[&line[..], b"\n"].concat()).unwrap();
    let (relay, _) = relay_to(&upstream, folder.path());
    while upstream.server().taken.is_empty() {
        thread::sleep(PAUSE);
    }
    relay.drain(Duration::from_secs(10));
    let contents = upstream.server().contents.clone();
    assert!(contents[0].contains("Final-Recipient: rfc822; nobody@mx.test\r\n"), "{contents:?}");
    assert_eq!((contents.len(), spool.list().unwrap().len()), (1, 0));
}

/// A clock that jumps by years, either way, while the relay runs: what waits is tried again at once and fails no sooner, and
/// arrives once.
#[test]
fn a_clock_that_jumps_loses_nothing_of_a_relay_that_runs() {
    static YEARS: AtomicI64 = AtomicI64::new(0);
    const YEAR: i64 = 365 * 86_400;
    // Refused for now at every first try, and once more after each jump.
    let sender: fn(usize) -> Option<Answer> =
        |number| (number < 5).then(|| Answer::new(450, "4.2.0 not now"));
    let upstream = Upstream::start(Server { sender: Some(sender), ..Server::default() });
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path().join("spool"), Limits::default()).unwrap();
    let now: fn() -> u64 = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        since.saturating_add_signed(YEARS.load(Ordering::Relaxed).saturating_mul(YEAR))
    };
    spool.clock = now;
    let accounts = Accounts::new().with(None, upstream.client.clone());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    let log = move |line: &LogLine| {
        if line.kind == "delivery" {
            let _ = tell.send(format!("{:?}", line.fields));
        }
    };
    let relay = Relay::start(Options::new("relay.test"), vec![listener], spool, accounts, log).unwrap();
    converse(
        port,
        &[
            ("", "220 "),
            ("EHLO x", "250 "),
            ("MAIL FROM:<ann@x.test>", "250 "),
            ("RCPT TO:<bob@mx.test>", "250 "),
            ("DATA", "354 "),
            ("Subject: 1\r\n\r\nx\r\n.", "250 "),
        ],
    );
    for years in [0, 1, -30, 20] {
        YEARS.store(years, Ordering::Relaxed);
        let line = told.recv_timeout(Duration::from_secs(60)).expect("it is tried after the jump");
        assert!(line.contains("\"waits\""), "{years}: {line}");
    }
    YEARS.store(-1, Ordering::Relaxed);
    let line = told.recv_timeout(Duration::from_secs(60)).expect("it is tried after the jump");
    assert!(line.contains("\"delivered\""), "{line}");
    relay.drain(Duration::from_secs(10));
    let server = upstream.server();
    assert_eq!((server.taken.len(), server.senders), (1, 5));
}
