//! Guesses the charset of octets that are not UTF-8, where the message does not name one.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{EUC_JP, Encoding, GBK, WINDOWS_1252};

/// Octets that are looked at. More of them would not change the guess.
pub(super) const LOOK: usize = 16 * 1_024;
/// Octets outside ASCII that are enough to tell one charset from another.
const ENOUGH: usize = 6;

/// Returns the charset that octets look like. `None` means windows-1252, or too few octets to tell.
pub(super) fn find(octets: &[u8]) -> Option<&'static Encoding> {
    // A start may end in the middle of a character, which then says nothing against a charset.
    let is_whole = octets.len() <= LOOK;
    let octets = octets.get(..LOOK).unwrap_or(octets);
    let evidence = Evidence::of(octets);
    if evidence.is_two_of_gb2312 {
        return Some(GBK);
    }
    if evidence.high < ENOUGH {
        return None;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(octets, is_whole);
    let mut found = detector.guess(None, Utf8Detection::Deny);
    // Japanese without one of its own letters is Chinese, which has the same octets.
    if found == EUC_JP && !has_kana(octets) {
        found = GBK;
    }
    // A text of Latin letters with accents has few of them, and hardly ever two together.
    let mostly = evidence.high >= evidence.letters;
    let fits = match found {
        one if one == WINDOWS_1252 => false,
        one if !one.is_single_byte() => mostly || evidence.run >= 4,
        one if LATIN.contains(&one.name()) => true,
        _ => evidence.run >= if mostly { 4 } else { ENOUGH },
    };
    fits.then_some(found)
}

/// Whether a character of EUC-JP is a hiragana or a katakana.
fn has_kana(octets: &[u8]) -> bool {
    let mut runs = octets.split(u8::is_ascii);
    runs.any(|run| run.chunks(2).any(|pair| matches!(pair, [0xA4 | 0xA5, _])))
}

/// Charsets of Latin letters besides windows-1252.
const LATIN: [&str; 12] = [
    "ISO-8859-2",
    "ISO-8859-3",
    "ISO-8859-4",
    "ISO-8859-10",
    "ISO-8859-13",
    "ISO-8859-14",
    "ISO-8859-15",
    "ISO-8859-16",
    "windows-1250",
    "windows-1254",
    "windows-1257",
    "windows-1258",
];

/// Counts that tell a Latin text with a few accents from a text in another script.
struct Evidence {
    /// Octets outside ASCII.
    high: usize,
    /// Letters of ASCII.
    letters: usize,
    /// The most octets outside ASCII that stand together.
    run: usize,
    /// Whether these are four that stand together, two of the 3,755 usual characters of GB 2312: too few to tell them from
    /// others, but a name or a subject of two characters is usual in Chinese.
    is_two_of_gb2312: bool,
}

impl Evidence {
    fn of(octets: &[u8]) -> Self {
        let (mut high, mut letters, mut run) = (0usize, 0usize, 0usize);
        for piece in octets.chunk_by(|one, next| one.is_ascii() == next.is_ascii()) {
            if piece.is_ascii() {
                let count = piece.iter().filter(|octet| octet.is_ascii_alphabetic()).count();
                letters = letters.saturating_add(count);
            } else {
                high = high.saturating_add(piece.len());
                run = run.max(piece.len());
            }
        }
        let at = octets.iter().position(|octet| !octet.is_ascii()).unwrap_or_default();
        let is_usual = |pair: &[u8]| matches!(pair, [0xB0..=0xD7, 0xA1..=0xFE]);
        let two = octets.get(at..).and_then(<[u8]>::first_chunk::<4>);
        let is_two_of_gb2312 = high == 4 && run == 4 && two.is_some_and(|two| two.chunks(2).all(is_usual));
        Self { high, letters, run, is_two_of_gb2312 }
    }
}
