//! Random resolutions.

use super::magnitude::{MagnitudeFloor, StftLoss, StftTerms};
use crate::error::{LossError, at_least, setting};
use crate::loss::{Loss, check};
use crate::sample::Sample;
use crate::stft::{StftSettings, Window};

/// What [`RandomResolution`] draws from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomRange {
    /// Resolutions drawn at a time.
    pub resolutions: usize,
    /// Smallest transform; a power of two, as the next.
    pub least_fft_frames: usize,
    /// Transforms are drawn from the powers of two below this one, and a sequence must be longer.
    pub fft_frames_below: usize,
    /// Smallest and largest hop as a part of the transform.
    pub hop: [f64; 2],
    /// Evaluations between two draws.
    pub rate: usize,
}

impl Default for RandomRange {
    /// auraloss': three from 16 to 16384 frames, hops of 10 to 100 %, new ones for each evaluation.
    fn default() -> Self {
        Self { resolutions: 3, least_fft_frames: 16, fft_frames_below: 32768, hop: [0.1, 1.0], rate: 1 }
    }
}

/// Mean of magnitude STFT losses with transform, hop, window length (1, ½ or ¼ of the transform) and window drawn at random.
///
/// Steinmetz and Reiss 2020, "auraloss". The generator is this crate's own (SplitMix64), so a seed gives the same draws everywhere, but
/// not those of numpy. A clone goes on from the same state. A draw plans new transforms: this loss allocates, every `rate` evaluations.
#[derive(Clone, Debug)]
pub struct RandomResolution<T: Sample> {
    range: RandomRange,
    terms: StftTerms,
    floor: MagnitudeFloor,
    state: u64,
    evaluations: usize,
    losses: Vec<StftLoss<T>>,
}

const WINDOWS: [Window; 5] = [Window::Hann, Window::Bartlett, Window::Blackman, Window::Hamming, Window::Kaiser];

impl<T: Sample> RandomResolution<T> {
    /// Draws from `range` with `seed`.
    ///
    /// # Errors
    /// [`LossError::Setting`] for a range that is empty, or sizes that are not powers of two from 4.
    pub fn new(range: RandomRange, terms: StftTerms, floor: MagnitudeFloor, seed: u64) -> Result<Self, LossError> {
        let (least, below) = (range.least_fft_frames, range.fft_frames_below);
        setting(range.resolutions > 0, "resolutions", "1 or more", 0.0)?;
        setting(least.is_power_of_two() && least >= 4, "least_fft_frames", "a power of two from 4", least as f64)?;
        let above = below.is_power_of_two() && below > least;
        setting(above, "fft_frames_below", "a power of two above least_fft_frames", below as f64)?;
        let [low, high] = range.hop;
        setting(low > 0.0 && low <= high && high <= 1.0, "hop", "0 < smallest <= largest <= 1", low)?;
        setting(range.rate > 0, "rate", "1 or more", 0.0)?;
        terms.validate()?;
        Ok(Self { range, terms, floor, state: seed, evaluations: 0, losses: Vec::with_capacity(range.resolutions) })
    }

    /// The settings of the last draw; empty before the first evaluation.
    pub fn settings(&self) -> impl Iterator<Item = &StftSettings> {
        self.losses.iter().map(StftLoss::settings)
    }

    /// SplitMix64, Steele, Lea and Flood 2014.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize // n is at most 64: the bias is under 1e-17
    }

    fn draw(&mut self) -> Result<(), LossError> {
        self.losses.clear();
        let (low, high) = (self.range.least_fft_frames.ilog2(), self.range.fft_frames_below.ilog2());
        for _ in 0..self.range.resolutions {
            let fft = 1usize << (low as usize + self.below((high - low) as usize));
            let uniform = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
            let [least, most] = self.range.hop;
            let hop = ((fft as f64 * (least + uniform * (most - least))) as usize).max(1);
            let window_frames = fft >> self.below(3);
            let window = WINDOWS[self.below(WINDOWS.len())];
            let settings = StftSettings::new(fft, hop).window_frames(window_frames).window(window);
            self.losses.push(StftLoss::with_floor(settings, self.terms, self.floor)?);
        }
        Ok(())
    }
}

impl<T: Sample> Loss<T> for RandomResolution<T> {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        at_least("random resolutions", self.range.fft_frames_below + 1, frames)
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, mut gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("random resolutions", prediction, target, gradient.as_deref())?;
        self.prepare(frames)?;
        if self.evaluations.is_multiple_of(self.range.rate) {
            self.draw()?;
        }
        self.evaluations = self.evaluations.wrapping_add(1);
        let weight = T::of(1.0 / self.range.resolutions as f64);
        let mut total = T::ZERO;
        for loss in &mut self.losses {
            total += loss.accumulate(prediction, target, scale * weight, gradient.as_deref_mut())?;
        }
        Ok(total * weight)
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_seed(seed: u64) -> RandomResolution<f64> {
        let range = RandomRange { fft_frames_below: 512, ..RandomRange::default() };
        RandomResolution::new(range, StftTerms::default(), MagnitudeFloor::Soft, seed).unwrap()
    }

    #[test]
    fn a_seed_repeats_its_draws_and_another_does_not() {
        let y: Vec<f64> = (0..600).map(|n| (n as f64).sin()).collect();
        let p = vec![0.1; 600];
        let draw = |seed| {
            let mut loss = with_seed(seed);
            let values = [(); 3].map(|()| loss.evaluate(&p, &y, None).unwrap());
            (values, loss.settings().copied().collect::<Vec<_>>())
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let (values, settings) = draw(3);
        assert!(values[0] != values[1] && settings.len() == 3);
    }

    #[test]
    fn draws_stay_in_their_range_and_reach_its_ends() {
        let mut loss = with_seed(7);
        let (mut smallest, mut largest) = (usize::MAX, 0);
        for _ in 0..300 {
            loss.draw().unwrap();
            for settings in loss.settings() {
                let n = settings.fft_frames;
                (smallest, largest) = (smallest.min(n), largest.max(n));
                assert!(n.is_power_of_two() && settings.hop_frames <= n && settings.hop_frames >= n / 10);
                assert!([n, n / 2, n / 4].contains(&settings.window_frames));
            }
        }
        assert_eq!((smallest, largest), (16, 256));
    }

    #[test]
    fn a_rate_keeps_the_draw() {
        let range = RandomRange { fft_frames_below: 512, rate: 2, ..RandomRange::default() };
        let mut loss = RandomResolution::new(range, StftTerms::default(), MagnitudeFloor::Soft, 1).unwrap();
        let (p, y) = (vec![0.1; 600], vec![0.2; 600]);
        let values = [(); 4].map(|()| loss.evaluate(&p, &y, None).unwrap());
        assert!(values[0] == values[1] && values[2] == values[3] && values[1] != values[2], "{values:?}");
    }

    #[test]
    fn short_sequences_and_impossible_ranges_are_errors() {
        let error = with_seed(1).prepare(512);
        assert_eq!(error, Err(LossError::TooShort { what: "random resolutions", expected: 513, found: 512 }));
        let bad = RandomRange { least_fft_frames: 100, ..RandomRange::default() };
        assert!(RandomResolution::<f32>::new(bad, StftTerms::default(), MagnitudeFloor::Soft, 1).is_err());
    }
}
