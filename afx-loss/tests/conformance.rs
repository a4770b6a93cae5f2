//! What every loss promises; a new loss joins with one line in `common/zoo.rs`.

mod common;
#[path = "common/zoo.rs"]
mod zoo;

use afx_loss::{Loss, LossError};
use common::*;
use zoo::zoo;

const FRAMES: usize = 400;

/// A decaying tone with an offset and some noise: no silence, no symmetry.
fn tone() -> Vec<f64> {
    let noise = noise(FRAMES, 11);
    (0..FRAMES).map(|n| 0.5 * (0.1 * n as f64).sin() * (-(n as f64) / 200.0).exp() + 0.02 + 0.1 * noise[n]).collect()
}

fn gradient(loss: &mut dyn Loss<f64>, p: &[f64], y: &[f64]) -> Vec<f64> {
    let mut gradient = vec![0.0; p.len()];
    loss.evaluate(p, y, Some(&mut gradient)).unwrap();
    gradient
}

#[test]
fn gradients_equal_central_differences() {
    let (p, y) = (noise(FRAMES, 21), tone());
    for mut entry in zoo::<f64>() {
        let g = gradient(&mut entry.loss, &p, &y);
        let largest = g.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        assert!(largest > 1e-6, "{}: no gradient", entry.name);
        for i in (0..FRAMES).step_by(13).chain([FRAMES - 1]) {
            let step = 1e-6;
            let mut at = |offset: f64| {
                let mut p = p.clone();
                p[i] += offset;
                entry.loss.evaluate(&p, &y, None).unwrap()
            };
            let difference = (at(step) - at(-step)) / (2.0 * step);
            // Rounding of the values over the step is 1e-10 of the loss; curvature, step² of the slope's slope.
            let tolerance = 2e-6 * largest;
            assert!((difference - g[i]).abs() < tolerance, "{} [{i}]: difference {difference:e}, gradient {:e}", entry.name, g[i]);
        }
    }
}

#[test]
fn the_gradient_is_added_and_scaled() {
    let (p, y) = (noise(FRAMES, 22), tone());
    for mut entry in zoo::<f64>() {
        let g = gradient(&mut entry.loss, &p, &y);
        let mut added = vec![1.0; FRAMES];
        let value = entry.loss.accumulate(&p, &y, -0.5, Some(&mut added)).unwrap();
        assert_eq!(value, entry.loss.evaluate(&p, &y, Some(&mut vec![0.0; FRAMES])).unwrap(), "{}: the value is not scaled", entry.name);
        for (a, g) in added.iter().zip(&g) {
            assert!((a - (1.0 - 0.5 * g)).abs() < 1e-12 * (1.0 + g.abs()), "{}: {a} {g}", entry.name); // one rounding more
        }
    }
}

#[test]
fn single_precision_agrees_with_double() {
    let (p, y) = (noise(FRAMES, 23), tone());
    for (mut double, mut float) in zoo::<f64>().into_iter().zip(zoo::<f32>()) {
        let mut g32 = vec![0.0f32; FRAMES];
        let value = double.loss.evaluate(&p, &y, None).unwrap();
        let value32 = float.loss.evaluate(&single(&p), &single(&y), Some(&mut g32)).unwrap();
        close(double.name, f64::from(value32), value, 2e-5); // f32, and logarithms of quiet bins
        let g = gradient(&mut double.loss, &p, &y);
        let error: Vec<f64> = g.iter().zip(&g32).map(|(&a, &b)| a - f64::from(b)).collect();
        // The sign of a difference near zero may flip in one bin of a thousand; bins that a mask has made quiet are rounding in part (found 1.6e-3).
        assert!(norm(&error) < 2e-3 * norm(&g), "{}: gradient differs by {:e}", double.name, norm(&error) / norm(&g));
    }
}

#[test]
fn silence_and_perfection_stay_finite() {
    let (silence, y) = (vec![0.0; FRAMES], tone());
    for mut entry in zoo::<f64>() {
        for (p, y) in [(&silence, &y), (&y, &silence), (&silence, &silence), (&y, &y)] {
            let mut g = vec![0.0; FRAMES];
            let value = entry.loss.evaluate(p, y, Some(&mut g)).unwrap();
            assert!(value.is_finite() && g.iter().all(|g| g.is_finite()), "{}", entry.name);
        }
    }
    let (silence, y) = (single(&silence), single(&y));
    for mut entry in zoo::<f32>() {
        for (p, y) in [(&silence, &y), (&y, &silence), (&silence, &silence), (&y, &y)] {
            let mut g = vec![0.0; FRAMES];
            let value = entry.loss.evaluate(p, y, Some(&mut g)).unwrap();
            assert!(value.is_finite() && g.iter().all(|g| g.is_finite()), "{} in f32", entry.name);
        }
    }
}

#[test]
fn a_perfect_prediction_has_no_loss_and_no_gradient() {
    let y = single(&tone());
    for mut entry in zoo::<f32>().into_iter().filter(|entry| entry.zero) {
        let mut g = vec![0.0; FRAMES];
        let value = entry.loss.evaluate(&y, &y, Some(&mut g)).unwrap();
        assert_eq!(value, 0.0, "{}", entry.name);
        assert!(g.iter().all(|&g| g == 0.0), "{}", entry.name);
    }
}

#[test]
fn the_gradient_leads_out_of_silence() {
    let (silence, y) = (vec![0.0; FRAMES], tone());
    for mut entry in zoo::<f64>() {
        let g = gradient(&mut entry.loss, &silence, &y);
        let length = norm(&g);
        if !entry.wakes {
            // The forms documented as dead at silence: should one come alive, its documentation must change.
            assert!(length < 1e-6, "{}: {length}", entry.name);
            continue;
        }
        let step: Vec<f64> = g.iter().map(|g| -1e-4 * g / length).collect();
        let [before, after] = [&silence, &step].map(|p| entry.loss.evaluate(p, &y, None).unwrap());
        assert!(after < before, "{}: {before} to {after}", entry.name);
    }
}

#[test]
fn what_is_not_finite_in_either_signal_never_gives_a_plausible_number() {
    let refuses = |name: &str, value: f64| assert!(!value.is_finite(), "{name}: {value}");
    for (bad, at) in [(f64::NAN, 0), (f64::NAN, 200), (f64::INFINITY, 200), (f64::NEG_INFINITY, FRAMES - 1)] {
        let (mut p, y) = (tone(), tone());
        p[at] = bad;
        for (p, y) in [(&p, &y), (&y, &p), (&p, &p)] {
            zoo::<f64>().iter_mut().for_each(|entry| refuses(entry.name, entry.loss.evaluate(p, y, None).unwrap()));
            let (p, y) = (single(p), single(y));
            zoo::<f32>().iter_mut().for_each(|entry| refuses(entry.name, entry.loss.evaluate(&p, &y, None).unwrap().into()));
        }
    }
}

#[test]
fn wrong_lengths_are_errors() {
    let y = tone();
    for mut entry in zoo::<f64>() {
        let error = |found: Result<f64, LossError>| matches!(found, Err(LossError::LengthMismatch { .. }));
        assert!(error(entry.loss.evaluate(&y, &y[1..], None)), "{}: target", entry.name);
        assert!(error(entry.loss.evaluate(&y, &y, Some(&mut vec![0.0; FRAMES + 1]))), "{}: gradient", entry.name);
        assert!(matches!(entry.loss.evaluate(&[], &[], None), Err(LossError::TooShort { .. })), "{}: empty", entry.name);
        for frames in 1..FRAMES {
            // Short sequences are either evaluated or refused.
            let _ = entry.loss.evaluate(&y[..frames], &y[..frames], Some(&mut vec![0.0; frames]));
        }
    }
}

#[test]
fn a_loss_does_not_remember_the_last_sequence() {
    let (p, y) = (noise(FRAMES, 24), tone());
    for mut entry in zoo::<f64>() {
        let mut fresh = entry.loss.clone();
        let first = entry.loss.evaluate(&p, &y, None).unwrap();
        entry.loss.evaluate(&p[..360], &y[..360], Some(&mut vec![0.0; 360])).unwrap();
        entry.loss.evaluate(&y, &p, Some(&mut vec![0.0; FRAMES])).unwrap();
        assert_eq!(entry.loss.evaluate(&p, &y, None).unwrap(), first, "{}", entry.name);
        assert_eq!(fresh.evaluate(&p, &y, None).unwrap(), first, "{}: a clone", entry.name);
    }
}
