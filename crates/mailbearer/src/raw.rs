use std::{
    fs::File,
    io::{self, Cursor, Read, Seek, SeekFrom},
    mem,
    path::Path,
};

use mailbearer_mime::{Address, Measure, RawError, RawHeader, compose};
use mailbearer_smtp::Envelope;

use crate::Error;

/// A whole message that comes from a file or a pipe, to be sent as it is.
///
/// Its header section is held in memory, [without its Bcc](RawHeader). Its body is read in pieces as it is sent.
#[derive(Debug)]
pub struct RawMessage<R> {
    header: RawHeader,
    body: io::Chain<Cursor<Vec<u8>>, R>,
    /// Whether the header section was read, by `next_piece`.
    is_in_body: bool,
    measure: Measure,
    /// Whether `measure` covers the whole body.
    is_measured: bool,
}

impl RawMessage<File> {
    /// Opens a file. If it can be read twice, measures it first, so that a server can refuse its size at once.
    ///
    /// # Errors
    ///
    /// Fails if the file can't be read, and as [`read`](Self::read) does.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Self::read(file);
        }
        let mut message = Self::read_within(file, &[PIECE, RawHeader::LIMIT])?;
        if !message.is_measured {
            let mut held = message.body.get_ref().1;
            let mut rest = File::open(path)?;
            rest.seek(SeekFrom::Start(held.stream_position()?))?;
            pieces(
                |piece| fill(&mut rest, piece),
                |piece| {
                    message.measure.add(piece);
                    Ok::<(), Error>(())
                },
            )?;
            message.is_measured = true;
        }
        Ok(message)
    }
}

impl<R> RawMessage<R> {
    /// Returns the header section as it will be sent.
    #[must_use]
    pub const fn header(&self) -> &RawHeader {
        &self.header
    }

    /// Gives access to the header section, to add to it, as [`Client::complete`](crate::Client::complete) does.
    pub const fn header_mut(&mut self) -> &mut RawHeader {
        &mut self.header
    }
}

impl<R: Read> RawMessage<R> {
    /// Reads the header section, and up to [`RawHeader::LIMIT`] octets in all.
    ///
    /// # Errors
    ///
    /// Fails if reading fails, and as [`RawHeader::split`] does.
    pub fn read(from: R) -> Result<Self, Error> {
        Self::read_within(from, &[RawHeader::LIMIT])
    }

    /// Reads up to each of the limits in turn, until the header section is in what was read.
    fn read_within(mut from: R, limits: &[usize]) -> Result<Self, Error> {
        let (mut start, mut limits) = (Vec::new(), limits.iter().copied());
        let mut limit = limits.next().unwrap_or(RawHeader::LIMIT);
        loop {
            let left = limit.saturating_sub(start.len());
            from.by_ref().take(u64::try_from(left).unwrap_or(u64::MAX)).read_to_end(&mut start)?;
            let is_whole = start.len() < limit;
            let (header, body) = match (RawHeader::split(&start, is_whole), limits.next()) {
                (Err(RawError::Endless { .. }), Some(more)) => {
                    limit = more;
                    continue;
                }
                (split, _) => split?,
            };
            let mut measure = Measure::default();
            measure.add(body);
            let body = body.len();
            start.drain(..start.len().saturating_sub(body));
            return Ok(Self {
                header,
                body: Cursor::new(start).chain(from),
                is_in_body: false,
                measure,
                is_measured: is_whole,
            });
        }
    }

    /// Makes the envelope. Takes `sender` and `recipients` if there are any, else the addresses of the header, else
    /// `user` as the sender.
    ///
    /// # Errors
    ///
    /// Fails without recipients, and for an address in the header to which mail can't be sent.
    pub fn envelope(
        &self,
        sender: Option<String>,
        recipients: Vec<String>,
        user: &str,
    ) -> Result<Envelope, Error> {
        let sender = sender.unwrap_or_else(|| self.header.sender().unwrap_or(user).to_owned());
        let recipients = if recipients.is_empty() { self.header.recipients().to_vec() } else { recipients };
        if recipients.is_empty() {
            return Err(Error::from(compose::Error::NoRecipients));
        }
        for address in recipients.iter().chain([&sender]) {
            Address::new(address).map_err(|error| Error::address(address, error))?;
        }
        let mut envelope = Envelope::new(sender, unique(recipients));
        let header = u64::try_from(self.header.octets().len()).unwrap_or(u64::MAX);
        envelope.size = self.is_measured.then(|| header.saturating_add(self.measure.octets()));
        // Until the end was seen, the body may hold anything.
        envelope.eight_bit =
            !self.is_measured || self.measure.is_eight_bit() || !self.header.octets().is_ascii();
        envelope.smtp_utf8 = self.header.needs_smtputf8();
        Ok(envelope)
    }

    /// Gives the octets of the message to `sink`, in pieces.
    ///
    /// # Errors
    ///
    /// Fails if reading or `sink` fails. `sink` has a part of the message then.
    pub fn copy<E: From<Error>>(mut self, sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        pieces(|piece| self.next_piece(piece), sink)
    }

    /// Puts the next octets of the message into `piece`, in place of what is there: the whole header section, then at
    /// most 32 KiB at a time. None are left at the end.
    ///
    /// # Errors
    ///
    /// Fails if reading fails.
    pub fn next_piece(&mut self, piece: &mut Vec<u8>) -> Result<(), Error> {
        if !mem::replace(&mut self.is_in_body, true) {
            piece.clear();
            piece.extend_from_slice(self.header.octets());
            return Ok(());
        }
        fill(&mut self.body, piece)
    }
}

/// Gives each piece that `next` makes to `sink`, up to an empty one.
pub(crate) fn pieces<E: From<Error>>(
    mut next: impl FnMut(&mut Vec<u8>) -> Result<(), Error>,
    mut sink: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut piece = Vec::new();
    loop {
        next(&mut piece)?;
        if piece.is_empty() {
            return Ok(());
        }
        sink(&piece)?;
    }
}

/// Puts what is read next into `piece`, in place of what is there. Nothing at the end.
fn fill(from: &mut impl Read, piece: &mut Vec<u8>) -> Result<(), Error> {
    piece.clear();
    piece.reserve(PIECE);
    Read::by_ref(from).take(u64::try_from(PIECE).unwrap_or(u64::MAX)).read_to_end(piece)?;
    Ok(())
}

/// Removes repeated addresses, and keeps the order.
fn unique(addresses: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    addresses.into_iter().filter(|address| seen.insert(address.clone())).collect()
}

/// How many octets are read at a time.
const PIECE: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn octets<R: Read>(message: RawMessage<R>) -> Vec<u8> {
        let mut octets = Vec::new();
        message
            .copy(|piece| {
                octets.extend_from_slice(piece);
                Ok::<(), Error>(())
            })
            .unwrap();
        octets
    }

    fn read(text: &[u8]) -> Result<(Envelope, Vec<u8>), Error> {
        let message = RawMessage::read(text)?;
        let envelope = message.envelope(None, Vec::new(), "user@x")?;
        Ok((envelope, octets(message)))
    }

    #[test]
    fn the_header_names_the_envelope() {
        let text = b"From: Ann <ann@x>\nTo: b@x, c@x, b@x\nBcc: d@x\n\nbody\n";
        let (envelope, octets) = read(text).unwrap();
        assert_eq!(envelope.sender, "ann@x");
        assert_eq!(envelope.recipients, ["b@x", "c@x", "d@x"]);
        let want = "From: Ann <ann@x>\r\nTo: b@x, c@x, b@x\r\n\r\nbody\n";
        assert_eq!(String::from_utf8(octets).unwrap(), want);
        assert_eq!(envelope.size, Some(u64::try_from(want.len()).unwrap() + 1));
        assert!(!envelope.eight_bit && !envelope.smtp_utf8);
    }

    #[test]
    fn senders_in_their_order() {
        for (text, want) in [
            ("To: a@x\n\n", "user@x"),
            ("From: b@x, c@x\nTo: a@x\n\n", "b@x"),
            ("From: b@x\nSender: s@x\nTo: a@x\n\n", "s@x"),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap().0.sender, want, "{text:?}");
        }
        let message = RawMessage::read(&b"From: b@x\nTo: a@x\n\n"[..]).unwrap();
        let envelope = message.envelope(Some("s@y".into()), vec!["r@y".into(), "r@y".into()], "u").unwrap();
        assert_eq!((envelope.sender, envelope.recipients), ("s@y".into(), vec!["r@y".to_owned()]));
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, want) in [
            (&b""[..], "no header fields"),
            (b"From: a@x\n\n", "no recipients"),
            (b"To: a@x\nFrom: a x@\n\n", "the address"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.kind() == Kind::Message && error.to_string().contains(want), "{error}");
        }
        let long = io::repeat(b'x').take(u64::try_from(RawHeader::LIMIT).unwrap());
        assert_eq!(RawMessage::read(long).unwrap_err().kind(), Kind::Message);
        assert_eq!(RawMessage::open(Path::new("none.eml")).unwrap_err().kind(), Kind::Input);
    }

    #[test]
    fn a_long_body_streams_and_is_measured_where_it_can_be() {
        let header = "To: a@x\r\n\r\n";
        let text = [header, &"0123456789\n".repeat(RawHeader::LIMIT / 8), "\u{fc}"].concat();
        let message = RawMessage::read(text.as_bytes()).unwrap();
        let envelope = message.envelope(None, Vec::new(), "user@x").unwrap();
        assert_eq!((envelope.size, envelope.eight_bit), (None, true));
        assert!(octets(message) == text.as_bytes());
        let path = std::env::temp_dir().join(format!("mailbearer-raw-{}.eml", std::process::id()));
        // The header of the second is not in the first piece.
        for header in [header.to_owned(), format!("X: {}\r\n", "y".repeat(900)).repeat(PIECE / 900) + header]
        {
            let text = [&header, &"0123456789\n".repeat(RawHeader::LIMIT / 8), "\u{fc}"].concat();
            std::fs::write(&path, &text).unwrap();
            let message = RawMessage::open(&path);
            std::fs::remove_file(&path).unwrap();
            let message = message.unwrap();
            let envelope = message.envelope(None, Vec::new(), "user@x").unwrap();
            let lines = RawHeader::LIMIT / 8;
            assert_eq!(envelope.size, u64::try_from(text.len() + lines).ok());
            assert!(octets(message) == text.as_bytes());
        }
    }
}
