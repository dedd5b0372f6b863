//! Line ends: CR, LF and CRLF, in any mixture, become CRLF.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use memchr::{memchr, memchr_iter, memchr2_iter};

/// Makes each line end CRLF, in a text that comes in pieces cut anywhere, also between CR and LF.
///
/// ```
/// use mailbearer_mime::LineEnds;
///
/// let (mut lines, mut spare) = (LineEnds::new(), Vec::new());
/// assert_eq!(lines.convert(b"a\nb\r", &mut spare), b"a\r\nb\r\n");
/// assert_eq!(lines.convert(b"\nc", &mut spare), b"c"); // this LF belongs to the CR before
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineEnds {
    after_cr: bool,
}

impl LineEnds {
    /// At the start of a text.
    #[must_use]
    pub const fn new() -> Self {
        Self { after_cr: false }
    }

    /// The next piece with its line ends made CRLF: the octets themselves where nothing is to be changed, and what
    /// is written to `spare` otherwise.
    pub fn convert<'a>(&mut self, octets: &'a [u8], spare: &'a mut Vec<u8>) -> &'a [u8] {
        let octets = self.without_first_lf(octets);
        spare.clear();
        let done = changed(octets, spare);
        self.after_cr = octets.last().map_or(self.after_cr, |last| *last == b'\r');
        if done == 0 {
            return octets;
        }
        spare.extend_from_slice(octets.get(done..).unwrap_or_default());
        spare
    }

    /// A whole text with its line ends made CRLF.
    #[must_use]
    pub fn to_crlf(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len().saturating_add(text.len() / 32));
        Self::append(text, &mut out);
        out
    }

    /// Appends a whole text to `out`, its line ends made CRLF.
    pub(crate) fn append(text: &[u8], out: &mut Vec<u8>) {
        let done = changed(text, out);
        out.extend_from_slice(text.get(done..).unwrap_or_default());
    }

    fn without_first_lf<'a>(&mut self, octets: &'a [u8]) -> &'a [u8] {
        match octets {
            [b'\n', rest @ ..] if self.after_cr => {
                self.after_cr = false;
                rest
            }
            _ => octets,
        }
    }
}

/// A text with each line end made LF, so that `str::lines` finds them all.
pub(crate) fn with_lf(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n").into() } else { text.into() }
}

/// Appends `octets` to `out` up to the last line end that is not CRLF, each line end made so. Gives how many there were;
/// what follows them is as it should be.
fn changed(octets: &[u8], out: &mut Vec<u8>) -> usize {
    if is_canonical(octets) {
        return 0;
    }
    // Most files have one kind of line end throughout. Runs up to the next end that is not CRLF go in one copy.
    let (mut done, mut next) = (0_usize, 0_usize);
    for at in memchr2_iter(b'\r', b'\n', octets) {
        if at < next {
            continue;
        }
        next = at.saturating_add(1);
        if octets.get(at..).is_some_and(|rest| rest.starts_with(b"\r\n")) {
            next = next.saturating_add(1);
            continue;
        }
        out.extend_from_slice(octets.get(done..at).unwrap_or_default());
        out.extend_from_slice(b"\r\n");
        done = next;
    }
    done
}

/// How many line ends there are that are not CRLF: a LF at the start of the text and a CR at its end count.
fn other_line_ends(octets: &[u8]) -> usize {
    let (pairs, feeds) = line_feeds(octets).fold((0_usize, 0_usize), |(pairs, feeds), is_pair| {
        (pairs.saturating_add(usize::from(is_pair)), feeds.saturating_add(usize::from(!is_pair)))
    });
    feeds.saturating_add(memchr_iter(b'\r', octets).count().saturating_sub(pairs))
}

/// Whether each line end is CRLF, as in most mail that is kept.
fn is_canonical(octets: &[u8]) -> bool {
    let mut pairs = 0_usize;
    for is_pair in line_feeds(octets) {
        if !is_pair {
            return false;
        }
        pairs = pairs.saturating_add(1);
    }
    memchr_iter(b'\r', octets).count() == pairs
}

/// Whether there is a CR before each LF. One search for each line, and a count of all CR, are less than to look at both.
fn line_feeds(octets: &[u8]) -> impl Iterator<Item = bool> {
    memchr_iter(b'\n', octets)
        .map(|at| at.checked_sub(1).and_then(|before| octets.get(before)) == Some(&b'\r'))
}

/// What a server wants to know of a message beforehand: counted with each line end as CRLF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    octets: u64,
    eight_bit: bool,
    nul: bool,
    ends: LineEnds,
}

impl Measure {
    /// Counts the next piece, cut anywhere.
    pub fn add(&mut self, octets: &[u8]) {
        self.eight_bit |= !octets.is_ascii();
        self.nul |= memchr(0, octets).is_some();
        let octets = self.ends.without_first_lf(octets);
        let more = other_line_ends(octets);
        self.ends.after_cr = octets.last().map_or(self.ends.after_cr, |last| *last == b'\r');
        let octets = u64::try_from(octets.len().saturating_add(more)).unwrap_or(u64::MAX);
        self.octets = self.octets.saturating_add(octets);
    }

    /// Octets of the text, each line end being CRLF.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets
    }

    /// Whether an octet is over 127.
    #[must_use]
    pub const fn is_eight_bit(&self) -> bool {
        self.eight_bit
    }

    /// Whether there is a NUL, which IMAP does not carry.
    #[must_use]
    pub const fn has_nul(&self) -> bool {
        self.nul
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// What it says, octet by octet.
    fn plainly(text: &[u8]) -> Vec<u8> {
        let (mut out, mut before) = (vec![], 0);
        for octet in text {
            match octet {
                b'\n' if before == b'\r' => {}
                b'\r' | b'\n' => out.extend_from_slice(b"\r\n"),
                _ => out.push(*octet),
            }
            before = *octet;
        }
        out
    }

    #[test]
    fn every_mixture_cut_anywhere_becomes_crlf_and_is_counted_so() {
        let letters = [b'\r', b'\n', b'x', 0xFF];
        for number in 0..4_usize.pow(6) {
            let text: Vec<u8> = (0..6).map(|place| letters[number / 4_usize.pow(place) % 4]).collect();
            let want = plainly(&text);
            assert_eq!(LineEnds::to_crlf(&text), want, "{text:?}");
            for cut in 0..=text.len() {
                let (mut lines, mut measure, mut spare, mut out) =
                    (LineEnds::new(), Measure::default(), vec![], vec![]);
                for piece in [&text[..cut], &[], &text[cut..]] {
                    out.extend_from_slice(lines.convert(piece, &mut spare));
                    measure.add(piece);
                }
                assert_eq!(out, want, "{text:?} cut at {cut}");
                assert_eq!(measure.octets(), u64::try_from(want.len()).unwrap(), "{text:?} cut at {cut}");
                assert_eq!(measure.is_eight_bit(), text.contains(&0xFF), "{text:?}");
            }
        }
    }

    #[test]
    fn what_is_right_already_is_not_copied() {
        let text = b"a\r\nb\r\n";
        let (mut lines, mut spare) = (LineEnds::new(), vec![]);
        assert_eq!(lines.convert(text, &mut spare).as_ptr(), text.as_ptr());
        let mut measure = Measure::default();
        measure.add(b"a\0");
        assert!(measure.has_nul());
    }
}
