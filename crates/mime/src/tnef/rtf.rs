//! Compressed RTF (MS-OXRTFCP).

use alloc::vec::Vec;

/// Decompresses the RTF text of a message, whose first 16 octets tell how long it is and whether it is compressed.
///
/// `None` if it is neither form, or longer than `limit`. A text that is cut off gives what there is of it; its check
/// sum is not looked at.
#[must_use]
pub fn decompress(octets: &[u8], limit: usize) -> Option<Vec<u8>> {
    let (header, body) = octets.split_at_checked(16)?;
    let number = |from: usize| Some(u32::from_le_bytes(header.get(from..)?.first_chunk().copied()?));
    let size = usize::try_from(number(4)?).ok().filter(|&size| size <= limit)?;
    match &number(8)?.to_le_bytes() {
        b"MELA" => Some(body.get(..size).unwrap_or(body).to_vec()),
        b"LZFu" => Some(expand(body, size)),
        _ => None,
    }
}

/// Runs of literals and of references into the last 4,096 octets, which begin as the words that every RTF text has.
fn expand(body: &[u8], size: usize) -> Vec<u8> {
    // What a reference can reach is the end of the words and of what was written behind them.
    let mut out = Vec::with_capacity(WORDS.len().saturating_add(size.min(body.len().saturating_mul(10))));
    out.extend_from_slice(WORDS);
    let end = WORDS.len().saturating_add(size);
    let mut input = body.iter().copied();
    'runs: while let Some(control) = input.next() {
        for bit in 0..8 {
            if out.len() >= end {
                break 'runs;
            }
            let Some(byte) = input.next() else { break 'runs };
            if control >> bit & 1 == 0 {
                out.push(byte);
                continue;
            }
            let Some(low) = input.next() else { break 'runs };
            let offset = usize::from(byte) << 4 | usize::from(low >> 4);
            let len = usize::from(low & 15).saturating_add(2);
            let place = out.len() % WINDOW;
            if offset == place {
                break 'runs;
            }
            let back = place.wrapping_sub(offset) % WINDOW;
            // What was never written is zero.
            for _ in 0..len {
                let byte = out.len().checked_sub(back).and_then(|at| out.get(at)).copied();
                out.push(byte.unwrap_or_default());
            }
        }
    }
    out.truncate(end);
    out.drain(..WORDS.len());
    out
}

const WINDOW: usize = 4_096;

const WORDS: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \
\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
