//! How late a recording is, from the peak of a cross-correlation.

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

/// The longest stretch that is looked at, in frames: the loudest one of this length.
const WINDOW: usize = 1 << 17;

/// How a wet signal sits against its dry one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lag {
    /// Frames by which the wet signal is late; negative when it is early.
    pub frames: i32,
    /// Correlation coefficient at that lag, in `[-1, 1]`; negative when the polarity is inverted.
    pub correlation: f32,
}

/// The lag of at most `max_lag_frames` at which `|Σ d'[n] w'[n + lag]|` is largest, where `'` is the first difference.
///
/// The difference takes DC away and weakens the low notes whose period would compete with the true lag. Computed with
/// FFTs in `f64` over the loudest 2^17 frames. Filters and distortion move the peak by their own group delay, and
/// modulation or heavy distortion lowers it, so a few frames are no evidence of misalignment. `None` if one of the
/// signals is constant or too short.
pub fn estimate_lag(dry: &[f32], wet: &[f32], max_lag_frames: usize) -> Option<Lag> {
    let (dry, wet, max_lag) = stretch(dry, wet, max_lag_frames)?;
    let energy = (square(&dry) * square(&wet)).sqrt();
    let (frames, value) = peak(&correlate(dry, wet, max_lag, Weight::Power)?, max_lag);
    Some(Lag { frames, correlation: (value / energy) as f32 })
}

/// The lag at which the phases agree, whatever the levels: where the response of a filter between the two begins, not where its energy
/// lies. `None` where no lag stands out.
///
/// The phase transform of Knapp and Carter 1976, "The generalized correlation method for estimation of time delay". The low notes that carry
/// the plain correlation through a dark tone control are late by its group delay, `1 / (2 pi f)` for a pole at `f`; its phase, a
/// quarter turn over most of the spectrum, is not.
pub(super) fn phase_lag(dry: &[f32], wet: &[f32], max_lag_frames: usize) -> Option<i32> {
    /// Deviations by which the peak of a correlation has to stand out: chance reaches 4 among 10,000 lags.
    const CLEAR: f64 = 6.0;
    /// Frames that are faded at either end.
    const FADE: usize = 64;
    let (mut dry, mut wet, max_lag) = stretch(dry, wet, max_lag_frames)?;
    // Cut off hard, both would have the cut in common, at lag 0.
    let fade = FADE.min(dry.len() / 8);
    for n in 0..fade {
        let gain = (n as f64 + 0.5) / fade as f64;
        for x in [&mut dry, &mut wet] {
            let last = x.len() - 1 - n;
            x[n] *= gain;
            x[last] *= gain;
        }
    }
    let correlation = correlate(dry, wet, max_lag, Weight::Phase)?;
    let (frames, value) = peak(&correlation, max_lag);
    let deviation = (square(&correlation) / correlation.len() as f64).sqrt();
    (value.abs() > CLEAR * deviation).then_some(frames)
}

/// The first differences of the loudest stretch and how far to look: at least half of it has to overlap. `None` if one is constant.
fn stretch(dry: &[f32], wet: &[f32], max_lag_frames: usize) -> Option<(Vec<f64>, Vec<f64>, usize)> {
    let frames = dry.len().min(wet.len());
    let (start, length) = loudest(&dry[..frames]);
    let (dry, wet) = (difference(&dry[start..start + length]), difference(&wet[start..start + length]));
    let energy = (square(&dry) * square(&wet)).sqrt();
    (energy > 0.0 && energy.is_finite()).then(|| (dry, wet, max_lag_frames.min(length / 2)))
}

/// The largest value by size within `max_lag` on either side, and its lag.
fn peak(correlation: &[f64], max_lag: usize) -> (i32, f64) {
    let mut best = (0_i32, correlation[0]);
    for lag in 1..=max_lag {
        for (sign, value) in [(1, correlation[lag]), (-1, correlation[correlation.len() - lag])] {
            if value.abs() > best.1.abs() {
                best = (sign * lag as i32, value); // lag <= WINDOW / 2
            }
        }
    }
    best
}

/// Start and length of the loudest window, on a grid of half windows.
fn loudest(x: &[f32]) -> (usize, usize) {
    let length = x.len().min(WINDOW);
    let starts = (0..=x.len() - length).step_by((WINDOW / 2).max(1));
    let level = |start: usize| square(&difference(&x[start..start + length]));
    let best = starts.map(|s| (s, level(s))).fold((0, -1.0), |best, next| if next.1 > best.1 { next } else { best });
    (best.0, length)
}

fn difference(x: &[f32]) -> Vec<f64> {
    x.windows(2).map(|w| f64::from(w[1]) - f64::from(w[0])).collect()
}

fn square(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum()
}

/// What a frequency counts for in a correlation.
#[derive(Clone, Copy, PartialEq)]
enum Weight {
    /// The product of both levels: the plain correlation.
    Power,
    /// One for all, but for those that hold nothing.
    Phase,
}

/// `c[k] = Σ_n x[n] y[n + k]`, negative lags from the end; long enough that lags up to `max_lag` do not wrap.
fn correlate(mut x: Vec<f64>, mut y: Vec<f64>, max_lag: usize, weight: Weight) -> Option<Vec<f64>> {
    let size = (x.len() + max_lag + 1).next_power_of_two();
    x.resize(size, 0.0);
    y.resize(size, 0.0);
    let mut planner = RealFftPlanner::<f64>::new();
    let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let (mut fx, mut fy) = (forward.make_output_vec(), forward.make_output_vec());
    // The only errors are wrong buffer lengths, and all of them come from the plans.
    forward.process(&mut x, &mut fx).ok()?;
    forward.process(&mut y, &mut fy).ok()?;
    for (a, b) in fy.iter_mut().zip(&fx) {
        *a *= b.conj() / size as f64;
    }
    if weight == Weight::Phase {
        // 100 dB below the mean there is nothing but rounding.
        let floor = 1e-10 * fy.iter().map(|a| a.norm()).sum::<f64>() / fy.len() as f64;
        fy.iter_mut().for_each(|a| *a /= a.norm() + floor);
    }
    // DC and Nyquist of a real signal are real; rounding must not say otherwise.
    for edge in [0, size / 2] {
        fy[edge] = Complex::new(fy[edge].re, 0.0);
    }
    inverse.process(&mut fy, &mut x).ok()?;
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// White noise from a 64 bit linear congruential generator (Knuth's MMIX constants).
    fn noise(n: usize, seed: u64) -> Vec<f32> {
        let mut s = seed;
        (0..n)
            .map(|_| {
                s = s.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (s >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
            })
            .collect()
    }

    /// `x` moved by `lag` frames, zeros shifted in.
    fn shifted(x: &[f32], lag: i32) -> Vec<f32> {
        (0..x.len() as i32).map(|n| usize::try_from(n - lag).ok().and_then(|i| x.get(i)).copied().unwrap_or(0.0)).collect()
    }

    #[test]
    fn a_shift_is_found_to_the_frame_with_its_polarity() {
        let dry = noise(20_000, 1);
        for lag in [0, 1, -1, 37, -250, 1000, -1000] {
            for gain in [0.5, -2.0] {
                let wet: Vec<f32> = shifted(&dry, lag).iter().map(|x| x * gain).collect();
                let found = estimate_lag(&dry, &wet, 1000).unwrap();
                assert_eq!(found.frames, lag);
                // What the shift pushes out is missing: at most 1000 of 20000 frames, and the steps at the edge.
                assert!((found.correlation * gain.signum() - 1.0).abs() < 0.06, "{found:?}");
            }
        }
    }

    #[test]
    fn it_is_the_plain_sum_of_products() {
        let (x, y) = (noise(50, 2), noise(50, 3));
        let (dx, dy) = (difference(&x), difference(&y));
        let c = correlate(dx.clone(), dy.clone(), 10, Weight::Power).unwrap();
        for lag in -10..=10_i32 {
            let sum: f64 = (0..49).filter_map(|n| Some(dx[n as usize] * dy.get(usize::try_from(n + lag).ok()?)?)).sum();
            let found = if lag < 0 { c[c.len() - lag.unsigned_abs() as usize] } else { c[lag as usize] };
            assert!((found - sum).abs() < 1e-12, "{lag}"); // f64, 49 terms below 4
        }
    }

    #[test]
    fn distortion_and_filtering_keep_the_estimate_within_their_own_delay() {
        let dry = noise(60_000, 4);
        let mut low = 0.0;
        // One pole at 3 kHz: group delay at DC is 1 / (2 pi 3000) s, 2.5 frames at 48 kHz.
        let wet: Vec<f32> = shifted(&dry, 480)
            .iter()
            .map(|x| {
                low += 0.325 * ((5.0 * x).tanh() - low);
                low
            })
            .collect();
        let found = estimate_lag(&dry, &wet, 4800).unwrap();
        assert!((480..=483).contains(&found.frames) && found.correlation > 0.2, "{found:?}");
    }

    #[test]
    fn unrelated_noise_does_not_correlate() {
        let found = estimate_lag(&noise(60_000, 5), &noise(60_000, 6), 4800).unwrap();
        assert!(found.correlation.abs() < 0.03, "{found:?}"); // 9601 draws of deviation 1/sqrt(60000) = 0.004 stay below 6 of them
    }

    #[test]
    fn the_loud_part_of_a_long_recording_is_used() {
        let mut dry = vec![0.0; 3 * WINDOW];
        dry[2 * WINDOW + 1000..2 * WINDOW + 9000].copy_from_slice(&noise(8000, 7));
        assert_eq!(estimate_lag(&dry, &shifted(&dry, 99), 1000).unwrap().frames, 99);
    }

    #[test]
    fn short_constant_and_silent_signals_have_no_lag() {
        assert_eq!(estimate_lag(&[], &[], 10), None);
        assert_eq!(estimate_lag(&[1.0], &[1.0], 10), None);
        assert_eq!(estimate_lag(&[1.0; 100], &noise(100, 1), 10), None);
        assert_eq!(estimate_lag(&noise(100, 1), &[0.0; 100], 10), None);
        assert!(estimate_lag(&[0.0, 1.0], &[0.0, -1.0], usize::MAX).unwrap().correlation < -0.99);
    }
}
