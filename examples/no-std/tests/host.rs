//! The program without std, on a machine with it.

use afx_core::Adapter;
use afx_no_std::{Effect, LEARNT, LEARNT_LEN, effect, interrupt};

/// A loud 220 Hz sine.
fn input(frames: usize) -> Vec<f32> {
    (0..frames).map(|n| 0.25 * (n as f32 * core::f32::consts::TAU * 220.0 / 48e3).sin()).collect()
}

/// Energy of the last quarter, when knobs and filters have come to rest.
fn energy(knob: f32) -> f32 {
    let mut effect = effect(&LEARNT, 48e3).unwrap();
    let (x, mut y) = (input(9600), vec![0.0; 9600]);
    for (x, y) in x.chunks(64).zip(y.chunks_mut(64)) {
        interrupt(&mut effect, knob, x, y);
    }
    y[7200..].iter().map(|v| v * v).sum()
}

#[test]
fn the_numbers_in_flash_fit_the_model() {
    let effect: Effect = effect(&LEARNT, 48e3).unwrap();
    assert_eq!(Adapter::<f32>::layout(&effect.model().adapter).len(), LEARNT_LEN);
    assert!(afx_no_std::effect(&LEARNT[1..], 48e3).is_err());
}

#[test]
fn the_knob_turns_the_overdrive_up() {
    // More drive is louder; twice the energy is far more than rounding could do.
    let (low, high) = (energy(-1.0), energy(1.0));
    assert!(low > 0.0 && high > 2.0 * low, "{low} {high}");
}

#[test]
fn buffers_of_any_size_sound_the_same() {
    let x = input(1000);
    let (mut whole, mut pieces) = (vec![0.0; 1000], vec![0.0; 1000]);
    interrupt(&mut effect(&LEARNT, 48e3).unwrap(), 0.3, &x, &mut whole);
    let mut other = effect(&LEARNT, 48e3).unwrap();
    let mut at = 0;
    for size in [0, 1, 7, 64, 128, 300, 500] {
        interrupt(&mut other, 0.3, &x[at..at + size], &mut pieces[at..at + size]);
        at += size;
    }
    assert_eq!((at, whole), (1000, pieces));
}
