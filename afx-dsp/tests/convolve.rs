//! The convolver against published numbers, against the sum that it stands for, and as a real-time block.
#![cfg(feature = "std")]

use afx_dsp::convolve::FourierScalar;
use afx_dsp::source::Rng;
use afx_dsp::{Convolver, DspError};
use assert_no_alloc::{AllocDisabler, assert_no_alloc, reset_violation_count, violation_count};
use proptest::prelude::*;

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// A block that could not go to another thread would not compile here.
const _: () = {
    const fn goes_to_another_thread<T: Send>() {}
    goes_to_another_thread::<Convolver<f32>>();
};

fn noise(seed: u64, n: usize) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    (0..n).map(|_| rng.normal()).collect()
}

/// A room: noise that decays by 60 dB.
fn room(taps: usize) -> Vec<f64> {
    noise(7, taps).iter().enumerate().map(|(n, h)| h * (-6.9 * n as f64 / taps as f64).exp()).collect()
}

fn single(x: &[f64]) -> Vec<f32> {
    x.iter().map(|&x| x as f32).collect()
}

fn direct(x: &[f64], h: &[f64]) -> Vec<f64> {
    (0..x.len()).map(|n| h.iter().take(n + 1).enumerate().map(|(k, h)| h * x[n - k]).sum()).collect()
}

fn convolved<T: FourierScalar>(x: &[T], h: &[T]) -> Vec<T> {
    let mut y = vec![T::ZERO; x.len()];
    Convolver::new(h).unwrap().process(x, &mut y);
    y
}

/// Signal to noise in dB.
fn fidelity(y: impl Iterator<Item = f64>, exact: &[f64]) -> f64 {
    let noise: f64 = y.zip(exact).map(|(y, e)| (y - e).powi(2)).sum();
    10.0 * (exact.iter().map(|e| e * e).sum::<f64>() / noise).log10()
}

/// A decaying cosine under a slow sine; the values are those of an independent sum in double precision (reference, section 1.3).
#[test]
fn a_sine_through_a_decaying_cosine_has_the_published_values() {
    let x: Vec<f64> = (0..5095).map(|n| if n < 4096 { (0.1 * f64::from(n)).sin() } else { 0.0 }).collect();
    let h: Vec<f64> = (0..1000).map(|m| (-f64::from(m) / 100.0).exp() * (0.3 * f64::from(m)).cos()).collect();
    let y = convolved(&x, &h);
    for (n, value) in [(1, 0.099833416647), (2, 0.293094844363), (500, 1.031254651628), (4095, 1.159196039047), (5094, -1.289018105646e-05)]
    {
        assert!((y[n] - value).abs() < 1e-12, "{n}: {} for {value}", y[n]); // twelve printed digits
    }
    let found = fidelity(convolved(&single(&x), &single(&h)).iter().map(|&y| f64::from(y)), &y);
    // what the source asks; it has 128.3 dB for the sum in single precision, 135.7 for partitions of 128 throughout
    assert!(found > 130.0, "{found} dB");
}

#[test]
fn every_length_gives_the_sum_of_products() {
    let x = noise(1, 3_000);
    for taps in [1, 2, 63, 64, 65, 127, 128, 129, 191, 192, 193, 1_000, 1_023, 1_024, 1_025, 1_536, 1_537, 2_900] {
        let h = room(taps);
        let exact = direct(&x, &h);
        let scale = exact.iter().fold(0.0f64, |a, b| a.max(b.abs()));
        for (n, (y, e)) in convolved(&x, &h).iter().zip(&exact).enumerate() {
            assert!((y - e).abs() < 1e-13 * scale, "{taps} taps, {n}: {y} for {e}");
        }
        let (x, h) = (single(&x), single(&h));
        let rounded = direct(&x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(), &h.iter().map(|&h| f64::from(h)).collect::<Vec<_>>());
        let found = fidelity(convolved(&x, &h).iter().map(|&y| f64::from(y)), &rounded);
        assert!(found > 130.0, "{taps} taps: {found} dB");
    }
}

/// Long ones: an impulse gives the impulse response back at once, and two impulses give it twice.
#[test]
fn an_impulse_gives_the_impulse_response_without_delay() {
    for taps in [8_191, 8_192, 8_193, 12_288, 12_289, 40_000] {
        let h = room(taps);
        let mut x = vec![0.0; taps + 10_000];
        (x[0], x[7_777]) = (1.0, -0.5);
        for (n, y) in convolved(&x, &h).iter().enumerate() {
            let exact = h.get(n).unwrap_or(&0.0) - 0.5 * n.checked_sub(7_777).and_then(|n| h.get(n)).unwrap_or(&0.0);
            assert!((y - exact).abs() < 4e-13, "{taps} taps, {n}: {y} for {exact}"); // the largest taps are 4
        }
    }
}

#[test]
fn silence_follows_when_the_response_has_ended() {
    let h = single(&room(20_000));
    let mut convolver = Convolver::new(&h).unwrap();
    let mut sound = single(&noise(2, 5_000));
    convolver.process_in_place(&mut sound);
    let mut silence = vec![0.0; 40_000];
    convolver.process_in_place(&mut silence);
    assert!(silence[19_000] != 0.0);
    assert!(silence[20_000 + 2 * 4_096..].iter().all(|y| y.to_bits() == 0));
    assert!(silence.iter().all(|y| y.to_bits() == 0 || y.is_normal()));
}

#[test]
fn no_output_is_a_subnormal_number() {
    let response: Vec<f32> = (0..300).map(|n| 0.5f32.powi(n)).collect();
    let mut x = vec![0.0; 1_000];
    (x[0], x[500]) = (1.0, 1e-19);
    let y = convolved(&x, &response);
    assert!(y[500] == 1e-19 && y.iter().all(|y| !y.is_subnormal()));
}

#[test]
fn no_block_and_no_reset_allocates() {
    let mut convolver = Convolver::new(&single(&room(10_000))).unwrap();
    let (x, mut y) = (single(&noise(6, 257)), [0.0; 257]);
    reset_violation_count();
    assert_no_alloc(|| {
        for _ in 0..100 {
            convolver.process(&x, &mut y);
        }
        convolver.reset();
    });
    assert_eq!(violation_count(), 0);
}

#[test]
fn what_is_no_number_is_silence() {
    let h = single(&room(3_000));
    let mut odd = single(&noise(3, 4_000));
    let mut silent = odd.clone();
    for (n, value) in [(0, f32::NAN), (70, f32::INFINITY), (600, -f32::INFINITY), (601, 2e10), (1_500, 1e-40)] {
        (odd[n], silent[n]) = (value, 0.0);
    }
    assert_eq!(convolved(&odd, &h), convolved(&silent, &h));
}

#[test]
fn a_reset_and_a_clone_begin_again() {
    let h = single(&room(9_000));
    let x = single(&noise(4, 20_000));
    let mut convolver = Convolver::new(&h).unwrap();
    let (mut first, mut again, mut other) = (x.clone(), x.clone(), x.clone());
    convolver.process_in_place(&mut first);
    convolver.reset();
    let mut clone = convolver.clone();
    convolver.process_in_place(&mut again);
    clone.process_in_place(&mut other);
    assert_eq!((&again, &other), (&first, &first));
    convolver.clone().process_in_place(&mut other);
    assert_eq!((convolver.taps(), convolver.latency_frames()), (9_000, 0));
}

#[test]
fn a_response_that_is_none_is_refused() {
    let refused = |h: &[f32]| Convolver::new(h).unwrap_err().to_string();
    assert_eq!(refused(&[]), "impulse_response: expected 1 to 16777216 taps, found 0");
    assert_eq!(refused(&[0.0, f32::NAN]), "impulse_response: expected taps within 1e10, found NaN");
    assert_eq!(refused(&[0.0, -2e10]), "impulse_response: expected taps within 1e10, found -20000000000");
    assert!(matches!(Convolver::new(&vec![0.0f32; (1 << 24) + 1]), Err(DspError::OutOfRange { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_split_gives_the_same_bits(taps in 1usize..12_000, blocks in prop::collection::vec(0usize..700, 1..60)) {
        let h = single(&room(taps));
        let x = single(&noise(5, blocks.iter().sum()));
        let whole = convolved(&x, &h);
        let mut convolver = Convolver::new(&h).unwrap();
        let mut split = x;
        let mut rest = &mut split[..];
        for block in blocks {
            let (now, later) = rest.split_at_mut(block);
            convolver.process_in_place(now);
            rest = later;
        }
        prop_assert_eq!(split, whole);
    }
}
