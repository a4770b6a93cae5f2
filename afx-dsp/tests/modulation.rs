//! Moving delays, phases and levels against their closed forms.
#![cfg(feature = "std")]

use afx_core::{Channels, Mono, Processor};
use afx_dsp::modulation::{ModulatedDelay, Phaser, Tremolo, Wave};
use afx_dsp::{DspError, Interpolation};
use std::f64::consts::TAU;

/// `cos` or `sin` of a frequency at 48 kHz, at 0.3 of full scale.
fn tone(frequency_hz: f64, quarter: f64, frames: usize) -> Vec<f64> {
    (0..frames).map(|n| 0.3 * (TAU * (frequency_hz * n as f64 / 48e3 - 0.25 * quarter)).cos()).collect()
}

/// The largest second difference.
fn roughness(y: &[f64]) -> f64 {
    y.windows(3).map(|w| (w[0] - 2.0 * w[1] + w[2]).abs()).fold(0.0, f64::max)
}

fn name(result: Result<(), DspError>) -> &'static str {
    match result.unwrap_err() {
        DspError::OutOfRange { name, .. } => name,
        other => panic!("{other}"),
    }
}

#[test]
fn a_vibrato_of_5_hz_and_1_ms_bends_a_tone_by_54_cents() {
    for (interpolation, tolerance) in [(Interpolation::Lagrange, 0.02), (Interpolation::Sinc, 0.05)] {
        let mut vibrato = ModulatedDelay::<f64>::vibrato(48e3).unwrap().with_interpolation(interpolation);
        let (mut re, mut im) = (tone(1000.0, 0.0, 48_000), tone(1000.0, 1.0, 48_000));
        vibrato.clone().process_in_place(&mut re);
        vibrato.process_in_place(&mut im);
        // The phase from frame to frame of a tone that is cosine and sine at once.
        let cents: Vec<f64> = (4800..47_999)
            .map(|n| {
                let turned = (re[n] * im[n + 1] - im[n] * re[n + 1]).atan2(re[n] * re[n + 1] + im[n] * im[n + 1]);
                1200.0 * (turned / (TAU / 48.0)).log2()
            })
            .collect();
        let (low, high) = cents.iter().fold((0.0f64, 0.0f64), |(low, high), c| (low.min(*c), high.max(*c)));
        // 1 + 2 pi 5 Hz 1 ms, and 1 less that; the sinc's ripple of -85 dB moves by while it is read
        assert!((high - 53.551).abs() < tolerance && (low + 55.261).abs() < tolerance, "{interpolation:?}: {low} to {high} cents");
    }
}

/// The flanger of the project's reference: 1 to 1.9 ms and back.
#[test]
fn a_flanger_is_the_closed_form_of_its_moving_delay() {
    let mut flanger = ModulatedDelay::<f64>::flanger(48e3).unwrap().with_interpolation(Interpolation::Sinc);
    flanger.set_rate_hz(2.0).unwrap();
    flanger.set_feedback(0.0).unwrap();
    flanger.reset();
    let x = tone(3000.0, 1.0, 48_000);
    let mut y = x.clone();
    flanger.process_in_place(&mut y);
    for n in 1000..48_000 {
        let delay_s = 1e-3 + 0.9e-3 * 0.5 * (1.0 + (TAU * 2.0 * n as f64 / 48e3).sin());
        let expected = 0.5 * x[n] + 0.15 * (TAU * 3000.0 * (n as f64 / 48e3 - delay_s)).sin();
        assert!((y[n] - expected).abs() < 1e-5, "{n}: {} {expected}", y[n]); // the sinc's 85 dB
    }
}

#[test]
fn feedback_makes_a_comb_of_a_delay_that_rests() {
    let mut flanger = ModulatedDelay::<f64>::flanger(48e3).unwrap();
    flanger.set_depth_ms(0.0).unwrap();
    flanger.set_delay_ms(1.0).unwrap();
    flanger.set_feedback(-0.7).unwrap();
    flanger.set_mix(1.0).unwrap();
    flanger.reset();
    let mut y = vec![0.0; 1000];
    y[0] = 1.0;
    flanger.process_in_place(&mut y);
    for (n, y) in y.iter().enumerate() {
        let expected = if n % 48 == 0 && n > 0 { (-0.7f64).powi(n as i32 / 48 - 1) } else { 0.0 };
        assert!((y - expected).abs() < 1e-11, "{n}: {y} {expected}"); // 48 frames to the digits of a logarithm
    }
}

#[test]
fn the_voices_of_a_chorus_are_evenly_apart_and_share_the_level() {
    for voices in [1, 2, 3, 8] {
        let mut chorus = ModulatedDelay::<f64>::chorus(48e3).unwrap().with_voices(voices).unwrap();
        chorus.set_rate_hz(0.01).unwrap();
        chorus.set_depth_ms(4.0).unwrap();
        chorus.set_mix(1.0).unwrap();
        chorus.set_start_phase(0.05).unwrap();
        chorus.reset();
        // Slow enough that each voice is an echo of the impulse.
        let mut y = vec![0.0; 2000];
        y[0] = 1.0;
        chorus.process_in_place(&mut y);
        for v in 0..voices {
            let phase = TAU * (0.05 + v as f64 / voices as f64);
            let frames = 48.0 * (15.0 + 4.0 * phase.sin());
            let near = &y[frames as usize - 4..frames as usize + 6];
            let moment: f64 = near.iter().enumerate().map(|(i, y)| y * (i as f64 - 4.0 - frames.fract())).sum();
            let level: f64 = near.iter().sum();
            // A voice may lie near another one: those share what is found there.
            let sharing = (0..voices).filter(|w| {
                let other = 48.0 * (15.0 + 4.0 * (TAU * (0.05 + *w as f64 / voices as f64)).sin());
                (other - frames).abs() < 10.0
            });
            assert!((level * voices as f64 - sharing.clone().count() as f64).abs() < 1e-3, "voice {v} of {voices}: level {level}");
            assert!(sharing.count() > 1 || moment.abs() < 0.2, "voice {v} of {voices}: {moment} frames away");
        }
    }
}

#[test]
fn start_phases_put_the_sides_apart_and_knobs_turn_without_a_click() {
    let mut stereo = Channels::new(ModulatedDelay::<f64>::vibrato(48e3).unwrap().with_wave(Wave::Triangle), 2);
    stereo.effects_mut()[1].set_start_phase(0.5).unwrap();
    stereo.reset();
    let x = tone(1000.0, 1.0, 9600 + 4800);
    let (mut left, mut right) = (x.clone(), x.clone());
    stereo.process(&[&x, &x], &mut [&mut left, &mut right]);
    // Half a turn of 5 Hz later the left one is where the right one was: 4800 frames are whole periods of the tone.
    for n in 4800..9600 {
        assert!((left[n + 4800] - right[n]).abs() < 1e-9, "{n}");
    }

    let mut chorus = ModulatedDelay::<f64>::chorus(48e3).unwrap().with_voices(2).unwrap();
    let x = tone(300.0, 1.0, 96_000);
    let mut y = x.clone();
    for (n, block) in y.chunks_mut(3000).enumerate() {
        let far = if n % 2 == 0 { 1.0 } else { -1.0 };
        // All but the delay, which glides, and the pitch with it.
        chorus.set_controls(&[0.2 * far, far, f64::NAN, 0.3 * far, far]);
        chorus.process_in_place(block);
    }
    // 10 ms of depth within 20 ms are up to 0.75 frames a frame, those at 1 Hz another 0.06: the pitch, squared; feedback 1 / (1 - 0.3).
    let (moving, steady) = (roughness(&y[9000..]), roughness(&x));
    assert!(moving <= 1.81f64.powi(2) / 0.7 * steady, "{moving} {steady}");
}

#[test]
fn the_longest_feedback_of_the_deepest_flanger_stays_bounded() {
    for interpolation in [Interpolation::Linear, Interpolation::Lagrange, Interpolation::Sinc] {
        let mut flanger = ModulatedDelay::<f64>::flanger(48e3).unwrap().with_interpolation(interpolation);
        flanger.set_controls(&[1.0, 1.0, 0.6, 1.0, 1.0]);
        flanger.reset();
        let mut noise = afx_core::testing::Noise::new(1).take::<f64>(480_000, 1.0);
        flanger.process_in_place(&mut noise);
        let loudest = noise.iter().fold(0.0, |m: f64, y| m.max(y.abs()));
        assert!(loudest > 1.0 && loudest < 1000.0, "{interpolation:?}: {loudest}"); // 1 / (1 - 0.999)
    }
}

/// A phaser that rests.
fn phaser(stages: usize, centre_hz: f64, feedback: f64) -> Phaser<f64> {
    let mut phaser = Phaser::new(48e3, stages).unwrap();
    phaser.set_centre_hz(centre_hz).unwrap();
    phaser.set_octaves(0.0).unwrap();
    phaser.set_feedback(feedback).unwrap();
    phaser.reset();
    phaser
}

/// `|H|` from an impulse response.
fn magnitude(h: &[f64], frequency_hz: f64) -> f64 {
    let (re, im) = h.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, h)| {
        let (sin, cos) = (TAU * frequency_hz * n as f64 / 48e3).sin_cos();
        (re + h * cos, im - h * sin)
    });
    f64::hypot(re, im)
}

#[test]
fn the_notches_of_a_phaser_at_rest_are_those_of_the_closed_form() {
    let mut h = vec![0.0; 48_000];
    h[0] = 1.0;
    phaser(6, 440.0, 0.0).process_in_place(&mut h);
    for (i, anchor_hz) in [117.928, 440.0, 1636.272].into_iter().enumerate() {
        let t = (TAU / 2.0 * 440.0 / 48e3).tan() * (TAU / 24.0 * (2 * i + 1) as f64).tan();
        let notch_hz = 48e3 / (TAU / 2.0) * t.atan();
        assert!((notch_hz - anchor_hz).abs() < 5e-4, "{notch_hz}");
        let (at, beside) = (magnitude(&h, notch_hz), magnitude(&h, 1.01 * notch_hz));
        assert!(at < 1e-9 && beside > 1e-3, "{notch_hz} Hz: {at}, {beside} beside"); // a logarithm there and back
    }
    for frequency_hz in [5.0, 21.3e3] {
        assert!((magnitude(&h, frequency_hz) - 1.0).abs() < 0.05, "far from the notches everything passes");
    }
    for stages in 1..=12 {
        let mut h = vec![0.0; 48_000];
        h[0] = 1.0;
        let mut alone = phaser(stages, 700.0, 0.0);
        alone.set_mix(1.0).unwrap();
        alone.reset();
        alone.process_in_place(&mut h);
        for frequency_hz in [10.0, 300.0, 3e3, 20e3] {
            assert!((magnitude(&h, frequency_hz) - 1.0).abs() < 1e-12, "{stages} stages at {frequency_hz} Hz");
        }
    }
}

/// The reference phaser, computed with another program. Its allpasses are `o = c u + z; z = u - c o`: at rest the same, in motion nearly.
#[test]
fn a_phaser_with_feedback_is_the_reference_at_rest_and_near_it_in_motion() {
    let x: Vec<f64> = (0..48_000)
        .map(|n| {
            let (n, t) = (f64::from(n), f64::from(n) / 48e3);
            0.5 * (TAU * 440.0 * t).sin() * (-n / 24_000.0).exp() + 0.25 * (TAU * 1500.0 * t).sin()
        })
        .collect();
    let cases = [
        (0.5, 0.0, 0.0, [0.188406650835, 0.003719857512, -0.034092081234, -0.033928739507], 1e-11), // twelve digits
        (0.5, 0.0, 0.5, [0.199140379418, 0.112840938908, 0.011455740976, -0.029716853524], 1e-11),
        (0.5, 2.0, 0.5, [0.199197178277, 0.094641639789, -0.008455183891, -0.029919960364], 1e-3),
        (2.0, 1.0, 0.0, [0.188450566943, 0.043945982666, 0.317229257287, -0.031317120395], 2e-3),
    ];
    for (rate_hz, octaves, feedback, expected, tolerance) in cases {
        let mut phaser = phaser(6, 440.0, feedback);
        phaser.set_rate_hz(rate_hz).unwrap();
        phaser.set_octaves(octaves).unwrap();
        phaser.reset();
        let mut y = x.clone();
        phaser.process_in_place(&mut y);
        for (n, expected) in [10, 1000, 20_000, 47_999].into_iter().zip(expected) {
            assert!((y[n] - expected).abs() < tolerance, "{octaves} octaves, {n}: {} {expected}", y[n]);
        }
    }
}

#[test]
fn what_a_phaser_holds_never_grows_however_it_sweeps() {
    // A row of allpasses alone, swept as fast and as far as it goes: its output has the energy of its input.
    let mut alone = Phaser::<f64>::new(48e3, 12).unwrap();
    alone.set_controls(&[1.0, -0.5, 1.0, 0.0, 1.0]);
    alone.reset();
    let x = afx_core::testing::Noise::new(3).take::<f64>(48_000, 1.0);
    let mut y = x.clone();
    y.resize(480_000, 0.0);
    alone.process_in_place(&mut y);
    let energy = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
    assert!((energy(&y) / energy(&x) - 1.0).abs() < 1e-9, "{}", energy(&y) / energy(&x));

    for feedback in [1.0, -1.0] {
        let mut loud = Phaser::<f64>::new(48e3, 6).unwrap();
        loud.set_controls(&[1.0, -0.7, 1.0, feedback, 1.0]);
        loud.reset();
        let mut y = afx_core::testing::Noise::new(4).take::<f64>(480_000, 1.0);
        let given = energy(&y);
        loud.process_in_place(&mut y);
        assert!(energy(&y) <= given * 50.0f64.powi(2), "{}", energy(&y) / given); // 1 / (1 - 0.98)
    }
}

#[test]
fn a_phaser_sweeps_by_octaves_and_its_knobs_turn_without_a_click() {
    // At a quarter of a turn it stands an octave above the centre, and moves least.
    let mut sweeping = Phaser::<f64>::new(48e3, 4).unwrap();
    sweeping.set_rate_hz(0.01).unwrap();
    sweeping.set_octaves(1.0).unwrap();
    sweeping.set_start_phase(0.25).unwrap();
    sweeping.reset();
    let (mut y, mut expected) = (tone(900.0, 1.0, 4800), tone(900.0, 1.0, 4800));
    sweeping.process_in_place(&mut y);
    phaser(4, 1600.0, 0.0).process_in_place(&mut expected);
    for (n, (y, expected)) in y.iter().zip(&expected).enumerate() {
        assert!((y - expected).abs() < 1e-4, "{n}: {y} {expected}"); // 0.1 s of 100 s: 2e-5 octaves
    }

    let x = tone(300.0, 1.0, 96_000);
    let mut y = x.clone();
    let mut turned = Phaser::<f64>::new(48e3, 6).unwrap();
    for (n, block) in y.chunks_mut(3000).enumerate() {
        let far = if n % 2 == 0 { 0.8 } else { -0.8 };
        turned.set_controls(&[0.3 * far, 0.5 * far, far, 0.4 * far, far]);
        turned.process_in_place(block);
    }
    let (moving, steady) = (roughness(&y[3000..]), roughness(&x));
    assert!(moving <= 4.0 * steady, "{moving} {steady}");
}

#[test]
fn a_tremolo_is_its_closed_form() {
    type Shape = fn(f64) -> f64;
    let shapes: [(Wave, bool, Shape); 3] = [
        (Wave::Sine, false, |turns| 0.5 + 0.5 * (TAU * turns).sin()),
        (Wave::Triangle, false, |turns| (2.0 * (turns + 0.75).fract() - 1.0).abs()),
        (Wave::Sine, true, |turns| {
            let power = (0.5 - 0.5 * (TAU * turns).sin()).powi(2);
            (1.0 - power) / (1.0 + 8.0 * power)
        }),
    ];
    for (wave, photocell, shape) in shapes {
        for (depth, start) in [(1.0, 0.0), (0.3, 0.25), (0.0, 0.1)] {
            let mut tremolo = Tremolo::new(48e3).unwrap().with_wave(wave);
            if photocell {
                tremolo = tremolo.with_photocell();
            }
            tremolo.set_rate_hz(4.0).unwrap();
            tremolo.set_depth(depth).unwrap();
            tremolo.set_start_phase(start).unwrap();
            tremolo.reset();
            let x = tone(500.0, 0.0, 48_000);
            let mut y = x.clone();
            tremolo.process_in_place(&mut y);
            for n in 0..x.len() {
                let expected = x[n] * (1.0 - depth + depth * shape((start + 4.0 * n as f64 / 48e3).fract()));
                assert!((y[n] - expected).abs() < 1e-9, "{wave:?}, {photocell}, {depth}, {n}: {} {expected}", y[n]); // the sine's 7e-10
            }
        }
    }
    let mut turned = Tremolo::new(48e3).unwrap();
    let x = tone(300.0, 1.0, 96_000);
    let mut y = x.clone();
    for (n, block) in y.chunks_mut(3000).enumerate() {
        turned.set_controls(&[0.9, if n % 2 == 0 { 1.0 } else { -1.0 }]);
        turned.process_in_place(block);
    }
    assert!(roughness(&y) <= 1.1 * roughness(&x), "{} {}", roughness(&y), roughness(&x));
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let mut effect = ModulatedDelay::<f32>::chorus(48e3).unwrap();
    for nonsense in [f64::NAN, f64::INFINITY, -1e9] {
        assert_eq!(name(effect.set_rate_hz(nonsense)), "rate_hz");
        assert_eq!(name(effect.set_depth_ms(nonsense)), "depth_ms");
        assert_eq!(name(effect.set_delay_ms(nonsense)), "delay_ms");
        assert_eq!(name(effect.set_feedback(nonsense)), "feedback");
        assert_eq!(name(effect.set_mix(nonsense)), "mix");
        assert_eq!(name(effect.set_start_phase(nonsense)), "turns");
        assert_eq!(name(ModulatedDelay::<f32>::flanger(nonsense).map(|_| ())), "sample_rate_hz");
    }
    assert_eq!(name(effect.clone().with_voices(0).map(|_| ())), "voices");
    assert_eq!(name(effect.with_voices(9).map(|_| ())), "voices");

    let mut phaser = Phaser::<f32>::new(48e3, 6).unwrap();
    let mut tremolo = Tremolo::new(48e3).unwrap();
    for nonsense in [f64::NAN, f64::INFINITY, -1e9] {
        assert_eq!(name(phaser.set_rate_hz(nonsense)), "rate_hz");
        assert_eq!(name(phaser.set_centre_hz(nonsense)), "centre_hz");
        assert_eq!(name(phaser.set_octaves(nonsense)), "octaves");
        assert_eq!(name(phaser.set_feedback(nonsense)), "feedback");
        assert_eq!(name(phaser.set_mix(nonsense)), "mix");
        assert_eq!(name(phaser.set_start_phase(nonsense)), "turns");
        assert_eq!(name(tremolo.set_rate_hz(nonsense)), "rate_hz");
        assert_eq!(name(tremolo.set_depth(nonsense)), "depth");
        assert_eq!(name(tremolo.set_start_phase(nonsense)), "turns");
        assert_eq!(name(Phaser::<f32>::new(nonsense, 6).map(|_| ())), "sample_rate_hz");
        assert_eq!(name(Tremolo::new(nonsense).map(|_| ())), "sample_rate_hz");
    }
    assert_eq!(name(Phaser::<f32>::new(48e3, 0).map(|_| ())), "stages");
    assert_eq!(name(Phaser::<f32>::new(48e3, 13).map(|_| ())), "stages");
}
