//! Waveshapers against published figures, against quadrature, and against abuse.

use afx_core::{Mono, Scalar};
use afx_dsp::waveshape::{Adaa, Cubic, Curve, Diodes, HardClip, Tanh, Waveshaper};
use afx_dsp::{DspError, Factor, HalfBand, Oversampled, Oversampler};
use realfft::RealFftPlanner;
use std::f64::consts::TAU;

const FS: f64 = 48e3;

/// An effect at rest with a gain in front.
fn shaper<C: Curve>(curve: C, adaa: Adaa, drive_db: f64) -> Waveshaper<C> {
    let mut shaper = Waveshaper::new(curve, adaa, FS).unwrap();
    shaper.set_drive_db(drive_db);
    shaper.reset();
    shaper
}

fn shaped<T: Scalar>(mut effect: impl Mono<T>, mut samples: Vec<T>) -> Vec<T> {
    effect.process_in_place(&mut samples);
    samples
}

/// Gauss's eight points and weights for the mean over 0..=1.
const GAUSS: [(f64, f64); 8] = [
    (0.01985507175123188, 0.05061426814518813),
    (0.10166676129318664, 0.11119051722668724),
    (0.2372337950418355, 0.15685332293894363),
    (0.4082826787521751, 0.18134189168918100),
    (0.5917173212478249, 0.18134189168918100),
    (0.7627662049581645, 0.15685332293894363),
    (0.8983332387068134, 0.11119051722668724),
    (0.9801449282487681, 0.05061426814518813),
];

/// The mean of a smooth function between two arguments.
fn mean2(f: impl Fn(f64) -> f64, [a, b]: [f64; 2]) -> f64 {
    GAUSS.iter().map(|(t, weight)| weight * f(a + t * (b - a))).sum()
}

/// The mean of a smooth function over the triangle of three arguments: over the lines from one corner to the opposite side.
fn mean3(f: impl Fn(f64) -> f64, [a, b, c]: [f64; 3]) -> f64 {
    mean2(|t| 2.0 * t * mean2(&f, [a + t * (b - a), a + t * (c - a)]), [0.0, 1.0])
}

#[test]
fn the_antiderivatives_are_the_integrals_of_the_curves() {
    fn check(curve: impl Curve) {
        for n in -300..300 {
            // the corners lie at ends
            let ends = [0.02 * f64::from(n), 0.02 * f64::from(n + 1)];
            let [first, second] = [mean2(|x| curve.f(x), ends), mean2(|x| curve.f1(x), ends)];
            let rise = |f: &dyn Fn(f64) -> f64| (f(ends[1]) - f(ends[0])) / (ends[1] - ends[0]);
            // roundings of f1 <= 6 and f2 <= 18, divided by 0.02
            assert!((rise(&|x| curve.f1(x)) - first).abs() < 2e-13, "f1 at {ends:?}");
            assert!((rise(&|x| curve.f2(x)) - second).abs() < 1e-12, "f2 at {ends:?}");
        }
    }
    check(HardClip);
    check(Tanh);
    check(Cubic);
    check(Diodes);
}

/// Pairs and triples of every width from 1e-8 to 0.1 and every ratio of gaps, in any order, around `centre`.
fn spans(centre: f64, mut check: impl FnMut([f64; 3])) {
    let mut noise = afx_core::testing::Noise::new(5);
    for n in 0..20_000 {
        let width = 0.1 * 10f64.powf(-7.0 * noise.next_f64().abs());
        let gap = if n % 3 == 0 { noise.next_f64().abs() } else { 10f64.powf(-8.0 * noise.next_f64().abs()) };
        let a = centre + width * noise.next_f64();
        let mut x = [a, a + gap * width, a + width];
        if n % 2 == 0 {
            x[1] = a + width - gap * width;
        }
        x.rotate_left(n % 3);
        check(x);
    }
}

#[test]
fn means_are_what_they_promise_at_any_gap() {
    fn check(curve: &impl Curve, centre: f64) {
        spans(centre, |x| {
            let ends = [x[0], x[2]];
            let (found, expected) = (curve.mean2(ends, ends.map(|x| curve.f1(x))), mean2(|x| curve.f(x), ends));
            // 1e-11 times the derivatives: those of the diodes are about 5
            assert!((found - expected).abs() < 1e-10, "{ends:?}: {found} for {expected}");
            let (found, expected) = (curve.mean3(x, x.map(|x| curve.f2(x))), mean3(|x| curve.f(x), x));
            assert!((found - expected).abs() < 2e-9, "{x:?}: {found} for {expected}");
        });
    }
    for centre in [0.0, 0.3, -1.0, 3.0, -10.0, 100.0] {
        check(&Tanh, centre);
        check(&Diodes, centre);
        if centre != -1.0 {
            check(&Cubic, centre); // its corner is beyond quadrature
        }
    }
}

/// A curve without the bodies of its own for its means.
struct Divided<C>(C);

impl<C: Curve> Curve for Divided<C> {
    fn f(&self, x: f64) -> f64 {
        self.0.f(x)
    }
    fn f1(&self, x: f64) -> f64 {
        self.0.f1(x)
    }
    fn f2(&self, x: f64) -> f64 {
        self.0.f2(x)
    }
}

#[test]
fn the_closed_means_of_the_hard_clipper_are_the_divided_ones() {
    let both = |curve: &dyn Curve, x: [f64; 3]| {
        let ends = [x[0], x[2]];
        [curve.mean2(ends, ends.map(|x| curve.f1(x))), curve.mean3(x, x.map(|x| curve.f2(x)))]
    };
    let mut noise = afx_core::testing::Noise::new(6);
    for _ in 0..20_000 {
        let x = [(); 3].map(|()| 4.0 * noise.next_f64());
        let ([a, b], [c, d]) = (both(&HardClip, x), both(&Divided(HardClip), x));
        let gap = (x[0] - x[1]).abs().min((x[1] - x[2]).abs()).min((x[2] - x[0]).abs());
        if gap > 5e-3 {
            // 8e-16 of rounding in f2, divided by two gaps of which one is at least twice the other
            assert!((a - c).abs() < 1e-12 && (b - d).abs() < 1e-15 + 2e-15 / (gap * gap), "{x:?}: {a}, {b} for {c}, {d}");
        }
    }
    // next to a corner the bodies by default are off by an eighth of a gap below 2e-5, and by 2e-5
    for centre in [1.0, -1.0] {
        spans(centre, |x| {
            let ([a, b], [c, d]) = (both(&HardClip, x), both(&Divided(HardClip), x));
            assert!((a - c).abs() < 2.6e-6 && (b - d).abs() < 2e-5, "{x:?}: {a}, {b} for {c}, {d}");
        });
    }
}

#[test]
fn the_hard_clipper_loses_nothing_next_to_its_corner() {
    // what is missing of 1 there is proportional to the distance, so a small span is a large one reduced
    spans(0.0, |x| {
        let missing = |scale: f64| {
            let x = x.map(|x| 1.0 + scale * 16.0 * x);
            [HardClip.mean2([x[0], x[2]], [0.0; 2]), HardClip.mean3(x, [0.0; 3])].map(|y| (1.0 - y) / scale)
        };
        for (large, small) in missing(0.5).into_iter().zip(missing(1.0 / 65_536.0)) {
            // three roundings of numbers near 1
            assert!((large - small).abs() < 65_536.0 * 4e-16, "{x:?}: {small} for {large}");
        }
    });
}

#[test]
fn the_hard_clipper_is_exactly_at_its_limit_beyond_it() {
    let mut noise = afx_core::testing::Noise::new(8);
    for n in 0..1000 {
        let x = [(); 3].map(|()| 1.0 + 10f64.powi(n % 13) * noise.next_f64().abs());
        assert_eq!([HardClip.mean2([x[0], x[1]], [0.0; 2]), HardClip.mean3(x, [0.0; 3])], [1.0, 1.0]);
        assert_eq!([HardClip.mean2([-x[0], -x[1]], [0.0; 2]), HardClip.mean3(x.map(|x| -x), [0.0; 3])], [-1.0, -1.0]);
    }
}

#[test]
fn the_sequences_are_the_published_ones() {
    let x: Vec<f64> = (0..31).map(|n| 2.5 * (TAU * 1e3 * f64::from(n) / FS + 0.1).sin()).collect();
    let check = |y: Vec<f64>, expected: [f64; 5]| {
        for (n, e) in [0, 1, 5, 12, 30].into_iter().zip(expected) {
            // twelve decimals, and the error of a mean of samples 0.01 apart
            assert!((y[n] - e).abs() < 5e-12, "n {n}: {} for {e}", y[n]);
        }
    };
    let tanh = [0.123517306121, 0.386361095279, 0.918794721186, 0.986430851478, -0.948831772993];
    check(shaped(shaper(Tanh, Adaa::First, 0.0), x.clone()), tanh);
    let tanh = [0.082682339026, 0.263870151981, 0.893922851170, 0.986196109546, -0.934618981871];
    check(shaped(shaper(Tanh, Adaa::Second, 0.0), x.clone()), tanh);
    check(shaped(shaper(HardClip, Adaa::First, 0.0), x.clone()), [0.124791770809, 0.410858561889, 1.0, 1.0, -1.0]);
    check(shaped(shaper(Cubic, Adaa::First, 0.0), x.clone()), [0.185244275705, 0.576267262770, 1.0, 1.0, -1.0]);
}

#[test]
fn a_slow_tone_in_single_precision_is_good_to_half_an_ulp() {
    fn check(curve: impl Curve + Copy) {
        // 1.5 Hz: steps from 0 to 3e-4, and through the turning points
        let x: Vec<f32> = (0..48_000).map(|n| 1.5 * (TAU * 1.5 * f64::from(n) / FS).sin() as f32).collect();
        let [first, second] = [Adaa::First, Adaa::Second].map(|adaa| shaped(shaper(curve, adaa, 0.0), x.clone()));
        for n in 2..x.len() {
            let [c, b, a] = [n - 2, n - 1, n].map(|n| f64::from(x[n]));
            let (one, two) = (mean2(|x| curve.f(x), [a, b]), mean3(|x| curve.f(x), [a, b, c]));
            // half an ulp of numbers up to 1, and 2e-9
            assert!((f64::from(first[n]) - one).abs() < 3.2e-8, "first order, {n}: {} for {one}", first[n]);
            assert!((f64::from(second[n]) - two).abs() < 3.2e-8, "second order, {n}: {} for {two}", second[n]);
        }
    }
    check(Tanh);
    check(Cubic);
    check(Diodes);
}

/// Spectrum of 65,536 samples, for which anything before them is the past.
fn spectrum(x: &[f64]) -> Vec<f64> {
    let len = 65_536;
    let fft = RealFftPlanner::<f64>::new().plan_fft_forward(len);
    let (mut input, mut bins) = (x[x.len() - len..].to_vec(), fft.make_output_vec());
    fft.process(&mut input, &mut bins).unwrap();
    bins.iter().map(|c| c.norm()).collect()
}

/// A sine on bin `k`, with 4096 samples of past.
fn sine(k: usize, phase: f64) -> Vec<f64> {
    (0..65_536 + 4096).map(|n| (TAU * ((k * n) % 65_536) as f64 / 65_536.0 + phase).sin()).collect()
}

#[test]
fn the_curves_have_their_exact_harmonics() {
    fn check(curve: impl Curve, drive_db: f64, tolerance: f64, expected: [f64; 4]) {
        let bins = spectrum(&shaped(shaper(curve, Adaa::Off, drive_db), sine(1, 0.0)));
        for (harmonic, e) in [1, 3, 5, 7].into_iter().zip(expected) {
            let found = bins[harmonic] / 32_768.0;
            assert!((found - e).abs() < tolerance, "harmonic {harmonic}: {found} for {e}");
        }
    }
    // twelve decimals; the corners of the hard clipper alias by the square of 1 / 65536
    check(Tanh, 20.0, 1e-12, [1.267956383645, 0.408935757559, 0.230012364826, 0.149593643404]);
    check(Tanh, 0.0, 1e-12, [0.811675685132, 0.054245810326, 0.004516821993, 0.000382447171]);
    check(HardClip, 20.0, 2e-9, [1.271114284305, 0.418062925930, 0.244148748697, 0.167368506153]);
    check(Cubic, 0.0, 1e-12, [1.125, 0.125, 0.0, 0.0]);
}

/// What a sine on bin `k` keeps of its harmonics over what it gains besides, from the first bin to 20 kHz, in dB.
fn asnr<C: Curve>(shaper: Waveshaper<C>, factor: Factor, k: usize) -> f64 {
    let bins = spectrum(&shaped(Oversampled::new(Oversampler::new(factor, HalfBand::LinearPhase), shaper), sine(k, 0.3)));
    let power = |of_harmonics: bool| -> f64 {
        let heard = bins.iter().enumerate().take((20e3 / FS * 65_536.0) as usize + 1).skip(1);
        heard.filter(|(n, _)| (n % k == 0) == of_harmonics).map(|(_, bin)| bin * bin).sum()
    };
    10.0 * (power(true) / power(false)).log10()
}

#[test]
fn the_aliases_are_as_far_down_as_published_and_with_own_filters() {
    /// 1x, 2x, 4x without, with the first and with the second order.
    fn check(curve: impl Curve + Copy, k: usize, drive_db: f64, table: [[f64; 3]; 3]) {
        for (adaa, row) in [Adaa::Off, Adaa::First, Adaa::Second].into_iter().zip(table) {
            for (factor, published) in [Factor::X1, Factor::X2, Factor::X4].into_iter().zip(row) {
                let found = asnr(shaper(curve, adaa, drive_db), factor, k);
                // published for an ideal decimator, from 102 dB on without decimals; beyond 130 dB the half-bands count
                let tolerance = if published < 102.0 { 0.3 } else { 0.5 };
                assert!(
                    (found - published).abs() < tolerance || found > 130.0 && published > 130.0,
                    "{k}, {drive_db} dB, {adaa:?}, {factor:?}: {found} for {published}"
                );
            }
        }
    }
    check(HardClip, 1699, 20.0, [[33.4, 47.0, 58.3], [41.9, 69.6, 80.8], [48.6, 88.3, 101.9]]);
    check(HardClip, 5717, 20.0, [[14.5, 28.7, 41.0], [23.6, 45.8, 67.4], [31.3, 62.0, 92.6]]);
    check(Tanh, 1699, 20.0, [[38.7, 93.1, 196.0], [45.8, 108.0, 217.0], [52.5, 122.0, 193.0]]);
    check(Tanh, 5717, 20.0, [[16.1, 33.2, 66.0], [24.7, 50.1, 92.1], [32.5, 66.4, 118.0]]);
    check(Tanh, 1699, 40.0, [[19.1, 28.0, 39.5], [29.9, 46.5, 63.5], [37.4, 62.1, 84.9]]);
    check(Cubic, 1699, 20.0, [[28.5, 53.9, 73.7], [36.1, 69.6, 102.0], [43.0, 84.4, 127.0]]);
    for (k, factor, documented) in [(1699, Factor::X2, 86.0), (1699, Factor::X4, 101.0), (5717, Factor::X2, 58.8), (5717, Factor::X4, 92.2)]
    {
        let found = asnr(shaper(HardClip, Adaa::Second, 20.0).flattened(), factor, k);
        assert!((found - documented).abs() < 0.1, "{k}, {factor:?}, flattened: {found} for {documented}");
    }
    // the goals
    assert!(asnr(shaper(HardClip, Adaa::Second, 20.0), Factor::X2, 5717) >= 60.0);
    assert!(asnr(shaper(HardClip, Adaa::Second, 20.0), Factor::X2, 1699) >= 85.0);
}

/// Gains of a small signal at 1, 5, 10, 15 and 20 kHz in dB.
fn droop(effect: impl Mono<f64>) -> [f64; 5] {
    let mut x = vec![0.0; 65_536];
    x[0] = 0.5;
    let bins = spectrum(&shaped(effect, x));
    [1e3, 5e3, 10e3, 15e3, 20e3].map(|hz| {
        let bin = hz / FS * 65_536.0;
        let at = |n: f64| bins[n as usize];
        20.0 * (2.0 * (at(bin) + (bin - bin.floor()) * (at(bin + 1.0) - at(bin)))).log10()
    })
}

#[test]
fn small_signals_lose_the_published_treble_and_get_it_back() {
    let plain = |adaa| droop(shaper(HardClip, adaa, 0.0));
    for (found, published) in plain(Adaa::First).into_iter().zip([-0.019, -0.474, -2.01, -5.11, -11.74]) {
        assert!((found - published).abs() < 0.006, "first order: {found} dB for {published}"); // two decimals
    }
    for (found, published) in plain(Adaa::Second).into_iter().zip([-0.050, -1.29, -5.92, -22.1, -12.3]) {
        assert!((found - published).abs() < 0.06, "second order: {found} dB for {published}"); // one decimal
    }
    let flat = |adaa, factor| {
        let shaper = shaper(HardClip, adaa, 0.0).flattened();
        droop(Oversampled::new(Oversampler::new(factor, HalfBand::LinearPhase), shaper))
    };
    for (adaa, factor) in [(Adaa::First, Factor::X1), (Adaa::First, Factor::X2), (Adaa::Second, Factor::X2), (Adaa::Second, Factor::X4)] {
        let found = flat(adaa, factor);
        assert!(found.iter().all(|db| db.abs() < 0.07), "{adaa:?}, {factor:?}: {found:?} dB");
    }
    assert_eq!(droop(shaper(HardClip, Adaa::Off, 0.0).flattened()), [0.0; 5]);
}

#[test]
fn bent_signals_lose_less_treble_and_get_too_much_back() {
    let check = |factor, flat: bool, documented: [f64; 2]| {
        for (k, documented) in [13_653, 27_305].into_iter().zip(documented) {
            let shaper = shaper(HardClip, Adaa::Second, 20.0);
            let shaper = if flat { shaper.flattened() } else { shaper };
            let effect = Oversampled::new(Oversampler::new(factor, HalfBand::LinearPhase), shaper);
            let found = 20.0 * (spectrum(&shaped(effect, sine(k, 0.3)))[k] / 32_768.0 / 1.271114284305).log10();
            assert!((found - documented).abs() < 0.051, "bin {k}, {factor:?}, flat {flat}: {found} dB for {documented}"); // one decimal
        }
    };
    check(Factor::X1, false, [-2.0, -8.8]);
    check(Factor::X2, false, [-0.3, -2.0]);
    check(Factor::X2, true, [0.9, 3.8]);
    check(Factor::X4, true, [0.2, 0.9]);
}

#[test]
fn the_delay_is_the_reported_one() {
    for (adaa, delay, frames) in [(Adaa::Off, 0.0, 0), (Adaa::First, 0.5, 0), (Adaa::Second, 1.0, 1)] {
        for flat in [false, true] {
            let plain = shaper(Tanh, adaa, 0.0);
            let shaper = if flat { plain.flattened() } else { plain };
            let (reported, latency) = (shaper.group_delay_frames(), Mono::<f64>::latency_frames(&shaper));
            let mut x = vec![0.0; 2000];
            x[0] = 1e-6;
            let y = shaped(shaper, x);
            let centre = y.iter().enumerate().map(|(n, y)| n as f64 * y).sum::<f64>() / y.iter().sum::<f64>();
            assert!((centre - reported).abs() < 1e-6, "{adaa:?}, flat {flat}: {centre} for {reported}");
            if flat {
                assert!(reported.abs() < 0.08 && latency == 0, "{adaa:?}: {reported}, {latency}");
            } else {
                assert_eq!((reported, latency), (delay, frames));
            }
        }
    }
}

#[test]
fn gains_glide_arrive_and_are_held() {
    let mut shaper = Waveshaper::new(HardClip, Adaa::Off, FS).unwrap();
    let play = |shaper: &mut Waveshaper<HardClip>| {
        let mut y = [1e-3; 961];
        shaper.process_in_place(&mut y);
        y
    };
    assert_eq!(play(&mut shaper), [1e-3; 961]);
    shaper.set_drive_db(20.0);
    shaper.set_level_db(-6.0);
    let y = play(&mut shaper);
    let steps = y.windows(2).map(|y| y[1] / y[0]);
    // 14 dB in 961 samples, at most 1.5 times as fast in the middle
    assert!(steps.clone().all(|step| (1.0..1.0027).contains(&step)) && steps.clone().any(|step| step > 1.0022));
    let arrived = 1e-2 * 10f64.powf(-0.3);
    assert!((y[960] / arrived - 1.0).abs() < 1e-13, "{} for {arrived}", y[960]);
    assert_eq!(play(&mut shaper), [y[960]; 961]);
    shaper.set_drive_db(f64::NAN);
    assert_eq!(play(&mut shaper), [y[960]; 961]);
    shaper.set_drive_db(f64::INFINITY);
    shaper.set_level_db(-1e300);
    shaper.reset();
    assert!((play(&mut shaper)[0] / 1e-3 - 1.0).abs() < 1e-13); // 60 dB up, held to 1, 60 dB down
    assert!(matches!(Waveshaper::new(Tanh, Adaa::Off, 0.0), Err(DspError::OutOfRange { name: "sample_rate_hz", .. })));
}

/// Every order, plain and flat.
fn all<C: Curve + Copy>(curve: C) -> Vec<Waveshaper<C>> {
    let plain = [Adaa::Off, Adaa::First, Adaa::Second].map(|adaa| shaper(curve, adaa, 12.0));
    plain.iter().cloned().chain(plain.iter().cloned().map(Waveshaper::flattened)).collect()
}

#[test]
fn hostile_samples_are_silence_and_leave_no_trace() {
    fn check<T: Scalar>(curve: impl Curve + Copy, bursts: &[T]) {
        for shaper in all(curve) {
            let mut hostile: Vec<T> = (0..500).map(|n| T::from_f64((n as f64 * 0.3).sin())).collect();
            let mut silenced = hostile.clone();
            for (i, &burst) in bursts.iter().enumerate() {
                for n in 20 + 60 * i..40 + 60 * i {
                    hostile[n] = if n % 3 == 0 { -burst } else { burst };
                    silenced[n] = T::ZERO;
                }
            }
            let (found, expected) = (shaped(shaper.clone(), hostile), shaped(shaper, silenced));
            assert!(found == expected && found.iter().all(|y| y.is_finite()));
        }
    }
    check(HardClip, &[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE / 4.0, 1e-21, 2e10]);
    check(Tanh, &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 5e-324, 1e-21, 2e10]);
    check(Cubic, &[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE / 4.0, 1e-21, 2e10]);
    check(Diodes, &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 5e-324, 1e-21, 2e10]);
}

#[test]
fn whatever_the_samples_a_clipper_does_not_pass_its_limits() {
    fn check(curve: impl Curve + Copy, limit: f64) {
        let mut noise = afx_core::testing::Noise::new(7);
        // every magnitude from below silence to beyond a signal, by leaps and by small steps
        let x: Vec<f64> = (0..20_000)
            .map(|n| match n % 4 {
                0 => noise.next_f64() * 10f64.powf(32.0 * noise.next_f64() - 20.0),
                _ => 1.0 + 1e-3 * noise.next_f64().powi(9),
            })
            .collect();
        for adaa in [Adaa::Off, Adaa::First, Adaa::Second] {
            let y = shaped(shaper(curve, adaa, 60.0), x.clone());
            // 4e-10 where u^2 is divided by 1e-6 u^2
            assert!(y.iter().all(|y| y.abs() <= limit + 1e-9), "{adaa:?}: {:?}", y.iter().fold(0f64, |m, y| m.max(y.abs())));
        }
    }
    check(HardClip, 1.0);
    check(Tanh, 1.0);
    check(Cubic, 1.0);
    check(Diodes, 2.0);
}

#[test]
fn silence_after_sound_ends_in_exact_zeros() {
    fn check(curve: impl Curve + Copy) {
        for (n, shaper) in all(curve).into_iter().enumerate() {
            let mut x: Vec<f32> = (0..3000).map(|n| (n as f32 * 0.3).sin()).collect();
            x[1000..].fill(0.0);
            let y = shaped(shaper, x);
            let end = if n < 3 { 1002 } else { 2200 }; // 0.95^n passes 1e-20 after 900 samples
            assert!(y[end..].iter().all(|y| *y == 0.0), "{:?}", &y[end..end + 10]);
        }
    }
    check(HardClip);
    check(Tanh);
    check(Cubic);
    check(Diodes);
}

/// A clipper with a bias: silence is not 0 behind it.
#[derive(Clone, Copy)]
struct Biased;

impl Curve for Biased {
    fn f(&self, x: f64) -> f64 {
        HardClip.f(x + 0.25)
    }
    fn f1(&self, x: f64) -> f64 {
        HardClip.f1(x + 0.25)
    }
    fn f2(&self, x: f64) -> f64 {
        HardClip.f2(x + 0.25)
    }
}

#[test]
fn a_curve_that_is_not_0_at_0_rests_there_from_the_start() {
    for mut shaper in all(Biased) {
        for _ in 0..2 {
            let y = shaped(shaper.clone(), vec![0.0f64; 100]);
            assert!(y.iter().all(|y| (y - 0.25).abs() < 1e-15), "{y:?}");
            shaper.process_in_place(&mut [0.7f64; 50]);
            shaper.reset();
        }
    }
}

/// A curve that is no number beyond 2.
#[derive(Clone, Copy)]
struct Torn;

impl Curve for Torn {
    fn f(&self, x: f64) -> f64 {
        if x > 2.0 { f64::NAN } else { x }
    }
    fn f1(&self, x: f64) -> f64 {
        self.f(x) * x / 2.0
    }
    fn f2(&self, x: f64) -> f64 {
        self.f(x) * x * x / 6.0
    }
}

#[test]
fn a_curve_that_is_no_number_somewhere_spoils_three_samples() {
    for shaper in all(Torn) {
        let mut x = vec![0.1f64; 3000];
        x[10] = 1.0; // 4 behind the drive
        let y = shaped(shaper, x);
        assert!(y[10].is_nan() && y[13..].iter().all(|y| y.is_finite()) && (y[2999] - 0.1 * 10f64.powf(0.6)).abs() < 1e-12);
    }
}
