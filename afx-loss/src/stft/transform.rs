//! The transform and its adjoint.

use super::Window;
use crate::error::{LossError, at_least, setting};
use crate::sample::Sample;
use core::fmt;
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealToComplex};
use std::sync::Arc;

/// Sizes and conventions of a short-time Fourier transform; those of `torch.stft`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StftSettings {
    /// Frames transformed at once, `n_fft`.
    pub fft_frames: usize,
    /// Frames from one transform to the next.
    pub hop_frames: usize,
    /// Length of the window, in the middle of zeros up to `fft_frames`.
    pub window_frames: usize,
    /// Shape of the window.
    pub window: Window,
    /// True: the first transform is centred on the first frame, the signal is reflected at both ends (`center=True`).
    /// False: transforms lie within the signal, the rest at the end is not seen.
    pub centred: bool,
}

impl StftSettings {
    /// Centred, with a periodic Hann window as long as the transform.
    pub const fn new(fft_frames: usize, hop_frames: usize) -> Self {
        Self { fft_frames, hop_frames, window_frames: fft_frames, window: Window::Hann, centred: true }
    }
    /// With a window of another shape.
    pub const fn window(self, window: Window) -> Self {
        Self { window, ..self }
    }
    /// With a window shorter than the transform.
    pub const fn window_frames(self, window_frames: usize) -> Self {
        Self { window_frames, ..self }
    }
    /// Transforms within the signal only.
    pub const fn uncentred(self) -> Self {
        Self { centred: false, ..self }
    }
    /// Frequency bins from 0 to Nyquist: `fft_frames / 2 + 1`.
    pub const fn bins(&self) -> usize {
        self.fft_frames / 2 + 1
    }
    /// Transforms in a signal of `frames`.
    ///
    /// # Errors
    /// [`LossError::TooShort`] where not one transform fits, or the reflection is longer than the signal; those of [`Stft::new`].
    pub fn columns(&self, frames: usize) -> Result<usize, LossError> {
        self.validate()?;
        if self.centred {
            at_least("centred STFT", self.fft_frames / 2 + 1, frames)?;
            Ok((frames + self.fft_frames / 2 * 2 - self.fft_frames) / self.hop_frames + 1)
        } else {
            at_least("STFT", self.fft_frames, frames)?;
            Ok((frames - self.fft_frames) / self.hop_frames + 1)
        }
    }

    fn validate(&self) -> Result<(), LossError> {
        setting(self.fft_frames >= 2, "fft_frames", "2 or more", self.fft_frames as f64)?;
        setting(self.hop_frames >= 1, "hop_frames", "1 or more", self.hop_frames as f64)?;
        setting((1..=self.fft_frames).contains(&self.window_frames), "window_frames", "1 to fft_frames", self.window_frames as f64)
    }
}

/// Unnormalised short-time Fourier transform `X[t, k] = Σ_n w[n] x[t hop + n] e^(-2πi kn / N)`, and its adjoint.
///
/// Spectra are two contiguous arrays, real and imaginary part, column after column (`[column][bin]`).
#[derive(Clone)]
pub struct Stft<T: Sample> {
    settings: StftSettings,
    /// The part of the window that is not zero, and where in the transform it starts.
    window: Vec<T>,
    window_start: usize,
    /// What a window sees beyond the ends of the signal: its mirror image, or silence.
    mirrored: bool,
    forward: Arc<dyn RealToComplex<T>>,
    inverse: Arc<dyn ComplexToReal<T>>,
    time: Vec<T>,
    bins: Vec<Complex<T>>,
    scratch: Vec<Complex<T>>,
}

impl<T: Sample> fmt::Debug for Stft<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stft").field(&self.settings).finish()
    }
}

impl<T: Sample> Stft<T> {
    /// Plans the transforms; all scratch is allocated here.
    ///
    /// # Errors
    /// [`LossError::Setting`] for a transform under 2 frames, a hop of 0, a window that is empty or longer than the transform.
    pub fn new(settings: StftSettings) -> Result<Self, LossError> {
        settings.validate()?;
        let n = settings.fft_frames;
        let (forward, inverse) = T::plan(n);
        Ok(Self {
            settings,
            window: settings.window.values(settings.window_frames).into_iter().map(T::of).collect(),
            window_start: (n - settings.window_frames) / 2,
            mirrored: true,
            time: vec![T::ZERO; n],
            bins: forward.make_output_vec(),
            scratch: vec![Complex { re: T::ZERO, im: T::ZERO }; forward.get_scratch_len().max(inverse.get_scratch_len())],
            forward,
            inverse,
        })
    }

    /// With silence beyond the ends of the signal in place of its mirror image; the adjoint drops what falls there.
    ///
    /// The adjoint of that is what an inverse transform needs.
    pub(crate) fn silent_beyond(self) -> Self {
        Self { mirrored: false, ..self }
    }

    /// The settings it was made with.
    pub const fn settings(&self) -> &StftSettings {
        &self.settings
    }

    /// First frame of the window of `column`; negative in the reflection before the signal.
    fn window_at(&self, column: usize) -> isize {
        let pad = if self.settings.centred { self.settings.fft_frames / 2 } else { 0 };
        (column * self.settings.hop_frames + self.window_start) as isize - pad as isize
    }

    /// Columns `first..` of the transform of `signal`, as many as `re` and `im` hold.
    ///
    /// `signal` must have the length whose [`StftSettings::columns`] these are; columns beyond the signal see it reflected.
    pub fn analyse(&mut self, signal: &[T], first: usize, re: &mut [T], im: &mut [T]) {
        let bins = self.settings.bins();
        if signal.is_empty() {
            re.fill(T::ZERO);
            im.fill(T::ZERO);
            return;
        }
        for (c, (re, im)) in re.chunks_exact_mut(bins).zip(im.chunks_exact_mut(bins)).enumerate() {
            self.load(signal, first + c);
            // The lengths are those of the plan, so this cannot fail.
            let done = self.forward.process_with_scratch(&mut self.time, &mut self.bins, &mut self.scratch);
            debug_assert!(done.is_ok());
            for ((re, im), z) in re.iter_mut().zip(im).zip(&self.bins) {
                *re = z.re;
                *im = z.im;
            }
        }
    }

    fn load(&mut self, signal: &[T], column: usize) {
        let at = self.window_at(column);
        let n = self.window.len();
        if n < self.time.len() {
            self.time.fill(T::ZERO);
        }
        let time = &mut self.time[self.window_start..self.window_start + n];
        if at >= 0 && at as usize + n <= signal.len() {
            let signal = &signal[at as usize..at as usize + n];
            for ((t, &w), &x) in time.iter_mut().zip(&self.window).zip(signal) {
                *t = w * x;
            }
        } else {
            let mirrored = self.mirrored;
            for (i, (t, &w)) in time.iter_mut().zip(&self.window).enumerate() {
                let at = at + i as isize;
                let inside = mirrored || (0..signal.len() as isize).contains(&at);
                *t = if inside { w * signal[reflect(at, signal.len())] } else { T::ZERO };
            }
        }
    }

    /// The adjoint: adds to `gradient` what the cotangents `re`, `im` of columns `first..` mean for the signal.
    ///
    /// `re` and `im` hold `dL/dRe X` and `dL/dIm X` of the bins from 0 to Nyquist; the imaginary parts of these two bins have no effect.
    pub fn add_adjoint(&mut self, re: &[T], im: &[T], first: usize, gradient: &mut [T]) {
        let bins = self.settings.bins();
        if gradient.is_empty() {
            return;
        }
        let half = T::of(0.5);
        let even = self.settings.fft_frames.is_multiple_of(2);
        for (c, (re, im)) in re.chunks_exact(bins).zip(im.chunks_exact(bins)).enumerate() {
            // dx[n] = Re Σ_k G[k] e^(2πi kn/N); the inverse transform adds each inner bin and its conjugate, hence the halves.
            for ((z, &re), &im) in self.bins.iter_mut().zip(re).zip(im) {
                *z = Complex { re: half * re, im: half * im };
            }
            self.bins[0] = Complex { re: re[0], im: T::ZERO };
            if even {
                self.bins[bins - 1] = Complex { re: re[bins - 1], im: T::ZERO };
            }
            let done = self.inverse.process_with_scratch(&mut self.bins, &mut self.time, &mut self.scratch);
            debug_assert!(done.is_ok());
            self.overlap_add(first + c, gradient);
        }
    }

    fn overlap_add(&self, column: usize, gradient: &mut [T]) {
        let at = self.window_at(column);
        let n = self.window.len();
        let time = &self.time[self.window_start..self.window_start + n];
        if at >= 0 && at as usize + n <= gradient.len() {
            for ((g, &w), &t) in gradient[at as usize..at as usize + n].iter_mut().zip(&self.window).zip(time) {
                *g += w * t;
            }
        } else {
            let frames = gradient.len();
            for (i, (&t, &w)) in time.iter().zip(&self.window).enumerate() {
                let at = at + i as isize;
                if self.mirrored || (0..frames as isize).contains(&at) {
                    gradient[reflect(at, frames)] += w * t;
                }
            }
        }
    }
}

/// Index of the frame that a frame before the start or after the end reflects; within `0..frames` whatever comes.
fn reflect(at: isize, frames: usize) -> usize {
    let last = frames as isize - 1;
    let at = at.abs();
    let at = if at > last { 2 * last - at } else { at };
    at.clamp(0, last) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::noise;

    fn all() -> Vec<StftSettings> {
        let mut all = Vec::new();
        for fft in [2, 3, 8, 15, 32, 64, 256] {
            let plain = StftSettings::new(fft, fft.div_ceil(4)).window(Window::Hamming);
            all.extend([plain, plain.uncentred(), plain.window_frames(fft.div_ceil(2)).window(Window::Rectangular)]);
        }
        all
    }

    #[test]
    fn a_column_equals_the_sum_it_stands_for() {
        let x = noise(300, 5);
        for settings in all() {
            let mut stft = Stft::<f64>::new(settings).unwrap();
            let (columns, bins, n) = (settings.columns(x.len()).unwrap(), settings.bins(), settings.fft_frames);
            let (mut re, mut im) = (vec![0.0; columns * bins], vec![0.0; columns * bins]);
            stft.analyse(&x, 0, &mut re, &mut im);
            let window = settings.window.values(settings.window_frames);
            for t in [0, columns / 2, columns - 1] {
                for k in [0, bins / 2, bins - 1] {
                    let (mut r, mut i) = (0.0, 0.0);
                    for (m, w) in window.iter().enumerate() {
                        let m = m + (n - window.len()) / 2;
                        let at = (t * settings.hop_frames + m) as isize - if settings.centred { n as isize / 2 } else { 0 };
                        let angle = 2.0 * core::f64::consts::PI * (k * m) as f64 / n as f64;
                        r += w * x[reflect(at, x.len())] * angle.cos();
                        i -= w * x[reflect(at, x.len())] * angle.sin();
                    }
                    let error = (r - re[t * bins + k]).hypot(i - im[t * bins + k]);
                    assert!(error < 1e-12, "{settings:?} column {t} bin {k}: {error}"); // f64, 256 terms below 1, angles up to 2π 128
                }
            }
        }
    }

    #[test]
    fn the_adjoint_passes_the_dot_product_test() {
        for settings in all() {
            let frames = 333;
            adjoint_of(settings, frames, Stft::<f64>::new(settings).unwrap());
            adjoint_of(settings, frames, Stft::<f64>::new(settings).unwrap().silent_beyond());
        }
    }

    fn adjoint_of(settings: StftSettings, frames: usize, mut stft: Stft<f64>) {
        let columns = settings.columns(frames).unwrap();
        let size = columns * settings.bins();
        let (x, dre, dim) = (noise(frames, 6), noise(size, 7), noise(size, 8));
        let (mut re, mut im, mut dx) = (vec![0.0; size], vec![0.0; size], vec![0.0; frames]);
        stft.analyse(&x, 0, &mut re, &mut im);
        stft.add_adjoint(&dre, &dim, 0, &mut dx);
        let left: f64 = re.iter().zip(&dre).chain(im.iter().zip(&dim)).map(|(a, b)| a * b).sum();
        let right: f64 = x.iter().zip(&dx).map(|(a, b)| a * b).sum();
        assert!((left - right).abs() < 1e-11 * left.abs().max(10.0), "{settings:?}: {left} {right}"); // f64, 1e5 terms
    }

    #[test]
    fn blocks_of_columns_equal_all_at_once() {
        let x = noise(500, 9);
        let settings = StftSettings::new(32, 8);
        let mut stft = Stft::<f64>::new(settings).unwrap();
        let (columns, bins) = (settings.columns(500).unwrap(), settings.bins());
        let (mut re, mut im) = (vec![0.0; columns * bins], vec![0.0; columns * bins]);
        stft.analyse(&x, 0, &mut re, &mut im);
        let (mut re5, mut im5) = (vec![0.0; 5 * bins], vec![0.0; 5 * bins]);
        stft.analyse(&x, 40, &mut re5, &mut im5);
        for (a, b) in re5.iter().zip(&re[40 * bins..]).chain(im5.iter().zip(&im[40 * bins..])) {
            assert!((a - b).abs() < 1e-14, "{a} {b}"); // the transform may run in other lanes
        }
    }

    #[test]
    fn a_signal_shorter_than_the_transform_is_an_error() {
        let settings = StftSettings::new(64, 16);
        assert_eq!(settings.columns(32), Err(LossError::TooShort { what: "centred STFT", expected: 33, found: 32 }));
        assert_eq!(settings.columns(33), Ok(3));
        assert_eq!(settings.uncentred().columns(63), Err(LossError::TooShort { what: "STFT", expected: 64, found: 63 }));
    }

    #[test]
    fn impossible_settings_are_refused() {
        assert!(Stft::<f32>::new(StftSettings::new(1, 1)).is_err());
        assert!(Stft::<f32>::new(StftSettings::new(16, 0)).is_err());
        let error = LossError::Setting { what: "hop_frames", expected: "1 or more", found: 0.0 };
        assert_eq!(StftSettings::new(16, 0).columns(100), Err(error));
        assert!(Stft::<f32>::new(StftSettings::new(16, 4).window_frames(17)).is_err());
    }
}
