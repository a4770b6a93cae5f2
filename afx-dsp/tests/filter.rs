//! Filters against published coefficients, against each other, in single precision, and in motion.

use afx_core::Scalar;
use afx_dsp::DspError;
use afx_dsp::filter::{Biquad, BiquadCascade, BiquadCoefficients, DcBlocker, FilterShape, FilterSpec, Svf};
use proptest::prelude::*;
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

const FS: f64 = 48e3;
const SHAPES: [FilterShape; 8] = [
    FilterShape::LowPass,
    FilterShape::HighPass,
    FilterShape::BandPass,
    FilterShape::Notch,
    FilterShape::AllPass,
    FilterShape::Bell,
    FilterShape::LowShelf,
    FilterShape::HighShelf,
];

fn spec(shape: FilterShape, frequency_hz: f64, q: f64, gain_db: f64) -> FilterSpec {
    FilterSpec::new(shape, FS, frequency_hz, q, gain_db).unwrap()
}

/// 1 kHz, q 0.7071, 6 dB at 48 kHz.
fn anchor(shape: FilterShape) -> BiquadCoefficients {
    BiquadCoefficients::new(spec(shape, 1e3, FRAC_1_SQRT_2, 6.0))
}

#[test]
fn coefficients_are_those_of_the_cookbook() {
    let low = [-1.815341082704568, 0.8310055893467576];
    let anchors = [
        (FilterShape::LowPass, [0.003916126660547383, 0.007832253321094766, 0.003916126660547383], low),
        (FilterShape::HighPass, [0.9115866680128315, -2.0 * 0.9115866680128315, 0.9115866680128315], low),
        (FilterShape::Bell, [1.061042425263437, -1.861273143996476, 0.816291571321481], [-1.861273143996476, 0.8773339965849185]),
        (FilterShape::LowShelf, [1.03256248324759, -1.838856871899641, 0.8287476843124699], [-1.84445686716092, 0.855710172298781]),
        (FilterShape::HighShelf, [1.932340509499657, -3.564118722439874, 1.653523430323866], [-1.780867406799551, 0.8026126241832001]),
    ];
    for (shape, b, a) in anchors {
        let found = anchor(shape);
        for (found, expected) in found.b.iter().chain(&found.a).zip(b.iter().chain(&a)) {
            // a few roundings of numbers up to 4, and one digit of the print
            assert!((found - expected).abs() < 4e-15, "{shape:?}: {found} for {expected}");
        }
    }
}

#[test]
fn the_bell_has_its_published_response() {
    for (hz, db) in [(100.0, 0.128766184310), (1e3, 6.0), (5e3, 0.474852149951), (20e3, 0.004002062748)] {
        let found = 20.0 * anchor(FilterShape::Bell).magnitude(hz, FS).log10();
        assert!((found - db).abs() < 1e-11, "{hz} Hz: {found} dB for {db}"); // twelve decimals were printed
    }
}

fn impulse_response(mut tick: impl FnMut(f64) -> f64, len: usize) -> Vec<f64> {
    (0..len).map(|n| tick(if n == 0 { 1.0 } else { 0.0 })).collect()
}

#[test]
fn the_state_variable_filter_equals_the_biquad_in_every_shape() {
    for shape in SHAPES {
        for (hz, q, gain) in [(30.0, 0.5, -12.0), (1e3, FRAC_1_SQRT_2, 6.0), (5e3, 8.0, 18.0), (20e3, 2.0, -3.0)] {
            let spec = spec(shape, hz, q, gain);
            let (mut svf, mut biquad) = (Svf::<f64>::new(spec), Biquad::<f64>::new(BiquadCoefficients::new(spec)));
            let (a, b) = (impulse_response(|x| svf.tick(x), 4096), impulse_response(|x| biquad.tick(x), 4096));
            let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-12, "{shape:?} {hz} Hz, q {q}, {gain} dB: {worst:e}"); // the biquad's rounding at 30 Hz
        }
    }
}

/// Noise of `f32` below the output, in dB, against `f64` on the same input.
fn single_precision_db(mut single: impl FnMut(f32) -> f32, mut double: impl FnMut(f64) -> f64) -> f64 {
    let (mut signal, mut noise) = (0.0, 0.0);
    for n in 0..48_000 {
        let t = n as f64 / FS;
        let x = (0.5 * (TAU * 30.0 * t).sin() + 0.25 * (TAU * 1e3 * t).sin()) as f32;
        let (y, z) = (double(f64::from(x)), f64::from(single(x)));
        signal += y * y;
        noise += (y - z) * (y - z);
    }
    10.0 * (signal / noise).log10()
}

#[test]
fn in_single_precision_the_state_variable_filter_keeps_115_db_where_a_biquad_does_not() {
    let noise = |hz: f64| {
        let spec = spec(FilterShape::LowPass, hz, 0.707, 0.0);
        let (mut a, mut b) = (Svf::<f32>::new(spec), Svf::<f64>::new(spec));
        let svf = single_precision_db(|x| a.tick(x), |x| b.tick(x));
        let coefficients = BiquadCoefficients::new(spec);
        let (mut a, mut b) = (Biquad::<f32>::new(coefficients), Biquad::<f64>::new(coefficients));
        (svf, single_precision_db(|x| a.tick(x), |x| b.tick(x)))
    };
    for hz in [20.0, 25.0, 30.0, 40.0, 60.0, 100.0, 300.0, 1e3, 5e3, 20e3] {
        let (svf, _) = noise(hz);
        assert!(svf >= 115.0, "{hz} Hz: {svf} dB");
    }
    for (hz, published) in [(30.0, 73.9), (100.0, 72.0), (1e3, 110.0)] {
        let (svf, biquad) = noise(hz);
        assert!((biquad - published).abs() < 3.0 && svf > biquad + 20.0, "{hz} Hz: {svf} and {biquad} dB");
    }
}

/// Largest output of a low-pass swept over 200 Hz to 10 kHz `sweep_hz` times a second, on a square wave.
fn swept<F>(q: f64, sweep_hz: f64, mut tick: F) -> f64
where
    F: FnMut(FilterSpec, f64) -> f64,
{
    let mut worst = 0.0_f64;
    for n in 0..96_000 {
        let t = n as f64 / FS;
        let x = if (TAU * 110.3 * t).sin() >= 0.0 { 1.0 } else { -1.0 };
        let hz = 200.0 * 50f64.powf((1.0 + (TAU * sweep_hz * t).sin()) / 2.0);
        let y = tick(spec(FilterShape::LowPass, hz, q, 0.0), x);
        worst = if y.is_nan() { f64::INFINITY } else { worst.max(y.abs()) };
    }
    worst
}

#[test]
fn a_swept_state_variable_filter_stays_small_where_a_biquad_diverges() {
    for (q, sweep_hz, published) in [(0.707, 500.0, 1.160), (2.0, 5e3, 2.02), (10.0, 500.0, 2.73), (10.0, 5e3, 2.73)] {
        let start = spec(FilterShape::LowPass, 1e3, q, 0.0);
        let mut svf = Svf::<f64>::new(start);
        let found = swept(q, sweep_hz, |spec, x| {
            svf.set(spec);
            svf.tick(x)
        });
        let mut biquad = Biquad::<f64>::new(BiquadCoefficients::new(start));
        let other = swept(q, sweep_hz, |spec, x| {
            biquad.set(BiquadCoefficients::new(spec));
            biquad.tick(x)
        });
        assert!(found < 3.0 && (found / published - 1.0).abs() < 0.01, "q {q}, {sweep_hz} Hz: {found} for {published}");
        assert!(other > 2.0 * found);
    }
}

#[test]
fn a_cascade_is_its_sections_one_after_the_other() {
    let (a, b) = (anchor(FilterShape::LowPass), anchor(FilterShape::HighShelf));
    let x: Vec<f64> = (0..300).map(|n| (n as f64 * 0.3).sin()).collect();
    let (mut first, mut second) = (Biquad::new(a), Biquad::new(b));
    let expected: Vec<f64> = x.iter().map(|&x| second.tick(first.tick(x))).collect();
    let mut cascade = BiquadCascade::new(&[a, b]);
    let mut y = vec![0.0; 300];
    cascade.process(&x, &mut y);
    assert_eq!(y, expected);
    cascade.reset();
    for (x, y) in x.chunks(7).zip(y.chunks_mut(7)) {
        cascade.process(x, y);
    }
    assert_eq!(y, expected);
    cascade.sections_mut()[0].set(b);
    cascade.reset();
    cascade.process(&x, &mut y);
    assert_ne!(y, expected);
    BiquadCascade::new(&[]).process(&x, &mut y);
    assert_eq!(y, x);
}

#[test]
fn the_dc_blocker_removes_direct_current_and_halves_the_power_at_its_corner() {
    let mut blocker = DcBlocker::<f64>::new(FS, 20.0).unwrap();
    let mut y = vec![1.0; 96_000];
    blocker.process_in_place(&mut y);
    assert_eq!(y[95_999], 0.0); // 250 time constants
    blocker.reset();
    let h = impulse_response(|x| blocker.tick(x), 48_000);
    let (re, im) = h.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, h)| {
        let w = TAU * 20.0 / FS * n as f64;
        (re + h * w.cos(), im - h * w.sin())
    });
    assert!((re * re + im * im - 0.5).abs() < 1e-12); // the response has died to 1e-54 by its end
    assert!(matches!(DcBlocker::<f32>::new(FS, 0.0), Err(DspError::OutOfRange { name: "corner_hz", .. })));
}

#[test]
fn in_single_precision_the_dc_blocker_leaves_nothing_of_an_offset_at_any_rate() {
    for (rate, corner) in [(8e3, 20.0), (48e3, 10.0), (48e3, 5.0), (192e3, 5.0), (768e3, 5.0)] {
        let mut blocker = DcBlocker::<f32>::new(rate, corner).unwrap();
        let mut y = vec![0.3; (4.0 * rate) as usize];
        blocker.process_in_place(&mut y);
        assert_eq!(y.last(), Some(&0.0), "{rate} Hz, {corner} Hz"); // with one number for the state 2e-5 to 7e-4 stayed for ever
    }
    let (mut a, mut b) = (DcBlocker::<f32>::new(FS, 5.0).unwrap(), DcBlocker::<f64>::new(FS, 5.0).unwrap());
    let db = single_precision_db(|x| a.tick(x + 0.3), |x| b.tick(f64::from(x as f32 + 0.3)));
    assert!(db > 145.0, "{db} dB"); // 121 dB with one number
}

/// A sine with `bursts` of 20 samples in it, and the same with silence in their place.
fn hostile<T: Scalar>(bursts: &[T]) -> (Vec<T>, Vec<T>) {
    let mut x: Vec<T> = (0..2000).map(|n| T::from_f64((n as f64 * 0.05).sin())).collect();
    let mut silenced = x.clone();
    for (i, &burst) in bursts.iter().enumerate() {
        let at = 101 + 190 * i;
        for n in at..at + 20 {
            x[n] = if n % 3 == 0 { -burst } else { burst };
            silenced[n] = T::ZERO;
        }
    }
    (x, silenced)
}

/// Every filter makes of the bursts what it makes of silence.
fn check_hostile<T: Scalar>(bursts: &[T]) {
    let (x, silenced) = hostile(bursts);
    let check = |name: &str, tick: &mut dyn FnMut(T) -> T, again: &mut dyn FnMut(T) -> T| {
        for (n, (&x, &silenced)) in x.iter().zip(&silenced).enumerate() {
            let (y, expected) = (tick(x), again(silenced));
            assert!(y.is_finite() && y == expected, "{name}, sample {n}: {y:?} for {expected:?} after {x:?}");
        }
    };
    for shape in SHAPES {
        for (hz, q, gain) in [(30.0, 0.5, -12.0), (1e3, 8.0, 60.0), (20e3, 2.0, -3.0)] {
            let spec = spec(shape, hz, q, gain);
            let (mut a, mut b) = (Svf::<T>::new(spec), Svf::<T>::new(spec));
            check("Svf", &mut |x| a.tick(x), &mut |x| b.tick(x));
            let coefficients = BiquadCoefficients::new(spec);
            let (mut a, mut b) = (Biquad::<T>::new(coefficients), Biquad::<T>::new(coefficients));
            check("Biquad", &mut |x| a.tick(x), &mut |x| b.tick(x));
            let (mut a, mut b) = (BiquadCascade::<T>::new(&[coefficients; 3]), BiquadCascade::<T>::new(&[coefficients; 3]));
            let one = |cascade: &mut BiquadCascade<T>, x: T| {
                let mut s = [x];
                cascade.process_in_place(&mut s);
                s[0]
            };
            check("BiquadCascade", &mut |x| one(&mut a, x), &mut |x| one(&mut b, x));
        }
    }
    let blocker = || DcBlocker::<T>::new(FS, 10.0).unwrap();
    let (mut a, mut b) = (blocker(), blocker());
    check("DcBlocker", &mut |x| a.tick(x), &mut |x| b.tick(x));
}

#[test]
fn hostile_samples_are_silence_and_leave_no_trace() {
    check_hostile(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e30, 2e10]);
    check_hostile(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, f64::from(f32::MAX), 1e30, 2e10]);
}

#[test]
fn large_samples_that_are_a_signal_pass_as_they_are() {
    // 32-bit integers as they are stored
    let full = 2_147_483_648.0_f64;
    let spec = spec(FilterShape::LowPass, 1e3, 0.7, 0.0);
    let (mut large, mut small) = (Svf::<f64>::new(spec), Svf::<f64>::new(spec));
    for n in 0..500 {
        let x = (n as f64 * 0.1).sin();
        assert_eq!(large.tick(full * x), full * small.tick(x)); // a power of two
    }
}

#[test]
fn a_biquad_that_diverged_comes_back_with_stable_coefficients() {
    let diverging = [[-2.5, 1.6], [0.0, 1.5], [1e3, 0.0], [f64::NAN, 0.5], [0.0, f64::INFINITY]];
    for a in diverging {
        let stable = anchor(FilterShape::LowPass);
        let (mut biquad, mut clean) = (Biquad::<f32>::new(BiquadCoefficients { b: [1.0, 0.5, 0.25], a }), Biquad::<f32>::new(stable));
        for n in 0..20_000 {
            let y = biquad.tick((n as f32 * 0.1).sin());
            assert!(y.is_finite() || !a.iter().all(|a| a.is_finite()), "{a:?}: {y} at {n}");
        }
        biquad.set(stable);
        for n in 0..2000 {
            let x = (n as f32 * 0.1).sin();
            let (y, expected) = (biquad.tick(x), clean.tick(x));
            // 1e30 falls by 0.0926 nepers a sample: below 1e-6 after 900
            assert!(y.is_finite() && (n < 1000 || (y - expected).abs() < 1e-5), "{a:?}: {y} for {expected} at {n}");
        }
    }
}

fn blocks_agree<T: Scalar>(mut run: impl FnMut(&[T], &mut [T])) -> (Vec<T>, Vec<T>) {
    let x: Vec<T> = (0..500).map(|n| T::from_f64((n as f64 * 0.7).sin())).collect();
    let (mut whole, mut cut) = (vec![T::ZERO; 500], vec![T::ZERO; 500]);
    run(&x, &mut whole);
    run(&[], &mut []);
    // the caller resets at any block that is neither 33 long nor the last
    for (x, y) in x.chunks(33).zip(cut.chunks_mut(33)) {
        run(x, y);
    }
    (whole, cut)
}

#[test]
fn reset_and_any_split_give_the_same_bits() {
    let bell = spec(FilterShape::Bell, 300.0, 2.0, 9.0);
    let mut svf = Svf::<f32>::new(bell);
    let (mut blocker, mut biquad) = (DcBlocker::<f32>::new(FS, 10.0).unwrap(), Biquad::<f32>::new(BiquadCoefficients::new(bell)));
    let results = [
        blocks_agree(|x, y| {
            if x.len() != 33 && x.len() != 5 {
                svf.reset();
            }
            svf.process(x, y);
        }),
        blocks_agree(|x, y| {
            if x.len() != 33 && x.len() != 5 {
                biquad.reset();
            }
            biquad.process(x, y);
        }),
        blocks_agree(|x, y| {
            if x.len() != 33 && x.len() != 5 {
                blocker.reset();
            }
            blocker.process(x, y);
        }),
    ];
    for (whole, cut) in results {
        assert_eq!(whole, cut);
    }
}

#[test]
fn a_pole_on_the_unit_circle_is_not_stable() {
    for (a, stable) in [
        ([-1.5, 0.5], false),   // poles 1 and 0.5
        ([1.5, 0.5], false),    // -1 and -0.5
        ([0.0, 1.0], false),    // i and -i
        ([0.0, -1.0], false),   // 1 and -1
        ([-1.5, 0.5625], true), // 0.75 twice
        ([0.0, 0.99], true),
    ] {
        assert_eq!(BiquadCoefficients { b: [1.0, 0.0, 0.0], a }.is_stable(), stable, "{a:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_specification_is_stable_and_finite(shape in 0..8usize, share in 1e-7..0.4999f64, q in 0.01..1e3f64, gain in -120.0..120.0f64) {
        let spec = FilterSpec::new(SHAPES[shape], FS, share * FS, q, gain).unwrap();
        // at 0.005 Hz and a q of 1000 a pole is closer to the circle than the coefficients of a biquad can tell
        if share > 1e-4 && gain.abs() < 40.0 && q < 100.0 {
            prop_assert!(BiquadCoefficients::new(spec).is_stable());
        }
        let mut svf = Svf::<f64>::new(spec);
        let mut energy = 0.0;
        for n in 0..2000 {
            let y = svf.tick(if n % 17 == 0 { 1.0 } else { -0.1 });
            prop_assert!(y.is_finite());
            energy += y * y;
        }
        // at most the largest gain, 120 dB on top of a resonance of 1000
        prop_assert!(energy < 2000.0 * 1e18 * 1e6);
    }

    #[test]
    fn a_filter_from_any_numbers_at_all_stays_finite(fs in any::<f64>(), hz in any::<f64>(), q in any::<f64>(), gain in any::<f64>()) {
        for shape in SHAPES {
            let mut svf = Svf::<f32>::new(FilterSpec::nearest(shape, fs, hz, q, gain));
            for n in 0..50 {
                let y = svf.tick(if n == 0 { 1.0 } else { 0.0 });
                prop_assert!(y.is_finite());
            }
        }
    }
}

/// `|H|` of the analogue filter, in decibels.
fn analogue_db(shape: FilterShape, ratio: f64, q: f64, gain_db: f64) -> f64 {
    let a = 10f64.powf(gain_db / 40.0);
    let s = ratio;
    // |c - m s² + j d s|²
    let power = |c: f64, d: f64, m: f64| (c - m * s * s).powi(2) + (d * s).powi(2);
    let (k, r) = (1.0 / q, a.sqrt());
    let (top, bottom) = match shape {
        FilterShape::LowPass => (1.0, power(1.0, k, 1.0)),
        FilterShape::HighPass => (power(0.0, 0.0, 1.0), power(1.0, k, 1.0)),
        FilterShape::BandPass => (power(0.0, 1.0, 0.0), power(1.0, k, 1.0)),
        FilterShape::Notch => (power(1.0, 0.0, 1.0), power(1.0, k, 1.0)),
        FilterShape::Bell => (power(1.0, k * a, 1.0), power(1.0, k / a, 1.0)),
        FilterShape::LowShelf => (a * a * power(a, k * r, 1.0), power(1.0, k * r, a)),
        FilterShape::HighShelf => (a * a * power(1.0, k * r, a), power(a, k * r, 1.0)),
        _ => (1.0, 1.0),
    };
    10.0 * (top / bottom).log10()
}

/// The largest error from 20 Hz to 20 kHz, where the analogue filter has more than -40 dB.
fn worst_db(spec: FilterSpec, shape: FilterShape, frequency_hz: f64, q: f64, gain_db: f64) -> f64 {
    let coefficients = BiquadCoefficients::new(spec);
    (0..=600)
        .map(|i| 20.0 * 1e3f64.powf(f64::from(i) / 600.0))
        .map(|hz| (analogue_db(shape, hz / frequency_hz, q, gain_db), coefficients.magnitude(hz, FS)))
        .filter(|(expected, _)| *expected > -40.0)
        .map(|(expected, found)| (20.0 * found.log10() - expected).abs())
        .fold(0.0, f64::max)
}

#[test]
fn a_matched_bell_is_off_by_what_the_reference_found() {
    for (frequency_hz, q, gain_db, cramped, expected) in
        [(16e3, 1.0, 12.0, 6.22, 0.327), (10e3, 0.707, 6.0, 2.29, 0.380), (5e3, 2.0, -12.0, 0.517, 0.072)]
    {
        let spec = spec(FilterShape::Bell, frequency_hz, q, gain_db);
        let worst = |spec| worst_db(spec, FilterShape::Bell, frequency_hz, q, gain_db);
        assert!((worst(spec) - cramped).abs() < 0.01, "{}", worst(spec));
        let found = worst(spec.matched());
        // A cut is a boost turned round, which is better than the cut that the reference made.
        assert!((found - expected).abs() < 2e-3 || gain_db < 0.0 && found < expected, "{frequency_hz} Hz: {found} dB, {expected}");
    }
}

#[test]
fn matched_filters_follow_the_analogue_ones() {
    // At q 0.707 and 12 dB: 1, 5, 10 and 16 kHz.
    for (shape, limits) in [
        (FilterShape::LowPass, [0.04, 1.1, 1.0, 0.6]),
        (FilterShape::HighPass, [0.001, 0.01, 0.05, 0.2]),
        (FilterShape::BandPass, [1.1, 1.0, 0.75, 0.6]),
        (FilterShape::Notch, [0.01, 0.2, 0.8, 2.5]),
        (FilterShape::Bell, [0.03, 0.4, 0.65, 0.4]),
        (FilterShape::LowShelf, [0.001, 0.03, 0.2, 0.4]),
        (FilterShape::HighShelf, [0.001, 0.03, 0.2, 0.4]),
    ] {
        for (frequency_hz, limit) in [1e3, 5e3, 10e3, 16e3].into_iter().zip(limits) {
            for gain_db in [12.0, -12.0] {
                let spec = spec(shape, frequency_hz, FRAC_1_SQRT_2, gain_db);
                let worst = |spec| worst_db(spec, shape, frequency_hz, FRAC_1_SQRT_2, gain_db);
                let found = worst(spec.matched());
                assert!(found < limit, "{shape:?} {frequency_hz} Hz {gain_db} dB: {found}");
                assert!(found < worst(spec), "{shape:?} {frequency_hz} Hz {gain_db} dB: cramped is better");
            }
        }
    }
}

#[test]
fn a_boost_and_its_cut_are_a_wire() {
    for shape in [FilterShape::Bell, FilterShape::LowShelf, FilterShape::HighShelf] {
        let of = |gain_db| BiquadCoefficients::new(spec(shape, 9e3, 0.9, gain_db).matched());
        let (boost, cut) = (of(10.0), of(-10.0));
        for hz in [50.0, 3e3, 9e3, 21e3] {
            assert!((boost.magnitude(hz, FS) * cut.magnitude(hz, FS) - 1.0).abs() < 1e-12);
        }
    }
}

proptest! {
    #[test]
    fn matched_filters_are_stable_and_the_same_in_either_form(
        shape in prop::sample::select(&SHAPES[..]), octave in -13.0..-1.001f64, q in 0.02..100.0f64, gain_db in -60.0..60.0f64,
    ) {
        let spec = FilterSpec::new(shape, FS, FS * octave.exp2(), q, gain_db).unwrap().matched();
        let coefficients = BiquadCoefficients::new(spec);
        prop_assert!(coefficients.is_stable(), "{coefficients:?}");
        let (mut biquad, mut svf) = (Biquad::<f64>::new(coefficients), Svf::<f64>::new(spec));
        let (a, b) = (impulse_response(|x| biquad.tick(x), 300), impulse_response(|x| svf.tick(x), 300));
        let largest = a.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        for (a, b) in a.iter().zip(&b) {
            prop_assert!((a - b).abs() < 1e-9 * largest, "{a} {b}"); // a low frequency's poles lose digits next to 1
        }
    }
}
