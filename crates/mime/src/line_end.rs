//! How the lines of a message end.

use alloc::borrow::Cow;

use crate::ascii::{is_wsp, tail};
use crate::parse::{MAX_LOOK, field_of};

/// What ends the lines of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// LF, with one CR in front of it, two or none.
    #[default]
    Lf,
    /// CR alone, as old Macs and some scanners write it; LF and CRLF end lines too.
    Cr,
}

impl LineEnd {
    /// What ends the lines of a message that begins like this. Looks at the first line, and at [`MAX_LOOK`] octets at most.
    pub(crate) fn of(start: &[u8]) -> Self {
        match memchr::memchr2(b'\r', b'\n', start) {
            Some(at) if at < MAX_LOOK && start.get(at..at.saturating_add(2)).is_some_and(is_bare_cr) => {
                Self::behind(start, at)
            }
            _ => Self::Lf,
        }
    }

    /// The same for a message with a bare CR at this place. It ends a line if what follows can be the next line of a header
    /// section, and no LF ends that section: there is none, or none before an empty line.
    #[cold]
    fn behind(start: &[u8], at: usize) -> Self {
        let start = start.get(..MAX_LOOK).unwrap_or(start);
        let next = tail(start, at.saturating_add(1));
        let goes_on =
            next.first().is_none_or(|&byte| is_wsp(byte) || byte == b'\r') || field_of(next).is_some();
        let Some(end) = memchr::memchr(b'\n', start) else {
            return if goes_on { Self::Cr } else { Self::Lf };
        };
        let section = start.get(..end).unwrap_or_default();
        let section = section.get(..section.iter().rposition(|&byte| byte != b'\r').unwrap_or(0));
        let empty = section.and_then(|section| crate::ascii::find(section, *b"\r\r"));
        // A stray CR or two are more likely than a section of one field.
        if goes_on && empty.is_some_and(|empty| empty > at) { Self::Cr } else { Self::Lf }
    }

    /// Whether the first line is empty, or there is none.
    pub(crate) fn starts_empty(self, bytes: &[u8]) -> bool {
        match bytes {
            [b'\r', after @ ..] => self == Self::Cr || matches!(after, [b'\n', ..] | [b'\r', b'\n', ..]),
            _ => matches!(bytes, [] | [b'\n', ..]),
        }
    }

    /// What follows the first line.
    #[inline]
    pub(crate) fn behind_line(self, bytes: &[u8]) -> &[u8] {
        let end = match self {
            Self::Lf => memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end.saturating_add(1)),
            Self::Cr => cr_line(bytes),
        };
        tail(bytes, end)
    }

    /// How many octets the line end at the end of `line` has.
    pub(crate) fn len(self, line: &[u8]) -> usize {
        match line {
            [.., b'\r', b'\r', b'\n'] if self == Self::Lf => 3,
            [.., b'\r', b'\n'] => 2,
            [.., b'\n'] => 1,
            [.., b'\r'] if self == Self::Cr => 1,
            _ => 0,
        }
    }
}

fn is_bare_cr(octets: &[u8]) -> bool {
    matches!(octets, [b'\r', next] if *next != b'\n')
}

/// Length of the first line with its end, where CR ends lines.
#[cold]
pub(crate) fn cr_line(bytes: &[u8]) -> usize {
    let Some(at) = memchr::memchr2(b'\r', b'\n', bytes) else { return bytes.len() };
    let end = at.saturating_add(1);
    let is_pair = bytes.get(at..).is_some_and(|rest| rest.starts_with(b"\r\n"));
    end.saturating_add(usize::from(is_pair))
}

/// A line without the CR, or the two, in front of its LF.
pub(crate) fn without_cr(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A text whose lines end in CR alone or in CR CR LF, with ends that each reader of text knows.
pub(crate) fn with_lines(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains("\r\r\n") {
        return Cow::Owned(text.replace("\r\r\n", "\r\n"));
    }
    if text.contains('\r') && !text.contains('\n') {
        return Cow::Owned(text.replace('\r', "\n"));
    }
    text
}
