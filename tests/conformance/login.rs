//! A person's login: the facade against the mock's pages, with a browser made of sockets.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use mailbearer::{
    Account, BrowserLogin, Client, Error, FileStore, Grant, Kind, LoggedIn, LoginOptions, Pasted, RedirectTo,
    Runtime, TraceLine, error::Missing,
};
use mailbearer_mock::{Server as Mock, memory::Options};

use crate::facade::tokio;

const USER: &str = "robot@mailbearer.test";
const SCOPE: &str = "https://outlook.office.com/IMAP.AccessAsUser.All openid profile offline_access";

pub(crate) fn person(mock: &Mock, change: impl FnOnce(&mut mailbearer::Person)) -> Account {
    let mut account = Account::custom(mock.user(), mock.token_url(), SCOPE).ca_pem(mock.ca_pem()).unwrap();
    let oauth = account.oauth_mut().unwrap();
    oauth.client_id = mock.client_id().into();
    let mut person = mailbearer::Person::default();
    person.authorize_url = Some(mock.authorize_url());
    person.device_url = Some(mock.device_url());
    person.revoke_url = Some(mock.revoke_url());
    change(&mut person);
    oauth.grant = Grant::Person(Box::new(person));
    account
}

/// Asks for an address on this machine and returns the answer.
fn get(address: &str) -> String {
    let rest = address.strip_prefix("http://").unwrap();
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap());
    let target = if target.starts_with('/') { target.into() } else { format!("/{target}") };
    raw(authority, &format!("GET {target} HTTP/1.1\r\nHost: {authority}\r\nAccept-Language: zh\r\n\r\n"))
}

fn raw(authority: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(authority.replace("localhost", "127.0.0.1")).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

/// What runs while a login waits, and what the login comes to.
fn during(client: &Client, browse: impl FnOnce(&str, &str) + Send) -> Result<LoggedIn, Error> {
    let login = client.begin_login(LoginOptions::default()).unwrap();
    let (address, redirect) = (login.address().to_owned(), login.redirect_uri().to_owned());
    thread::scope(|scope| {
        let browsing = scope.spawn(move || browse(&address, &redirect));
        let done = login.wait();
        browsing.join().unwrap();
        done
    })
}

#[test]
fn a_person_logs_in_and_tokens_are_renewed_without_him() {
    let mut options = Options::default();
    options.rotating_refresh_tokens = true;
    options.token_lifetime = Duration::from_secs(2);
    let mock = Mock::start(options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let account = person(&mock, |_| {}).store(FileStore::new(folder.path()));
    let client = account.clone().blocking().unwrap();
    let error = client.token().unwrap_err();
    assert_eq!(error.kind(), Kind::Missing(Missing::Login), "{error}");
    assert!(error.is_auth() && !error.is_configuration());
    assert!(client.login_status().unwrap().is_none());

    let done = during(&client, |address, redirect| {
        let page = get(&mock.log_in(address, Some(USER)));
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("登录成功"), "{page}");
        assert!(page.contains(USER), "{page}");
        let again = TcpStream::connect(
            redirect.strip_prefix("http://localhost").map(|port| format!("127.0.0.1{port}")).unwrap(),
        );
        assert!(again.is_err(), "it listens on");
    });
    let done = done.unwrap();
    assert_eq!((done.user.as_deref(), done.renewable), (Some(USER), true));
    assert!(client.login_status().unwrap().unwrap().renewable);

    // Another process, so to speak, with a token that is about to end.
    for _ in 0..3 {
        let client = account.clone().blocking().unwrap();
        let token = client.token().unwrap();
        assert_eq!(Some(token.access_token.expose()), mock.tokens().latest().as_ref());
    }
    assert!(mock.tokens().issued() >= 4, "renewed");
    assert_eq!(mock.tokens().families(), 1);

    let out = client.log_out().unwrap();
    assert!(out.was_logged_in && matches!(out.revoked, Some(Ok(()))), "{out:?}");
    assert_eq!(mock.tokens().families(), 0);
    let client = account.blocking().unwrap();
    assert_eq!(client.token().unwrap_err().kind(), Kind::Missing(Missing::Login));
    assert!(!client.log_out().unwrap().was_logged_in);
}

#[test]
fn only_the_right_redirect_ends_the_wait() {
    let mock = Mock::start(Options::default()).unwrap();
    let client = person(&mock, |_| {}).blocking().unwrap();
    let done = during(&client, |address, redirect| {
        let right = mock.log_in(address, Some(USER));
        let authority = redirect.strip_prefix("http://").unwrap();
        let (_, query) = right.split_once('?').unwrap();
        let head = format!("HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        let silent: Vec<_> = (0..100)
            .map(|_| TcpStream::connect(authority.replace("localhost", "127.0.0.1")).unwrap())
            .collect();
        let mut slow = TcpStream::connect(authority.replace("localhost", "127.0.0.1")).unwrap();
        slow.write_all(b"GET /?co").unwrap();
        for (request, want) in [
            (format!("GET /favicon.ico {head}"), "404 "),
            (format!("GET /?code=x&state=y {head}"), "400 "),
            (format!("GET /?error=access_denied {head}"), "400 "),
            (format!("GET /?{query}&state=x {head}"), "400 "),
            (format!("GET /?{query}&code=x {head}"), "400 "),
            (format!("HEAD /?{query} {head}"), "405 "),
            (format!("GET /x?{query} {head}"), "404 "),
            (format!("GET /?{query} {head}").replace("localhost", "127.0.0.1"), "400 "),
            (format!("GET /?{query} HTTP/1.1\r\n\r\n"), "400 "),
            (format!("POST / HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 0\r\n\r\n"), "405 "),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), "400 "),
        ] {
            let answer = raw(authority, &request);
            assert!(answer.starts_with(&format!("HTTP/1.1 {want}")), "{request:?}: {answer}");
            assert!(!answer.contains("state") && answer.contains("default-src 'none'"), "{answer}");
        }
        // Over IPv6 too, where there is one.
        if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            let port = authority.rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
            TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap();
        }
        assert!(get(&right).starts_with("HTTP/1.1 200 "));
        drop((silent, slow));
    });
    assert_eq!(done.unwrap().user.as_deref(), Some(USER));
    assert_eq!(mock.tokens().issued(), 1);
}

#[test]
fn the_redirect_has_the_host_that_was_registered() {
    let mock = Mock::start(Options::default()).unwrap();
    let has_ipv6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    for host in ["127.0.0.1", "[::1]"].iter().take(if has_ipv6 { 2 } else { 1 }) {
        let redirect = RedirectTo::Loopback { host: (*host).to_owned(), port: None };
        let client = person(&mock, |person| person.redirect = redirect).blocking().unwrap();
        let done = during(&client, |address, redirect| {
            let authority = redirect.strip_prefix("http://").unwrap();
            assert!(authority.starts_with(&format!("{host}:")), "{redirect}");
            let right = mock.log_in(address, Some(USER));
            let (_, query) = right.split_once('?').unwrap();
            let other = authority.replace(host, "localhost");
            let answer = raw(authority, &format!("GET /?{query} HTTP/1.1\r\nHost: {other}\r\n\r\n"));
            assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
            assert!(get(&right).starts_with("HTTP/1.1 200 "));
        });
        assert_eq!(done.unwrap().user.as_deref(), Some(USER));
    }
}

#[test]
fn a_no_is_told_in_the_browser_and_here() {
    let mock = Mock::start(Options::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let client = person(&mock, |_| {}).store(FileStore::new(folder.path())).blocking().unwrap();
    let done = during(&client, |address, _| {
        let page = get(&mock.log_in(address, None));
        assert!(page.contains("登录未完成") && page.contains("access_denied"), "{page}");
    });
    let error = done.unwrap_err();
    assert_eq!(error.kind(), Kind::Auth);
    assert!(
        error.to_string().starts_with("token: the provider refused with access_denied: AADSTS65004"),
        "{error}"
    );

    let done = during(&client, |address, _| {
        let page = get(&mock.log_in(address, Some("bob@mailbearer.test")));
        assert!(page.contains("登录未完成") && page.contains("bob@mailbearer.test logged in, not"), "{page}");
    });
    let error = done.unwrap_err();
    assert!(
        error.to_string().contains("bob@mailbearer.test logged in, not robot@mailbearer.test"),
        "{error}"
    );
    assert!(client.login_status().unwrap().is_none(), "nothing of the other one is kept");
    // A shared mailbox is somebody's who logs in under his own name.
    let shared = person(&mock, |person| person.name = Some("Bob@mailbearer.test".into())).blocking().unwrap();
    let login = shared.begin_login(LoginOptions::default()).unwrap();
    assert!(login.address().contains("&login_hint=Bob%40mailbearer.test"), "{}", login.address());
    let pasting = login.pasting();
    assert_eq!(pasting.paste(&mock.log_in(login.address(), Some("bob@mailbearer.test"))), Pasted::Taken);
    assert_eq!(login.wait().unwrap().user.as_deref(), Some("bob@mailbearer.test"));
}

#[test]
fn an_address_is_pasted_in_place_of_a_redirect() {
    let mock = Mock::start(Options::default()).unwrap();
    for pasted in [true, false] {
        let client = person(&mock, |person| {
            if pasted {
                person.redirect = RedirectTo::Pasted("https://login.test/native".into());
            }
        });
        let client = client.blocking().unwrap();
        let mut options = LoginOptions::default();
        options.listen = pasted;
        options.prompt = Some("select_account".into());
        let login = client.begin_login(options).unwrap();
        assert!(!login.is_listening() && login.address().contains("&prompt=select_account"));
        let pasting = login.pasting();
        for wrong in ["", "x", "https://login.test/native", "https://login.test/native?code=x&state=y"] {
            assert!(matches!(pasting.paste(wrong), Pasted::Wrong(_)), "{wrong}");
        }
        let right = mock.log_in(login.address(), Some(USER));
        assert!(right.starts_with(login.redirect_uri()), "{right}");
        let (first, second) = right.split_at(40);
        thread::scope(|scope| {
            let pasting = &pasting;
            scope.spawn(move || {
                assert_eq!(pasting.paste(&format!(" {first}\n{second}\n")), Pasted::Taken);
                assert_eq!(pasting.paste(&format!("{first}{second}")), Pasted::Late);
            });
            login.wait().unwrap();
        });
        let again = mock.tokens().families();
        assert_eq!(pasting.paste(&right), Pasted::Late);
        assert_eq!(mock.tokens().families(), again);
    }
}

/// Each form of a login is said again as far as that does no harm.
#[test]
fn a_busy_provider_is_asked_again() {
    let mock = Mock::start(Options::default()).unwrap();
    let client = person(&mock, |person| person.ends_replaced = true).blocking().unwrap();
    for replaced in [None, Some(true)] {
        let login = client.begin_login(LoginOptions::default()).unwrap();
        login.pasting().paste(&mock.log_in(login.address(), Some(USER)));
        mock.tokens().fail_requests(2);
        let done = login.wait().unwrap();
        assert_eq!((done.ended_replaced, done.ends_at), (replaced, None));
        assert_eq!(mock.tokens().requests_to_fail(), 0);
        assert_eq!(mock.tokens().families(), 1, "the login whose place it took is over");
    }
    mock.tokens().fail_requests(1);
    client.begin_device_login().unwrap();
    assert_eq!(mock.tokens().requests_to_fail(), 0);
    mock.tokens().fail_requests(1);
    let ended = client.log_out().unwrap();
    assert!(ended.was_logged_in && matches!(ended.revoked, Some(Ok(()))));
    assert_eq!((mock.tokens().requests_to_fail(), mock.tokens().families()), (0, 0));
}

/// The server did what it was asked for, and the connection ended before it said so.
#[test]
fn a_code_that_was_sent_is_not_sent_again() {
    let mock = Mock::start(Options::default()).unwrap();
    let client = person(&mock, |_| {}).blocking().unwrap();
    let login = client.begin_login(LoginOptions::default()).unwrap();
    login.pasting().paste(&mock.log_in(login.address(), Some(USER)));
    mock.tokens().lose_answers(2);
    let error = login.wait().unwrap_err();
    assert!(error.is_transient() && !error.is_auth(), "{error}");
    assert_eq!(mock.tokens().answers_to_lose(), 1);
    assert_eq!(mock.tokens().families(), 1, "a code that comes twice ends what it began");

    // These do no harm.
    mock.tokens().lose_answers(2);
    let login = client.begin_device_login().unwrap();
    assert_eq!(mock.tokens().answers_to_lose(), 0);
    assert!(mock.answer_device(login.user_code(), Some(USER)));
    login.wait().unwrap();
    mock.tokens().lose_answers(2);
    let ended = client.log_out().unwrap();
    assert!(ended.was_logged_in && matches!(ended.revoked, Some(Ok(()))), "{ended:?}");
    assert_eq!((mock.tokens().answers_to_lose(), mock.tokens().families()), (0, 1));
}

/// Runs two of the tests here once more on a network without IPv6.
#[test]
#[cfg(target_os = "linux")]
fn a_host_without_ipv6_takes_the_redirect_too() {
    let own = std::env::current_exe().unwrap();
    let tests = [
        "login::a_person_logs_in_and_tokens_are_renewed_without_him",
        "login::a_no_is_told_in_the_browser_and_here",
    ];
    let script = "ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && \
                  test ! -s /proc/net/if_inet6 && exec \"$@\"";
    let inside = |command: &[&str]| {
        let mut unshare = std::process::Command::new("unshare");
        unshare.args(["--map-root-user", "--net"]).args(command);
        unshare
    };
    if !inside(&["true"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("no network of its own can be had here: not tried without IPv6");
        return;
    }
    let output = inside(&["sh", "-c", script, "sh"]).arg(own).arg("--exact").args(tests).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("2 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_time_to_log_in_ends() {
    let mock = Mock::start(Options::default()).unwrap();
    let client = person(&mock, |_| {}).blocking().unwrap();
    let mut options = LoginOptions::default();
    options.patience = Duration::from_millis(50);
    let error = client.begin_login(options).unwrap().wait().unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), (Kind::Timeout, false), "{error}");
    assert_eq!(error.to_string(), "token: nobody logged in within 0 s");
}

#[test]
fn the_implicit_grant_is_pasted_and_cannot_be_renewed() {
    let mock = Mock::start(Options::default()).unwrap();
    let client = person(&mock, |person| person.implicit = true).blocking().unwrap();
    let login = client.begin_login(LoginOptions::default()).unwrap();
    assert!(!login.is_listening() && login.address().contains("response_type=token"));
    let pasting = login.pasting();
    let right = mock.log_in(login.address(), Some(USER));
    let code = right.replace("#access_token=", "?code=");
    assert!(matches!(pasting.paste(&code), Pasted::Wrong(_)));
    assert_eq!(pasting.paste(&right), Pasted::Taken);
    let done = login.wait().unwrap();
    assert_eq!((done.renewable, done.user.as_deref()), (false, Some(USER)));
    assert_eq!(client.token().unwrap().access_token.expose(), done.token.access_token.expose());
}

#[test]
fn the_provider_has_to_be_the_one_that_was_asked() {
    let mock = Mock::start(Options::default()).unwrap();
    let issuer = mock.authorize_url().replace("/oauth2/v2.0/authorize", "/v2.0");
    let client = person(&mock, |person| person.issuer = Some(issuer)).blocking().unwrap();
    let login = client.begin_login(LoginOptions::default()).unwrap();
    let right = mock.log_in(login.address(), Some(USER));
    let (others, _) = right.split_once("&iss=").unwrap();
    assert!(matches!(login.pasting().paste(others), Pasted::Wrong(_)));
    assert!(matches!(
        login.pasting().paste(&format!("{others}&iss=https%3A%2F%2Fevil.test")),
        Pasted::Wrong(_)
    ));
    assert_eq!(login.pasting().paste(&right), Pasted::Taken);
    login.wait().unwrap();
}

#[test]
fn a_device_waits_for_the_code() {
    let mock = Mock::start(Options::default()).unwrap();
    mock.set_device_interval(1);
    let client = person(&mock, |_| {}).blocking().unwrap();
    let login = client.begin_device_login().unwrap();
    assert!(login.page().ends_with("/device") && login.complete_page().is_none());
    assert!(mock.answer_device(&login.user_code().to_ascii_lowercase(), Some(USER)));
    let done = login.wait().unwrap();
    assert_eq!((done.user.as_deref(), done.renewable), (Some(USER), true));
    client.token().unwrap();

    let login = client.begin_device_login().unwrap();
    assert!(mock.answer_device(login.user_code(), None));
    let error = login.wait().unwrap_err();
    assert!(error.to_string().contains("authorization_declined"), "{error}");
    let login = client.begin_device_login().unwrap();
    mock.expire_device_codes();
    let error = login.wait().unwrap_err();
    assert!(error.to_string().contains("expired_token"), "{error}");

    tokio(async {
        let client = person(&mock, |_| {}).tokio().unwrap();
        let login = client.begin_device_login().await.unwrap();
        // First it is pending, and the token endpoint is in trouble, and then not.
        mock.tokens().fail_requests(1);
        let code = login.user_code().to_owned();
        let waiting = tokio::spawn(login.wait());
        while mock.tokens().requests_to_fail() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(mock.answer_device(&code, Some(USER)));
        waiting.await.unwrap().unwrap();
    });
}

/// The same machines on the other runtime; a login that is dropped leaves nothing behind.
#[test]
fn futures_log_in_too() {
    let mock = Mock::start(Options::default()).unwrap();
    tokio(async {
        let client = person(&mock, |_| {}).tokio().unwrap();
        let dropped = client.begin_login(LoginOptions::default()).await.unwrap();
        let port = port(&dropped);
        drop(dropped.wait());
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();

        let login = client.begin_login(LoginOptions::default()).await.unwrap();
        let right = mock.log_in(login.address(), Some(USER));
        let browser = thread::spawn(move || get(&right));
        let done = login.wait().await.unwrap();
        assert_eq!(done.user.as_deref(), Some(USER));
        assert!(browser.join().unwrap().contains("登录成功"));
    });
}

fn port<R: Runtime>(login: &BrowserLogin<R>) -> u16 {
    login.redirect_uri().rsplit_once(':').unwrap().1.parse().unwrap()
}

#[test]
fn a_trace_of_a_login_shows_no_secret() {
    let mock = Mock::start(Options::default()).unwrap();
    let lines = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&lines);
    let trace = move |line: &TraceLine| {
        let mut lines = sink.lock().unwrap();
        lines.push_str(&line.text);
        lines.push('\n');
    };
    let client = Client::<mailbearer::Blocking>::traced(person(&mock, |_| {}), trace).unwrap();
    let login = client.begin_login(LoginOptions::default()).unwrap();
    let right = mock.log_in(login.address(), Some(USER));
    let code = right.split_once("code=").unwrap().1.split('&').next().unwrap().to_owned();
    login.pasting().paste(&right);
    let done = login.wait().unwrap();
    let shown = format!("{}\n{done:?}", lines.lock().unwrap());
    let refresh = done.token.refresh_token.as_ref().unwrap();
    for secret in [code.as_str(), done.token.access_token.expose(), refresh.expose()] {
        let part = &secret[secret.len() - 16..];
        assert!(!shown.contains(secret) && !shown.contains(part), "{shown}");
    }
    assert!(shown.contains("POST /"), "{shown}");
}
