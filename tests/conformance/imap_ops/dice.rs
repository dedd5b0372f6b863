//! Chance that repeats itself.

/// Numbers that look random and are the same each time.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1))
    }

    /// A number below `count`.
    pub(crate) fn up_to(&mut self, count: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % count.max(1)
    }

    /// One of these, or 1 if there is none.
    pub(crate) fn pick(&mut self, from: &[u32]) -> u32 {
        let at = self.up_to(from.len().try_into().unwrap());
        from.get(usize::try_from(at).unwrap()).copied().unwrap_or(1)
    }

    pub(crate) fn one_of<T, const N: usize>(&mut self, from: [T; N]) -> T {
        let at = usize::try_from(self.up_to(N.try_into().unwrap())).unwrap();
        from.into_iter().nth(at).unwrap()
    }
}
