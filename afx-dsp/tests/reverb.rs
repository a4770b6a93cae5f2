//! Reverberation: the delays, levels and decay times that are promised, and knobs that glide.

use afx_core::{Processor, testing::Noise};
use afx_dsp::filter::{FilterShape, FilterSpec, Svf};
use afx_dsp::reverb::{FeedbackDelayNetwork, Freeverb, Plate};

const RATE: f64 = 48e3;

fn played<T: afx_core::Scalar>(reverb: &mut impl Processor<T>, left: &[T], right: &[T]) -> [Vec<T>; 2] {
    let [mut a, mut b] = [(); 2].map(|()| vec![T::ZERO; left.len()]);
    reverb.process(&[left, right], &mut [&mut a, &mut b]);
    [a, b]
}

fn impulse(frames: usize) -> Vec<f64> {
    let mut x = vec![0.0; frames];
    x[0] = 1.0;
    x
}

/// The time of 60 dB, from the line through the energy still to come between -5 and -35 dB (ISO 3382-1), of a band around a frequency.
fn decay_s(y: &[f64], rate_hz: f64, frequency_hz: f64) -> f64 {
    let mut y = y.to_vec();
    for _ in 0..2 {
        Svf::new(FilterSpec::new(FilterShape::BandPass, rate_hz, frequency_hz, 8.0, 0.0).unwrap()).process_in_place(&mut y);
    }
    let mut left: Vec<f64> = y.iter().map(|y| y * y).collect();
    for n in (0..left.len() - 1).rev() {
        left[n] += left[n + 1];
    }
    let points: Vec<(f64, f64)> = left
        .iter()
        .enumerate()
        .map(|(n, e)| (n as f64 / rate_hz, 10.0 * (e / left[0]).log10()))
        .filter(|(_, db)| (-35.0..=-5.0).contains(db))
        .collect();
    let count = points.len() as f64;
    let (t, l) = points.iter().fold((0.0, 0.0), |(a, b), (t, l)| (a + t / count, b + l / count));
    let slope = points.iter().map(|(x, y)| (x - t) * (y - l)).sum::<f64>() / points.iter().map(|(x, _)| (x - t).powi(2)).sum::<f64>();
    -60.0 / slope
}

fn rms(x: &[f64]) -> f64 {
    (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt()
}

#[test]
fn a_network_decays_in_the_times_that_were_set() {
    for (low_s, part) in [(0.5, 1.0), (2.0, 0.4), (4.0, 0.25)] {
        let mut network = FeedbackDelayNetwork::<f64, 16>::new(RATE, 15.0, 50.0).unwrap();
        network.set_decay_s(low_s).unwrap();
        network.set_damping(part).unwrap();
        Processor::<f64>::reset(&mut network);
        let x = impulse((1.5 * low_s * RATE) as usize);
        let [left, _] = played(&mut network, &x, &x);
        for (frequency_hz, expected) in [(200.0, low_s), (8e3, part * low_s)] {
            let found = decay_s(&left, RATE, frequency_hz);
            // Sixteen delays are not a continuum: bands differ by some percent.
            assert!((found / expected - 1.0).abs() < 0.05, "{frequency_hz} Hz: {found} s, set {expected}");
        }
    }
}

#[test]
fn lasting_noise_comes_out_of_a_network_about_as_loud_as_it_went_in_and_the_channels_differ() {
    for seconds in [0.3, 1.0, 4.0] {
        let mut network = FeedbackDelayNetwork::<f64, 8>::new(RATE, 15.0, 50.0).unwrap();
        network.set_decay_s(seconds).unwrap();
        network.set_damping(1.0).unwrap();
        Processor::<f64>::reset(&mut network);
        let frames = ((1.0 + seconds) * 2.0 * RATE) as usize;
        let (left, right): (Vec<f64>, Vec<f64>) = (Noise::new(1).take(frames, 0.5), Noise::new(2).take(frames, 0.5));
        let [a, b] = played(&mut network, &left, &right);
        let half = frames / 2;
        for (y, x) in [(&a, &left), (&b, &right)] {
            let level_db = 20.0 * (rms(&y[half..]) / rms(&x[half..])).log10();
            assert!(level_db.abs() < 1.0, "{seconds} s: {level_db} dB");
        }
        let alike = a[half..].iter().zip(&b[half..]).map(|(a, b)| a * b).sum::<f64>() / (half as f64 * rms(&a[half..]) * rms(&b[half..]));
        assert!(alike.abs() < 0.1, "{seconds} s: correlation {alike}");
    }
}

/// Without decay only the first delays of the tank are heard: the first taps of each channel, after the direct ways through the allpasses.
#[test]
fn the_taps_of_a_plate_are_where_the_paper_has_them() {
    let rate = 29_761.0;
    let mut plate = Plate::<f64>::new(rate).unwrap();
    plate.set_decay(0.0).unwrap();
    plate.set_bandwidth(1.0).unwrap();
    plate.set_excursion(0.0).unwrap();
    Processor::<f64>::reset(&mut plate);
    let x = impulse(4000);
    let [left, right] = played(&mut plate, &x, &x);
    let direct = 0.75 * 0.75 * 0.625 * 0.625 * -0.7;
    for (y, [first, second, taken]) in [(&left, [266, 2974, 1990]), (&right, [353, 3627, 2111])] {
        assert!(y[..first].iter().all(|y| *y == 0.0));
        assert!((y[first] - 0.6 * direct).abs() < 1e-15, "{} {direct}", y[first]);
        // The same way through the allpasses, from the second tap on and, taken away, from the other half's: what is before it is a tail.
        let alone = |at: usize| y[at] - y[at - 1];
        assert!(alone(second).abs() > 0.5 * direct.abs() * 0.6 && alone(taken).abs() > 0.5 * direct.abs() * 0.6);
        assert!(alone(second) < 0.0 && alone(taken) > 0.0);
    }
}

#[test]
fn a_plate_decays_by_its_factor_four_times_a_turn() {
    // 10,645 and 10,944 frames of 29,761 Hz: 0.725 s.
    for (rate, factor) in [(29_761.0, 0.5), (48e3, 0.7), (96e3, 0.5)] {
        let mut plate = Plate::<f64>::new(rate).unwrap();
        plate.set_decay(factor).unwrap();
        plate.set_excursion(4.0).unwrap();
        Processor::<f64>::reset(&mut plate);
        let expected: f64 = 0.7254 * 3.0 / (-4.0 * factor.log10());
        let x = impulse((1.3 * expected * rate) as usize);
        let [left, right] = played(&mut plate, &x, &x);
        for y in [&left, &right] {
            let found = decay_s(y, rate, 500.0);
            // What turns back inside the allpasses makes the way longer.
            assert!((0.9..1.3).contains(&(found / expected)), "{rate} Hz, {factor}: {found} s of {expected}");
        }
        let alike = left.iter().zip(&right).map(|(a, b)| a * b).sum::<f64>() / (left.len() as f64 * rms(&left) * rms(&right));
        assert!(alike.abs() < 0.1, "{alike}");
    }
}

/// The reverberator of JUCE, by pedalboard 0.9.26 in single precision: room 0.7, damping 0.3, width 0.6, wet 1/3 of its scale, a click of 1 on the
/// left and one of -0.5 on the right five frames later; settled before.
#[test]
fn freeverb_plays_what_its_best_known_copy_does() {
    type Point = (usize, f64, f64);
    let at_44: [Point; 3] = [
        (4000, -0.0006253987667150795, -0.00023646949557587504),
        (10_000, 0.0008935019141063094, 0.0017345711821690202),
        (30_000, 0.00037467479705810547, 0.0005051642656326294),
    ];
    let at_48: [Point; 3] = [
        (4000, -0.0028086737729609013, 0.0012963623739778996),
        (10_000, 0.0009838431142270565, 0.0025724307633936405),
        (30_000, -0.000367581844329834, 0.00012786686420440674),
    ];
    for (rate, energy, points) in
        [(44_100, [0.13535509364941756, 0.1394175869308015], at_44), (48_000, [0.13173558043394434, 0.1365486356806274], at_48)]
    {
        let mut reverb = Freeverb::<f64>::new(f64::from(rate)).unwrap();
        reverb.set_room_size(0.7).unwrap();
        reverb.set_damping(0.3).unwrap();
        reverb.set_width(0.6).unwrap();
        Processor::<f64>::reset(&mut reverb);
        let frames = 2 * rate as usize;
        let (left, mut right) = (impulse(frames), vec![0.0; frames]);
        right[5] = -0.5;
        let y = played(&mut reverb, &left, &right);
        for (n, a, b) in points {
            // Single precision there, in loops that keep 0.9.
            assert!((y[0][n] - a).abs() < 5e-8 && (y[1][n] - b).abs() < 5e-8, "{rate} Hz, {n}: {} {}, {a} {b}", y[0][n], y[1][n]);
        }
        for (y, energy) in y.iter().zip(energy) {
            let found: f64 = y.iter().map(|y| y * y).sum();
            assert!((found / energy - 1.0).abs() < 1e-5, "{rate} Hz: {found} {energy}");
        }
    }
}

/// The largest second difference of a low tone's reverberation while a knob goes from end to end, against where it rests.
fn roughness(reverb: &mut impl Processor<f64>, controls: usize) -> f64 {
    let tone: Vec<f64> = (0..96_000).map(|n| 0.1 * (0.0144 * f64::from(n)).sin()).collect();
    let mut worst = 0.0f64;
    for knob in 0..controls {
        for (from, to) in [(-1.0, 1.0), (1.0, -1.0)] {
            let mut controls = vec![-0.5; controls];
            controls[knob] = from;
            reverb.set_controls(&controls);
            reverb.reset();
            let [mut y, _] = played(reverb, &tone[..72_000], &tone[..72_000]);
            controls[knob] = to;
            reverb.set_controls(&controls);
            y.extend(played(reverb, &tone[72_000..], &tone[72_000..])[0].iter());
            let bends = |y: &[f64]| y.windows(3).map(|w| (w[0] - 2.0 * w[1] + w[2]).abs()).fold(0.0, f64::max);
            worst = worst.max(bends(&y[71_990..75_000]) / bends(&y[48_000..71_990]).max(bends(&y[90_000..])));
        }
    }
    worst
}

#[test]
fn knobs_glide() {
    let mut network = FeedbackDelayNetwork::<f64, 8>::new(RATE, 15.0, 50.0).unwrap();
    let rough = [
        roughness(&mut network, 2),
        roughness(&mut Plate::<f64>::new(RATE).unwrap(), 2),
        roughness(&mut Freeverb::<f64>::new(RATE).unwrap(), 3),
    ];
    // From 0.1 to 60 s the input of a network falls by 28 dB in 20 ms, which bends more than so low a tone; a step of 1 dB in it would be 500.
    assert!(rough[0] < 4.0 && rough[1..].iter().all(|r| *r < 1.5), "{rough:?}");
}

#[test]
fn everything_fades_to_exact_silence_and_nonsense_is_refused_by_name() {
    let mut plate = Plate::<f32>::new(RATE).unwrap();
    plate.set_decay(0.2).unwrap();
    let mut network = FeedbackDelayNetwork::<f32, 8>::new(RATE, 5.0, 20.0).unwrap();
    network.set_decay_s(0.1).unwrap();
    let mut freeverb = Freeverb::<f32>::new(RATE).unwrap();
    freeverb.set_room_size(0.0).unwrap();
    let all: [&mut dyn Processor<f32>; 3] = [&mut plate, &mut network, &mut freeverb];
    for reverb in all {
        let (x, silence) = (vec![0.5; 480], vec![0.0; 480]);
        let [mut a, mut b] = [(); 2].map(|()| vec![0.0; 480]);
        reverb.process(&[&x, &x], &mut [&mut a, &mut b]);
        for _ in 0..1200 {
            reverb.process(&[&silence, &silence], &mut [&mut a, &mut b]);
            assert!(a.iter().chain(&b).all(|y| *y == 0.0 || y.is_normal()));
        }
        assert!(a.iter().chain(&b).all(|y| *y == 0.0), "{a:?}");
    }

    let name = |error: Option<afx_dsp::DspError>| match error {
        Some(afx_dsp::DspError::OutOfRange { name, .. }) => name,
        _ => "nothing",
    };
    assert_eq!(name(FeedbackDelayNetwork::<f32, 8>::new(RATE, 0.0, 20.0).err()), "shortest_ms");
    assert_eq!(name(FeedbackDelayNetwork::<f32, 8>::new(RATE, 20.0, 10.0).err()), "longest_ms");
    assert_eq!(name(FeedbackDelayNetwork::<f32, 7>::new(RATE, 10.0, 20.0).err()), "N");
    assert_eq!(name(FeedbackDelayNetwork::<f32, 0>::new(RATE, 10.0, 20.0).err()), "N");
    assert_eq!(name(FeedbackDelayNetwork::<f32, 2>::with_frames(RATE, [5, 0]).err()), "max_frames");
    assert_eq!(name(FeedbackDelayNetwork::<f32, 8>::new(f64::NAN, 10.0, 20.0).err()), "sample_rate_hz");
    assert_eq!(name(Plate::<f32>::new(1e3).err()), "sample_rate_hz");
    assert_eq!(name(Freeverb::<f32>::new(2e7).err()), "sample_rate_hz");
    assert_eq!(name(plate.set_decay(1.0).err()), "decay");
    assert_eq!(name(plate.set_damping(-0.1).err()), "damping");
    assert_eq!(name(plate.set_bandwidth(0.0).err()), "bandwidth");
    assert_eq!(name(plate.set_excursion(f64::NAN).err()), "excursion");
    assert_eq!(name(network.set_decay_s(61.0).err()), "decay_s");
    assert_eq!(name(network.set_damping(0.0).err()), "damping");
    assert_eq!(name(freeverb.set_room_size(1.1).err()), "room_size");
    assert_eq!(name(freeverb.set_damping(-1.0).err()), "damping");
    assert_eq!(name(freeverb.set_width(f64::INFINITY).err()), "width");
}

#[test]
fn a_moving_plate_plays_the_same_bits_in_any_blocks() {
    let x: Vec<f32> = Noise::new(9).take(20_000, 0.5);
    let mut plate = Plate::<f32>::new(RATE).unwrap();
    let [whole, _] = played(&mut plate, &x, &x);
    Processor::<f32>::reset(&mut plate);
    let parts: Vec<f32> = x.chunks(333).flat_map(|x| played(&mut plate, x, x)[0].clone()).collect();
    assert!(whole == parts);
    plate.set_excursion(0.0).unwrap();
    Processor::<f32>::reset(&mut plate);
    assert!(whole != played(&mut plate, &x, &x)[0], "it does not move");
}

#[test]
fn one_channel_is_both_and_without_input_there_is_silence() {
    let x: Vec<f32> = Noise::new(5).take(5000, 0.5);
    let mut plate = Plate::<f32>::new(RATE).unwrap();
    let both = played(&mut plate, &x, &x);
    Processor::<f32>::reset(&mut plate);
    let [mut a, mut b, mut c] = [(); 3].map(|()| vec![1.0; 5000]);
    plate.process(&[&x], &mut [&mut a, &mut b, &mut c]);
    assert!([a, b] == both && c.iter().all(|y| *y == 0.0));
    let mut none = vec![1.0; 100];
    plate.process(&[], &mut [&mut none]);
    assert!(none.iter().all(|y| *y == 0.0));
}
