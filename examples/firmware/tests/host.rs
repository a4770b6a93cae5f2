//! The program of the device on a machine with an operating system: the numbers it is compared with, and the same arithmetic in `f32`.

use afx_firmware::*;

/// The numbers compiled in were rounded once, from double precision; its own `tanh` may differ by a bit from one machine to the next.
const ROUNDING: f64 = 1e-7;

#[test]
fn the_numbers_in_flash_are_those_of_double_precision() {
    let (mut worst, mut peak) = (0f64, 0f64);
    play(&mut overdrive::<f64>(), |n, y| worst = worst.max((y - f64::from(OVERDRIVE[n])).abs()));
    play(&mut hyper::<f64>(), |n, y| worst = worst.max((y - f64::from(HYPER[n])).abs()));
    OVERDRIVE.iter().chain(&HYPER).for_each(|v| peak = peak.max(f64::from(v.abs())));
    assert!(worst < ROUNDING && peak > 0.1, "{worst:e} {peak}");
}

#[test]
fn single_precision_stays_within_the_tolerance() {
    let mut effect = afx_no_std::effect(&afx_no_std::LEARNT, RATE_HZ).unwrap();
    let (first, second) = (deviation(&mut effect, &OVERDRIVE), deviation(&mut hyper(), &HYPER));
    println!("host: overdrive {first:e}, hyper {second:e} from double precision, at most {TOLERANCE:e}");
    assert!(first <= TOLERANCE && second <= TOLERANCE, "{first:e} {second:e}");
    assert!(nan_stays_nan());
}

#[test]
fn another_effect_is_far_from_the_numbers() {
    // Without this, a tolerance too wide would go unseen.
    assert!(deviation(&mut overdrive(), &HYPER) > 1000.0 * TOLERANCE);
}
