use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
};

use mailbearer_net::{Blocking, Tls};
use mailbearer_oauth::{Client, Endpoint, TokenExchange, TokenRequest};

use super::*;

fn start(change: impl FnOnce(&mut Options)) -> Server {
    let mut options = Options::default();
    change(&mut options);
    Server::start(options).unwrap()
}

fn greeting(port: u16) -> (TcpStream, String) {
    let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let text = line(&mut tcp);
    (tcp, text)
}

fn line(tcp: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\n") {
        let mut octet = [0];
        if tcp.read(&mut octet).unwrap() == 0 {
            break;
        }
        text.extend(octet);
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn stops_when_dropped_and_frees_its_ports() {
    let server = start(|_| {});
    let ports = server.ports();
    let (mut open, text) = greeting(ports.smtp);
    assert!(text.starts_with("220 "), "{text}");
    let idle = TcpStream::connect((Ipv4Addr::LOCALHOST, ports.imaps)).unwrap();
    drop(server);
    assert_eq!(open.read(&mut [0]).unwrap_or(0), 0, "the connection is cut");
    drop((open, idle));
    let again = start(|options| options.ports = ports);
    assert_eq!(again.ports(), ports);
    assert!(greeting(ports.smtp).1.starts_with("220 "));
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let server = start(|_| {});
    let mut options = Options::default();
    options.ports.imaps = server.ports().imap;
    assert_eq!(Server::start(options).unwrap_err().kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn one_too_many_is_told_so() {
    let server = start(|options| options.limits.connections = 2);
    let ports = server.ports();
    let (first, second) = (greeting(ports.smtp), greeting(ports.imap));
    assert!(first.1.starts_with("220 ") && second.1.starts_with("* OK "), "{first:?} {second:?}");
    for (port, words) in [(ports.smtp, "421 4.3.2 "), (ports.imap, "* BYE [LIMIT] ")] {
        let (mut third, text) = greeting(port);
        assert!(text.starts_with(words), "{text}");
        assert_eq!(third.read(&mut [0]).unwrap(), 0, "closed without a reset");
    }
    let tls = Tls::with_only_ca_pem(server.ca_pem().as_bytes()).unwrap();
    let endpoint = Endpoint::parse(&server.token_url()).unwrap();
    let client = Client::with_secret(server.client_id(), server.client_secret());
    let request = TokenRequest::client_credentials(endpoint, client, server.scope());
    let answer = Blocking::task(async {
        let (host, options) = ("localhost", mailbearer_net::Options::default());
        let connection =
            Connection::<Blocking>::open(host, ports.token, Security::Implicit, &tls, options).await;
        connection.unwrap().next(&mut TokenExchange::new(&request)).await.map(drop)
    });
    let error = format!("{:?}", answer.unwrap_err());
    assert!(error.contains("503") && error.contains("temporarily_unavailable"), "{error}");
    drop(first);
    // The place is free when the server has seen the end.
    while !matches!(greeting(ports.smtp), (_, text) if text.starts_with("220 ")) {}
}

#[test]
fn clients_are_dropped_by_request() {
    let server = start(|_| {});
    let (mut client, _) = greeting(server.ports().imap);
    let mut control = TcpStream::connect((Ipv4Addr::LOCALHOST, server.ports().control)).unwrap();
    control.write_all(b"POST /drop-connections HTTP/1.1\r\nContent-Length: 0\r\n\r\n").unwrap();
    let mut answer = String::new();
    control.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("{}"), "{answer}");
    assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
    assert!(greeting(server.ports().imap).1.starts_with("* OK "), "others may come");
}

#[test]
fn serves_a_thousand_with_few_threads() {
    let server = start(|_| {});
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let mut open: Vec<_> = (0..1000).map(|_| greeting(server.ports().imap)).collect();
    assert!(threads() <= 300, "{}", threads());
    for (tcp, text) in &mut open {
        assert!(text.starts_with("* OK "), "{text}");
        tcp.write_all(b"a NOOP\r\n").unwrap();
    }
    for (tcp, _) in &mut open {
        assert_eq!(line(tcp), "a OK NOOP completed.\r\n");
    }
}

#[test]
fn a_silent_client_is_told_so_and_cut_off() {
    let server = start(|options| options.limits.silence = Duration::from_millis(30));
    let (mut tcp, _) = greeting(server.ports().smtp);
    assert_eq!(line(&mut tcp), "421 4.4.1 Connection timed out\r\n");
    assert_eq!(tcp.read(&mut [0]).unwrap_or(0), 0);
    let (mut tcp, _) = greeting(server.ports().imap);
    assert_eq!(line(&mut tcp), "* BYE Connection closed. 14\r\n");
}

#[test]
fn tells_its_settings() {
    let server = start(|options| {
        options.tenant = Some("contoso.test".into());
        options.client_id = Some("app".into());
        options.client_secret = Some("s3cret".into());
    });
    let env: BTreeMap<_, _> = server.env(Path::new("ca.pem")).into_iter().collect();
    let port = server.ports().token;
    let url = format!("https://localhost:{port}/contoso.test/oauth2/v2.0/token");
    assert_eq!(env["MAILBEARER_OAUTH_TOKEN_URL"], url);
    assert_eq!(env["MAILBEARER_OAUTH_CLIENT_SECRET"], "s3cret");
    assert_eq!(env["MAILBEARER_TLS_CA_FILE"], "ca.pem");
    assert_eq!(env["MAILBEARER_SMTP_PORT"], server.ports().smtp.to_string());
    assert!(server.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
    let other = start(|_| {});
    assert_ne!(other.client_secret(), start(|_| {}).client_secret());
    assert_ne!(other.ca_pem(), server.ca_pem());
}
