//! Messages, written and read by us and by peers.

mod compose;
mod decode;
pub mod hostile;
mod mail;

pub use mail::mail;

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    Ours,
    MailParser,
    MailParse,
    Rfc2047Decoder,
    MailBuilder,
    Lettre,
}

impl Library {
    pub const ALL: [Self; 6] = [
        Self::Ours,
        Self::MailParser,
        Self::MailParse,
        Self::Rfc2047Decoder,
        Self::MailBuilder,
        Self::Lettre,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "mailbearer",
            Self::MailParser => "mail-parser",
            Self::MailParse => "mailparse",
            Self::Rfc2047Decoder => "rfc2047-decoder",
            Self::MailBuilder => "mail-builder",
            Self::Lettre => "lettre",
        }
    }
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Ten fields of a header section read, of some forty.
    Headers,
    /// A message read in full: its addresses and dates, every text in its charset, every file with its name.
    Read,
    /// A subject in encoded words of all kinds.
    Words,
    /// A body of lines in base64.
    Base64,
    /// A body in quoted-printable, of a language with some letters outside ASCII.
    Quoted,
    /// A message of some lines.
    WriteText,
    /// A message with a file.
    WriteFile,
    /// A message whose subject and names are encoded.
    WriteWords,
    /// The same, with the list of whom it is sent to.
    WriteSent,
    /// A file in lines of base64.
    WriteBase64,
    /// A message whose text is written in quoted-printable.
    WriteQuoted,
}

impl Work {
    pub const ALL: [Self; 11] = [
        Self::Headers,
        Self::Read,
        Self::Words,
        Self::Base64,
        Self::Quoted,
        Self::WriteText,
        Self::WriteFile,
        Self::WriteWords,
        Self::WriteSent,
        Self::WriteBase64,
        Self::WriteQuoted,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Read => "read",
            Self::Words => "words",
            Self::Base64 => "base64",
            Self::Quoted => "quoted-printable",
            Self::WriteText => "write-text",
            Self::WriteFile => "write-file",
            Self::WriteWords => "write-words",
            Self::WriteSent => "write-sent",
            Self::WriteBase64 => "write-base64",
            Self::WriteQuoted => "write-quoted",
        }
    }

    /// Octets of what is read or written that tell how the work grows; a header section has the size that it has.
    pub const fn sizes(self) -> &'static [usize] {
        match self {
            Self::Headers => &[4_300],
            Self::Read => &[5_000, 50_000, 1_000_000],
            Self::Words | Self::WriteWords | Self::WriteSent => &[400],
            Self::Base64 | Self::WriteFile | Self::WriteBase64 => &[1_000_000],
            Self::Quoted | Self::WriteQuoted => &[64_000],
            Self::WriteText => &[2_000],
        }
    }

    /// Who can do it, we first.
    pub const fn libraries(self) -> &'static [Library] {
        use Library::{Lettre, MailBuilder, MailParse, MailParser, Ours, Rfc2047Decoder};
        match self {
            Self::Words => &[Ours, MailParser, MailParse, Rfc2047Decoder],
            Self::Headers | Self::Read | Self::Base64 | Self::Quoted => &[Ours, MailParser, MailParse],
            _ => &[Ours, MailBuilder, Lettre],
        }
    }

    /// What is worked on, in memory, so that only the work is measured.
    pub fn prepare(self, library: Library, size: usize) -> Prepared {
        let input = match self {
            Self::Headers => mail::headers(size),
            Self::Read => mail(size),
            Self::Words => mail::words(size),
            Self::Base64 => mail::base64_lines(size),
            Self::Quoted => mail::quoted_printable(size),
            Self::WriteText => mail::text(size, false),
            Self::WriteWords | Self::WriteSent => mail::text(size, true),
            Self::WriteQuoted => mail::text(size, true),
            Self::WriteFile | Self::WriteBase64 => mail::file(size),
        };
        Prepared { work: self, library, input }
    }
}

/// Work that is ready to be done.
#[derive(Clone)]
pub struct Prepared {
    work: Work,
    library: Library,
    input: Vec<u8>,
}

impl Prepared {
    /// Does it; how many octets came of it.
    ///
    /// # Panics
    ///
    /// At an input that the library does not take.
    pub fn run(self) -> usize {
        let input = self.input.as_slice();
        match self.work {
            Work::Headers => decode::headers(self.library, input),
            Work::Read => decode::message(self.library, input),
            Work::Words => decode::words(self.library, input),
            Work::Base64 => decode::base64(self.library, input),
            Work::Quoted => decode::quoted_printable(self.library, input),
            Work::WriteText | Work::WriteQuoted => compose::text(self.library, input),
            Work::WriteFile => compose::file(self.library, self.input),
            Work::WriteWords => compose::words(self.library, input, false),
            Work::WriteSent => compose::words(self.library, input, true),
            Work::WriteBase64 => compose::base64(self.library, input),
        }
    }

    /// What is worked on.
    pub fn into_input(self) -> Vec<u8> {
        self.input
    }

    /// Octets that are worked on.
    pub fn len(&self) -> usize {
        self.input.len()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.input.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of 32 MB that comes in pieces is taken apart in the memory of a few lines, its bodies decoded.
    #[test]
    fn a_stream_holds_a_few_lines() {
        use mailbearer_mime::parse::{Event, Limits, Stream};
        let line = b"QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD\r\n";
        let head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b\r\nContent-Type: application/pdf\r\n\
            Content-Transfer-Encoding: base64\r\n\r\n";
        let (mut octets, mut decoder) = (0, None);
        let used = allocation_counter::measure(|| {
            let mut out = Vec::new();
            let mut tell = |event: Event<'_>| match event {
                Event::Part(part) => decoder = Some(part.encoding.decoder()),
                Event::Body { octets: piece, .. } => {
                    out.clear();
                    decoder.as_mut().unwrap().decode(piece, &mut out);
                    octets += out.len();
                }
                _ => {}
            };
            let mut stream = Stream::new(Limits::default());
            stream.feed(head, &mut tell);
            for _ in 0..(32 << 20) / line.len() {
                line.chunks(50).for_each(|piece| stream.feed(piece, &mut tell));
            }
            stream.finish(&mut tell);
        });
        assert!(octets > 23 << 20 && used.bytes_max < 16 << 10, "{octets} octets by {used:?}");
    }

    /// Peers that read or write much less or more than we do are no measure.
    #[test]
    fn all_do_the_same() {
        for work in Work::ALL {
            for &size in work.sizes() {
                let ours = work.prepare(Library::Ours, size).run();
                for &library in work.libraries() {
                    let theirs = work.prepare(library, size).run();
                    let near = theirs.abs_diff(ours) <= 200 + ours / 20;
                    assert!(near, "{work:?} of {size} by {library:?}: {theirs} octets, {ours} by us");
                }
            }
        }
    }
}
