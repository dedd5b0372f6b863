use std::io::Read;

use super::*;

fn start(change: impl FnOnce(&mut Options)) -> Server {
    let mut options = Options::default();
    change(&mut options);
    Server::start(options).unwrap()
}

fn greeting(port: u16) -> (TcpStream, String) {
    let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let mut text = Vec::new();
    while !text.ends_with(b"\n") {
        let mut octet = [0];
        if tcp.read(&mut octet).unwrap() == 0 {
            break;
        }
        text.extend(octet);
    }
    (tcp, String::from_utf8(text).unwrap())
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
fn serves_no_more_connections_than_it_may() {
    let server = start(|options| options.limits.connections = 2);
    let first = greeting(server.ports().smtp);
    let second = greeting(server.ports().imap);
    assert!(first.1.starts_with("220 ") && second.1.starts_with("* OK "), "{first:?} {second:?}");
    let mut third = TcpStream::connect((Ipv4Addr::LOCALHOST, server.ports().smtp)).unwrap();
    assert_eq!(third.read(&mut [0]).unwrap_or(0), 0);
    drop(first);
    // The place is free when the server has seen the end.
    while !matches!(greeting(server.ports().smtp), (_, text) if text.starts_with("220 ")) {}
}

#[test]
fn a_silent_client_is_cut_off() {
    let server = start(|options| options.limits.silence = Duration::from_millis(30));
    let (mut tcp, _) = greeting(server.ports().smtp);
    assert_eq!(tcp.read(&mut [0]).unwrap_or(0), 0);
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
