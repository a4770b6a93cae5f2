//! Effects at a sample rate of their own, measured: sines against sines, images, aliases, latency, splits.

use afx_core::{Channels, Processor, Scalar};
use afx_dsp::Resampled;
use afx_dsp::circuit::SynthOd;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::f64::consts::TAU;

/// Host, effect, and the latency of both conversions in frames of the host.
const PAIRS: [(u32, u32, usize); 10] = [
    (44_100, 48_000, 74),
    (48_000, 44_100, 80),
    (96_000, 48_000, 82),
    (48_000, 96_000, 41),
    (88_200, 48_000, 76),
    (96_000, 44_100, 160),
    (192_000, 44_100, 320),
    (192_000, 96_000, 24),
    (44_100, 192_000, 74),
    (32_000, 48_000, 74),
];
/// Frames in which the slowest of these filters fills.
const LEAD: usize = 2000;
const FRAMES: usize = 6000;

/// A sample at a time, silent where there is no input; `late` is the latency that it claims.
struct Each<F> {
    f: F,
    late: usize,
}

impl<T: Scalar, F: FnMut(T) -> T + Send> Processor<T> for Each<F> {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        output.iter_mut().for_each(|y| y.fill(T::ZERO));
        for (y, x) in output.iter_mut().zip(input) {
            y.iter_mut().zip(*x).for_each(|(y, x)| *y = (self.f)(*x));
        }
    }
    fn set_controls(&mut self, _: &[T]) {}
    fn reset(&mut self) {}
    fn latency(&self) -> usize {
        self.late
    }
}

/// What a host hears of `x`, and the latency.
fn through<T: Scalar>(outer_hz: u32, inner_hz: u32, late: usize, x: &[T], f: impl FnMut(T) -> T + Send) -> (Vec<T>, usize) {
    let mut effect = Resampled::new(Each { f, late }, inner_hz, outer_hz, 1).unwrap();
    let mut y = vec![T::ZERO; x.len()];
    effect.process(&[x], &mut [&mut y]);
    (y, effect.latency())
}

fn sine(f_hz: f64, t_s: f64) -> f64 {
    (TAU * f_hz * t_s + 0.3).sin()
}

fn sines<T: Scalar>(f_hz: f64, rate_hz: u32) -> Vec<T> {
    (0..LEAD + FRAMES).map(|n| T::from_f64(sine(f_hz, n as f64 / f64::from(rate_hz)))).collect()
}

/// What an effect that changes nothing hears of a sine that the host plays, and what the host then hears.
fn heard(outer_hz: u32, inner_hz: u32, f_hz: f64) -> [Vec<f64>; 2] {
    let mut heard = Vec::new();
    let (y, _) = through(outer_hz, inner_hz, 0, &sines::<f64>(f_hz, outer_hz), |x| {
        heard.push(x);
        x
    });
    [heard, y]
}

/// What the host hears of a sine that the effect plays.
fn played(outer_hz: u32, inner_hz: u32, f_hz: f64) -> Vec<f64> {
    let mut n = 0.0;
    let play = |_| {
        n += 1.0;
        sine(f_hz, n / f64::from(inner_hz))
    };
    through(outer_hz, inner_hz, 0, &[0.0; LEAD + FRAMES], play).0
}

fn db(ratio: f64) -> f64 {
    20.0 * ratio.max(1e-30).log10()
}

/// Level of all but the start, where a sine of amplitude 1 has 0 dB.
fn level_db(x: &[f64]) -> f64 {
    let rest = &x[LEAD.min(x.len() / 2)..];
    db((2.0 * rest.iter().map(|v| v * v).sum::<f64>() / rest.len() as f64).sqrt())
}

/// Gain of the sine that fits best, and level of what it leaves, both in dB.
fn fit(x: &[f64], f_hz: f64, rate_hz: u32) -> (f64, f64) {
    let waves = |n: usize| (TAU * f_hz * n as f64 / f64::from(rate_hz)).sin_cos();
    let (mut ss, mut sc, mut cc, mut xs, mut xc) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (n, x) in x.iter().enumerate().skip(LEAD.min(x.len() / 2)) {
        let (s, c) = waves(n);
        (ss, sc, cc, xs, xc) = (ss + s * s, sc + s * c, cc + c * c, xs + x * s, xc + x * c);
    }
    let determinant = ss * cc - sc * sc;
    let (a, b) = ((xs * cc - xc * sc) / determinant, (xc * ss - xs * sc) / determinant);
    let rest: Vec<f64> = x.iter().enumerate().map(|(n, x)| x - a * waves(n).0 - b * waves(n).1).collect();
    (db(a.hypot(b)), level_db(&rest))
}

/// The edges of the pass band and of the stop band that the module promises.
fn edges(outer_hz: u32, inner_hz: u32) -> (f64, f64) {
    let lower = f64::from(outer_hz.min(inner_hz));
    let pass = 20e3f64.min(lower * 20.0 / 44.1);
    (pass, lower - pass)
}

/// The largest difference from the exact sine, delayed by the reported latency, in dB; the effect is a delay of `late` frames.
fn error_db<T: Scalar>(outer_hz: u32, inner_hz: u32, late: usize, f_hz: f64) -> f64 {
    let mut held: VecDeque<T> = vec![T::ZERO; late].into();
    let (y, latency) = through(outer_hz, inner_hz, late, &sines::<T>(f_hz, outer_hz), |x| {
        held.push_back(x);
        held.pop_front().unwrap()
    });
    let exact = |n: usize| sine(f_hz, (n as f64 - latency as f64) / f64::from(outer_hz));
    db(y.iter().enumerate().skip(LEAD).fold(0.0, |worst, (n, y)| worst.max((y.to_f64() - exact(n)).abs())))
}

#[test]
fn a_sine_comes_out_as_it_went_in_at_the_reported_latency() {
    for (outer, inner, latency) in PAIRS {
        let plain = Resampled::<f32, _>::new(Each { f: |x| x, late: 0 }, inner, outer, 1).unwrap();
        assert_eq!(plain.latency(), latency, "{outer} Hz, {inner} Hz inside");
        for part in [0.002, 0.25, 0.5, 0.8] {
            for late in [0, 7] {
                let f_hz = part * edges(outer, inner).0;
                let (double, single) = (error_db::<f64>(outer, inner, late, f_hz), error_db::<f32>(outer, inner, late, f_hz));
                // the peaks of several images, the worst between 96 and 192 kHz
                assert!(double < -102.0 && single < -102.0, "{outer} Hz, {inner} Hz inside, {f_hz} Hz: {double} and {single} dB");
            }
        }
    }
}

#[test]
fn what_passes_is_flat_and_has_no_images() {
    for (outer, inner, _) in PAIRS {
        for part in [0.002, 0.05, 0.3, 0.7, 0.85, 0.9, 0.95, 1.0] {
            let f_hz = part * edges(outer, inner).0;
            let [inside, both] = heard(outer, inner, f_hz);
            let ((_, inward), (gain, both)) = (fit(&inside, f_hz, inner), fit(&both, f_hz, outer));
            let (_, outward) = fit(&played(outer, inner, f_hz), f_hz, outer);
            let worst = inward.max(outward).max(both);
            assert!(gain.abs() < 0.008 && worst < -110.0, "{outer} Hz, {inner} Hz inside, {f_hz} Hz: {gain} dB, images {worst} dB");
        }
    }
}

#[test]
fn what_the_slower_rate_cannot_hold_is_stopped() {
    for (outer, inner, _) in PAIRS {
        let (_, stop) = edges(outer, inner);
        let room = f64::from(outer.max(inner)) / 2.0 - stop;
        for part in [0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 0.99] {
            let f_hz = stop + part * room;
            let slower = if outer > inner { heard(outer, inner, f_hz)[0].clone() } else { played(outer, inner, f_hz) };
            let level = level_db(&slower);
            assert!(room < 0.0 || level < -110.0, "{outer} Hz, {inner} Hz inside: {level} dB at {part} of what lies above {stop} Hz");
        }
    }
}

#[test]
fn what_lies_between_the_edges_comes_back_between_them_only() {
    // the effect's 23 kHz at 44.1 - 23
    let (alias, rest) = fit(&played(44_100, 48_000, 23e3), 21.1e3, 44_100);
    assert!(alias > -60.0 && rest < -110.0, "{alias} dB, and {rest} dB elsewhere");
}

/// `x + a x³` of two tones reaches 15 kHz: nothing aliases, so the host must hear the formula.
#[test]
fn a_nonlinear_effect_sounds_as_its_formula_and_hears_its_knob() {
    struct Cubic(f64);
    impl Processor<f64> for Cubic {
        fn process(&mut self, input: &[&[f64]], output: &mut [&mut [f64]]) {
            output[0].iter_mut().zip(input[0]).for_each(|(y, x)| *y = x + self.0 * x.powi(3));
        }
        fn set_controls(&mut self, controls: &[f64]) {
            self.0 = controls[0];
        }
        fn reset(&mut self) {}
        fn latency(&self) -> usize {
            0
        }
    }
    for (outer, inner, _) in PAIRS {
        let tones = |t: f64| 0.5 * sine(1e3, t) + 0.4 * sine(4e3, t);
        let x: Vec<f64> = (0..LEAD + FRAMES).map(|n| tones(n as f64 / f64::from(outer))).collect();
        let mut effect = Resampled::new(Cubic(0.0), inner, outer, 1).unwrap();
        for a in [0.9, -0.4] {
            let mut y = vec![0.0; x.len()];
            effect.set_controls(&[a]);
            effect.process(&[&x], &mut [&mut y]);
            for n in LEAD..x.len() {
                let x = tones((n as f64 - effect.latency() as f64) / f64::from(outer));
                let off = (y[n] - x - a * x.powi(3)).abs();
                assert!(off < 5e-6, "{outer} Hz, {inner} Hz inside: {off} at {n}"); // -106 dB: images of six tones
            }
        }
    }
}

#[test]
fn equal_rates_change_no_bit_and_cost_no_frame() {
    let x: Vec<f32> = (0..500).map(|n| (n as f32 * 0.3).sin() * 1e-3f32.powi(n % 16)).collect();
    let (mut plain, mut same) = (SynthOd::new(48e3).unwrap(), x.clone());
    plain.process_in_place(&mut same);
    let mut effect = Resampled::new(Channels::new(SynthOd::new(48e3).unwrap(), 1), 48_000, 48_000, 1).unwrap();
    let mut y = vec![0.0; 500];
    effect.process(&[&x], &mut [&mut y]);
    assert_eq!((y, Processor::<f32>::latency(&effect)), (same, 0));
}

/// Overdrives of two channels at 48 kHz.
fn stereo(outer_hz: u32) -> Resampled<f32, Channels<SynthOd>> {
    Resampled::new(Channels::new(SynthOd::new(48e3).unwrap(), 2), 48_000, outer_hz, 2).unwrap()
}

#[test]
fn a_channel_left_out_for_a_while_heard_silence() {
    let (x, zeros) = (sines::<f32>(440.0, 44_100), [0.0; 900]);
    let play = |left_out: bool| {
        let mut effect = Resampled::new(Each { f: |x: f32| x, late: 0 }, 48_000, 44_100, 2).unwrap();
        [0, 1, 2].map(|k| {
            let (x, mut left, mut right) = (&x[900 * k..900 * (k + 1)], [0.0; 900], [0.0; 900]);
            match (k, left_out) {
                (1, true) => effect.process(&[x], &mut [&mut left]),
                (1, false) => effect.process(&[x, &zeros], &mut [&mut left]),
                _ => effect.process(&[x, x], &mut [&mut left, &mut right]),
            }
            [left, right]
        })
    };
    assert_eq!(play(true), play(false));
}

#[test]
fn channels_that_nobody_plays_are_silent() {
    let x = sines::<f32>(440.0, 44_100);
    let [mut left, mut right, mut third] = [(); 3].map(|()| vec![9.0; 1000]);
    stereo(44_100).process(&[&x], &mut [&mut left, &mut right, &mut third]);
    assert!(left.iter().any(|y| *y != 0.0) && right.iter().chain(&third).all(|y| *y == 0.0));
    stereo(44_100).process(&[], &mut [&mut left]);
    assert_eq!(left, vec![0.0; 1000]);
}

#[test]
fn what_is_no_sound_is_silence_on_both_ways() {
    let odd = [f32::NAN, f32::INFINITY, f32::MIN, 1e11, 1e-21, 1e-40];
    let broken = |n: usize, x: f32, with: &dyn Fn(usize) -> f32| if n % 7 == 3 { with(n / 7 % 6) } else { x };
    let play = |with: &(dyn Fn(usize) -> f32 + Sync)| {
        let x: Vec<f32> = sines(440.0, 44_100).into_iter().enumerate().map(|(n, x)| broken(n, x, with)).collect();
        let mut n = 0;
        through(44_100, 48_000, 0, &x, |x| {
            n += 1;
            broken(n, x, with)
        })
    };
    assert_eq!(play(&|k| odd[k]), play(&|_| 0.0));
}

#[test]
fn nothing_comes_out_that_is_too_small_to_hear() {
    let too_small = |y: &f32| *y != 0.0 && y.abs() < 1e-20;
    let x: Vec<f32> = sines(440.0, 44_100).into_iter().map(|x: f32| 4e-20 * x).collect();
    let mut small = 0;
    let (y, _) = through(44_100, 48_000, 0, &x, |x| {
        small += usize::from(too_small(&x));
        x
    });
    assert_eq!((small, y.iter().filter(|y| too_small(y)).count()), (0, 0));
    assert!(y.iter().any(|y| *y != 0.0));
}

#[test]
fn silence_after_sound_ends_in_zeros() {
    let mut x = sines::<f32>(1e3, 44_100);
    x[1000..].fill(0.0);
    for inner in [32_000, 48_000, 96_000] {
        let (y, latency) = through(44_100, inner, 0, &x, |x| x);
        assert!(y[1000..].iter().any(|y| *y != 0.0));
        // twice the latency, and the taps that fill a row
        assert!(y[1000 + 2 * latency + 32..].iter().all(|y| y.to_bits() == 0), "{inner} Hz inside");
    }
}

#[test]
fn what_makes_no_sense_is_refused_in_words() {
    let refusal = |inner, outer, channels| {
        let effect = Each { f: |x: f32| x, late: 0 };
        Resampled::<f32, _>::new(effect, inner, outer, channels).map(drop).unwrap_err().to_string()
    };
    assert_eq!(refusal(48_000, 0, 1), "outer_hz: expected 1000 to 1000000, found 0");
    assert_eq!(refusal(4_000_000_000, 48_000, 1), "inner_hz: expected 1000 to 1000000, found 4000000000");
    assert_eq!(refusal(48_000, 44_100, 0), "channels: expected 1 to 64, found 0");
    assert_eq!(refusal(48_000, 48_000, 65), "channels: expected 1 to 64, found 65");
    // no common divisor: 48,000 rows of 80 taps
    assert_eq!(refusal(48_000, 44_101, 1), "taps for inner_hz and outer_hz: expected at most 1048576, found 3840000");
}

#[test]
fn rates_far_apart_still_play() {
    for (outer, inner) in [(1000, 1_000_000), (1_000_000, 1000), (8000, 192_000), (47_952, 48_000)] {
        let at = |n: usize, latency: usize| sine(0.1 * f64::from(outer.min(inner)), (n as f64 - latency as f64) / f64::from(outer));
        let latency = Resampled::<f64, _>::new(Each { f: |x| x, late: 0 }, inner, outer, 1).unwrap().latency();
        let x: Vec<f64> = (0..3 * latency).map(|n| at(n, 0)).collect();
        let (y, _) = through(outer, inner, 0, &x, |x| x);
        let off = (2 * latency + 2..x.len()).fold(0.0, |worst, n| (y[n] - at(n, latency)).abs().max(worst));
        assert!(off < 1e-5, "{outer} Hz, {inner} Hz inside: {off}"); // -100 dB
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_split_gives_the_same_bits(pair in 0..PAIRS.len(), cuts in prop::collection::vec(0..200usize, 1..40), moved in 0..40usize) {
        let (outer, inner, _) = PAIRS[pair];
        let effect = Channels::new(SynthOd::new(inner.into()).unwrap(), 2);
        let (mut cut, mut whole) = (Resampled::<f32, _>::new(effect.clone(), inner, outer, 2).unwrap(), Resampled::new(effect, inner, outer, 2).unwrap());
        let x = &sines::<f32>(777.0, outer)[..cuts.iter().sum()];
        let y = |effect: &mut Resampled<f32, _>, x: &[f32]| {
            let mut y = vec![vec![0.0; x.len()]; 2];
            let [left, right] = &mut y[..] else { unreachable!("two channels") };
            Processor::process(effect, &[x, x], &mut [left, right]);
            y
        };
        let moved = cuts[..moved.min(cuts.len())].iter().sum();
        let (before, after) = x.split_at(moved);
        let mut expected = y(&mut whole, before);
        whole.set_controls(&[0.7, -0.3]);
        let rest = y(&mut whole, after);
        expected.iter_mut().zip(rest).for_each(|(y, rest)| y.extend(rest));

        let (mut found, mut at) = (vec![Vec::new(); 2], 0);
        for n in cuts {
            if at == moved {
                cut.set_controls(&[0.7, -0.3]);
            }
            let part = y(&mut cut, &x[at..at + n]);
            found.iter_mut().zip(part).for_each(|(y, part)| y.extend(part));
            at += n;
        }
        prop_assert_eq!(found, expected);
    }
}

/// A model with an offset has it from the first frame on: no pop where playing starts, and none after a reset.
#[test]
fn what_an_effect_makes_of_silence_was_there_before_the_first_frame() {
    for (outer_hz, inner_hz, _) in PAIRS {
        let mut effect = Resampled::new(Each { f: |x: f32| x + 0.25, late: 3 }, inner_hz, outer_hz, 2).unwrap();
        for start in ["new", "reset"] {
            let mut y = [[0.0f32; 500]; 2];
            effect.process(&[&[0.0; 500], &[0.0; 500]], &mut y.each_mut().map(|y| &mut y[..]));
            // the filter is flat to 0.005 dB, 6e-4
            assert!(y.iter().flatten().all(|y| (y - 0.25).abs() < 2e-4), "{outer_hz} Hz: {start}: {:?}", &y[0][..4]);
            effect.process(&[&[0.9; 500], &[0.9; 500]], &mut y.each_mut().map(|y| &mut y[..]));
            effect.reset();
        }
    }
}
