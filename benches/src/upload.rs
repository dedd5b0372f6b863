//! A message on its way to a server over TLS on loopback: by the facade's upload on each driver, beside rustls alone, which
//! is given the same octets and writes them to the same server.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use mailbearer::{Account, Client, Security, Server, Tokio};
use mailbearer_mock::memory;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Who sends the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uploader {
    Blocking,
    Tokio,
    /// The measure of both: no protocol, no second buffer.
    Rustls,
}

impl Uploader {
    pub const ALL: [Self; 3] = [Self::Blocking, Self::Tokio, Self::Rustls];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocking => "blocking",
            Self::Tokio => "tokio",
            Self::Rustls => "rustls",
        }
    }

    /// Logs in, and begins a message of so many pieces.
    pub fn prepare(self, pieces: usize) -> Upload {
        let mock = mailbearer_mock::Server::start(memory::Options::default()).unwrap();
        let mut account = Account::custom(mock.user(), mock.token_url(), mock.scope())
            .client_credentials(mock.client_id(), mock.client_secret())
            .ca_pem(mock.ca_pem())
            .unwrap();
        account.imap = Some(Server::new("localhost", mock.ports().imaps, Security::Implicit));
        let way = match self {
            Self::Blocking => Way::Blocking(account.blocking().unwrap().connect_imap().unwrap()),
            Self::Tokio => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let client: Client<Tokio> = account.tokio().unwrap();
                let imap = runtime.block_on(client.connect_imap()).unwrap();
                Way::Tokio(runtime, imap)
            }
            Self::Rustls => {
                account.blocking().unwrap().token().unwrap();
                let token = mock.tokens().latest().unwrap();
                Way::Rustls(bare(&mock, &token, octets_of(pieces)))
            }
        };
        Upload { _mock: mock, way, piece: piece(), pieces }
    }
}

/// A message of which nothing is sent yet.
pub struct Upload {
    _mock: mailbearer_mock::Server,
    way: Way,
    piece: Vec<u8>,
    pieces: usize,
}

enum Way {
    Blocking(mailbearer::blocking::Imap),
    Tokio(tokio::runtime::Runtime, mailbearer::tokio::Imap),
    Rustls(Box<BufReader<StreamOwned<ClientConnection, TcpStream>>>),
}

impl Upload {
    /// Sends all of it, and waits until the server has it; the number of its octets.
    ///
    /// # Panics
    ///
    /// Where the server does not take it.
    pub fn run(self) -> usize {
        let size = octets_of(self.pieces);
        let long = u64::try_from(size).unwrap();
        let piece = self.piece;
        match self.way {
            Way::Blocking(mut imap) => {
                let mut upload = imap.append_in_pieces("INBOX", &[], None, long).unwrap();
                (0..self.pieces).for_each(|_| upload.write(&piece).unwrap());
                upload.finish().unwrap();
            }
            Way::Tokio(runtime, mut imap) => runtime.block_on(async {
                let mut upload = imap.append_in_pieces("INBOX", &[], None, long).await.unwrap();
                for _ in 0..self.pieces {
                    upload.write(&piece).await.unwrap();
                }
                upload.finish().await.unwrap();
            }),
            Way::Rustls(mut stream) => {
                (0..self.pieces).for_each(|_| stream.get_mut().write_all(&piece).unwrap());
                stream.get_mut().write_all(b"\r\n").unwrap();
                until(&mut stream, "b OK");
            }
        }
        size
    }
}

/// An upload by hand, up to the go-ahead.
fn bare(
    mock: &mailbearer_mock::Server,
    token: &str,
    octets: usize,
) -> Box<BufReader<StreamOwned<ClientConnection, TcpStream>>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(mock.ca_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let session =
        ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let socket = TcpStream::connect(("localhost", mock.ports().imaps)).unwrap();
    socket.set_nodelay(true).unwrap();
    let mut stream = Box::new(BufReader::new(StreamOwned::new(session, socket)));
    until(&mut stream, "* OK");
    let answer = STANDARD.encode(format!("user={}\x01auth=Bearer {token}\x01\x01", mock.user()));
    write!(stream.get_mut(), "a AUTHENTICATE XOAUTH2 {answer}\r\n").unwrap();
    until(&mut stream, "a OK");
    write!(stream.get_mut(), "b APPEND INBOX {{{octets}}}\r\n").unwrap();
    until(&mut stream, "+");
    stream
}

fn until(stream: &mut impl BufRead, start: &str) {
    let mut line = String::new();
    while !line.starts_with(start) {
        line.clear();
        assert_ne!(stream.read_line(&mut line).unwrap(), 0, "the server is gone");
    }
}

fn octets_of(pieces: usize) -> usize {
    pieces * PIECE
}

/// Lines as an attachment has them.
fn piece() -> Vec<u8> {
    let mut line = [b'x'; 78];
    line[76..].copy_from_slice(b"\r\n");
    line.iter().copied().cycle().take(PIECE).collect()
}

/// Octets that are given at a time.
const PIECE: usize = 64 * 1024;
