//! Loudness on the signals of EBU Tech 3341 and 3342 that can be synthesised, on closed-form signals, and against the crate `ebur128`.

use afx_loss::metrics::{Loudness, MetricError, loudness_error_lu};

use crate::signals::{RATE_HZ, assert_within, pair, sine, tiled, tone};

/// Both channels alike, as the test signals of the EBU are.
fn stereo(x: &[f64]) -> Loudness {
    Loudness::measure(&[x, x], RATE_HZ).unwrap()
}

#[test]
fn tech_3341_cases_1_to_6_measure_their_loudness() {
    // (segments, the document's -23 or -33 ± 0.1, the value of an independent implementation)
    type Case = (&'static [(f64, f64)], f64, f64);
    let cases: [Case; 5] = [
        (&[(-23.0, 20.0)], -23.0, -22.993297),
        (&[(-33.0, 20.0)], -33.0, -32.993297),
        (&[(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)], -23.0, -23.013869),
        (&[(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)], -23.0, -23.013869),
        (&[(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)], -23.0, -22.978657),
    ];
    for (segments, expected, computed) in cases {
        let found = stereo(&tone(segments)).integrated_lufs();
        assert_within(found, expected, 0.1); // the document's tolerance
        assert_within(found, computed, 1e-4); // phase at the joints is not prescribed
    }
    let [lr, centre, surround] = [-28.0, -24.0, -30.0].map(|level| tone(&[(level, 20.0)]));
    let five = Loudness::measure(&[&lr, &lr, &centre, &surround, &surround], RATE_HZ).unwrap().integrated_lufs();
    assert_within(five, -23.0, 0.1);
    assert_within(five, -23.016272, 1e-5);
}

#[test]
fn tech_3341_cases_1_and_2_hold_for_the_momentary_and_short_term_loudness() {
    for level in [-23.0, -33.0] {
        let loudness = stereo(&tone(&[(level, 20.0)]));
        assert_within(loudness.max_momentary_lufs(), level, 0.1);
        assert_within(loudness.max_short_term_lufs().unwrap(), level, 0.1);
    }
}

#[test]
fn tech_3341_case_9_keeps_the_short_term_loudness_constant() {
    let loudness = stereo(&tone(&[(-20.0, 1.34), (-30.0, 1.66)].repeat(5)));
    let windows = loudness.short_term_lufs();
    assert_eq!(windows.len(), 121, "one window every 100 ms from 3 s to 15 s");
    for found in windows {
        assert_within(found, -23.0, 0.1);
        assert_within(found, -22.98625, 1e-4); // -22.986286 to -22.986218
    }
}

#[test]
fn tech_3341_case_10_finds_the_short_term_maximum_at_any_offset() {
    for i in 0..20 {
        let mut x = vec![0.0; (f64::from(i) * 0.15 * RATE_HZ).round() as usize];
        x.extend(tone(&[(-23.0, 3.0)]));
        x.extend(vec![0.0; RATE_HZ as usize]);
        assert_within(stereo(&x).max_short_term_lufs().unwrap(), -23.0, 0.1);
    }
}

#[test]
fn tech_3341_case_12_keeps_the_momentary_loudness_constant() {
    let windows = stereo(&tone(&[(-20.0, 0.18), (-30.0, 0.22)].repeat(25))).momentary_lufs();
    for &found in &windows[6..] {
        assert_within(found, -23.0, 0.1);
        assert_within(found, -22.960443, 1e-3); // windows start anywhere in a sine period
    }
}

#[test]
fn tech_3341_case_13_finds_the_momentary_maximum_at_any_offset() {
    for i in 0..20 {
        let mut x = vec![0.0; (f64::from(i) * 0.02 * RATE_HZ).round() as usize];
        x.extend(tone(&[(-23.0, 0.4)]));
        x.extend(vec![0.0; RATE_HZ as usize]);
        assert_within(stereo(&x).max_momentary_lufs(), -23.0, 0.1);
    }
}

#[test]
fn tech_3342_cases_measure_their_range() {
    let cases: [(&[f64], f64); 4] =
        [(&[-20.0, -30.0], 10.0), (&[-20.0, -15.0], 5.0), (&[-40.0, -20.0], 20.0), (&[-50.0, -35.0, -20.0, -35.0, -50.0], 15.0)];
    for (levels, expected) in cases {
        let segments: Vec<(f64, f64)> = levels.iter().map(|&level| (level, 20.0)).collect();
        let found = stereo(&tone(&segments)).range_lu().unwrap();
        assert_within(found, expected, 1e-3); // the document allows 1 LU; the reference printed 3 decimals
    }
}

#[test]
fn blocks_below_70_lufs_do_not_count() {
    let gated = stereo(&tone(&[(-65.0, 10.0), (-72.5, 10.0)]));
    assert_within(gated.integrated_lufs(), -65.0, 0.1); // -67.3 if the quiet half, above the relative gate, were counted
    assert!(gated.range_lu().unwrap() < 5.0, "7.5 if all windows were counted");
    let quiet = stereo(&tone(&[(-75.0, 5.0)]));
    assert_eq!(quiet.integrated_lufs(), f64::NEG_INFINITY);
    assert_eq!(quiet.range_lu(), Ok(0.0));
}

#[test]
fn a_full_scale_sine_in_one_channel_measures_minus_3_01() {
    let x = sine(20 * RATE_HZ as usize, RATE_HZ / 997.0, 1.0, 0.0);
    assert_within(Loudness::measure(&[&x], RATE_HZ).unwrap().integrated_lufs(), -3.010283, 1e-5); // start of the filters
}

#[test]
fn the_tiled_pair_measures_the_reference_loudness() {
    let (p, y) = pair();
    let (p, y) = (tiled(&p), tiled(&y));
    let measure = |x: &[f64]| Loudness::measure(&[x], RATE_HZ).unwrap().integrated_lufs();
    assert_within(measure(&y), -9.88281164236, 1e-9); // 12 printed digits
    assert_within(measure(&p), -10.7953964594, 1e-9);
    assert_within(loudness_error_lu(&p, &y, RATE_HZ).unwrap(), 10.7953964594 - 9.88281164236, 1e-9);
}

/// A seeded noise whose level moves, so that gates and percentiles have something to do.
fn programme(seed: u64, frames: usize, frames_per_radian: f64) -> Vec<f64> {
    let mut state = seed;
    (0..frames)
        .map(|n| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let noise = (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
            noise * 10.0_f64.powf((-20.0 + 9.0 * (n as f64 / frames_per_radian).sin()) / 20.0)
        })
        .collect()
}

#[test]
fn loudness_agrees_with_the_crate_ebur128() {
    for (rate, rate_hz) in [(44_100_u32, 44_100.0), (48_000, 48_000.0), (96_000, 96_000.0)] {
        let (left, right) = (programme(1, 30 * rate as usize, 70_000.0), programme(2, 30 * rate as usize, 70_000.0));
        let mut theirs = ebur128::EbuR128::new(2, rate, ebur128::Mode::I | ebur128::Mode::S).unwrap();
        theirs.add_frames_planar_f64(&[&left, &right]).unwrap();
        let ours = Loudness::measure(&[&left, &right], rate_hz).unwrap();
        assert_within(ours.integrated_lufs(), theirs.loudness_global().unwrap(), 1e-6); // same blocks, same filters
        assert_within(*ours.short_term_lufs().last().unwrap(), theirs.loudness_shortterm().unwrap(), 1e-6);
        assert_within(*ours.momentary_lufs().last().unwrap(), theirs.loudness_momentary().unwrap(), 1e-6);
    }
}

#[test]
fn the_loudness_range_of_a_slow_programme_agrees_with_the_crate_ebur128() {
    let x = programme(3, 120 * 16_000, 160_000.0);
    let mut theirs = ebur128::EbuR128::new(1, 16_000, ebur128::Mode::LRA).unwrap();
    theirs.add_frames_planar_f64(&[&x]).unwrap();
    let ours = Loudness::measure(&[&x], 16_000.0).unwrap().range_lu().unwrap();
    assert_within(ours, theirs.loudness_range().unwrap(), 0.2); // they take one window a second, we ten
    assert!(ours > 10.0, "the level must move for the test to mean something: {ours} LU");
}

#[test]
fn the_low_frequency_channel_does_not_count() {
    let x = tone(&[(-23.0, 2.0)]);
    let zero = vec![0.0; x.len()];
    let six = Loudness::measure(&[&zero, &zero, &zero, &x, &zero, &zero], RATE_HZ).unwrap();
    assert_eq!(six.integrated_lufs(), f64::NEG_INFINITY);
}

#[test]
fn unusable_recordings_are_refused() {
    let x = tone(&[(-23.0, 1.0)]);
    let short = &x[..19_199];
    let error = |channels: &[&[f64]], rate| Loudness::measure(channels, rate).err();
    assert_eq!(error(&[short], RATE_HZ), Some(MetricError::TooShort { what: "loudness block of 400 ms", needed: 19_200, found: 19_199 }));
    assert_eq!(error(&[], RATE_HZ), Some(MetricError::Channels { expected: 1, found: 0 }));
    assert_eq!(error(&[&x[..]; 4], RATE_HZ), Some(MetricError::Channels { expected: 6, found: 4 }));
    assert_eq!(error(&[&x, short], RATE_HZ), Some(MetricError::LengthMismatch { what: "channel", expected: 48_000, found: 19_199 }));
    assert!(matches!(error(&[&x], 0.0), Some(MetricError::SampleRate { .. })));
    let negative = Loudness::measure_weighted(&[&x[..]], &[-1.0], RATE_HZ).err();
    assert!(matches!(negative, Some(MetricError::Parameter { .. })));
    assert!(Loudness::measure(&[&x], RATE_HZ).unwrap().range_lu().is_err(), "a range needs 3 s");
    assert_eq!(loudness_error_lu(&vec![0.0; x.len()], &x, RATE_HZ), Err(MetricError::Silent { what: "prediction" }));
}
