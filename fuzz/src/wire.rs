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

/// What is left of a frame without its literals, where `announced` says that there are some.
pub(crate) fn without_literals(frame: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), frame);
    while let Some(end) = rest.iter().position(|&octet| octet == b'\n') {
        let (line, after) = rest.split_at(end + 1);
        out.extend_from_slice(line);
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let size = announced(text.strip_suffix(b"\r").unwrap_or(text)).unwrap_or_default();
        rest = &after[size.min(after.len())..];
    }
    out.extend_from_slice(rest);
    out
}
