//! Oversamplers, measured: impulse, latency, ripple, stop band and noise, in f64 and f32.

use afx_core::Scalar;
use afx_dsp::oversample::{Downsampler, Upsampler};
use afx_dsp::{Factor, HalfBand, Oversampler};
use realfft::RealFftPlanner;
use std::f64::consts::TAU;

const FS: f64 = 48e3;
const OVER: [Factor; 4] = [Factor::X2, Factor::X4, Factor::X8, Factor::X16];

/// The stop band in the documentation, less the 0.2 dB by which a frequency may be off the worst one.
fn promised(half_band: HalfBand) -> f64 {
    match half_band {
        HalfBand::LinearPhase => -122.5,
        HalfBand::LowLatency => -127.7,
    }
}

fn db(magnitude: f64) -> f64 {
    20.0 * magnitude.max(1e-300).log10()
}

/// Magnitudes of the spectrum of `x`, whose length is a power of two.
fn spectrum(x: &[f64]) -> Vec<f64> {
    let fft = RealFftPlanner::<f64>::new().plan_fft_forward(x.len());
    let (mut input, mut bins) = (x.to_vec(), fft.make_output_vec());
    fft.process(&mut input, &mut bins).unwrap();
    bins.iter().map(|c| c.norm()).collect()
}

fn impulse<T: Scalar>(len: usize) -> Vec<T> {
    let mut x = vec![T::ZERO; len];
    x[0] = T::ONE;
    x
}

fn to_f64<T: Scalar>(x: &[T]) -> Vec<f64> {
    x.iter().map(|v| v.to_f64()).collect()
}

#[test]
fn interpolated_impulses_have_the_promised_pass_and_stop_bands() {
    for half_band in [HalfBand::LinearPhase, HalfBand::LowLatency] {
        for factor in OVER {
            let times = factor.get();
            let mut y = vec![0.0_f64; 4096 * times];
            Upsampler::new(factor, half_band).process(&impulse(4096), &mut y);
            let bins = spectrum(&y);
            let (mut ripple, mut stop) = (0.0_f64, f64::NEG_INFINITY);
            for (k, bin) in bins.iter().enumerate() {
                let f = k as f64 * FS / 4096.0;
                if f <= 20e3 {
                    ripple = ripple.max(db(bin / times as f64).abs());
                }
                // images of 0 to 20 kHz around every multiple of the base rate
                if f > 24e3 && (f - (f / FS).round() * FS).abs() <= 20e3 {
                    stop = stop.max(db(bin / times as f64));
                }
            }
            assert!(stop <= promised(half_band) && ripple <= 1e-4, "{half_band:?} {factor:?}: {stop} dB, {ripple} dB");
        }
    }
}

/// Level at the base rate, in dB, of the strongest bin that a unit sine of `f_hz` at the high rate leaves.
fn decimated<T: Scalar>(factor: Factor, half_band: HalfBand, f_hz: f64) -> f64 {
    let (times, frames) = (factor.get(), 8192);
    let fs = FS * times as f64;
    let x: Vec<T> = (0..(frames + 4096) * times).map(|n| T::from_f64((TAU * f_hz / fs * n as f64).sin())).collect();
    let mut y = vec![T::ZERO; frames + 4096];
    Downsampler::new(factor, half_band).process(&x, &mut y);
    // a sine on a bin needs no window; the start is left out
    db(spectrum(&to_f64(&y[4096..])).iter().fold(0.0_f64, |m, &b| m.max(b)) * 2.0 / frames as f64)
}

#[test]
fn decimators_stop_what_would_alias_into_the_pass_band() {
    let bin = FS / 8192.0;
    for half_band in [HalfBand::LinearPhase, HalfBand::LowLatency] {
        for factor in OVER {
            let mut worst = f64::NEG_INFINITY;
            for multiple in 1..=factor.get() / 2 {
                for offset in [-20e3, -19e3, -13e3, -4e3, -100.0, 7e3, 18e3, 20e3] {
                    let f = multiple as f64 * FS + offset;
                    if f < FS * factor.get() as f64 / 2.0 {
                        worst = worst.max(decimated::<f64>(factor, half_band, (f / bin).round() * bin));
                    }
                }
            }
            assert!(worst <= promised(half_band), "{half_band:?} {factor:?}: {worst} dB");
        }
    }
}

#[test]
fn what_lies_in_the_transition_band_aliases_beyond_20_khz_only() {
    // 24.5 kHz comes back at 23.5 kHz
    let frames = 8192;
    let f = (24.5e3 * 8192.0 / FS).round() * FS / 8192.0;
    let x: Vec<f64> = (0..frames * 4).map(|n| (TAU * f / (2.0 * FS) * n as f64).sin()).collect();
    let mut y = vec![0.0; frames * 2];
    Downsampler::new(Factor::X2, HalfBand::LinearPhase).process(&x, &mut y);
    let bins = spectrum(&y[frames..]);
    let edge = (20e3 / FS * frames as f64) as usize;
    let (audible, beyond) = bins.split_at(edge);
    let level = |bins: &[f64]| db(bins.iter().fold(0.0_f64, |m, &b| m.max(b)) * 2.0 / frames as f64);
    assert!(level(beyond) > -20.0, "the tone is still there: {}", level(beyond));
    // the bins are those of a sine that fits the window: only rounding leaks
    assert!(level(audible) < -200.0, "{}", level(audible));
}

fn round_trip<T: Scalar>(factor: Factor, half_band: HalfBand, x: &[T]) -> Vec<T> {
    let mut y = vec![T::ZERO; x.len()];
    Oversampler::new(factor, half_band).process(x, &mut y, |_| {});
    y
}

#[test]
fn the_linear_phase_round_trip_is_a_symmetric_impulse_at_the_reported_latency() {
    for (factor, latency) in Factor::ALL.into_iter().zip([0, 45, 51, 53, 53]) {
        let oversampler = Oversampler::<f64>::new(factor, HalfBand::LinearPhase);
        assert_eq!((oversampler.latency_frames(), oversampler.group_delay_frames()), (latency, latency as f64));
        let y = round_trip::<f64>(factor, HalfBand::LinearPhase, &impulse(256));
        for k in 0..=latency {
            // rounding of taps below 1
            assert!((y[latency + k] - y[latency - k]).abs() < 1e-16, "{factor:?}: {k} from the centre");
        }
        let peak = (0..256).max_by(|&a, &b| y[a].total_cmp(&y[b])).unwrap();
        assert_eq!(peak, latency, "{factor:?}");
        assert!(y[2 * latency + 1..].iter().all(|v| v.abs() < 1e-16), "{factor:?}: longer than symmetric");
    }
}

#[test]
fn the_low_latency_round_trip_has_the_reported_group_delay() {
    for (factor, expected) in Factor::ALL.into_iter().zip([0.0, 3.6649, 4.7976, 5.2292, 5.3685]) {
        let oversampler = Oversampler::<f64>::new(factor, HalfBand::LowLatency);
        let found = oversampler.group_delay_frames();
        assert!((found - expected).abs() < 1e-4, "{factor:?}: {found}"); // four digits were written
        assert_eq!(oversampler.latency_frames(), expected.round() as usize);
        let y = round_trip::<f64>(factor, HalfBand::LowLatency, &impulse(4096));
        // group delay at 0 Hz is the centroid of the impulse response
        let centroid = y.iter().enumerate().map(|(n, v)| n as f64 * v).sum::<f64>() / y.iter().sum::<f64>();
        assert!((centroid - found).abs() < 1e-9, "{factor:?}: {centroid} for {found}"); // the tail has died to 1e-20 by frame 4096
    }
}

#[test]
fn the_round_trip_is_flat_to_20_khz() {
    for half_band in [HalfBand::LinearPhase, HalfBand::LowLatency] {
        for factor in OVER {
            let bins = spectrum(&round_trip::<f64>(factor, half_band, &impulse(8192)));
            let edge = (20e3 / FS * 8192.0) as usize;
            let ripple = bins[..=edge].iter().map(|&b| db(b).abs()).fold(0.0, f64::max);
            assert!(ripple <= 1e-4, "{half_band:?} {factor:?}: {ripple} dB");
        }
    }
}

#[test]
fn single_precision_keeps_110_db() {
    let n = 8192;
    let bin = |hz: f64| (hz * n as f64 / FS).round() as usize;
    for half_band in [HalfBand::LinearPhase, HalfBand::LowLatency] {
        for factor in OVER {
            for hz in [100.0, 997.0, 19e3] {
                let (k, warm) = (bin(hz), 4096);
                let x: Vec<f32> = (0..n + warm).map(|i| (TAU * k as f64 * i as f64 / n as f64).sin() as f32).collect();
                let y = to_f64(&round_trip(factor, half_band, &x));
                let bins = spectrum(&y[warm..]);
                let rest: f64 = bins.iter().enumerate().filter(|&(i, _)| i != k).map(|(_, b)| b * b).sum();
                let noise = 10.0 * (rest / (bins[k] * bins[k])).log10();
                assert!(noise < -120.0, "{half_band:?} {factor:?} {hz} Hz: noise and distortion {noise} dB");
                assert!(db(bins[k] * 2.0 / n as f64).abs() < 1e-4, "{half_band:?} {factor:?} {hz} Hz: gain");
            }
            // the stop band in f32
            let alias = decimated::<f32>(factor, half_band, 4992.0 * FS / 8192.0);
            assert!(alias < -110.0, "{half_band:?} {factor:?}: alias {alias} dB");
        }
    }
}

#[test]
fn any_split_gives_the_same_bits() {
    fn check<T: Scalar>(half_band: HalfBand, factor: Factor) {
        let x: Vec<T> = (0..1000).map(|n| T::from_f64((n as f64 * 0.37).sin() + (n as f64 * 1.9).cos())).collect();
        let bend = |s: &mut [T]| s.iter_mut().for_each(|v| *v = *v * *v * *v);
        let mut whole = vec![T::ZERO; x.len()];
        Oversampler::new(factor, half_band).process(&x, &mut whole, bend);
        let mut oversampler = Oversampler::new(factor, half_band);
        let (mut y, mut at) = (x.clone(), 0);
        for len in [0, 1, 2, 3, 63, 64, 65, 128, 5, 0, 7, 300].into_iter().cycle() {
            let end = (at + len).min(y.len());
            oversampler.process_in_place(&mut y[at..end], bend);
            at = end;
            if at == y.len() {
                break;
            }
        }
        assert_eq!(whole, y, "{half_band:?} {factor:?}");
        // reset restores the first block
        oversampler.reset();
        oversampler.process(&x, &mut y, bend);
        assert_eq!(whole, y, "{half_band:?} {factor:?} after reset");
    }
    for half_band in [HalfBand::LinearPhase, HalfBand::LowLatency] {
        for factor in Factor::ALL {
            check::<f32>(half_band, factor);
            check::<f64>(half_band, factor);
        }
    }
}

/// Bursts in the input, and then bursts that the process in between makes, are to the oversampler what silence is.
fn check_hostile<T: Scalar>(bursts: &[T]) {
    let sine: Vec<T> = (0..1500).map(|n| T::from_f64((n as f64 * 0.05).sin())).collect();
    let place = |n: usize| (n % 150 < 7).then_some(n / 150).filter(|&i| i < bursts.len());
    let bursting: Vec<T> = sine.iter().enumerate().map(|(n, &x)| place(n).map_or(x, |i| bursts[i])).collect();
    let silenced: Vec<T> = sine.iter().enumerate().map(|(n, &x)| place(n).map_or(x, |_| T::ZERO)).collect();
    for half_band in [HalfBand::LinearPhase, HalfBand::LowLatency] {
        for factor in Factor::ALL {
            let (y, expected) = (round_trip(factor, half_band, &bursting), round_trip(factor, half_band, &silenced));
            assert!(y.iter().all(|v| v.is_finite()) && y == expected, "{half_band:?} {factor:?}");
            let between = |with: &dyn Fn(usize) -> T| {
                let (mut y, mut at) = (sine.clone(), 0);
                Oversampler::new(factor, half_band).process_in_place(&mut y, |samples| {
                    for s in samples {
                        if let Some(i) = place(at / factor.get()) {
                            *s = with(i);
                        }
                        at += 1;
                    }
                });
                y
            };
            let (y, expected) = (between(&|i| bursts[i]), between(&|_| T::ZERO));
            assert!(y.iter().all(|v| v.is_finite()) && y == expected, "{half_band:?} {factor:?}, between");
        }
    }
}

#[test]
fn hostile_samples_are_silence_and_leave_no_trace() {
    check_hostile(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e30, 2e10]);
    check_hostile(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, f64::from(f32::MAX), 1e30, 2e10]);
}

#[test]
fn buffers_of_different_length_are_used_as_far_as_both_reach() {
    let mut y = [7.0; 10];
    Oversampler::new(Factor::X1, HalfBand::LinearPhase).process(&[1.0, 2.0, 3.0], &mut y, |s| s.iter_mut().for_each(|v| *v = -*v));
    assert_eq!(y, [-1.0, -2.0, -3.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0]);
    let mut y = [7.0_f32; 11];
    Upsampler::new(Factor::X4, HalfBand::LowLatency).process(&[0.0; 5], &mut y);
    assert_eq!(y, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 7.0, 7.0]);
    let mut y = [7.0_f32; 3];
    Downsampler::new(Factor::X4, HalfBand::LowLatency).process(&[0.0; 11], &mut y);
    assert_eq!(y, [0.0, 0.0, 7.0]);
}

#[test]
fn an_aliasing_cubic_is_clean_at_4x() {
    // x^3 of 9 kHz makes 27 kHz, which would come back at 21 kHz, and of 15 kHz makes 45 kHz, which would come back at 3 kHz.
    let n = 8192;
    let k = (15e3 * n as f64 / FS).round() as usize;
    let x: Vec<f64> = (0..n + 512).map(|i| (TAU * k as f64 * i as f64 / n as f64).sin()).collect();
    let alias = |factor| {
        let mut y = vec![0.0; x.len()];
        Oversampler::new(factor, HalfBand::LinearPhase).process(&x, &mut y, |s: &mut [f64]| s.iter_mut().for_each(|v| *v = *v * *v * *v));
        db(spectrum(&y[512..])[n - 3 * k] * 2.0 / n as f64)
    };
    assert!(alias(Factor::X1) > -13.0); // a quarter
    // the harmonic itself is 12 + 122 dB down; what the cube makes of the images at -122 dB is the larger part
    assert!(alias(Factor::X4) < -120.0, "{}", alias(Factor::X4));
}
