//! Learnable dynamics.

use crate::iir::{LIMIT, limited};
use afx_core::{Differentiable, Layer, Layout, Moving, Scalar, places};
use afx_dsp::GainComputer;
use core::f64::consts::LN_10;
use core::ops::Range;

/// A compressor or expander whose threshold, knee, slope, times and make-up gain are learnt, one channel.
///
/// Feed-forward, in logarithms, of every frame: by how much the level `½ ln(x² + 1e-16)` is over the threshold, with a parabola in the knee
/// around it; that smoothed, `p = max(o, p + r (o - p))`, `q = q + a (p - q)` with `a` and `r` of `1 - exp(-1 / frames)`; and
/// `y = x exp(make_up - slope q)`. Giannoulis, Massberg and Reiss 2012, "Digital dynamic range compressor design", equations 4 and 17: what
/// [`afx_dsp::Compressor`] does.
///
/// - One number each: `threshold`, of the amplitude, `knee`, of its width, and `make_up` are natural logarithms, of which one is 8.7 dB; `slope` is
///   `1 - 1 / ratio`: below 0 it expands, above 1 what is louder comes out quieter; `attack` and `release` are `ln` of frames. Each counts as
///   ±12 beyond that, 104 dB or 3.4 s at 48 kHz, and so does the logarithm of the gain.
/// - The level ends at -160 dB, so that its derivative does at 5e7, there. With times of more than 100,000 frames `f32` is good to 1 %.
/// - First values: a threshold of -17 dB, a knee of 9, a ratio of 2, 5 ms of attack and 170 of release, were the rate 48 kHz.
/// - Knobs act on it by [`StaticHyper`](crate::StaticHyper) with [`Cover::Everything`](crate::Cover), which writes every number; the other kinds of
///   conditioning find no affine map here. A trainer that takes up the recordings' level wants a [`Dense`](crate::Dense) map on either side.
/// - Real-time: `process` allocates nothing. Exponentials of the times are taken once a call, and of parameters that move in every frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dynamics;

/// What is added to a frame's power.
const FLOOR: f64 = 1e-16;
/// Frames that are worked on at a time.
const BLOCK: usize = 64;
/// Decibels of a natural logarithm's unit.
const DB: f64 = 20.0 / LN_10;

/// Places of the parameters, and the length of the slice.
const THRESHOLD: usize = PLACES[0];
const KNEE: usize = PLACES[1];
const SLOPE: usize = PLACES[2];
const ATTACK: usize = PLACES[3];
const RELEASE: usize = PLACES[4];
const MAKE_UP: usize = PLACES[5];
const PLACES: [usize; 7] = places([1; 6]);

fn level<T: Scalar>(x: T) -> T {
    T::from_f64(0.5) * (x * x + T::from_f64(FLOOR)).ln()
}

/// What of a step is done in a frame by something that takes so many, given as a logarithm, and the derivative.
fn share<T: Scalar>(ln_frames: T) -> (T, T) {
    let u = (-limited(ln_frames)).exp();
    let mut share = T::ONE;
    if u < T::from_f64(1.0 / 64.0) {
        // 1 - exp(-u), whose digits a difference would lose; the next term is 1e-17 of the first.
        for k in (2..8).rev() {
            share = T::ONE - u * share / T::from_usize(k);
        }
        share *= u;
    } else {
        share -= (-u).exp();
    }
    (share, u * (share - T::ONE))
}

/// The numbers in use; attack and release are what of a step is done in a frame.
#[derive(Clone, Copy)]
struct Settings<T> {
    threshold: T,
    knee: T,
    slope: T,
    attack: T,
    release: T,
    make_up: T,
}

impl<T: Scalar> Settings<T> {
    /// Of the parameters that `at` says.
    fn new(at: impl Fn(usize) -> T) -> Self {
        Settings {
            threshold: limited(at(THRESHOLD)),
            knee: limited(at(KNEE)).exp(),
            slope: limited(at(SLOPE)),
            attack: share(at(ATTACK)).0,
            release: share(at(RELEASE)).0,
            make_up: limited(at(MAKE_UP)),
        }
    }

    /// How much a level is over the threshold.
    #[inline(always)]
    fn over(&self, level: T) -> T {
        let (over, half) = (level - self.threshold, T::from_f64(0.5) * self.knee);
        if over <= -half {
            T::ZERO
        } else if over < half {
            let into = over + half;
            T::from_f64(0.5) * into * into / self.knee
        } else {
            over
        }
    }

    /// Its derivatives in the level and in the logarithm of the knee.
    fn slopes(&self, level: T) -> [T; 2] {
        let (over, half) = (level - self.threshold, T::from_f64(0.5) * self.knee);
        if over <= -half {
            [T::ZERO; 2]
        } else if over < half {
            let into = over + half;
            let part = into / self.knee;
            [part, T::from_f64(0.5) * into * (T::ONE - part)]
        } else {
            [T::ONE, T::ZERO]
        }
    }

    /// The memory a frame on.
    #[inline(always)]
    fn advance(&self, [p, q]: [T; 2], over: T) -> [T; 2] {
        let falling = p + self.release * (over - p);
        let p = if over > p { over } else { falling };
        [p, q + self.attack * (p - q)]
    }

    /// The gain's logarithm, of the memory behind the frame.
    #[inline(always)]
    fn exponent(&self, q: T) -> T {
        limited(self.make_up - self.slope * q)
    }
}

impl Dynamics {
    /// Makes `params` a known compressor: its static curve, the frames in which 63 % of a step is done on the way up and on the way down, of which
    /// none is at once, and the gain behind it.
    ///
    /// ```
    /// use afx_core::Layer;
    /// use afx_dsp::GainComputer;
    /// use afx_models::Dynamics;
    ///
    /// let mut params = vec![0.0f32; Layer::<f32>::params_len(&Dynamics)];
    /// let four_to_one = GainComputer { threshold_db: -20.0, ratio: 4.0, knee_db: 6.0 };
    /// Dynamics.set(&four_to_one, [0.01, 0.1].map(|seconds| seconds * 48e3), 3.0, &mut params);
    /// let mut y = [0.0; 3];
    /// Dynamics.process(&params, &mut [0.0; 2], &[1.0, 0.5, 0.0], &mut y);
    /// ```
    ///
    /// # Panics
    /// When `params` is too short.
    pub fn set<T: Scalar>(&self, computer: &GainComputer, [attack, release]: [f64; 2], make_up_db: f64, params: &mut [T]) {
        let limited = |v: f64| T::from_f64(v.clamp(-LIMIT, LIMIT));
        params[THRESHOLD] = limited(computer.threshold_db / DB);
        params[KNEE] = limited(Scalar::ln(computer.knee_db / DB));
        params[SLOPE] = limited(1.0 - 1.0 / computer.ratio);
        params[ATTACK] = limited(Scalar::ln(attack));
        params[RELEASE] = limited(Scalar::ln(release));
        params[MAKE_UP] = limited(make_up_db / DB);
    }

    /// The static curve of `params`, attack and release in frames, and the gain behind it in decibels. Where the slope is above 1 the ratio is
    /// negative.
    ///
    /// # Panics
    /// When `params` is too short.
    pub fn get<T: Scalar>(&self, params: &[T]) -> (GainComputer, [f64; 2], f64) {
        let Settings { threshold, knee, slope, make_up, .. } = Settings::new(|i| params[i].to_f64());
        let times = [ATTACK, RELEASE].map(|i| Scalar::exp(limited(params[i].to_f64())));
        (GainComputer { threshold_db: DB * threshold, ratio: 1.0 / (1.0 - slope), knee_db: DB * knee }, times, DB * make_up)
    }

    /// Plays, and leaves on the tape, where there is one, the levels, the gains, and the memory before each frame.
    fn play<T: Scalar>(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        let (settings, frames) = (Settings::new(|i| params[i]), x.len());
        let (mut levels, mut gains) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK]);
        let mut memory = [state[0], state[1]];
        for (i, (x, y)) in x.chunks(BLOCK).zip(y.chunks_mut(BLOCK)).enumerate() {
            let (at, levels, gains) = (i * BLOCK, &mut levels[..x.len()], &mut gains[..x.len()]);
            for (level, x) in levels.iter_mut().zip(x) {
                *level = self::level(*x);
            }
            let before = if tape.is_empty() { &mut [][..] } else { &mut tape[2 * (frames + at)..] };
            let mut before = before.chunks_exact_mut(2);
            for (gain, level) in gains.iter_mut().zip(&*levels) {
                if let Some(before) = before.next() {
                    before.copy_from_slice(&memory);
                }
                memory = settings.advance(memory, settings.over(*level));
                *gain = settings.exponent(memory[1]);
            }
            for ((y, x), gain) in y.iter_mut().zip(x).zip(&mut *gains) {
                *gain = gain.exp();
                *y = *x * *gain;
            }
            if !tape.is_empty() {
                tape[at..][..x.len()].copy_from_slice(levels);
                tape[frames + at..][..x.len()].copy_from_slice(gains);
            }
        }
        state[..2].copy_from_slice(&memory);
    }
}

impl<T: Scalar> Layer<T> for Dynamics {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn layout(&self) -> Layout {
        ["threshold", "knee", "slope", "attack", "release", "make_up"].iter().fold(Layout::new(), |all, name| all.tensor(name, &[1]))
    }
    fn params_len(&self) -> usize {
        PLACES[6]
    }
    fn initialize(&self, _: &mut dyn FnMut() -> f64, params: &mut [T]) {
        params[..PLACES[6]].fill(T::ZERO);
        for (place, first) in [(THRESHOLD, -2.0), (SLOPE, 0.5), (ATTACK, 5.5), (RELEASE, 9.0)] {
            params[place] = T::from_f64(first);
        }
    }
    fn state_len(&self) -> usize {
        2
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        self.play(params, state, x, y, &mut []);
    }
    fn feedback(&self, part: &mut dyn FnMut(Range<usize>)) -> bool {
        part(0..2);
        true
    }
    fn glides(&self) -> bool {
        true
    }
    fn process_gliding(&self, params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
        let Moving { start, slope: Some(slope), first } = params else { return self.process(params.start, state, x, y) };
        let mut memory = [state[0], state[1]];
        for (t, (x, y)) in x.iter().zip(y).enumerate() {
            let passed = T::from_usize(first + t);
            let settings = Settings::new(|i| start[i] + passed * slope[i]);
            memory = settings.advance(memory, settings.over(level(*x)));
            *y = *x * settings.exponent(memory[1]).exp();
        }
        state[..2].copy_from_slice(&memory);
    }
    /// In closed form: the detector at what is over the threshold.
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        let settings = Settings::new(|i| params[i]);
        let over = settings.over(level(x[0]));
        state[..2].fill(over);
        y[0] = x[0] * settings.exponent(over).exp();
    }
}

impl<T: Scalar> Differentiable<T> for Dynamics {
    /// Of every frame its level, its gain, and the memory before it.
    fn tape_len(&self, frames: usize) -> usize {
        4 * frames
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        self.play(params, state, x, y, &mut tape[..4 * x.len()]);
    }
    fn backward(&self, params: &[T], x: &[T], y: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        let (settings, frames, limit) = (Settings::new(|i| params[i]), x.len(), T::from_f64(LIMIT));
        let (levels, rest) = tape.split_at(frames);
        let (gains, memories) = rest.split_at(frames);
        let (least, most) = ((-limit).exp(), limit.exp());
        let [mut dthreshold, mut dknee, mut dslope, mut dattack, mut drelease, mut dmake_up] = [T::ZERO; 6];
        let (mut dp, mut dq) = (T::ZERO, T::ZERO); // of the memory behind the frame
        for t in (0..frames).rev() {
            let (over, before) = (settings.over(levels[t]), [memories[2 * t], memories[2 * t + 1]]);
            let [p, q] = settings.advance(before, over);
            let dexponent = if gains[t] > least && gains[t] < most { y[t] * dy[t] } else { T::ZERO };
            dmake_up += dexponent;
            dslope -= q * dexponent;
            dq -= settings.slope * dexponent;
            dattack += dq * (p - before[1]);
            dp += settings.attack * dq;
            dq -= settings.attack * dq;
            let mut dover = dp;
            if over > before[0] {
                dp = T::ZERO;
            } else {
                drelease += dp * (over - before[0]);
                dover = settings.release * dp;
                dp -= dover;
            }
            let [by_level, by_knee] = settings.slopes(levels[t]);
            let dlevel = by_level * dover;
            dthreshold -= dlevel;
            dknee += by_knee * dover;
            if let Some(dx) = dx.get_mut(t) {
                *dx += gains[t] * dy[t] + dlevel * x[t] / (x[t] * x[t] + T::from_f64(FLOOR));
            }
        }
        dattack *= share(params[ATTACK]).1;
        drelease *= share(params[RELEASE]).1;
        for (place, derivative) in PLACES.into_iter().zip([dthreshold, dknee, dslope, dattack, drelease, dmake_up]) {
            if params[place].abs() <= limit {
                dparams[place] += derivative;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use afx_core::Processor;
    use afx_core::testing::Noise;
    use afx_dsp::Compressor;
    use alloc::vec;
    use alloc::vec::Vec;

    fn first_values<T: Scalar>() -> Vec<T> {
        let mut params = vec![T::ZERO; Layer::<T>::params_len(&Dynamics)];
        Dynamics.initialize(&mut || 0.0, &mut params);
        params
    }

    /// Noise whose level goes up and down by 40 dB, four times.
    fn swells(frames: usize) -> Vec<f64> {
        let level = |n: usize| (-2.3 + 2.3 * (25.0 * n as f64 / frames as f64).sin()).exp();
        Noise::new(1).take::<f64>(frames, 1.0).iter().enumerate().map(|(n, x)| level(n) * x).collect()
    }

    /// The one in `afx-dsp` is held against published numbers.
    #[test]
    fn it_is_the_compressor_of_afx_dsp() {
        let x = swells(48_000);
        for (threshold_db, ratio, knee_db, times_ms) in
            [(-20.0, 4.0, 6.0, [10.0, 100.0]), (-40.0, f64::INFINITY, 0.0, [0.0, 5.0]), (-10.0, 1.5, 20.0, [1.0, 1500.0])]
        {
            let computer = GainComputer { threshold_db, ratio, knee_db };
            let mut compressor = Compressor::new(48e3, computer, 1).unwrap();
            compressor.set_times_ms(times_ms[0], times_ms[1]).unwrap();
            compressor.set_make_up_db(5.0);
            Processor::<f64>::reset(&mut compressor);
            let (mut expected, mut y) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            compressor.process(&[&x], &mut [&mut expected]);

            let mut params = first_values();
            Dynamics.set(&computer, times_ms.map(|ms| 48.0 * ms), 5.0, &mut params);
            Dynamics.process(&params, &mut [0.0; 2], &x, &mut y);
            let worst = expected.iter().zip(&y).fold(0f64, |m, (e, y)| m.max((e - y).abs() / e.abs().max(1e-9)));
            // A knee of 0 is one of 6e-6 here: 1e-6 of the gain, within it.
            let tolerance = if knee_db == 0.0 { 1e-6 } else { 1e-10 };
            assert!(worst < tolerance, "{computer:?}: {worst:e}");
        }
    }

    #[test]
    fn what_was_set_is_what_is_got() {
        let mut params = first_values::<f64>();
        Dynamics.set(&GainComputer { threshold_db: -30.0, ratio: 5.0, knee_db: 12.0 }, [480.0, 4800.0], -3.0, &mut params);
        let (curve, [attack, release], make_up_db) = Dynamics.get(&params);
        for (found, expected) in
            [(curve.threshold_db, -30.0), (curve.ratio, 5.0), (curve.knee_db, 12.0), (attack, 480.0), (release, 4800.0)]
        {
            assert!((found / expected - 1.0).abs() < 1e-13, "{found} {expected}");
        }
        assert!((make_up_db + 3.0).abs() < 1e-13);
        Dynamics.set(&GainComputer { threshold_db: -200.0, ratio: f64::INFINITY, knee_db: 0.0 }, [0.0, 1e9], 0.0, &mut params);
        let (curve, [attack, release], _) = Dynamics.get(&params);
        assert!(params.iter().all(|p| p.abs() <= 12.0) && curve.ratio == f64::INFINITY && attack < 1e-5 && release < 2e5, "{params:?}");
    }

    /// Times long and short: the difference of 1 and the exponential, in more digits where it is small.
    #[test]
    fn a_share_has_all_its_digits() {
        for i in 0..=240 {
            let ln_frames = -12.0 + 0.1 * f64::from(i);
            let (double, slope) = share(ln_frames);
            let single = share(ln_frames as f32).0;
            let u = (-ln_frames).exp();
            let expected = -(-u).exp_m1();
            assert!((double / expected - 1.0).abs() < 2e-14, "{ln_frames}: {double} {expected}"); // 64 roundings at u = 1/64
            assert!((f64::from(single) / expected - 1.0).abs() < 8e-6, "{ln_frames}: {single} {expected}");
            assert!((slope + u * (-u).exp()).abs() < 1e-13 * u, "{ln_frames}: {slope}");
        }
    }

    /// A frame at full scale, and silence for as long as the release takes.
    #[test]
    fn single_precision_keeps_a_release_of_two_seconds() {
        fn left<T: Scalar>() -> f64 {
            let mut params = first_values::<T>();
            Dynamics.set(&GainComputer { threshold_db: -40.0, ratio: 4.0, knee_db: 6.0 }, [0.0, 100_000.0], 0.0, &mut params);
            let (mut state, mut x, mut y) = ([T::ZERO; 2], vec![T::ZERO; 100_001], vec![T::ZERO; 100_001]);
            x[0] = T::ONE;
            Dynamics.process(&params, &mut state, &x, &mut y);
            state[1].to_f64()
        }
        let (double, single) = (left::<f64>(), left::<f32>());
        assert!((double / (2.0 * LN_10 / core::f64::consts::E) - 1.0).abs() < 1e-9, "{double}");
        assert!((single / double - 1.0).abs() < 0.01, "{single} {double}");
    }

    /// What a hypernetwork may ask for in the course of training, under what a voice lets in at most, and after it.
    #[test]
    fn numbers_of_any_size_give_stable_dynamics() {
        let mut noise = Noise::new(3);
        for _ in 0..200 {
            let params: Vec<f32> = noise.take(Layer::<f32>::params_len(&Dynamics), 1.0);
            let params: Vec<f32> = params.iter().map(|p| if *p > 0.0 { 1e30 } else { -1e30 }).collect();
            let (mut state, mut x) = ([0.0; 2], noise.take::<f32>(4800, 1e6));
            x[2400..].iter_mut().for_each(|x| *x *= 1e-6);
            let mut y = vec![0.0; 4800];
            Dynamics.process(&params, &mut state, &x, &mut y);
            // A gain of e^12 is 1.6e5.
            assert!(y.iter().all(|y| y.abs() < 2e11) && y[2400..].iter().all(|y| y.abs() < 2e5));
            let (mut tape, mut dx) = (vec![0.0; 4 * 4800], vec![0.0; 4800]);
            let mut dparams = vec![0.0; params.len()];
            Dynamics.forward(&params, &mut [0.0; 2], &x, &mut y, &mut tape);
            Dynamics.backward(&params, &x, &y, &mut tape, &[1.0; 4800], &mut dx, &mut dparams);
            assert!(
                dx.iter().chain(&dparams).all(|d| d.is_finite()) && dparams.iter().all(|d| *d == 0.0),
                "beyond the limits nothing is learnt"
            );
        }
    }

    /// Silence, and what lies around the floor: no derivative is larger than the gain.
    #[test]
    fn derivatives_at_silence_are_finite() {
        let mut params = first_values::<f32>();
        params[THRESHOLD] = -12.0;
        let x: Vec<f32> = (0..64).map(|n| if n % 2 == 0 { 0.0 } else { (-0.7 * n as f32).exp() }).collect();
        let (mut y, mut tape, mut dx) = ([0.0; 64], [0.0; 4 * 64], [0.0; 64]);
        let mut dparams = vec![0.0; params.len()];
        Dynamics.forward(&params, &mut [0.0; 2], &x, &mut y, &mut tape);
        Dynamics.backward(&params, &x, &y, &mut tape, &[1.0; 64], &mut dx, &mut dparams);
        assert!(dparams.iter().all(|d| d.is_finite()) && dx.iter().all(|d| d.abs() < 2.0), "{dx:?}");
    }

    #[test]
    fn it_rests_where_playing_leads() {
        let params = first_values::<f64>();
        for x in [0.0, 0.1, -0.9] {
            let (mut state, mut memory) = ([0.7; 2], [0.7; 2]);
            let (mut rest, mut played) = ([0.0], vec![0.0; 400_000]);
            Dynamics.rest(&params, &mut state, &[x], &mut rest);
            Dynamics.process(&params, &mut memory, &vec![x; 400_000], &mut played);
            assert!((rest[0] - played[399_999]).abs() < 1e-12, "{x}: {} {}", rest[0], played[399_999]);
            Dynamics.process(&params, &mut state, &[x], &mut played[..1]);
            assert!((rest[0] - played[0]).abs() < 1e-15);
        }
    }

    /// What is quieter than the threshold is made quieter yet: make-up gain, and a slope below 0.
    #[test]
    fn a_slope_below_zero_expands() {
        let (mut params, mut y) = (first_values::<f64>(), [0.0; 3]);
        Dynamics.set(&GainComputer { threshold_db: -40.0, ratio: 0.5, knee_db: 0.0 }, [0.0, 0.0], -40.0, &mut params);
        Dynamics.process(&params, &mut [0.0; 2], &[1.0, 0.1, 0.001], &mut y);
        // 0, -20 and -60 dB: full scale stays, 20 dB less come out as 40 less, and below the threshold all are 40 dB down.
        for (y, expected) in y.iter().zip([1.0, 0.01, 1e-5]) {
            assert!((y / expected - 1.0).abs() < 1e-10, "{y} {expected}");
        }
    }
}
