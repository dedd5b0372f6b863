//! What the link needs of TLS, on either side.
//!
//! Both are trait objects, so that a program links the handshake of a side only if it takes that side.

use std::{
    io::{self, BufRead, Read, Write},
    ops::DerefMut,
};

use rustls::{ConnectionCommon, SideData};

use crate::{Error, Stage};

/// Which side of the connection this is, and how TLS starts on it.
pub(crate) trait Side: Send + Sync {
    /// Makes the state of one TLS connection. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Returns [`Error::InvalidHost`] or [`Error::Tls`].
    fn start(&self) -> Result<Box<dyn Session>, Error>;

    /// Returns the name of the peer, for errors.
    fn peer(&self) -> &str;

    /// Returns whether we have the last word of the protocol, so that the connection must be closed with care.
    fn is_server(&self) -> bool;
}

/// A server without TLS.
pub(crate) struct Clear;

impl Side for Clear {
    fn start(&self) -> Result<Box<dyn Session>, Error> {
        let reason = "this side was set up without TLS";
        let source = io::Error::new(io::ErrorKind::Unsupported, reason);
        Err(Error::Io { stage: Stage::StartTls, source })
    }

    fn peer(&self) -> &str {
        "the client"
    }

    fn is_server(&self) -> bool {
        true
    }
}

/// One TLS connection.
pub(crate) trait Session: Send {
    fn is_handshaking(&self) -> bool;
    fn wants_write(&self) -> bool;
    /// Takes plaintext to encrypt. Returns how much of it it took.
    fn encrypt(&mut self, plaintext: &[u8]) -> io::Result<usize>;
    fn write_records(&mut self, to: &mut dyn Write) -> io::Result<usize>;
    fn read_records(&mut self, from: &mut dyn Read) -> io::Result<usize>;
    fn process(&mut self) -> Result<(), rustls::Error>;
    /// Gives decrypted bytes to `take`, which returns how many it took. No bytes mean the end of the stream.
    fn decrypted(&mut self, take: &mut dyn FnMut(&[u8]) -> usize) -> io::Result<()>;
    /// Queues the alert that tells the peer of the end.
    fn close(&mut self);
    /// Returns the version and the cipher suite that were agreed on, by their numbers.
    fn agreed(&self) -> Option<(u16, u16)>;
}

impl<T, D> Session for T
where
    T: DerefMut<Target = ConnectionCommon<D>> + Send,
    D: SideData,
{
    fn is_handshaking(&self) -> bool {
        (**self).is_handshaking()
    }

    fn wants_write(&self) -> bool {
        (**self).wants_write()
    }

    fn encrypt(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        self.writer().write(plaintext)
    }

    fn write_records(&mut self, mut to: &mut dyn Write) -> io::Result<usize> {
        self.write_tls(&mut to)
    }

    fn read_records(&mut self, mut from: &mut dyn Read) -> io::Result<usize> {
        self.read_tls(&mut from)
    }

    fn process(&mut self) -> Result<(), rustls::Error> {
        self.process_new_packets().map(drop)
    }

    fn decrypted(&mut self, take: &mut dyn FnMut(&[u8]) -> usize) -> io::Result<()> {
        let mut reader = self.reader();
        let taken = take(reader.fill_buf()?);
        reader.consume(taken);
        Ok(())
    }

    fn close(&mut self) {
        self.send_close_notify();
    }

    fn agreed(&self) -> Option<(u16, u16)> {
        Some((self.protocol_version()?.into(), self.negotiated_cipher_suite()?.suite().into()))
    }
}
