//! Input taken apart: knobs in front, then what is cut up.

use std::iter;

/// Takes `N` octets from the front as knobs; where there are fewer, they are 0.
pub(crate) fn knobs<const N: usize>(data: &[u8]) -> ([u8; N], &[u8]) {
    let (front, rest) = data.split_at(data.len().min(N));
    let mut knobs = [0; N];
    knobs[..front.len()].copy_from_slice(front);
    (knobs, rest)
}

/// Cuts `octets` into pieces: all at once for a knob of 0, else into pieces of up to `knob` octets, whose sizes follow
/// from the knob. Pieces of one octet for 1, and of up to 4,096 from 240 on, which hold more than a line.
pub(crate) fn pieces(octets: &[u8], knob: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = octets;
    let most = if knob < 240 { usize::from(knob) } else { usize::from(knob - 239) * 256 };
    let mut random = Random(u32::from(knob));
    iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let size = if knob == 0 { rest.len() } else { 1 + random.below(most) };
        let (piece, after) = rest.split_at(size.min(rest.len()));
        rest = after;
        Some(piece)
    })
}

/// Numbers that look random and are the same each time.
pub(crate) struct Random(pub(crate) u32);

impl Random {
    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % bound
    }
}
