//! The I/O: one loop that drives any machine over a socket and the system's TLS.

use std::{
    error::Error,
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};
use native_tls::{Certificate, TlsConnector, TlsStream};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A machine and its connection.
pub(crate) struct Connection<M> {
    pub(crate) machine: M,
    host: String,
    /// None while TLS is being set up, and where that failed.
    stream: Option<Stream>,
    tls: TlsConnector,
    rx: RecvBuf,
    tx: SendBuf,
}

enum Stream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl<M: Machine> Connection<M>
where
    M::Error: Error + 'static,
{
    /// Connects `machine`, which needs room for `recv_limit` octets at a time.
    pub(crate) fn open(
        machine: M,
        (host, port, security): (&str, u16, Security),
        ca_pem: &[u8],
        recv_limit: usize,
    ) -> Result<Self> {
        let tls = TlsConnector::builder().add_root_certificate(Certificate::from_pem(ca_pem)?).build()?;
        let stream = Some(Stream::Clear(TcpStream::connect((host, port))?));
        let (rx, tx) = (RecvBuf::with_limit(recv_limit), SendBuf::new());
        let mut connection = Self { machine, host: host.into(), stream, tls, rx, tx };
        if security == Security::Implicit {
            connection.start_tls()?;
        }
        Ok(connection)
    }

    /// The next event, or `None` when the conversation has ended as it should.
    pub(crate) fn next(&mut self) -> Result<Option<M::Event>> {
        loop {
            let step = self.machine.step(&mut self.rx, &mut self.tx);
            // Also after a failure: it may have been the machine's last words.
            let sent = self.send();
            match step? {
                Step::Event(event) => return sent.map(|()| Some(event)),
                Step::Close => return Ok(None),
                Step::Flush => sent?,
                Step::Read => {
                    // A server that hung up may have said why before, so that is read first.
                    self.receive().and(sent)?;
                }
                Step::StartTls => {
                    sent?;
                    self.start_tls()?;
                }
            }
        }
    }

    fn send(&mut self) -> Result<()> {
        while !self.tx.unsent().is_empty() {
            let count = match &mut self.stream {
                Some(Stream::Clear(stream)) => stream.write(self.tx.unsent())?,
                Some(Stream::Tls(stream)) => stream.write(self.tx.unsent())?,
                None => return Err(io::Error::from(io::ErrorKind::NotConnected).into()),
            };
            self.tx.sent(count);
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<()> {
        // The machine knows how long this server may be silent in its present state.
        let patience = self.machine.patience().unwrap_or(Duration::from_secs(60));
        let mut octets = vec![0; self.rx.room().min(16 * 1024)];
        let read = match &mut self.stream {
            Some(Stream::Clear(stream)) => {
                stream.set_read_timeout(Some(patience))?;
                stream.read(&mut octets)
            }
            Some(Stream::Tls(stream)) => {
                stream.get_ref().set_read_timeout(Some(patience))?;
                stream.read(&mut octets)
            }
            None => Err(io::ErrorKind::NotConnected.into()),
        };
        match read {
            Ok(0) => self.rx.set_eof(),
            Ok(count) => self.rx.extend(octets.get(..count).unwrap_or_default())?,
            // TLS says when its end is meant. Where it does not, octets may be missing.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.rx.set_cut_off(),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn start_tls(&mut self) -> Result<()> {
        if let Some(Stream::Clear(stream)) = self.stream.take() {
            stream.set_read_timeout(Some(Duration::from_secs(30)))?;
            self.stream = Some(Stream::Tls(Box::new(self.tls.connect(&self.host, stream)?)));
        }
        Ok(())
    }
}
