use core::fmt;

/// Something in a message that is not as it should be, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Defect {
    /// What is wrong.
    pub kind: DefectKind,
    /// Octets of the message in front of it.
    pub offset: u64,
    /// Index of the part that it is in: 0 is the message itself.
    pub part: usize,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DefectKind {
    /// No empty line stands between the header section and the body.
    NoEmptyLine,
    /// A line that continues a field does not begin with white space.
    BrokenFold,
    /// A line of a header section has nothing in front of its colon. It is passed over.
    NoFieldName,
    /// A header section ends with the message or its part.
    HeaderCutOff,
    /// A header section is longer than the limit; its end was not looked at.
    HeaderTooLong,
    /// A multipart names no boundary. The first line that looks like one is taken.
    NoBoundary,
    /// No line with the boundary of a multipart was found: it has no parts.
    BoundaryNotFound,
    /// A multipart is not closed: the message, or the one around it, ends first.
    NotClosed,
    /// A part is nested deeper than the limit; it was not opened.
    TooDeep,
    /// There are more parts than the limit.
    TooManyParts,
    /// A multipart or an attached message has a transfer encoding that it must not have (RFC 2045 section 6.4).
    EncodedContainer,
    /// A transfer encoding that is not known.
    UnknownEncoding,
    /// A charset that is not known.
    UnknownCharset,
    /// A field or a text has octets outside ASCII, names no charset, and is not UTF-8, even if a few broken characters are
    /// forgiven. A field is read in the charset of the message's texts; where they name none either, it is guessed.
    UnnamedCharset,
    /// A text that is labelled UTF-8 has octets that are not. What a few of them break is shown as U+FFFD; a text with more of
    /// them than characters of UTF-8 is read in the charset that HTML names in it, or is guessed. Beneath quoted-printable and
    /// base64 it is looked for with [`Limits::encoded_texts`](super::Limits::encoded_texts).
    NotUtf8,
    /// The date of a message can't be read.
    UnreadableDate,
    /// The date of a message has no zone, or one that is not known: it was taken for UTC.
    UnknownZone,
    /// From, To, Cc or Reply-To names an address outside ASCII that mail can't be sent to: its octets are no UTF-8, or IDNA
    /// maps characters of its domain to others. It is shown as it is written.
    UnusableAddress,
}

impl fmt::Display for DefectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoEmptyLine => "no empty line after the header section",
            Self::BrokenFold => "field is folded without white space",
            Self::NoFieldName => "field has no name",
            Self::HeaderCutOff => "header section is cut off",
            Self::HeaderTooLong => "header section is too long",
            Self::NoBoundary => "multipart names no boundary",
            Self::BoundaryNotFound => "boundary of the multipart not found",
            Self::NotClosed => "multipart is not closed",
            Self::TooDeep => "parts are nested too deep",
            Self::TooManyParts => "too many parts",
            Self::EncodedContainer => "multipart or message has a transfer encoding",
            Self::UnknownEncoding => "transfer encoding is not known",
            Self::UnknownCharset => "charset is not known",
            Self::UnnamedCharset => "charset is not named",
            Self::NotUtf8 => "text is not UTF-8, as it is labelled",
            Self::UnreadableDate => "date can't be read",
            Self::UnknownZone => "zone of the date is not known",
            Self::UnusableAddress => "address can't be written to",
        })
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at octet {} in part {}", self.kind, self.offset, self.part)
    }
}
