//! Effects that are changed, bypassed and mixed while they play.
#![cfg(feature = "std")]

use afx_core::testing::without_allocating;
use afx_core::{Channels, Mix, Processor, Series, Swap};
use afx_dsp::circuit::SynthOd;
use afx_dsp::{Convolver, Factor, HalfBand, Oversampled, Oversampler};

afx_core::guard_allocations!();

type Pedal = Channels<Oversampled<f32, SynthOd>>;

/// 45 frames late, two knobs.
fn pedal() -> Pedal {
    let overdrive = SynthOd::new(96e3).unwrap();
    Channels::new(Oversampled::new(Oversampler::new(Factor::X2, HalfBand::LinearPhase), overdrive), 2)
}

fn mix() -> Mix<f32, Pedal, 2> {
    Mix::new(pedal(), 20.0, 48e3)
}

/// In the middle of a fade between two pedals.
fn swap() -> Swap<f32, Pedal, 2> {
    let mut swap = Swap::new(pedal(), 2, 20.0, 48e3);
    swap.set_controls(&[-0.4, 0.2]);
    assert!(swap.change(pedal()).is_ok());
    let mut y = [[0.0; 1200]; 2];
    swap.process(&[&[0.1; 1200], &[0.1; 1200]], &mut y.each_mut().map(|y| &mut y[..]));
    assert!(swap.retired().is_none());
    swap
}

afx_core::processor_conformance!(mixed, mix(), 2, 3);
afx_core::processor_conformance!(swapped, swap(), 2, 2);
afx_core::processor_conformance!(mix_in_a_series, Series::<f32, 2>::new().then(mix(), 0..3).then(mix(), 1..4), 2, 4);

fn tone(frequency_hz: f64, amplitude: f64, frames: usize) -> Vec<f32> {
    (0..frames).map(|n| (amplitude * (2.0 * std::f64::consts::PI * frequency_hz * n as f64 / 48e3).sin()) as f32).collect()
}

fn play(effect: &mut impl Processor<f32>, x: &[f32]) -> Vec<f32> {
    let (mut y, mut right) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    effect.process(&[x, x], &mut [&mut y, &mut right]);
    assert_eq!(y, right);
    y
}

/// The largest second difference.
fn roughness(y: &[f32]) -> f64 {
    y.windows(3).map(|w| (f64::from(w[0]) - 2.0 * f64::from(w[1]) + f64::from(w[2])).abs()).fold(0.0, f64::max)
}

#[test]
fn a_mix_is_dry_or_wet_to_the_bit_and_in_between_in_proportion() {
    let x = tone(300.0, 0.3, 4000);
    let at = |knob: f32| {
        let mut mix = mix();
        mix.set_controls(&[knob, 0.6, -0.3]);
        mix.reset();
        play(&mut mix, &x)
    };
    let mut alone = pedal();
    alone.set_controls(&[0.6, -0.3]);
    alone.reset();
    let wet = play(&mut alone, &x);
    assert_eq!((at(1.0), at(7.0)), (wet.clone(), wet.clone()));
    let dry = at(-1.0);
    assert_eq!((&dry[45..], &dry[..45]), (&x[..3955], &[0.0; 45][..]), "the dry signal waits for the wet one");
    for (y, (wet, dry)) in at(-0.5).iter().zip(wet.iter().zip(&dry)) {
        assert!((y - (0.25 * wet + 0.75 * dry)).abs() < 1e-6);
    }
}

#[test]
fn a_bypass_does_not_click() {
    for frequency_hz in [110.0, 1000.0] {
        let x = tone(frequency_hz, 0.05, 60_000);
        let mut mix = mix();
        mix.set_controls(&[1.0, 0.5, 0.0]);
        let steady = roughness(&play(&mut mix, &x[..24_000])[12_000..]);
        mix.set_controls(&[-1.0, 0.5, 0.0]);
        let after = play(&mut mix, &x[24_000..]);
        assert!(roughness(&after) <= 1.1 * steady.max(roughness(&x)), "{frequency_hz} Hz");
        let arrived = 24_000 + 961 - 45;
        assert_eq!(after[961..], x[arrived..arrived + after.len() - 961], "20 ms later the effect is bypassed");
    }
}

#[test]
fn what_plays_before_and_after_a_change_is_the_one_effect_and_the_other() {
    let x = tone(200.0, 0.4, 10_000);
    let (mut first, mut second) = (pedal(), pedal());
    first.set_controls(&[0.8, 0.3]);
    second.set_controls(&[-0.5, -0.9]);
    first.reset();
    second.reset();
    let mut swap = Swap::<f32, _, 2>::new(first.clone(), 2, 20.0, 48e3);
    let (expected, before) = (play(&mut first, &x), play(&mut swap, &x[..4000]));
    assert_eq!(before, expected[..4000]);
    assert!(swap.change(second.clone()).is_ok());
    let (after, other) = (play(&mut swap, &x[4000..]), play(&mut second, &x[4000..]));
    assert_eq!(after[..961], expected[4000..4961], "the new one listens for 20 ms");
    assert_eq!(after[2 * 961..], other[2 * 961..]);
    let mut strictly = 0;
    for n in 961..2 * 961 {
        let (y, low, high) = (after[n], other[n].min(expected[4000 + n]), other[n].max(expected[4000 + n]));
        assert!((low - 1e-6..=high + 1e-6).contains(&y), "frame {n} of the fade is {y}, not between {low} and {high}");
        strictly += usize::from(low < y && y < high);
    }
    assert!(strictly > 900, "{strictly} frames of the fade have something of both");
}

#[test]
fn one_change_at_a_time_and_nothing_is_dropped() {
    let mut swap = swap();
    let refused = swap.change(pedal());
    assert!(refused.is_err(), "a fade is under way");
    play(&mut swap, &[0.0; 2 * 961 - 1200]);
    assert!(swap.change(pedal()).is_err(), "what faded out has not been taken");
    assert!(swap.retired().is_some() && swap.retired().is_none());
    assert!(swap.change(pedal()).is_ok());
    swap.reset();
    assert!(swap.retired().is_some(), "a reset ends the fade");
}

#[test]
fn the_next_effect_hears_the_knobs_that_were_set() {
    let x = tone(200.0, 0.4, 3000);
    let mut swap = Swap::<f32, _, 2>::new(pedal(), 2, 0.0, 48e3);
    swap.set_controls(&[0.9]);
    swap.set_controls(&[f32::NAN, -0.7]);
    assert!(swap.change(pedal()).is_ok());
    let mut expected = pedal();
    expected.set_controls(&[0.9, -0.7]);
    assert_eq!(play(&mut swap, &x)[2..], play(&mut expected, &x)[2..]);

    // knobs that were never set stay where they were when the effect was made ready
    let mut untouched = Swap::<f32, _, 2>::new(pedal(), 2, 0.0, 48e3);
    let mut ready = pedal();
    ready.set_controls(&[0.9, -0.7]);
    assert!(untouched.change(ready.clone()).is_ok());
    assert_eq!(play(&mut untouched, &x)[2..], play(&mut ready, &x)[2..]);
}

#[test]
fn knobs_turn_the_effect_that_leaves_and_the_one_that_comes() {
    let x = tone(200.0, 0.4, 4000);
    let (mut first, mut second) = (pedal(), pedal());
    second.effects_mut().iter_mut().for_each(|effect| effect.effect_mut().set_tone(0.0));
    let mut swap = Swap::<f32, _, 2>::new(first.clone(), 2, 20.0, 48e3);
    assert!(swap.change(second.clone()).is_ok());
    for effect in [&mut swap as &mut dyn Processor<f32>, &mut first, &mut second] {
        effect.set_controls(&[0.9]);
    }
    let y = play(&mut swap, &x);
    assert_eq!(y[..961], play(&mut first, &x)[..961]);
    assert_eq!(y[2 * 961..], play(&mut second, &x)[2 * 961..]);
}

#[test]
fn blocks_do_not_matter_to_a_fade() {
    let x = tone(150.0, 0.3, 2000);
    let fade = |block: usize| {
        let mut swap = swap();
        let mut y = play(&mut swap, &x[..100]);
        swap.set_controls(&[0.9, 0.9]);
        x[100..].chunks(block).for_each(|x| y.extend(play(&mut swap, x)));
        y
    };
    let whole = fade(10_000);
    for block in [1, 7, 63, 64, 65] {
        assert_eq!(fade(block), whole, "blocks of {block}");
    }
}

/// A cabinet is exchanged while a tone sounds: the reference asks for a step below -80 dB.
#[test]
fn another_impulse_response_comes_without_a_step() {
    let cabinet = |seed: f32| {
        let taps: Vec<f32> = (0..3000).map(|n| (seed * n as f32).sin() * (-(n as f32) / 300.0).exp() * 0.05).collect();
        Channels::new(Convolver::new(&taps).unwrap(), 2)
    };
    let x = tone(110.0, 0.5, 40_000);
    let mut swap = Swap::<f32, _, 2>::new(cabinet(0.7), 0, 50.0, 48e3);
    let before = play(&mut swap, &x[..20_000]);
    assert!(swap.change(cabinet(1.1)).is_ok());
    let after = play(&mut swap, &x[20_000..]);
    let joined: Vec<f32> = before[19_000..].iter().chain(&after).copied().collect();
    let steady = roughness(&before[10_000..]).max(roughness(&after[10_000..]));
    assert!(roughness(&joined) <= 1.05 * steady, "{} of {steady}", roughness(&joined));
}

#[test]
fn changing_and_taking_back_allocate_nothing() {
    let mut swap = Swap::<f32, _, 2>::new(pedal(), 2, 1.0, 48e3);
    let (mut next, mut old) = (Some(pedal()), None);
    let mut y = [[0.0; 100]; 2];
    without_allocating(|| {
        old = next.take().and_then(|next| swap.change(next).err());
        swap.process(&[&[0.1; 100], &[0.1; 100]], &mut y.each_mut().map(|y| &mut y[..]));
        assert!(old.is_none());
        old = swap.retired();
    });
    assert!(old.is_some());
}

/// Channels that are not there, more of them than expected, buffers of several lengths, no frames.
#[test]
fn both_take_whatever_a_host_gives() {
    let x = tone(100.0, 0.3, 300);
    let check = |effect: &mut dyn Processor<f32>| {
        let mut y = [vec![7.0; 300], vec![7.0; 310], vec![7.0; 320]];
        let [a, b, c] = &mut y;
        effect.process(&[&x, &x[..290], &x], &mut [a, b, c]);
        effect.process(&[], &mut []);
        effect.process(&[&[], &[]], &mut [&mut [], &mut []]);
        assert!(y[0][..290] == y[1][..290] && y[0][289] != 0.0);
        assert!(y[2][..290].iter().all(|y| *y == 0.0), "a third channel is not silent");
        assert!(y.iter().all(|y| y[290..].iter().all(|y| *y == 7.0)), "the shortest buffer sets the length");
        let (mut left, mut right) = ([7.0; 64], [7.0; 64]);
        effect.process(&[&x[..64]], &mut [&mut left, &mut right]);
        assert!(left[63] != 0.0 && right == [0.0; 64], "a channel without input is not silent");
        effect.process(&[&x, &x], &mut [&mut left]);
        assert!(left[63] != 0.0);
    };
    for knob in [-1.0, 0.1, 1.0] {
        let mut mix = mix();
        mix.set_controls(&[knob]);
        check(&mut mix);
    }
    check(&mut swap());
    check(&mut Swap::<f32, _, 2>::new(pedal(), 2, f64::NAN, f64::NAN));
}
