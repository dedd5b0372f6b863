//! A whole message as it comes from a file or a pipe: its envelope, and its octets in pieces.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::Path,
};

use mailbearer::{
    Envelope, Mailbox,
    mime::{
        Headers,
        decode::{Address, address_list},
    },
};

use crate::{error::Error, exit::Exit};

/// A message that is being read.
///
/// Its header section is whole and without Bcc fields; the body is read as it is asked for.
pub(crate) struct RawMessage<R> {
    header: Vec<u8>,
    /// Those of the original header, Bcc included.
    senders: Vec<String>,
    recipients: Vec<String>,
    body: io::Chain<Cursor<Vec<u8>>, R>,
    measure: Measure,
    /// Whether `measure` is of all of it.
    measured: bool,
}

impl RawMessage<File> {
    /// Opens a file. One that can be read twice is measured first, so that a server can refuse it at once.
    ///
    /// # Errors
    ///
    /// Fails if it can't be read, and as [`RawMessage::new`].
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let cannot = |error: io::Error| Error::input("the message", path, &error);
        let file = File::open(path).map_err(cannot)?;
        let regular = file.metadata().map_err(cannot)?.is_file();
        let mut message = Self::new(file)?;
        if regular && !message.measured {
            let mut again = File::open(path).map_err(cannot)?;
            let (mut measure, mut piece) = (Measure::default(), vec![0; PIECE]);
            loop {
                match again.read(&mut piece).map_err(cannot)? {
                    0 => break,
                    count => measure.add(piece.get(..count).unwrap_or_default()),
                }
            }
            (message.measure, message.measured) = (measure, true);
        }
        Ok(message)
    }
}

impl<R: Read> RawMessage<R> {
    /// Reads the header section, and up to [`HEAD`] octets in all.
    ///
    /// # Errors
    ///
    /// Fails if reading does, if there is nothing, and if the header section does not end within [`HEAD`] octets.
    pub(crate) fn new(mut from: R) -> Result<Self, Error> {
        let cannot = |error: &io::Error| Error::new(Exit::Io, format!("cannot read the message: {error}"));
        let mut head = Vec::new();
        let limit = u64::try_from(HEAD).unwrap_or(u64::MAX);
        from.by_ref().take(limit).read_to_end(&mut head).map_err(|error| cannot(&error))?;
        let whole = head.len() < HEAD;
        let end = match header_end(&head) {
            Some(end) if whole || end < head.len() => end,
            None if whole => head.len(),
            _ => return Err(no_good(format!("its header section does not end within {HEAD} octets"))),
        };
        let body = head.split_off(end);
        let original = with_crlf(&head);
        let headers = Headers::parse(&original).map_err(|error| no_good(error.to_string()))?;
        if headers.iter().next().is_none() {
            return Err(no_good("it has no header fields".into()).hint(
                "a message in RFC 5322 form begins with fields like From: and Subject:, then an empty line",
            ));
        }
        let addresses = |names: &[&str]| -> Vec<String> {
            let named = headers
                .iter()
                .filter(|header| names.iter().any(|name| header.name().eq_ignore_ascii_case(name)));
            named.flat_map(|header| mailboxes(&header.value())).collect()
        };
        let mut senders = addresses(&["Sender"]);
        senders.extend(addresses(&["From"]));
        let recipients = addresses(&["To", "Cc", "Bcc"]);
        let header = without_bcc(&original);
        let mut measure = Measure::default();
        measure.add(&header);
        measure.add(&body);
        Ok(Self {
            header,
            senders,
            recipients,
            body: Cursor::new(body).chain(from),
            measure,
            measured: whole,
        })
    }

    /// The envelope: `sender` and `recipients` if there are any, else who is in the header, else `user` as sender.
    ///
    /// # Errors
    ///
    /// Fails without recipients, and for an address in the header that mail can't be sent to.
    pub(crate) fn envelope(
        &self,
        sender: Option<String>,
        recipients: Vec<String>,
        user: &str,
    ) -> Result<Envelope, Error> {
        let sender = sender.or_else(|| self.senders.first().cloned()).unwrap_or_else(|| user.to_owned());
        let recipients = if recipients.is_empty() { self.recipients.clone() } else { recipients };
        if recipients.is_empty() {
            return Err(no_good("it has no recipients".into()).hint("name them with --to"));
        }
        for address in recipients.iter().chain([&sender]) {
            Mailbox::new(address)
                .map_err(|error| no_good(format!("the address {address:?} in it: {error}")))?;
        }
        let mut envelope = Envelope::new(sender, unique(recipients));
        envelope.size = self.measured.then_some(self.measure.octets);
        // Without having seen the end it may be anything.
        envelope.eight_bit = !self.measured || self.measure.eight_bit;
        envelope.smtp_utf8 = !self.header.is_ascii() && str::from_utf8(&self.header).is_ok();
        Ok(envelope)
    }

    /// Hands the octets to `sink`, in pieces.
    ///
    /// # Errors
    ///
    /// Fails if reading or `sink` does; what was handed over is not whole then.
    pub(crate) fn copy(mut self, mut sink: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        sink(&self.header)?;
        let mut piece = vec![0; PIECE];
        loop {
            match self.body.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(count) => sink(piece.get(..count).unwrap_or_default())?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::new(Exit::Io, format!("cannot read the message: {error}"))),
            }
        }
    }
}

/// Octets of a header section, and of what is held of a message.
const HEAD: usize = 1 << 20;

/// Octets that are read at a time.
pub(crate) const PIECE: usize = 32 * 1024;

/// Each address once, in their order.
pub(crate) fn unique(addresses: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    addresses.into_iter().filter(|address| seen.insert(address.clone())).collect()
}

/// What a server wants to know beforehand: counted as it goes out, each line end as CRLF.
#[derive(Default)]
pub(crate) struct Measure {
    pub(crate) octets: u64,
    eight_bit: bool,
    pub(crate) has_nul: bool,
    after_cr: bool,
}

impl Measure {
    pub(crate) fn add(&mut self, octets: &[u8]) {
        for &octet in octets {
            let more = match octet {
                b'\n' if self.after_cr => 0,
                b'\r' | b'\n' => 2,
                _ => 1,
            };
            self.octets = self.octets.saturating_add(more);
            self.after_cr = octet == b'\r';
            self.eight_bit |= !octet.is_ascii();
            self.has_nul |= octet == 0;
        }
    }
}

fn no_good(problem: String) -> Error {
    Error::new(Exit::Data, format!("the message can't be sent: {problem}"))
}

fn mailboxes(value: &[u8]) -> Vec<String> {
    let members = address_list(value).into_iter().flat_map(|address| match address {
        Address::Mailbox(mailbox) => vec![mailbox],
        Address::Group { members, .. } => members,
    });
    members.map(|mailbox| mailbox.address).filter(|address| !address.is_empty()).collect()
}

/// Where the header section ends, its empty line included. A line ends with CRLF, CR or LF, as it will go out.
fn header_end(octets: &[u8]) -> Option<usize> {
    let mut rest = octets;
    while !rest.is_empty() {
        let (line, after) = split_line(rest)?;
        if line.is_empty() {
            return Some(octets.len().saturating_sub(after.len()));
        }
        rest = after;
    }
    None
}

/// A line without its end, and what follows; `None` where no line ends.
fn split_line(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = octets.iter().position(|octet| matches!(octet, b'\r' | b'\n'))?;
    let (line, rest) = octets.split_at_checked(end)?;
    let rest = rest.strip_prefix(b"\r\n").or_else(|| rest.get(1..))?;
    Some((line, rest))
}

fn with_crlf(header: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(header.len());
    let mut rest = header;
    while let Some((line, after)) = split_line(rest) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
        rest = after;
    }
    out.extend_from_slice(rest);
    out
}

/// `header` without the fields that name hidden recipients.
fn without_bcc(header: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(header.len());
    let mut hidden = false;
    for line in header.split_inclusive(|octet| *octet == b'\n') {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|octet| *octet == b':').next().unwrap_or_default().trim_ascii_end();
            hidden = [&b"Bcc"[..], b"Resent-Bcc"].iter().any(|bcc| name.eq_ignore_ascii_case(bcc));
        }
        if !hidden {
            out.extend_from_slice(line);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<(Envelope, Vec<u8>), Error> {
        let message = RawMessage::new(text)?;
        let envelope = message.envelope(None, Vec::new(), "user@x")?;
        let mut octets = Vec::new();
        message.copy(|piece| {
            octets.extend_from_slice(piece);
            Ok(())
        })?;
        Ok((envelope, octets))
    }

    #[test]
    fn the_header_names_the_envelope_and_loses_its_bcc() {
        let text = b"From: Ann <ann@x>\nTo: b@x,\n c@x, b@x\nBCC : d@x,\n\te@x\ncc: List: f@x, g@x;\nX: y\n\nBcc: body\n";
        let (envelope, octets) = read(text).unwrap();
        assert_eq!(envelope.sender, "ann@x");
        assert_eq!(envelope.recipients, ["b@x", "c@x", "d@x", "e@x", "f@x", "g@x"]);
        let want =
            "From: Ann <ann@x>\r\nTo: b@x,\r\n c@x, b@x\r\ncc: List: f@x, g@x;\r\nX: y\r\n\r\nBcc: body\n";
        assert_eq!(String::from_utf8(octets).unwrap(), want);
        assert_eq!(envelope.size, Some(u64::try_from(want.len()).unwrap() + 1));
        assert!(!envelope.eight_bit && !envelope.smtp_utf8);
    }

    #[test]
    fn line_ends_of_any_kind_end_a_line() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["From: a@x", "To: b@x", "Bcc: c@x", "", "body", "Bcc: d"].join(end);
            let (envelope, octets) = read(text.as_bytes()).unwrap();
            assert_eq!(envelope.recipients, ["b@x", "c@x"], "{end:?}");
            let text = String::from_utf8(octets).unwrap();
            assert!(text.starts_with("From: a@x\r\nTo: b@x\r\n\r\nbody"), "{text:?}");
        }
        let (envelope, octets) = read(b"To: a@x\r\nX: y\rBcc: b@x\r\n\r\n").unwrap();
        assert_eq!((envelope.recipients.len(), octets), (2, b"To: a@x\r\nX: y\r\n\r\n".to_vec()));
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
        let message = RawMessage::new(&b"From: b@x\nTo: a@x\n\n"[..]).unwrap();
        let envelope = message.envelope(Some("s@y".into()), vec!["r@y".into(), "r@y".into()], "u").unwrap();
        assert_eq!((envelope.sender, envelope.recipients), ("s@y".into(), vec!["r@y".to_owned()]));
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, want) in [
            (&b""[..], "no header fields"),
            (b"\n\nhello", "no header fields"),
            (b"hello\n\n", "no header fields"),
            (b"From: a@x\n\n", "no recipients"),
            (b"To: a@x\nFrom: a x@\n\n", "the address"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.exit == Exit::Data && error.text.contains(want), "{error}");
        }
        let endless = [b"To: a@x\nX: ".to_vec(), vec![b'y'; HEAD]].concat();
        assert!(read(&endless).unwrap_err().text.contains("does not end"));
    }

    #[test]
    fn a_large_message_passes_in_pieces() {
        let text = [b"To: a@x\n\n".to_vec(), vec![b'y'; 3 * HEAD], "ü".into()].concat();
        let (envelope, octets) = read(&text).unwrap();
        assert_eq!((envelope.size, envelope.eight_bit, octets.len()), (None, true, text.len() + 2));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.eml");
        std::fs::write(&path, &text[..text.len() - 2]).unwrap();
        let envelope = RawMessage::open(&path).unwrap().envelope(None, Vec::new(), "u@x").unwrap();
        assert_eq!((envelope.size, envelope.eight_bit), (Some(u64::try_from(text.len()).unwrap()), false));
    }

    #[test]
    fn eight_bit_headers_are_declared() {
        for (text, want) in [
            ("To: a@x\n\nü".as_bytes(), (true, false)),
            ("To: a@x\nSubject: ü\n\n".as_bytes(), (true, true)),
            (b"To: a@x\nSubject: \xc4\xe3\n\n", (true, false)),
            (b"To: a@x\n\nx", (false, false)),
        ] {
            let (envelope, _) = read(text).unwrap();
            assert_eq!((envelope.eight_bit, envelope.smtp_utf8), want, "{text:?}");
        }
    }
}
