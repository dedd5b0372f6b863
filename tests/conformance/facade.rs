//! The facade against the memory server: tokens shared and renewed, sessions that outlive them, outcomes.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex},
    task::Poll,
    thread,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};

use mailbearer::{
    Account, Address, Client, ClientProof, Composed, Envelope, Kind, Login, Message, Range, Runtime,
    Security, Server, Token, Tokio,
    error::{Missing, Protocol},
};
use mailbearer_mock::{
    Certificate, Server as Mock, Transcript,
    memory::{Options, Personality},
    serve,
};

pub(crate) fn mock(mut options: Options) -> Mock {
    // It gets lost where a form is not encoded.
    options.client_secret.get_or_insert_with(|| "x7_~8Q+&=%.-4fGq2bWzR".into());
    Mock::start(options).unwrap()
}

pub(crate) fn account(mock: &Mock) -> Account {
    let mut account = Account::custom(mock.user(), mock.token_url(), mock.scope())
        .client_credentials(mock.client_id(), mock.client_secret())
        .ca_pem(mock.ca_pem())
        .unwrap();
    account.imap = Some(Server::new("localhost", mock.ports().imaps, Security::Implicit));
    account.smtp = Some(Server::new("localhost", mock.ports().smtp, Security::StartTls));
    account
}

pub(crate) fn robot(mock: &Mock) -> Client {
    account(mock).blocking().unwrap()
}

pub(crate) fn message<R: Runtime>(robot: &Client<R>) -> Composed {
    let user = Address::parse(&robot.account().user).unwrap();
    robot.compose(&Message::new(user.clone()).to(user).subject("one").text("x")).unwrap()
}

pub(crate) fn tokio<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn however_many_ask_one_token_is_fetched() {
    let server = mock(Options::default());
    let robot = robot(&server);
    let tokens = thread::scope(|scope| {
        let asking: Vec<_> = (0..16).map(|_| scope.spawn(|| robot.token().unwrap())).collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(server.tokens().issued(), 1);
    assert!(
        tokens.iter().all(|token| Some(token.access_token.expose()) == server.tokens().latest().as_ref())
    );

    let server = mock(Options::default());
    let robot = account(&server).tokio().unwrap();
    tokio(async {
        let (one, two, three) = tokio::join!(robot.token(), robot.token(), robot.token());
        assert!(one.is_ok() && two.is_ok() && three.is_ok());
        // Whoever fetches may be dropped; the next one fetches in its place, and at once.
        let robot = account(&server).tokio().unwrap();
        let mut dropped = robot.token();
        let begun = poll_fn(|context| Poll::Ready(dropped.as_mut().poll(context))).await;
        assert!(begun.is_pending());
        drop(dropped);
        robot.token().await.unwrap();
    });
    // The one that was dropped may have got as far as the server.
    assert!((2..=3).contains(&server.tokens().issued()), "{}", server.tokens().issued());
}

/// An inverted check of names in one of several backends went unseen elsewhere for years, so each door has its own row.
#[test]
fn no_door_takes_a_certificate_for_another_name() {
    for certificate in [Certificate::OtherName, Certificate::Expired, Certificate::SelfSigned] {
        let mut options = Options::default();
        options.certificate = certificate;
        let server = mock(options);
        let refused = |door: &str, error: Option<mailbearer::Error>| {
            let kind = error.as_ref().map(mailbearer::Error::kind);
            assert_eq!(kind, Some(Kind::Certificate), "{door}, {certificate:?}: {error:?}");
        };
        refused("token", robot(&server).token().err());
        let ports = server.ports();
        for (imap, smtp, pop3, security) in [
            (ports.imaps, ports.smtps, ports.pop3s, Security::Implicit),
            (ports.imap, ports.smtp, ports.pop3, Security::StartTls),
        ] {
            let mut account = Account::with_source(server.user(), |_| Ok(Token::new("t0ken", None)))
                .ca_pem(server.ca_pem())
                .unwrap();
            let door = |port| Some(Server::new("localhost", port, security));
            (account.imap, account.smtp, account.pop3) = (door(imap), door(smtp), door(pop3));
            let robot = account.clone().blocking().unwrap();
            refused("imap", robot.connect_imap().err());
            refused("smtp", robot.connect_smtp().err());
            refused("pop3", robot.connect_pop3().err());
            tokio(async {
                let robot = account.tokio().unwrap();
                refused("imap", robot.connect_imap().await.err());
                refused("smtp", robot.connect_smtp().await.err());
                refused("pop3", robot.connect_pop3().await.err());
            });
        }
        assert_eq!(server.tokens().issued(), 0);
    }
}

#[test]
fn a_failing_endpoint_is_left_alone_for_as_long_as_it_asks() {
    let server = mock(Options::default());
    server.tokens().fail_requests(100);
    let robot = robot(&server);
    let error = robot.token().unwrap_err();
    assert!(error.is_transient() && !error.is_auth(), "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    let error = robot.token().unwrap_err();
    assert!(error.kind() == Kind::Backoff && error.is_transient(), "{error:?}");
    assert!(error.to_string().contains("temporarily_unavailable"), "{error}");
    assert_eq!(server.tokens().issued(), 0);
}

#[test]
fn every_providers_habits_are_put_up_with() {
    for personality in Personality::ALL {
        let mut options = Options::default();
        options.personality = personality;
        let server = mock(options);
        let robot = robot(&server);
        robot.send(&message(&robot)).unwrap_or_else(|error| panic!("{personality}: {error}"));
        let mut imap = robot.connect_imap().unwrap_or_else(|error| panic!("{personality}: {error}"));
        let mut listing =
            imap.list("INBOX", Range::Last(5)).unwrap_or_else(|error| panic!("{personality}: {error}"));
        let item = listing.next().unwrap_or_else(|error| panic!("{personality}: {error}")).unwrap();
        assert_eq!(item.subject.as_str(), "one", "{personality}");
        assert!(listing.next().unwrap().is_none(), "{personality}");
        drop(listing);
        imap.logout().unwrap_or_else(|error| panic!("{personality}: {error}"));
    }
}

#[test]
fn a_wrong_secret_is_a_matter_of_settings() {
    let server = mock(Options::default());
    let mut wrong = account(&server);
    wrong.oauth_mut().unwrap().client = ClientProof::Secret("s3cret-that-is-wrong".into());
    let error = wrong.blocking().unwrap().connect_imap().err().unwrap();
    assert!(error.is_auth() && error.is_configuration() && !error.is_transient(), "{error:?}");
    assert!(error.to_string().contains("AADSTS7000215"), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret-that-is-wrong"));
}

/// One retry, only for a token from an earlier run.
#[test]
fn a_refused_token_is_replaced_once_and_no_more() {
    let server = mock(Options::default());
    let robot = robot(&server);
    robot.token().unwrap();
    server.tokens().expire_all();
    robot.connect_imap().unwrap().logout().unwrap();
    assert_eq!(server.tokens().issued(), 2);
    server.tokens().expire_all();
    robot.send(&message(&robot)).unwrap();
    assert_eq!(server.tokens().issued(), 3);
    // A fresh token that is refused is not what is wrong.
    server.tokens().expire_all();
    server.tokens().fail_logins(3);
    let error = robot.connect_smtp().err().unwrap();
    assert!(error.is_auth(), "{error}");
    assert_eq!(server.tokens().issued(), 4);
}

#[test]
fn a_new_refresh_token_takes_the_place_of_the_old() {
    // With room for one, the server forgets the old when it gives a new one.
    let mut options = Options::default();
    options.limits.tokens = 1;
    let server = mock(options);
    let first = server.tokens().new_refresh_token().unwrap();
    let secret = ClientProof::Secret(server.client_secret().into());
    let account = account(&server).refresh_token(server.client_id(), secret, first.as_str());
    let robot = account.blocking().unwrap();
    let second = robot.token().unwrap().refresh_token.unwrap();
    assert_ne!(second.expose(), &first);
    server.tokens().expire_all();
    robot.connect_imap().unwrap().logout().unwrap();
    assert_eq!(server.tokens().issued(), 2);

    server.tokens().revoke_refresh_tokens();
    server.tokens().expire_all();
    let error = robot.connect_imap().err().unwrap();
    assert!(error.is_auth() && error.to_string().contains("invalid_grant"), "{error}");
}

#[test]
fn a_token_that_ends_in_the_session_is_told_apart() {
    let server = mock(Options::default());
    let robot = robot(&server);
    let mut imap = robot.connect_imap().unwrap();
    server.tokens().expire_all();
    let Err(error) = imap.list("INBOX", Range::All).and_then(|mut listing| listing.next()) else {
        panic!("the token has ended")
    };
    assert!(error.needs_new_token(), "{error:?}");
    robot.connect_imap().unwrap().list("INBOX", Range::All).unwrap().next().unwrap();
}

#[test]
fn a_good_token_without_a_mailbox_says_what_is_wrong() {
    let mut options = Options::default();
    options.fault = mailbearer_mock::memory::Fault::find("not-connected");
    let server = mock(options);
    let robot = robot(&server);
    let mut imap = robot.connect_imap().unwrap();
    let error = imap.list("INBOX", Range::All).and_then(|mut listing| listing.next()).unwrap_err();
    assert!(error.to_string().contains("User is authenticated but not connected"), "{error}");
    assert!(error.is_auth() && !error.is_transient());
}

#[test]
fn a_mailbox_that_is_not_there_is_no_empty_one() {
    let server = mock(Options::default());
    let robot = robot(&server);
    let mut imap = robot.connect_imap().unwrap();
    for range in [Range::All, Range::Last(3)] {
        assert_eq!(imap.list("INBOX", range.clone()).unwrap().next().unwrap(), None, "{range:?}");
        let listed = imap.list("Nowhere", range.clone()).and_then(|mut listing| listing.next());
        assert!(listed.unwrap_err().kind() == Kind::NoFolder, "{range:?}");
    }
    let fetched = imap.fetch("Nowhere", 1).unwrap().next();
    assert_eq!(fetched.unwrap_err().kind(), Kind::NoFolder);
}

#[test]
fn a_connection_cut_behind_the_final_dot_leaves_the_outcome_open() {
    const UP_TO_DATA: &str = "--TLS--\n\
        S: 220 ready\nC: EHLO <any>\nS: 250-hello\nS: 250-PIPELINING\nS: 250 AUTH XOAUTH2\n\
        C: AUTH XOAUTH2\nS: 334 \nC: <any>\nS: 235 welcome\n\
        C: MAIL FROM:<robot@mailbearer.test>\nC: RCPT TO:<robot@mailbearer.test>\nC: DATA\n";
    const MESSAGE: &str = "S: 250 ok\nS: 250 ok\nS: 354 go ahead\n\
        C: <any>\nC: <any>\nC: <any>\nC: <any>\nC: <any>\nC: <any>\nC: <any>\nC: <any>\nC: <any>\nC: <any>\nC: .\nC: QUIT\n";
    let rows = [("before DATA is answered", "--close--\n", false), ("behind the dot", MESSAGE, true)];
    for (name, rest, unknown) in rows {
        let server = mock(Options::default());
        let script = format!("{UP_TO_DATA}{rest}{}", if unknown { "--close--\n" } else { "" });
        let transcript = Transcript::parse(&script).unwrap();
        for driver in ["blocking", "tokio"] {
            let (address, serving) = serve(transcript.clone()).unwrap();
            let mut account = account(&server);
            account.smtp = Some(Server::new("localhost", address.port(), Security::Implicit));
            account = account.ca_pem([server.ca_pem(), serving.ca_pem()].concat()).unwrap();
            let error = match driver {
                "blocking" => {
                    let robot = account.blocking().unwrap();
                    robot.send(&message(&robot)).unwrap_err()
                }
                _ => tokio(async {
                    let robot: Client<Tokio> = account.tokio().unwrap();
                    robot.send(&message(&robot)).await.unwrap_err()
                }),
            };
            serving.join().unwrap_or_else(|difference| panic!("{name}, {driver}: {difference}"));
            assert_eq!(error.outcome_unknown(), unknown, "{name}, {driver}: {error:?}");
            assert_eq!(error.is_transient(), !unknown, "{name}, {driver}: {error:?}");
        }
    }
}

/// The EXAMINE is refused, and the FETCH behind it is never answered.
#[test]
fn a_refusal_counts_more_than_that_the_server_hangs_up_after_it() {
    const UP_TO_EXAMINE: &str = "--TLS--\n\
        S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready\nC: <tag> AUTHENTICATE XOAUTH2 <any>\n\
        S: <tag> OK welcome\nC: <tag1> EXAMINE INBOX\nC: <tag2> <any>\n";
    const THROTTLED: &str = "S: <tag1> BAD Request is throttled. Suggested Backoff Time: 7000 milliseconds\n";
    let rows = [
        ("closed", "--close--\n", "throttled", Some(7)),
        ("BYE", "S: * BYE Connection closed. 14\n--close--\n", "throttled", Some(7)),
        (
            "BYE with a reason",
            "S: * BYE Session invalidated - AccessTokenExpired\n--close--\n",
            "Expired",
            None,
        ),
    ];
    for (name, end, want, wait) in rows {
        for operation in ["list", "fetch"] {
            let server = mock(Options::default());
            let transcript = Transcript::parse(&format!("{UP_TO_EXAMINE}{THROTTLED}{end}")).unwrap();
            let (address, serving) = serve(transcript).unwrap();
            let mut account = account(&server);
            account.imap = Some(Server::new("localhost", address.port(), Security::Implicit));
            account = account.ca_pem([server.ca_pem(), serving.ca_pem()].concat()).unwrap();
            let mut imap = account.blocking().unwrap().connect_imap().unwrap();
            let error = match operation {
                "list" => imap.list("INBOX", Range::All).and_then(|mut listing| listing.next()).unwrap_err(),
                _ => imap.fetch("INBOX", 7).and_then(|mut body| body.next()).unwrap_err(),
            };
            serving.join().unwrap_or_else(|difference| panic!("{name}, {operation}: {difference}"));
            assert!(error.to_string().contains(want), "{name}, {operation}: {error}");
            assert_eq!(error.retry_after().map(|wait| wait.as_secs()), wait, "{name}, {operation}");
            assert!(error.is_transient() && error.ended_session(), "{name}, {operation}");
        }
    }
}

/// Whatever a server repeats of the token, while it refuses it or later, neither an error nor the trace shows it.
///
/// What a peer echoes is not shown: a form in a `400`, a NO that repeats AUTHENTICATE, a token in a trace.
#[test]
fn a_token_that_the_server_repeats_is_shown_by_nothing() {
    let token = "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA";
    let response = STANDARD.encode(format!("user=robot@mailbearer.test\u{1}auth=Bearer {token}\u{1}\u{1}"));
    let imap =
        "--TLS--\nS: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready\nC: <tag> AUTHENTICATE <any>\n";
    let smtp =
        "--TLS--\nS: 220 ready\nC: EHLO <any>\nS: 250-hello\nS: 250 AUTH XOAUTH2\nC: AUTH XOAUTH2 <any>\n";
    let smtp_end = "C: QUIT\n";
    let (in_imap, in_smtp) = ("S: <tag> OK in\nC: <tag> NOOP\n", "S: 235 in\nC: MAIL <any>\n");
    let rows = [
        ("NO", imap, format!("S: <tag> NO AUTHENTICATE XOAUTH2 {response} failed\n"), ""),
        ("code", imap, format!("S: <tag> NO [X {response}] {token}\n"), ""),
        ("BYE", imap, format!("S: * BYE bad command: {response}\n"), ""),
        ("cut off", imap, format!("S: <tag> BAD {}\n", &response[..70]), ""),
        ("junk", imap, format!("S: ! {response}\n"), ""),
        ("535", smtp, format!("S: 535-no such\nS: 535 AUTH XOAUTH2 {response}\n"), smtp_end),
        ("421", smtp, format!("S: 421 going away after AUTH {token}\n"), ""),
        ("NO later", imap, format!("{in_imap}S: <tag> NO what was {response}\n"), ""),
        ("code later", imap, format!("{in_imap}S: <tag> BAD [X {response}] {token}\n"), ""),
        ("BYE later", imap, format!("{in_imap}S: * BYE after {response}\n"), ""),
        ("junk later", imap, format!("{in_imap}S: ! {response}\nS: <tag> OK done\n"), ""),
        ("tag of nothing", imap, format!("{in_imap}S: A99 OK {response}\n"), ""),
        ("odd line", imap, format!("{in_imap}S: * 1 FETCH {token}\nS: <tag> OK done\n"), ""),
        ("MAIL", smtp, format!("{in_smtp}S: 550 5.7.1 not after AUTH {response}\n"), ""),
        ("421 later", smtp, format!("{in_smtp}S: 421 4.7.0 {token}\n"), ""),
        ("no reply", smtp, format!("{in_smtp}S: what was {token}\n"), ""),
    ];
    for (name, start, answer, end) in rows {
        let transcript = Transcript::parse(&format!("{start}{answer}{end}--close--\n")).unwrap();
        let (address, serving) = serve(transcript).unwrap();
        let mut account =
            Account::with_source("robot@mailbearer.test", move |refused: Option<&Token>| match refused {
                None => Ok(Token::new(token, None)),
                Some(_) => Err("there is no other".into()),
            });
        account.imap = Some(Server::new("localhost", address.port(), Security::Implicit));
        account.smtp = Some(Server::new("localhost", address.port(), Security::Implicit));
        account = account.ca_pem(serving.ca_pem()).unwrap();
        let seen = Arc::new(Mutex::new(String::new()));
        let trace = Arc::clone(&seen);
        let robot: Client = Client::traced(account, move |line| {
            let mut seen = trace.lock().unwrap();
            seen.push_str(&line.text);
            seen.push('\n');
        })
        .unwrap();
        let (mut odd, envelope) = (Vec::new(), Envelope::new("a@mailbearer.test", ["b@mailbearer.test"]));
        let result = match start == imap {
            true => robot.connect_imap().and_then(|mut imap| {
                let result = imap.noop();
                odd.extend(imap.odd_lines());
                result
            }),
            false => robot.connect_smtp().and_then(|mut smtp| smtp.submit(envelope).map(drop)),
        };
        let _ = serving.join();
        assert_eq!(result.is_err(), odd.is_empty(), "{name}");
        let error = result.err().map(|error| format!("{error} {error:?}"));
        let seen = seen.lock().unwrap();
        for said in [seen.as_str(), &format!("{error:?} {odd:?}")] {
            assert!(said.contains("[redacted]"), "{name}: {said}");
        }
        let shown = format!("{error:?} {odd:?} {seen}");
        for secret in [&token[..12], &response[40..60]] {
            assert!(!shown.contains(secret), "{name}: {secret} in {shown}");
        }
    }
}

#[test]
fn what_is_wrong_with_an_account_is_said_before_anything_is_sent() {
    let good =
        || Account::microsoft365("robot@contoso.com", "contoso.com").client_credentials("id", "secret");
    let rows: &[(&str, fn(&mut Account), &str)] = &[
        ("no tenant", |account| account.oauth_mut().unwrap().token_url.clear(), "token URL"),
        (
            "clear text",
            |account| account.oauth_mut().unwrap().token_url = "http://a.test/token".into(),
            "token URL",
        ),
        ("no client id", |account| account.oauth_mut().unwrap().client_id.clear(), "client id"),
        ("no user", |account| account.user.clear(), "user"),
        ("a user with a control character", |account| account.user = "a\u{1}auth=Bearer x".into(), "user"),
    ];
    good().blocking().unwrap();
    for (name, spoil, want) in rows {
        let mut account = good();
        spoil(&mut account);
        let error = account.blocking().unwrap_err();
        assert!(error.is_configuration() && error.to_string().contains(want), "{name}: {error}");
    }
    let error = good().ca_pem("nonsense").unwrap_err();
    assert!(error.is_configuration() && error.to_string().contains("PEM"), "{error}");
    let mut account = good();
    account.imap = None;
    let error = account.blocking().unwrap().connect_imap().err().unwrap();
    assert_eq!(error.kind(), Kind::Missing(Missing::Server(Protocol::IMAP)), "{error}");
}

/// Servers without OAuth take the password, by whichever mechanism they have, and hear the names that were set.
#[test]
fn a_password_and_the_names_of_the_program_reach_the_servers() {
    // "\\0ann@mail.test\\0hunter2", and the two parts of LOGIN.
    let imap = "--TLS--\nS: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\n\
        C: <tag> AUTHENTICATE PLAIN AGFubkBtYWlsLnRlc3QAaHVudGVyMg==\nS: <tag> OK welcome\n\
        C: <tag1> LOGOUT\nS: * BYE\nS: <tag1> OK bye\n";
    let smtp = "--TLS--\nS: 220 ready\nC: EHLO robot.mail.test\nS: 250-hello\nS: 250 AUTH LOGIN\n\
        C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5uQG1haWwudGVzdA==\nS: 334 UGFzc3dvcmQ6\nC: aHVudGVyMg==\n\
        S: 235 welcome\nC: QUIT\nS: 221 bye\n";
    let [imap, smtp] = [imap, smtp].map(|text| serve(Transcript::parse(text).unwrap()).unwrap());
    let at = |port| Server::new("localhost", port, Security::Implicit);
    let mut account = Account::new("ann@mail.test", Login::Password("hunter2".into()))
        .imap(at(imap.0.port()))
        .smtp(at(smtp.0.port()))
        .ca_pem([imap.1.ca_pem(), smtp.1.ca_pem()].concat())
        .unwrap();
    let mut options = mailbearer::proto::smtp::Options::new("", 0);
    options.client_name = "robot.mail.test".into();
    account.smtp_options = Some(Box::new(options));
    let client = account.blocking().unwrap();
    client.connect_imap().unwrap().logout().unwrap();
    client.connect_smtp().unwrap().quit().unwrap();
    for serving in [imap.1, smtp.1] {
        serving.join().unwrap_or_else(|difference| panic!("{difference}"));
    }
}

/// A server's mistake that is not overlooked is an error, in what the session parses and in what a listing does.
#[test]
fn quirks_that_are_set_are_those_that_parse() {
    let script = "--TLS--\nS: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\n\
        C: <tag> AUTHENTICATE PLAIN <any>\nS: <tag> OK [CAPABILITY IMAP4rev1] welcome\n\
        C: <tag1> STATUS INBOX <any>\nS: * STATUS INBOX (MESSAGES 0) \nS: <tag1> OK done\n";
    for overlooked in [true, false] {
        let (address, serving) = serve(Transcript::parse(script).unwrap()).unwrap();
        let mut account = Account::new("ann@mail.test", Login::Password("hunter2".into()))
            .imap(Server::new("localhost", address.port(), Security::Implicit))
            .ca_pem(serving.ca_pem())
            .unwrap();
        let mut options = mailbearer::proto::imap::session::Options::new("", 0, Security::Implicit);
        options.quirks.spacing = overlooked;
        account.imap_options = Some(Box::new(options));
        let mut imap = account.blocking().unwrap().connect_imap().unwrap();
        let counts = imap.status("INBOX");
        assert_eq!(counts.is_ok(), overlooked, "{counts:?}");
        drop(imap);
        serving.join().unwrap_or_else(|difference| panic!("{difference}"));
    }
}
