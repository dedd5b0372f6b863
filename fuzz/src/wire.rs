//! Where things end on the wire, told a second time and without the crates under test.

/// Length of the first whole IMAP command or response in `stream`: lines joined by literals (RFC 9051 section 4.3).
pub(crate) fn imap_end(stream: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let end = at + stream[at..].windows(2).position(|pair| pair == b"\r\n")?;
        let Some(size) = announced(&stream[at..end]) else { return Some(end + 2) };
        at = end + 2 + size;
        if at > stream.len() {
            return None;
        }
    }
}

/// The size in `{n}`, `{n+}` or `~{n}` at the end of a line.
pub(crate) fn announced(line: &[u8]) -> Option<usize> {
    let inside = line.strip_suffix(b"}")?;
    let inside = inside.strip_suffix(b"+").unwrap_or(inside);
    let brace = inside.iter().rposition(|&octet| octet == b'{')?;
    std::str::from_utf8(&inside[brace + 1..]).ok()?.parse().ok()
}
