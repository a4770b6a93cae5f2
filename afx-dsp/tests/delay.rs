//! Echoes: where they are, how loud, and that nothing clicks.
#![cfg(feature = "std")]

use afx_core::{Mono, Processor};
use afx_dsp::{Delay, DspError, PingPong};
use std::f64::consts::TAU;

fn echo(time_frames: usize, feedback: f64) -> Delay<f64> {
    let mut echo = Delay::new(48e3, 500.0).unwrap();
    echo.set_time_ms(time_frames as f64 / 48.0).unwrap();
    echo.set_feedback(feedback).unwrap();
    echo.set_dry(0.0).unwrap();
    echo.set_wet(1.0).unwrap();
    echo.reset();
    echo
}

fn tone(frequency_hz: f64, frames: usize) -> Vec<f64> {
    (0..frames).map(|n| 0.3 * (TAU * frequency_hz * n as f64 / 48e3).sin()).collect()
}

/// The largest second difference.
fn roughness(y: &[f64]) -> f64 {
    y.windows(3).map(|w| (w[0] - 2.0 * w[1] + w[2]).abs()).fold(0.0, f64::max)
}

#[test]
fn echoes_of_an_impulse_come_at_exact_frames_with_powers_of_the_feedback() {
    for time_frames in [2, 3, 100, 4801, 24_000] {
        for feedback in [0.5, -0.75, 0.999] {
            let mut echo = echo(time_frames, feedback);
            let mut y = vec![0.0; 60_000];
            y[0] = 1.0;
            echo.process_in_place(&mut y);
            for (n, y) in y.iter().enumerate() {
                let k = (n / time_frames).wrapping_sub(1);
                let expected = if n % time_frames == 0 && n > 0 { feedback.powi(k as i32) } else { 0.0 };
                // the knob's place there and back is a rounding or two, to the power of k
                assert!((y - expected).abs() < 1e-15 * (2.0 + k as f64), "{time_frames}, {feedback}: {y} at {n}, not {expected}");
            }
        }
    }
}

#[test]
fn the_longest_feedback_stays_bounded_and_dies_out() {
    for (low_hz, high_hz) in [(20e3, 20.0), (2e3, 20.0), (20e3, 500.0), (3e3, 300.0)] {
        for feedback in [0.999, -0.999] {
            let mut echo = echo(100, feedback);
            echo.set_low_pass_hz(low_hz).unwrap();
            echo.set_high_pass_hz(high_hz).unwrap();
            echo.reset();
            let mut y: Vec<f64> = (0..400_000).map(|n| if n / 50 % 2 == 0 { 1.0 } else { -1.0 }).collect();
            echo.process_in_place(&mut y);
            let loudest = y.iter().fold(0.0, |m: f64, y| m.max(y.abs()));
            // 1 / (1 - 0.999), and twice that for a high-pass, which a step leaves twice as high at most
            assert!(loudest <= 2000.0, "{loudest}");
            let mut rest = vec![0.0; 2_000_000];
            echo.process_in_place(&mut rest);
            let last = rest[1_900_000..].iter().fold(0.0, |m: f64, y| m.max(y.abs()));
            assert!(last <= 1.01 * loudest * 0.999f64.powi(19_000), "{last} of {loudest}");
        }
    }
}

#[test]
fn another_time_fades_in_without_a_click_and_without_another_pitch() {
    for frequency_hz in [110.0, 1000.0] {
        let x = tone(frequency_hz, 96_000);
        for feedback in [0.0, 0.6] {
            let mut echo = echo(4801, feedback);
            let mut y = x.clone();
            echo.process_in_place(&mut y[..48_000]);
            for (n, block) in y[48_000..].chunks_mut(700).enumerate() {
                if n < 20 {
                    echo.set_time_ms([30.0, 500.0, 0.1, 250.3][n % 4]).unwrap();
                }
                echo.process_in_place(block);
            }
            // Steady: between all echoes alike, and all of them opposite.
            let steady = roughness(&x) / (1.0 - feedback);
            let (moving, before) = (roughness(&y[47_990..]), roughness(&y[30_000..47_990]));
            assert!(moving <= 1.05 * steady.max(before), "{frequency_hz} Hz, feedback {feedback}: {moving} of {steady}, {before} before");
        }
    }
    let mut echo = echo(4800, 0.0);
    let mut ramp: Vec<f64> = (0..20_000).map(f64::from).collect();
    echo.process_in_place(&mut ramp[..10_000]);
    echo.set_time_ms(50.0).unwrap();
    echo.process_in_place(&mut ramp[10_000..]);
    assert_eq!([ramp[9999], ramp[10_000 + 1442]], [5199.0, 11_442.0 - 2400.0], "30 ms later it is the other time to the bit");
    assert!(ramp[10_001..11_441].windows(2).all(|w| w[1] > w[0]));
}

#[test]
fn filters_in_the_loop_take_from_each_echo_what_they_take_and_leave_the_first_alone() {
    let magnitude = |h: &[f64], frequency_hz: f64| {
        let (re, im) = h.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, h)| {
            let (sin, cos) = (TAU * frequency_hz * n as f64 / 48e3).sin_cos();
            (re + h * cos, im - h * sin)
        });
        f64::hypot(re, im)
    };
    for (low_hz, high_hz) in [(2e3, 20.0), (20e3, 200.0), (4e3, 100.0)] {
        let mut echo = echo(20_000, 0.5);
        echo.set_low_pass_hz(low_hz).unwrap();
        echo.set_high_pass_hz(high_hz).unwrap();
        echo.reset();
        let mut y = vec![0.0; 80_000];
        y[0] = 1.0;
        echo.process_in_place(&mut y);
        for frequency_hz in [50.0, 200.0, 1e3, 5e3, 15e3] {
            // |1 - (1 - a) z| and so on, from the equations
            let w = TAU * frequency_hz / 48e3;
            let pole = |corner_hz: f64| (-TAU * corner_hz / 48e3).exp();
            let from_one = |p: f64| (1.0 - 2.0 * p * w.cos() + p * p).sqrt();
            let low = if low_hz == 20e3 { 1.0 } else { (1.0 - pole(low_hz)) / from_one(pole(low_hz)) };
            let high = if high_hz == 20.0 { 1.0 } else { pole(high_hz) * from_one(1.0) / from_one(pole(high_hz)) };
            for k in 0..3 {
                let expected = (0.5 * low * high).powi(k);
                let found = magnitude(&y[20_000 * (k as usize + 1)..][..20_000], frequency_hz);
                assert!((found - expected).abs() < 1e-9, "{frequency_hz} Hz, echo {k}: {found}, not {expected}");
            }
        }
    }
}

#[test]
fn knobs_turn_without_a_click() {
    let mut echo = echo(1000, 0.3);
    let x = tone(300.0, 96_000);
    let mut y = x.clone();
    for (n, block) in y.chunks_mut(3000).enumerate() {
        let far = if n % 2 == 0 { 0.7 } else { -1.0 };
        echo.set_controls(&[f64::NAN, 0.5 * far, -far, far, -far, far]);
        echo.process_in_place(block);
    }
    // Dry and wet at once, and feedback up to 0.5 of it; a high-pass that begins is a movement of 20 ms over 0.6.
    assert!(roughness(&y[3000..]) <= 1.1 * roughness(&x) * (1.0 + 1.0 / 0.5), "{} {}", roughness(&y), roughness(&x));
}

#[test]
fn on_tape_the_pitch_moves_with_the_time_and_nothing_is_louder_than_full_scale() {
    let play = |to_ms: f64| {
        let mut echo = echo(9600, 0.0).on_tape();
        echo.set_time_ms(200.0).unwrap();
        echo.reset();
        let mut y = tone(1000.0, 144_000);
        echo.process_in_place(&mut y[..24_000]);
        echo.set_time_ms(to_ms).unwrap();
        echo.process_in_place(&mut y[24_000..]);
        y
    };
    let crossings = |y: &[f64]| y.windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count();
    for (to_ms, gliding) in [(350.0, 25), (50.0, 75)] {
        let y = play(to_ms);
        // 150 ms at half a frame a frame are 300, less at their ends.
        let (before, during, after) = (crossings(&y[19_200..24_000]), crossings(&y[33_600..36_000]), crossings(&y[91_200..96_000]));
        assert!((99..=101).contains(&before) && (99..=101).contains(&after), "{before} {after}");
        assert!((gliding - 1..=gliding + 1).contains(&during), "{to_ms} ms: {during} periods in 50 ms");
        let steady = roughness(&y[12_000..24_000]);
        assert!(roughness(&y[24_000..]) <= 1.5f64.powi(2) * 1.05 * steady, "a fifth up is 1.5 squared as rough");
        let expected = tone(1000.0, 144_000)[140_010 - to_ms as usize * 48].tanh();
        assert!((y[140_010] - expected).abs() < 1e-12, "at rest the time is exact: {} {expected}", y[140_010]);
    }
    let mut loud = echo(4800, 0.999).on_tape();
    let mut y: Vec<f64> = (0..200_000).map(|n| 100.0 * (0.05 * f64::from(n)).sin()).collect();
    loud.process_in_place(&mut y);
    let loudest = y.iter().fold(0.0, |m: f64, y| m.max(y.abs()));
    assert!(loudest > 0.9 && loudest <= 1.25, "{loudest}"); // between two frames of 1 and -1 a cubic may go a quarter beyond
}

#[test]
fn ping_pong_goes_from_side_to_side_and_leaves_the_dry_sides_alone() {
    let mut echo = PingPong::<f64>::new(48e3, 100.0).unwrap();
    echo.set_time_ms(10.0).unwrap();
    echo.set_feedback(0.8).unwrap();
    echo.set_dry(0.5).unwrap();
    echo.set_wet(1.0).unwrap();
    Processor::<f64>::reset(&mut echo);
    let mut x = [vec![0.0; 5000], vec![0.0; 5000]];
    (x[0][0], x[1][0]) = (1.0, 0.5);
    let mut y = [vec![0.0; 5000], vec![0.0; 5000], vec![7.0; 5000]];
    let [left, right, third] = &mut y;
    echo.process(&[&x[0], &x[1]], &mut [left, right, third]);
    for n in 0..5000 {
        let k = (n / 480) as i32;
        let expected = match (n, n % 480) {
            (0, _) => [0.5, 0.25],
            (_, 0) if k % 2 == 1 => [0.75 * 0.8f64.powi(k - 1), 0.0],
            (_, 0) => [0.0, 0.75 * 0.8f64.powi(k - 1)],
            _ => [0.0; 2],
        };
        assert!((y[0][n] - expected[0]).abs() < 1e-14 && (y[1][n] - expected[1]).abs() < 1e-14, "{n}: {} {}", y[0][n], y[1][n]);
    }
    assert!(y[2].iter().all(|y| *y == 0.0), "a third channel is not silent");

    let mut alone = vec![0.0; 1000];
    let mut silent = vec![7.0; 1000];
    Processor::<f64>::reset(&mut echo);
    echo.process(&[&x[0][..1000]], &mut [&mut alone, &mut silent]);
    assert!((alone[0] - 0.5).abs() < 1e-15 && (alone[480] - 1.0).abs() < 1e-15 && silent.iter().all(|y| *y == 0.0));
}

#[test]
fn what_makes_no_sense_is_refused_by_name_and_changes_nothing() {
    let mut echo = echo(100, 0.5);
    let name = |result: Result<(), DspError>| match result.unwrap_err() {
        DspError::OutOfRange { name, .. } => name,
        other => panic!("{other}"),
    };
    for nonsense in [f64::NAN, f64::INFINITY, -1e9] {
        assert_eq!(name(echo.set_time_ms(nonsense)), "time_ms");
        assert_eq!(name(echo.set_feedback(nonsense)), "feedback");
        assert_eq!(name(echo.set_dry(nonsense)), "dry");
        assert_eq!(name(echo.set_wet(nonsense)), "wet");
        assert_eq!(name(echo.set_low_pass_hz(nonsense)), "corner_hz");
        assert_eq!(name(echo.set_high_pass_hz(nonsense)), "corner_hz");
        assert_eq!(name(Delay::<f64>::new(48e3, nonsense).map(|_| ())), "max_ms");
        assert_eq!(name(PingPong::<f64>::new(nonsense, 100.0).map(|_| ())), "sample_rate_hz");
    }
    assert!(echo.set_time_ms(501.0).is_err() && echo.set_feedback(1.0).is_err() && echo.set_time_ms(500.0).is_ok());
    echo.set_time_ms(100.0 / 48.0).unwrap();
    echo.reset();
    let mut y = vec![0.0; 300];
    y[0] = 1.0;
    echo.process_in_place(&mut y);
    assert!(y[100] == 1.0 && (y[200] - 0.5).abs() < 1e-15, "{}", y[200]);
}
