use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use rustls::ServerConfig;

use crate::{
    Authority, Certificate, Transcript,
    script::{Difference, Next, Script},
    stream::Stream,
};

/// Plays the server of `transcript` to one client, over TCP on a free port of 127.0.0.1.
///
/// Its certificate is for `localhost` and `127.0.0.1`, of a new authority, which the client has to trust:
/// [`Serving::ca_pem`].
///
/// # Errors
///
/// Fails if there is no free port, and if no certificate can be made.
pub fn serve(transcript: Transcript) -> io::Result<(SocketAddr, Serving)> {
    let authority = Authority::new()?;
    let tls = authority.server_config(Certificate::Good)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let ca_pem = authority.pem();
    let thread = thread::Builder::new().name("transcript".into()).spawn(move || {
        let mut player = Player::new(&transcript, tls);
        let (stream, _) = listener.accept().map_err(|error| player.broken(&error))?;
        // A second client is refused, not left hanging.
        drop(listener);
        player.run(stream)
    })?;
    Ok((address, Serving { thread, ca_pem }))
}

/// A transcript that is played to a client.
#[derive(Debug)]
#[must_use = "whether the client kept to the transcript is known when it is joined"]
pub struct Serving {
    thread: JoinHandle<Result<(), Difference>>,
    ca_pem: String,
}

impl Serving {
    /// Returns the certificate that a client has to trust, in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Waits until the client is gone. The server waits at most 10 seconds for each thing the client has to do.
    ///
    /// # Errors
    ///
    /// Returns the first difference between what the client did and the transcript.
    pub fn join(self) -> Result<(), Difference> {
        self.thread.join().unwrap_or_else(|_| {
            Err(Difference { line: 0, expected: "a player that runs".into(), got: "its panic".into() })
        })
    }
}

/// How long the client may take for its next octet.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Player<'a> {
    script: Script<'a>,
    tls: Arc<ServerConfig>,
    received: Vec<u8>,
}

impl<'a> Player<'a> {
    pub(crate) fn new(transcript: &'a Transcript, tls: Arc<ServerConfig>) -> Self {
        Self { script: Script::new(transcript), tls, received: Vec::new() }
    }

    pub(crate) fn run(&mut self, tcp: TcpStream) -> Result<(), Difference> {
        tcp.set_nodelay(true).map_err(|error| self.broken(&error))?;
        tcp.set_read_timeout(Some(PATIENCE)).map_err(|error| self.broken(&error))?;
        tcp.set_write_timeout(Some(PATIENCE)).map_err(|error| self.broken(&error))?;
        let mut stream = Stream::Plain(tcp);
        loop {
            match self.script.next(&mut self.received)? {
                Next::Send(segment) => {
                    if let Err(error) = stream.write_all(&segment).and_then(|()| stream.flush()) {
                        return self.gone(&error.to_string());
                    }
                }
                Next::Wait(pause) => thread::sleep(pause),
                Next::Receive => match self.receive(&mut stream) {
                    Ok(true) => {}
                    Ok(false) => return self.gone("the end of the connection"),
                    Err(error) => return Err(self.broken(&error)),
                },
                Next::Tls if self.received.is_empty() => {
                    stream = match stream.accept_tls(&self.tls) {
                        Ok(stream) => stream,
                        Err(error) => return self.gone(&error.to_string()),
                    }
                }
                Next::Tls => return Err(self.script.difference("a TLS handshake", &self.received)),
                Next::Close => {
                    stream.close();
                    return self.gone("a close by the server");
                }
                Next::Reset => {
                    stream.reset();
                    return self.gone("a reset by the server");
                }
                Next::End => return self.end(&mut stream),
            }
        }
    }

    /// The client may close now, or break off; nothing else.
    fn end(&mut self, stream: &mut Stream) -> Result<(), Difference> {
        loop {
            if !self.received.is_empty() {
                return Err(self.script.difference("nothing more", &self.received));
            }
            match self.receive(stream) {
                Ok(true) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    return Err(self.broken(&error));
                }
                Ok(false) | Err(_) => return Ok(()),
            }
        }
    }

    fn receive(&mut self, stream: &mut Stream) -> io::Result<bool> {
        let mut chunk = [0; 16 * 1024];
        let count = stream.read(&mut chunk)?;
        self.received.extend_from_slice(chunk.get(..count).unwrap_or_default());
        Ok(count > 0)
    }

    /// The connection is over. That is as it should be if the client has nothing left to say.
    fn gone(&self, how: &str) -> Result<(), Difference> {
        if !self.received.is_empty() {
            return Err(self.script.difference(self.script.expected(), &self.received));
        }
        if self.script.client_owes() { Err(self.script.outcome(self.script.expected(), how)) } else { Ok(()) }
    }

    fn broken(&self, error: &io::Error) -> Difference {
        let how = match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "silence for 10 seconds".to_owned(),
            _ => error.to_string(),
        };
        self.script.outcome(self.script.expected(), how)
    }
}

#[cfg(test)]
mod tests {
    use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, pki_types::pem::PemObject};

    use super::*;

    fn connect_tls(tcp: TcpStream, ca_pem: &str) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(rustls::pki_types::CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "localhost".try_into().unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), tcp)
    }

    fn read_to(stream: &mut impl Read, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let mut octet = [0];
            stream.read_exact(&mut octet).unwrap();
            text.extend(octet);
        }
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn plays_over_tcp_and_tls() {
        let text =
            "S: 220 hi\nC: STARTTLS\nS: 220 go\n--TLS--\nC: <tag> X\nS: <tag> Y\n--S 40000 z--\n--close--";
        let (address, serving) = serve(Transcript::parse(text).unwrap()).unwrap();
        let mut tcp = TcpStream::connect(address).unwrap();
        assert_eq!(read_to(&mut tcp, "\n"), "220 hi\r\n");
        tcp.write_all(b"STARTTLS\r\n").unwrap();
        assert_eq!(read_to(&mut tcp, "\n"), "220 go\r\n");
        let mut tls = connect_tls(tcp, serving.ca_pem());
        tls.write_all(b"a1 X\r\n").unwrap();
        let mut rest = String::new();
        tls.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, format!("a1 Y\r\n{}", "z".repeat(40_000)));
        drop(tls);
        assert_eq!(serving.join(), Ok(()));
    }

    #[test]
    fn tells_the_line_and_the_difference() {
        let rows = [
            ("S: 220 hi\nC: EHLO a", "EHLO b\r\n", Err((2, "EHLO a", "EHLO b\\r\\n"))),
            ("S: 220 hi\nC: EHLO a", "", Err((2, "EHLO a", "the end of the connection"))),
            ("S: 220 hi\nC: EHLO a", "EHLO", Err((2, "EHLO a", "EHLO"))),
            ("S: 220 hi\nC: EHLO a", "EHLO a\r\nx", Err((2, "nothing more", "x"))),
            (
                "S: 220 hi\nC: EHLO a\n--TLS--",
                "EHLO a\r\nMAIL\r\n",
                Err((3, "a TLS handshake", "MAIL\\r\\n")),
            ),
            ("S: 220 hi\nC: EHLO a\n--close--", "EHLO a\r\n", Ok(())),
            ("S: 220 hi\nC: EHLO a\n--close--\nC: x", "EHLO a\r\n", Err((4, "x", "a close by the server"))),
            ("S: 220 hi\n--C 4--", "abcd", Ok(())),
        ];
        for (text, client, want) in rows {
            let (address, serving) = serve(Transcript::parse(text).unwrap()).unwrap();
            let mut tcp = TcpStream::connect(address).unwrap();
            read_to(&mut tcp, "\n");
            tcp.write_all(client.as_bytes()).unwrap();
            tcp.shutdown(std::net::Shutdown::Write).unwrap();
            let got = serving.join();
            let got = got.as_ref().map_err(|d| (d.line, d.expected.as_str(), d.got.as_str()));
            assert_eq!(got, want.as_ref().map(|()| &()).map_err(|d| *d), "{text:?} {client:?}");
        }
    }
}
