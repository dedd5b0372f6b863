//! The whole way through a proxy: token, submission and IMAP, to a server whose name this machine does not know.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use mailbearer::{Account, Kind, Proxies, Proxy, Range};
use mailbearer_mock::{Certificate, memory::Options};

use crate::facade;

/// Takes CONNECT from Ann, and connects to the port on this machine, whatever the name.
fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let told = Arc::clone(&asked);
    // Ends with the process: it may wait for a client for ever.
    thread::spawn(move || {
        for client in listener.incoming() {
            let asked = Arc::clone(&told);
            thread::spawn(move || {
                let mut client = client.unwrap();
                let mut reader = BufReader::new(client.try_clone().unwrap());
                let mut lines: Vec<String> = Vec::new();
                while lines.last().is_none_or(|line| line != "\r\n") {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    lines.push(line);
                }
                if !lines.iter().any(|line| line == "Proxy-Authorization: Basic YW5uOnNlc2FtZQ==\r\n") {
                    client.write_all(b"HTTP/1.1 407 Who are you?\r\n\r\n").unwrap();
                    return;
                }
                let target = lines[0].split(' ').nth(1).unwrap().to_owned();
                let (name, port) = target.split_once(':').unwrap();
                asked.lock().unwrap().push(name.to_owned());
                let server = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap();
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                let (mut back, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || std::io::copy(&mut back, &mut to));
                let _ = std::io::copy(&mut reader, &mut &server);
            });
        }
    });
    (port, asked)
}

fn account(mock: &mailbearer_mock::Server, url: &str) -> Account {
    let mut account = facade::account(mock);
    let oauth = account.oauth_mut().unwrap();
    oauth.token_url = oauth.token_url.replace("localhost", "elsewhere.test");
    account.imap.as_mut().unwrap().host = "elsewhere.test".into();
    account.smtp.as_mut().unwrap().host = "elsewhere.test".into();
    account.proxies = Proxies::all(Proxy::parse(url).unwrap());
    account
}

#[test]
fn everything_goes_through_the_proxy() {
    let mut options = Options::default();
    options.certificate = Certificate::OtherName;
    let mock = facade::mock(options);
    let (port, asked) = proxy();
    let url = format!("http://ann:sesame@127.0.0.1:{port}");

    let robot = account(&mock, &url).blocking().unwrap();
    robot.send(&facade::message(&robot)).unwrap();
    let mut imap = robot.connect_imap().unwrap();
    assert!(imap.list("INBOX", Range::Last(1)).unwrap().next().unwrap().is_some());
    imap.logout().unwrap();

    facade::tokio(async {
        let robot = account(&mock, &url).tokio().unwrap();
        robot.send(&facade::message(&robot)).await.unwrap();
        robot.connect_imap().await.unwrap().logout().await.unwrap();
    });
    assert_eq!(*asked.lock().unwrap(), ["elsewhere.test"; 6]);
}

#[test]
fn a_proxy_that_refuses_is_a_matter_of_settings_and_names_no_password() {
    let mock = facade::mock(Options::default());
    let (port, asked) = proxy();
    let robot = account(&mock, &format!("http://ann:opensesame@127.0.0.1:{port}")).blocking().unwrap();
    let error = robot.token().unwrap_err();
    assert_eq!(
        (error.kind(), error.is_transient(), error.is_auth()),
        (Kind::Settings, false, false),
        "{error}"
    );
    assert!(error.to_string().contains(&format!("proxy 127.0.0.1 port {port}")), "{error}");
    assert!(!format!("{error} {error:?} {:?}", robot.account()).contains("opensesame"));
    assert!(asked.lock().unwrap().is_empty());

    // This machine is reached without it.
    let mut direct = facade::account(&mock);
    direct.proxies = Proxies::all(Proxy::parse(&format!("http://127.0.0.1:{port}")).unwrap());
    direct.blocking().unwrap().token().unwrap();
}
