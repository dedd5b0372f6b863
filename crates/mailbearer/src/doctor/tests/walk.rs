//! The steps of a walk: which ones there are, what each says, and which are still tried after a failure.

use std::{
    future::pending,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use mailbearer_mock::{
    Certificate, Server as Mock,
    memory::{Fault, Options},
};
use mailbearer_net::Runtime;

use super::account;
use crate::{
    Account, Blocking, Login, Security, Server, Token,
    doctor::{Outcome, Report},
};

/// Returns an account that has the POP3 server too.
fn whole(mock: &Mock) -> Account {
    account(mock).pop3(Server::new("localhost", mock.ports().pop3s, Security::Implicit))
}

/// Lists the steps by name, with a mark on those that did not go well: `!` failed, `-` was not tried.
fn shown(report: &Report) -> String {
    let steps = report.steps.iter().map(|step| {
        let mark = match step.outcome {
            Outcome::Ok => "",
            Outcome::Failed => "!",
            Outcome::Skipped => "-",
        };
        format!("{}{mark}", step.name())
    });
    steps.collect::<Vec<_>>().join(" ")
}

fn examined(account: Account) -> Report {
    account.blocking().unwrap().examine_all(|_| ())
}

const LOCAL: &str = "configuration clock";
const TOKEN: &str = "token.lookup token.route token.tcp token.tls token.clock token.cloud token.form token.request token.claims";
const IMAP: &str = "imap.lookup imap.route imap.tcp imap.tls imap.greeting imap.capabilities imap.claims imap.login imap.inbox";
const SMTP: &str = "smtp.lookup smtp.route smtp.tcp smtp.greeting smtp.tls smtp.capabilities smtp.claims smtp.login smtp.sender smtp.recipient smtp.reset";
const POP3: &str = "pop3.lookup pop3.route pop3.tcp pop3.tls pop3.greeting pop3.capabilities pop3.claims pop3.login pop3.inbox";

#[test]
fn each_step_says_what_was_found() {
    let mock = Mock::start(Options::default()).unwrap();
    mock.mailbox().deliver(*b"Subject: x\r\n\r\nx\r\n").unwrap();
    let report = examined(whole(&mock));
    assert_eq!(shown(&report), [LOCAL, TOKEN, IMAP, SMTP, POP3].join(" "));
    let ports = mock.ports();
    let secret = mock.client_secret().len();
    let rows: &[(&str, &[&str])] = &[
        (
            "configuration",
            &[
                "user robot@",
                "token from https://",
                "scope https://",
                "IMAP localhost port",
                "STARTTLS",
                "POP3",
            ],
        ),
        ("clock", &["20"]),
        ("token.lookup", &["localhost: ", "127.0.0.1"]),
        ("token.route", &["direct"]),
        ("token.tls", &["TLS 1.3, for localhost ", "until ", "issued by "]),
        ("token.clock", &["this machine's clock is ", " s ", " that of localhost"]),
        ("token.form", &[&format!("client secret of {secret} octets, read back as it was written")]),
        ("token.request", &["grant client_credentials: access token of "]),
        ("token.claims", &["for ", "roles ", "tenant ", "application ", "object "]),
        ("imap.tcp", &[&format!("localhost port {}", ports.imaps)]),
        ("imap.greeting", &["is ready."]),
        ("imap.capabilities", &["IMAP4rev1", "AUTH=XOAUTH2", "SASL-IR"]),
        ("imap.claims", &["nothing in the token speaks against it"]),
        ("imap.login", &["as robot@"]),
        ("imap.inbox", &["1 messages"]),
        ("smtp.capabilities", &["AUTH ", "XOAUTH2", "SIZE "]),
        ("smtp.tls", &["TLS 1.3, for localhost "]),
        ("smtp.sender", &["250 "]),
        ("smtp.recipient", &["250 "]),
        ("smtp.reset", &["250 "]),
        ("pop3.capabilities", &["SASL ", "XOAUTH2"]),
        ("pop3.inbox", &["1 messages"]),
    ];
    for (name, parts) in rows {
        let detail = report.steps.iter().find(|step| step.name() == *name).unwrap().detail();
        for part in *parts {
            assert!(detail.contains(part), "{name}: {part} is not in {detail}");
        }
    }
}

fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What is wrong, which part of the walk differs then, and how that part looks.
type Row = (&'static str, fn(&Mock, &mut Account), &'static [(&'static str, &'static str)]);

const NO_IMAP: &str = "imap.lookup imap.route imap.tcp imap.tls imap.greeting imap.capabilities imap.claims- imap.login- imap.inbox-";
const NO_SMTP: &str = "smtp.lookup smtp.route smtp.tcp smtp.greeting smtp.tls smtp.capabilities smtp.claims- smtp.login- smtp.sender- smtp.recipient- smtp.reset-";
const NO_POP3: &str = "pop3.lookup pop3.route pop3.tcp pop3.tls pop3.greeting pop3.capabilities pop3.claims- pop3.login- pop3.inbox-";

/// Without a token, the servers are still asked who they are and what they can do.
const NO_TOKEN: [(&str, &str); 3] = [(IMAP, NO_IMAP), (SMTP, NO_SMTP), (POP3, NO_POP3)];

fn fault(mock: &Mock, name: &str) {
    mock.set_fault(Some(Fault::find(name).unwrap_or_else(|| panic!("{name}"))));
}

const ROWS: &[Row] = &[
    (
        "the token endpoint is not there",
        |_, account| {
            let Login::OAuth(oauth) = &mut account.login else { panic!("no OAuth") };
            oauth.token_url = format!("https://localhost:{}/t/oauth2/v2.0/token", closed_port());
        },
        &[
            (TOKEN, "token.lookup token.route token.tcp! token.tls- token.cloud token.form token.request!"),
            NO_TOKEN[0],
            NO_TOKEN[1],
            NO_TOKEN[2],
        ],
    ),
    (
        "its name does not exist",
        |_, account| {
            let Login::OAuth(oauth) = &mut account.login else { panic!("no OAuth") };
            oauth.token_url = "https://login.invalid/t/oauth2/v2.0/token".to_owned();
        },
        &[
            (TOKEN, "token.lookup! token.route- token.tcp- token.tls- token.cloud token.form token.request!"),
            NO_TOKEN[0],
            NO_TOKEN[1],
            NO_TOKEN[2],
        ],
    ),
    (
        "no token is given",
        |mock, _| fault(mock, "invalid-secret"),
        &[(" token.request token.claims", " token.request!"), NO_TOKEN[0], NO_TOKEN[1], NO_TOKEN[2]],
    ),
    (
        "the token is for something else, which the servers are asked about nevertheless",
        |mock, _| fault(mock, "token-for-graph"),
        &[
            (" imap.claims imap.login imap.inbox", " imap.claims! imap.login! imap.inbox-"),
            (
                " smtp.claims smtp.login smtp.sender smtp.recipient smtp.reset",
                " smtp.claims! smtp.login! smtp.sender- smtp.recipient- smtp.reset-",
            ),
            (" pop3.claims pop3.login pop3.inbox", " pop3.claims! pop3.login! pop3.inbox-"),
        ],
    ),
    (
        "no port of IMAP",
        |_, account| account.imap.as_mut().unwrap().port = closed_port(),
        &[(
            IMAP,
            "imap.lookup imap.route imap.tcp! imap.tls- imap.greeting- imap.capabilities- imap.claims- imap.login- imap.inbox-",
        )],
    ),
    (
        "no TLS where IMAP should be",
        |mock, account| account.imap.as_mut().unwrap().port = mock.ports().smtp,
        &[(
            IMAP,
            "imap.lookup imap.route imap.tcp imap.tls! imap.greeting- imap.capabilities- imap.claims- imap.login- imap.inbox-",
        )],
    ),
    (
        "an OK that is none",
        |mock, _| fault(mock, "wrong-server"),
        &[(" imap.login imap.inbox", " imap.login! imap.inbox-")],
    ),
    (
        "IMAP lets in and does not open",
        |mock, _| fault(mock, "not-connected"),
        &[(" imap.inbox", " imap.inbox!")],
    ),
    (
        "submission greets with a refusal",
        |mock, _| fault(mock, "not-a-submission-server"),
        &[(
            SMTP,
            "smtp.lookup smtp.route smtp.tcp smtp.greeting! smtp.tls- smtp.capabilities- smtp.claims- smtp.login- smtp.sender- smtp.recipient- smtp.reset-",
        )],
    ),
    (
        "no sender: taken back nevertheless",
        |mock, _| fault(mock, "not-authenticated"),
        &[(" smtp.sender smtp.recipient", " smtp.sender! smtp.recipient-")],
    ),
    (
        "no recipient: taken back nevertheless",
        |mock, _| fault(mock, "greylisted"),
        &[(" smtp.recipient", " smtp.recipient!")],
    ),
    (
        "a server that leaves",
        |mock, _| mock.set_fault(Fault::of_words("smtp.sender", "421 4.3.2 Service closing")),
        &[(" smtp.sender smtp.recipient smtp.reset", " smtp.sender! smtp.recipient- smtp.reset-")],
    ),
    (
        "POP3 is off",
        |mock, _| fault(mock, "pop-basic-off"),
        &[(" pop3.login pop3.inbox", " pop3.login! pop3.inbox-")],
    ),
];

#[test]
fn it_goes_on_where_it_can_get_past() {
    for (what, change, parts) in ROWS {
        let mock = Mock::start(Options::default()).unwrap();
        let mut account = whole(&mock);
        account.retry = mailbearer_oauth::Retry::NEVER;
        change(&mock, &mut account);
        let mut wanted = [LOCAL, TOKEN, IMAP, SMTP, POP3].join(" ");
        for (well, ill) in *parts {
            assert!(wanted.contains(well), "{what}: {well}");
            wanted = wanted.replace(well, ill);
        }
        let report = examined(account);
        assert_eq!(shown(&report), wanted, "{what}: {:#?}", report.steps);
    }
}

#[test]
fn a_certificate_that_is_not_trusted_stops_its_server_alone() {
    let mut options = Options::default();
    options.certificate = Certificate::SelfSigned;
    let (bad, good) = (Mock::start(options).unwrap(), Mock::start(Options::default()).unwrap());
    let mut account = whole(&good);
    account.smtp = Some(Server::new("localhost", bad.ports().smtp, Security::StartTls));
    let report = examined(account);
    let smtp = "smtp.lookup smtp.route smtp.tcp smtp.greeting smtp.tls! smtp.capabilities- smtp.claims- smtp.login- smtp.sender- smtp.recipient- smtp.reset-";
    assert_eq!(shown(&report), [LOCAL, TOKEN, IMAP, smtp, POP3].join(" "));
    let tls = report.steps.iter().find(|step| step.failed()).unwrap();
    assert!(tls.detail().contains("issued by "), "{}", tls.detail());
}

#[test]
fn a_name_that_is_no_address_is_not_rehearsed() {
    let mut options = Options::default();
    options.personality = "dovecot".parse().unwrap();
    options.user = "robot".into();
    let mock = Mock::start(options).unwrap();
    let mut account = account(&mock);
    account.login = Login::Password(mock.password().unwrap().into());
    let report = examined(account);
    let last: Vec<_> = report.steps.iter().rev().take(3).map(|step| (step.outcome, step.detail())).collect();
    assert_eq!(last, [(Outcome::Skipped, "not tried: the user's name is no address in ASCII"); 3]);
    assert!(report.is_well(), "{:#?}", report.steps);
}

#[test]
fn what_a_token_says_steers_no_terminal() {
    let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"aud":"a\u001b[2J\u202e","roles":["x"]}"#);
    let token = Token::new(format!("e30.{claims}.x"), None);
    let report = examined(Account::with_source("robot@example.org", move |_| Ok(token.clone())));
    let said = report.steps.iter().find(|step| step.name() == "token.claims").unwrap().detail();
    assert!(said.contains("for a\\x1b[2J\\u{202e}"), "{said}");
}

/// A runtime with a name of three addresses: one answers, one refuses and one is silent.
enum Three {}

const ANSWERS: Ipv4Addr = Ipv4Addr::LOCALHOST;
const REFUSES: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const SILENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

impl Runtime for Three {
    type Socket = <Blocking as Runtime>::Socket;
    type Listener = <Blocking as Runtime>::Listener;
    type Timer = <Blocking as Runtime>::Timer;
    type Task<'a, T: 'a> = T;

    fn task<'a, T: Send + 'a>(operation: impl Future<Output = T> + Send + 'a) -> T {
        Blocking::task(operation)
    }

    fn timer(at: Instant) -> Self::Timer {
        Blocking::timer(at)
    }

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let addresses: &[Ipv4Addr] =
            if host == "dead.example" { &[REFUSES, SILENT] } else { &[REFUSES, ANSWERS, SILENT] };
        Ok(addresses.iter().map(|address| SocketAddr::new(IpAddr::V4(*address), port)).collect())
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::Socket> {
        match address.ip() {
            IpAddr::V4(REFUSES) => Err(io::ErrorKind::ConnectionRefused.into()),
            IpAddr::V4(SILENT) => pending().await,
            _ => Blocking::connect(address).await,
        }
    }

    fn listen(address: SocketAddr) -> io::Result<Self::Listener> {
        Blocking::listen(address)
    }
}

#[test]
fn each_address_of_a_name_is_tried() {
    let mock = Mock::start(Options::default()).unwrap();
    let mut account = account(&mock);
    account.smtp = Some(Server::new("dead.example", mock.ports().smtp, Security::StartTls));
    account.timeouts.connect = Duration::from_secs(1);
    let report = account.on::<Three>().unwrap().examine(|_| ());
    let step = |name: &str| report.steps.iter().find(|step| step.name() == name).unwrap();
    assert_eq!(step("imap.lookup").detail(), "localhost: 192.0.2.1, 127.0.0.1, 192.0.2.2");
    let (tcp, port) = (step("imap.tcp"), mock.ports().imaps);
    let told: Vec<&str> = tcp.detail().split(": ").nth(1).unwrap().split(", ").collect();
    let [refuses, answers, silent] = told[..] else { panic!("{told:?}") };
    assert!(tcp.outcome == Outcome::Ok && tcp.detail().starts_with(&format!("localhost port {port}: ")));
    assert_eq!((refuses, silent), ("192.0.2.1 connection refused", "192.0.2.2 no answer in time"));
    assert!(answers.starts_with("127.0.0.1 in ") && answers.ends_with(" ms"), "{answers}");
    // One that answers is enough.
    assert_eq!(step("imap.inbox").outcome, Outcome::Ok);
    let dead = step("smtp.tcp");
    assert!(
        dead.failed()
            && dead.detail().ends_with("; 192.0.2.1 connection refused, 192.0.2.2 no answer in time"),
        "{}",
        dead.detail()
    );
    assert!(!dead.detail().contains("127.0.0.1"), "{}", dead.detail());
}
