//! Magnitude losses on bands: mel and chroma.

use super::filterbank::Filterbank;
use super::fitted::LEAST_GAIN;
use super::magnitude::{FLOOR, MagnitudeDistance, MagnitudeFloor, StftTerms};
use crate::error::LossError;
use crate::loss::{Loss, check};
use crate::sample::Sample;
use crate::stft::{Stft, StftSettings};

/// Magnitude STFT loss on bands: convergence, log and linear distance of `B|X|` and `B|Y|` with a [`Filterbank`] `B`.
///
/// As `MelSTFTLoss` and `ChromaSTFTLoss` of auraloss, whose floor is [`MagnitudeFloor::Clamp`]. With ours, `ln(b + 1e-4 Σw)` for a band
/// of weights `w`: the same level in every band.
#[derive(Clone, Debug)]
pub struct BandStftLoss<T: Sample> {
    stft: Stft<T>,
    bank: Vec<BandOf<T>>,
    terms: StftTerms,
    clamp: bool,
    squared: bool,
    scaled: bool,
    frames: usize,
    columns: usize,
    x: [Vec<T>; 2],
    y: [Vec<T>; 2],
    /// `[column][band]` of prediction and target.
    bands: [Vec<T>; 2],
    /// Magnitudes of a column, later the derivative by them.
    column: Vec<T>,
}

#[derive(Clone, Debug)]
struct BandOf<T> {
    first: usize,
    weights: Vec<T>,
    /// 1e-4 times the sum of the weights, or 0 where magnitudes are clamped.
    floor: f64,
}

impl<T: Sample> BandStftLoss<T> {
    /// On the bands of `bank`.
    ///
    /// # Errors
    /// [`LossError::Setting`] for impossible sizes, a bank for another transform, or a bank without bands.
    pub fn new(settings: StftSettings, bank: &Filterbank, terms: StftTerms, floor: MagnitudeFloor) -> Result<Self, LossError> {
        let stft = Stft::new(settings)?;
        if bank.fft_frames != settings.fft_frames {
            let (expected, found) = (settings.fft_frames, bank.fft_frames);
            return Err(LossError::LengthMismatch { what: "transform of the filterbank", expected, found });
        }
        crate::error::setting(!bank.is_empty(), "bands with any weight", "1 or more", 0.0)?;
        terms.validate()?;
        let clamp = floor == MagnitudeFloor::Clamp;
        let of = |band: &super::filterbank::Band| BandOf {
            first: band.first,
            weights: band.weights.iter().map(|&w| T::of(w)).collect(),
            floor: if clamp { 0.0 } else { FLOOR * band.weights.iter().sum::<f64>() },
        };
        let column = vec![T::ZERO; settings.bins()];
        let [x, y, bands] = [const { [const { Vec::new() }; 2] }; 3];
        let bank = bank.bands.iter().map(of).collect();
        Ok(Self { stft, bank, terms, clamp, squared: false, scaled: false, frames: 0, columns: 0, x, y, bands, column })
    }

    /// With the distance given in the log and linear terms.
    pub fn distance(self, distance: MagnitudeDistance) -> Self {
        Self { squared: distance == MagnitudeDistance::L2, ..self }
    }

    /// Blind to the level, as [`StftLoss::scale_invariant`](crate::StftLoss::scale_invariant), with the sums over bands.
    pub fn scale_invariant(self) -> Self {
        Self { scaled: true, ..self }
    }

    /// Mel bands of a transform of 1024 frames with hop 256, our floor.
    ///
    /// # Errors
    /// As [`Filterbank::mel`].
    pub fn mel(sample_rate_hz: f64, bands: usize) -> Result<Self, LossError> {
        let bank = Filterbank::mel(sample_rate_hz, 1024, bands)?;
        Self::new(StftSettings::new(1024, 256), &bank, StftTerms::default(), MagnitudeFloor::Soft)
    }

    /// Twelve pitch classes of a transform of 1024 frames with hop 256, our floor.
    ///
    /// # Errors
    /// As [`Filterbank::chroma`].
    pub fn chroma(sample_rate_hz: f64) -> Result<Self, LossError> {
        let bank = Filterbank::chroma(sample_rate_hz, 1024, 12)?;
        Self::new(StftSettings::new(1024, 256), &bank, StftTerms::default(), MagnitudeFloor::Soft)
    }

    fn magnitude(clamp: bool, re: T, im: T) -> T {
        let power = re * re + im * im;
        (if clamp { power.max(T::of(FLOOR * FLOOR)) } else { power }).root()
    }

    /// Fills the bands of prediction (0) or target (1).
    fn sum_bands(&mut self, which: usize) {
        let [re, im] = if which == 0 { &self.x } else { &self.y };
        let bins = self.column.len();
        let out = self.bands[which].chunks_exact_mut(self.bank.len());
        for ((re, im), out) in re.chunks_exact(bins).zip(im.chunks_exact(bins)).zip(out) {
            for ((m, &re), &im) in self.column.iter_mut().zip(re).zip(im) {
                *m = Self::magnitude(self.clamp, re, im);
            }
            for (out, band) in out.iter_mut().zip(&self.bank) {
                let mut sum = T::ZERO;
                for (&w, &m) in band.weights.iter().zip(&self.column[band.first..]) {
                    sum += w * m;
                }
                *out = sum;
            }
        }
    }

    /// The gain that the target is scaled by, and one over the target's energy where the gain follows the prediction.
    fn gain(&self) -> (f64, f64) {
        if !self.scaled {
            return (1.0, 0.0);
        }
        let width = self.bank.len();
        let (mut cross, mut energy, mut least) = (0.0, 0.0, 0.0);
        for (i, (&a, &b)) in self.bands[0].iter().zip(&self.bands[1]).enumerate() {
            let (a, b, floor) = (a.to_f64(), b.to_f64(), self.bank[i % width].floor);
            cross += a * b;
            energy += b * b;
            least += floor * floor;
        }
        let gain = cross / energy;
        if energy <= least && !self.clamp {
            (1.0, 0.0)
        } else if gain < LEAST_GAIN && !self.clamp {
            (LEAST_GAIN, 0.0)
        } else {
            (gain, 1.0 / energy)
        }
    }

    /// Sums over the bands; the derivative of the loss by each band of the prediction takes its place.
    fn compare(&mut self, scale: f64) -> f64 {
        let (gain, per_energy) = self.gain();
        let (squared, width) = (self.squared, self.bank.len());
        let [bx, by] = &mut self.bands;
        let of = |z: f64| if squared { z * z } else { z.abs() };
        let steepness = |z: f64| if squared { 2.0 * z } else { z.sign() };
        let count = bx.len() as f64;
        let (mut error, mut energy, mut log, mut linear, mut least) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let (mut log_by_gain, mut linear_by_gain) = (0.0, 0.0);
        for (i, (&a, &b)) in bx.iter().zip(by.iter()).enumerate() {
            let (a, b, floor) = (a.to_f64(), gain * b.to_f64(), gain * self.bank[i % width].floor);
            let (e, ratio) = (a - b, ((a + floor) / (b + floor)).ln());
            error += e * e;
            energy += b * b;
            log += of(ratio);
            linear += of(e);
            least += floor * floor;
            log_by_gain += steepness(ratio) * (floor / (a + floor) - 1.0);
            linear_by_gain -= steepness(e) * b;
        }
        let norm = if energy > least { energy.sqrt() } else { least.sqrt() };
        let root = error.sqrt();
        let t = self.terms;
        let convergence = if root > 0.0 { t.convergence / (root * norm) } else { 0.0 };
        let by_gain = ((t.log * log_by_gain + t.linear * linear_by_gain) / count - t.convergence * (root / norm)) / gain;
        let by_gain = if per_energy > 0.0 { by_gain * per_energy } else { 0.0 };
        for (i, (a, &b)) in bx.iter_mut().zip(by.iter()).enumerate() {
            let (x, y, floor) = (a.to_f64(), b.to_f64(), gain * self.bank[i % width].floor);
            let (b, of_target) = (gain * y, by_gain * y);
            let (e, ratio) = (x - b, ((x + floor) / (b + floor)).ln());
            let slope = convergence * e + (t.log * steepness(ratio) / (x + floor) + t.linear * steepness(e)) / count + of_target;
            *a = T::of(scale * slope);
        }
        t.convergence * (root / norm) + (t.log * log + t.linear * linear) / count
    }

    /// Takes the derivatives from bands to bins.
    fn spread(&mut self) {
        let bins = self.column.len();
        let ([xr, xi], [yr, yi]) = (&mut self.x, &self.y);
        let least = T::of(if self.clamp { FLOOR } else { 0.0 });
        for (c, slopes) in self.bands[0].chunks_exact(self.bank.len()).enumerate() {
            self.column.fill(T::ZERO);
            for (band, &slope) in self.bank.iter().zip(slopes) {
                for (g, &w) in self.column[band.first..].iter_mut().zip(&band.weights) {
                    *g += slope * w;
                }
            }
            for (k, &slope) in self.column.iter().enumerate() {
                let i = c * bins + k;
                let m = Self::magnitude(false, xr[i], xi[i]);
                // A silent bin of the prediction is pushed along the target's, unless it is clamped.
                let (re, im) = if m > T::ZERO || self.clamp { (xr[i], xi[i]) } else { (yr[i], yi[i]) };
                let length = Self::magnitude(false, re, im);
                let slope = if length > least { slope / length } else { T::ZERO };
                (xr[i], xi[i]) = (slope * re, slope * im);
            }
        }
    }
}

impl<T: Sample> Loss<T> for BandStftLoss<T> {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        self.columns = self.stft.settings().columns(frames)?;
        for part in self.x.iter_mut().chain(&mut self.y) {
            part.resize(self.columns * self.column.len(), T::ZERO);
        }
        for part in &mut self.bands {
            part.resize(self.columns * self.bank.len(), T::ZERO);
        }
        self.frames = frames;
        Ok(())
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("band loss", prediction, target, gradient.as_deref())?;
        if self.frames != frames {
            self.prepare(frames)?;
        }
        let ([xr, xi], [yr, yi]) = (&mut self.x, &mut self.y);
        self.stft.analyse(prediction, 0, xr, xi);
        self.stft.analyse(target, 0, yr, yi);
        self.sum_bands(0);
        self.sum_bands(1);
        let value = self.compare(scale.to_f64());
        if let Some(gradient) = gradient {
            self.spread();
            self.stft.add_adjoint(&self.x[0], &self.x[1], 0, gradient);
        }
        Ok(T::of(value))
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}
