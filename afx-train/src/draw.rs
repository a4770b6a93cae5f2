//! Random numbers that can be taken up again.

/// A counter through a mixing function (Steele, Lea and Flood 2014, "SplitMix"): its whole memory is two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    pub(crate) seed: u64,
    pub(crate) count: u64,
}

impl Draw {
    /// From the beginning.
    pub fn new(seed: u64) -> Self {
        Draw { seed, count: 0 }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.count = self.count.wrapping_add(1);
        let mut z = self.seed.wrapping_add(self.count.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `[-1, 1)`.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// Uniform in `0..n`, 0 for `n = 0`; the bias of the remainder is below 2^-32 for any audio file.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % (n.max(1) as u64)) as usize
    }
}
