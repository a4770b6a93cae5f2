//! A small seeded generator of random numbers.

/// xoshiro256++ seeded by SplitMix64: 2^256 - 1 numbers, no statistical weakness that audio could meet, not for secrets.
///
/// Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators", ACM Transactions on Mathematical Software 47(4).
///
/// ```
/// let mut rng = afx_dsp::source::Rng::new(7);
/// let x = rng.range(-1.0, 1.0);
/// assert!((-1.0..1.0).contains(&x));
/// assert_eq!(x, afx_dsp::source::Rng::new(7).range(-1.0, 1.0));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The sequence that belongs to `seed`; neighbouring seeds are unrelated.
    pub const fn new(seed: u64) -> Self {
        let mut state = [0; 4];
        let mut sum = seed;
        let mut i = 0;
        while i < 4 {
            sum = sum.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = sum;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            state[i] = z ^ (z >> 31);
            i += 1;
        }
        Rng { state }
    }

    /// 64 random bits.
    pub const fn next_u64(&mut self) -> u64 {
        let s = &mut self.state;
        let out = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        out
    }

    /// Uniform in `[0, 1)`, a multiple of 2^-53.
    pub const fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform between `low` and `high`.
    pub const fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Uniform among `0..count`; 0 if `count` is 0.
    pub const fn below(&mut self, count: usize) -> usize {
        ((self.next_u64() as u128 * count as u128) >> 64) as usize
    }

    /// True with the given probability.
    pub const fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Normal with mean 0 and variance 1, as the sum of twelve uniform numbers less 6 (so never beyond 6).
    pub const fn normal(&mut self) -> f64 {
        let mut sum = -6.0;
        let mut i = 0;
        while i < 12 {
            sum += self.uniform();
            i += 1;
        }
        sum
    }

    /// Puts `items` into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sequences_come_out() {
        // from the reference C code of the authors, state 1, 2, 3, 4
        let mut rng = Rng { state: [1, 2, 3, 4] };
        let expected = [41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205, 9973669472204895162];
        assert_eq!(expected.map(|_| rng.next_u64()), expected);
        // SplitMix64 from 1234567
        let expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431];
        assert_eq!(Rng::new(1234567).state, expected);
    }

    #[test]
    fn the_distributions_have_their_moments() {
        let mut rng = Rng::new(1);
        let n = 200_000;
        let (mut mean, mut square, mut normal, mut variance, mut count) = (0.0, 0.0, 0.0, 0.0, [0usize; 7]);
        for _ in 0..n {
            let u = rng.uniform();
            assert!((0.0..1.0).contains(&u));
            mean += u / f64::from(n);
            square += u * u / f64::from(n);
            let g = rng.normal();
            normal += g / f64::from(n);
            variance += g * g / f64::from(n);
            count[rng.below(7)] += 1;
        }
        // five standard errors of 200,000 draws
        assert!((mean - 0.5).abs() < 3.3e-3 && (square - 1.0 / 3.0).abs() < 3.4e-3, "{mean} {square}");
        assert!(normal.abs() < 1.2e-2 && (variance - 1.0).abs() < 1.6e-2, "{normal} {variance}");
        assert!(count.iter().all(|&c| c.abs_diff(28571) < 800), "{count:?}");
        assert_eq!(rng.below(0), 0);
        let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
        rng.shuffle(&mut items);
        assert_ne!(items, [0, 1, 2, 3, 4, 5, 6, 7]);
        items.sort_unstable();
        assert_eq!(items, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
