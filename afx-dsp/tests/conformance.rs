//! Every block as a processor, in the suite that all processors pass.
#![cfg(feature = "std")]

use afx_core::{Channels, Mix, Mono, Processor, Series};
use afx_dsp::circuit::{DiodeClip, SynthOd, ToneStack, ToneStackParts};
use afx_dsp::filter::{Biquad, BiquadCascade, BiquadCoefficients, DcBlocker, FilterShape, FilterSpec, GraphicEq, Svf};
use afx_dsp::modulation::{ModulatedDelay, Phaser, Tremolo, Wave};
use afx_dsp::reverb::{FeedbackDelayNetwork, Freeverb, Plate};
use afx_dsp::waveshape::{Adaa, Cubic, Curve, Diodes, HardClip, Tanh, Waveshaper};
use afx_dsp::{
    Compressor, Convolver, Delay, Expander, Factor, Gain, GainComputer, Gate, HalfBand, Interpolation, Limiter, OptoCompressor,
    Oversampled, Oversampler, PingPong, Resampled, Width,
};

afx_core::guard_allocations!();

fn low_pass() -> FilterSpec {
    FilterSpec::new(FilterShape::LowPass, 48e3, 2e3, 0.8, 0.0).unwrap()
}

fn convolver() -> Convolver<f32> {
    Convolver::new(&(0..3000).map(|n| (n as f32).sin() * (-(n as f32) / 400.0).exp()).collect::<Vec<_>>()).unwrap()
}

fn overdrive(half_band: HalfBand) -> Oversampled<f32, SynthOd> {
    Oversampled::new(Oversampler::new(Factor::X2, half_band), SynthOd::new(96e3).unwrap())
}

fn shaper<C: Curve>(curve: C, adaa: Adaa) -> Waveshaper<C> {
    let mut shaper = Waveshaper::new(curve, adaa, 96e3).unwrap();
    shaper.set_drive_db(15.0);
    shaper
}

fn shaper_at_2x() -> Oversampled<f32, Waveshaper<Tanh>> {
    Oversampled::new(Oversampler::new(Factor::X2, HalfBand::LinearPhase), shaper(Tanh, Adaa::Second).flattened())
}

fn compressor() -> Compressor {
    Compressor::new(48e3, GainComputer { threshold_db: -30.0, ratio: 4.0, knee_db: 6.0 }, 2).unwrap()
}

fn gate() -> Gate {
    Gate::new(48e3, Expander { threshold_db: -30.0, ratio: 4.0, knee_db: 6.0, range_db: 60.0 }, 2).unwrap()
}

fn limiter() -> Limiter {
    let mut limiter = Limiter::new(48e3, 1.5, 2).unwrap();
    limiter.set_ceiling_db(-6.0);
    limiter.set_release_ms(30.0).unwrap();
    Processor::<f32>::reset(&mut limiter);
    limiter
}

/// At a rate so low that half a second of the suite is 24 seconds, which its cell takes to forget a loud sound.
fn opto() -> OptoCompressor {
    let mut opto = OptoCompressor::new(1e3).unwrap();
    opto.set_peak_reduction(25.0).unwrap();
    opto.reset();
    opto
}

fn opto_limiter() -> OptoCompressor {
    let mut opto = opto();
    opto.set_limiting(true);
    opto
}

/// Reverberations at a rate so low that half a second of the suite is long for them.
const SMALL_HZ: f64 = 8e3;

fn network() -> FeedbackDelayNetwork<f32, 8> {
    let mut network = FeedbackDelayNetwork::new(SMALL_HZ, 5.0, 20.0).unwrap();
    network.set_decay_s(0.4).unwrap();
    Processor::<f32>::reset(&mut network);
    network
}

/// Still: one that moves is elsewhere in its turn after a hostile signal.
fn plate() -> Plate<f32> {
    let mut plate = Plate::new(SMALL_HZ).unwrap();
    plate.set_excursion(0.0).unwrap();
    plate.set_decay(0.3).unwrap();
    Processor::<f32>::reset(&mut plate);
    plate
}

/// Silent again within half a second.
fn echo() -> Delay<f32> {
    let mut echo = Delay::new(48e3, 60.0).unwrap();
    echo.set_feedback(0.3).unwrap();
    echo.set_low_pass_hz(5e3).unwrap();
    echo.set_high_pass_hz(100.0).unwrap();
    echo
}

fn ping_pong() -> PingPong<f32> {
    PingPong::new(48e3, 60.0).unwrap()
}

/// A rate whose turns fit the 5000 frames of hostile sound, so that both sounds that are compared after it find the oscillator in one place.
const TURN_HZ: f64 = 9.6;

fn moving(mut effect: ModulatedDelay<f32>) -> Channels<ModulatedDelay<f32>> {
    effect.set_rate_hz(TURN_HZ).unwrap();
    effect.reset();
    Channels::new(effect, 2)
}

fn phaser(stages: usize) -> Phaser<f32> {
    let mut phaser = Phaser::new(48e3, stages).unwrap();
    phaser.set_rate_hz(TURN_HZ).unwrap();
    phaser.set_feedback(0.7).unwrap();
    phaser.reset();
    phaser
}

fn tremolo() -> Tremolo {
    let mut tremolo = Tremolo::new(48e3).unwrap();
    tremolo.set_rate_hz(TURN_HZ).unwrap();
    tremolo.reset();
    tremolo
}

fn chorus() -> ModulatedDelay<f32> {
    ModulatedDelay::chorus(48e3).unwrap().with_voices(3).unwrap()
}

/// A pedal in front of a loudspeaker.
fn rig() -> Series<f32, 2> {
    let pedal = Channels::new(overdrive(HalfBand::LinearPhase), 2);
    Series::new()
        .then(Channels::new(DcBlocker::new(48e3, 20.0).unwrap(), 2), 0..0)
        .then(pedal, 0..2)
        .then(Channels::new(convolver(), 2), 0..0)
}

/// Gate, overdrive, equaliser, plate beside the dry signal, limiter, with the knobs of the middle three.
fn board() -> Series<f32, 2> {
    let pedal = Channels::new(overdrive(HalfBand::LowLatency), 2);
    Series::new()
        .then(gate(), 0..0)
        .then(pedal, 0..2)
        .then(Channels::new(GraphicEq::octaves(48e3).unwrap(), 2), 2..9)
        .then(Mix::<f32, _, 2>::new(plate(), 20.0, 48e3), 9..12)
        .then(limiter(), 0..0)
}

afx_core::processor_conformance!(svf, Channels::new(Svf::new(low_pass()), 2), 2, 0);
afx_core::processor_conformance!(biquad, Channels::new(Biquad::new(BiquadCoefficients::new(low_pass())), 1), 1, 0);
afx_core::processor_conformance!(cascade, Channels::new(BiquadCascade::new(&[BiquadCoefficients::new(low_pass()); 3]), 1), 1, 0);
afx_core::processor_conformance!(graphic_eq, Channels::new(GraphicEq::octaves(48e3).unwrap(), 2), 2, 10);
afx_core::processor_conformance!(dc_blocker, Channels::new(DcBlocker::new(48e3, 20.0).unwrap(), 3), 3, 0);
afx_core::processor_conformance!(gain, Channels::new(Gain::new(48e3, -60.0, 12.0).unwrap(), 2), 2, 1);
afx_core::processor_conformance!(diode_clip, Channels::new(DiodeClip::new(48e3).unwrap(), 1), 1, 0);
afx_core::processor_conformance!(tone_stack, Channels::new(ToneStack::new(48e3, ToneStackParts::BASSMAN).unwrap(), 2), 2, 3);
afx_core::processor_conformance!(compressor, compressor(), 2, 0);
afx_core::processor_conformance!(gate, gate(), 2, 0);
afx_core::processor_conformance!(limiter, limiter(), 2, 0);
afx_core::processor_conformance!(opto_compresses, Channels::new(opto(), 2), 2, 1);
afx_core::processor_conformance!(opto_limits, Channels::new(opto_limiter(), 1), 1, 1);
afx_core::processor_conformance!(width, Width::new(48e3).unwrap(), 2, 1);
afx_core::processor_conformance!(network, network(), 2, 2);
afx_core::processor_conformance!(plate, plate(), 2, 2);
afx_core::processor_conformance!(freeverb, Freeverb::new(SMALL_HZ).unwrap(), 2, 3);
afx_core::processor_conformance!(delay, Channels::new(echo(), 2), 2, 6);
afx_core::processor_conformance!(delay_on_tape, Channels::new(echo().on_tape(), 1), 1, 6);
afx_core::processor_conformance!(delay_ping_pong, ping_pong(), 2, 6);
afx_core::processor_conformance!(delay_ping_pong_on_tape, ping_pong().on_tape(), 2, 6);
afx_core::processor_conformance!(chorus_of_three, moving(chorus()), 2, 5);
afx_core::processor_conformance!(chorus_of_sincs, moving(chorus().with_interpolation(Interpolation::Sinc)), 2, 5);
afx_core::processor_conformance!(flanger, moving(ModulatedDelay::flanger(48e3).unwrap().with_wave(Wave::Triangle)), 2, 5);
afx_core::processor_conformance!(vibrato, moving(ModulatedDelay::vibrato(48e3).unwrap()), 2, 5);
afx_core::processor_conformance!(phaser_of_six, Channels::new(phaser(6), 2), 2, 5);
afx_core::processor_conformance!(phaser_of_twelve, Channels::new(phaser(12).with_wave(Wave::Triangle), 1), 1, 5);
afx_core::processor_conformance!(plain_tremolo, Channels::new(tremolo(), 2), 2, 2);
afx_core::processor_conformance!(tremolo_with_photocell, Channels::new(tremolo().with_photocell(), 2), 2, 2);
afx_core::processor_conformance!(synth_od, Channels::new(SynthOd::new(48e3).unwrap(), 1), 1, 2);
afx_core::processor_conformance!(oversampled, Channels::new(overdrive(HalfBand::LinearPhase), 1), 1, 2);
afx_core::processor_conformance!(oversampled_low_latency, Channels::new(overdrive(HalfBand::LowLatency), 1), 1, 2);
afx_core::processor_conformance!(convolver_stereo, Channels::new(convolver(), 2), 2, 0);
afx_core::processor_conformance!(waveshaper_off, Channels::new(shaper(Cubic, Adaa::Off), 1), 1, 0);
afx_core::processor_conformance!(waveshaper_first, Channels::new(shaper(Diodes, Adaa::First), 2), 2, 0);
afx_core::processor_conformance!(waveshaper_second, Channels::new(shaper(HardClip, Adaa::Second), 2), 2, 0);
afx_core::processor_conformance!(waveshaper_flattened, Channels::new(shaper_at_2x(), 1), 1, 0);
afx_core::processor_conformance!(series, rig(), 2, 2);
afx_core::processor_conformance!(board, board(), 2, 12);
afx_core::processor_conformance!(resampled, Resampled::new(rig(), 48_000, 44_100, 2).unwrap(), 2, 2);
afx_core::processor_conformance!(resampled_down, Resampled::new(rig(), 48_000, 96_000, 2).unwrap(), 2, 2);

#[test]
fn a_series_plays_what_its_parts_play_by_hand() {
    let mut x: Vec<f32> = (0..1000).map(|n| 0.2 + 0.3 * (0.05 * n as f32).sin()).collect();
    let mut series = rig();
    series.set_controls(&[0.6, -0.4]);
    series.reset();
    let (mut left, mut right) = (vec![0.0; 1000], vec![1.0; 1000]);
    series.process(&[&x], &mut [&mut left, &mut right]);

    let mut overdrive = overdrive(HalfBand::LinearPhase);
    overdrive.effect_mut().set_drive(0.8);
    overdrive.effect_mut().set_tone(0.3);
    Mono::<f32>::reset(&mut overdrive);
    DcBlocker::new(48e3, 20.0).unwrap().process_in_place(&mut x);
    overdrive.process_in_place(&mut x);
    convolver().process_in_place(&mut x);
    let off = left.iter().zip(&x).fold(0f32, |worst, (a, b)| worst.max((a - b).abs()));
    assert!(off < 1e-6, "{off}"); // 0.6 in single precision is not quite twice 0.8 - 0.5
    assert!(right.iter().all(|y| *y == 0.0), "a channel without input is not silent");
    assert_eq!(series.latency(), 45);
}

#[test]
fn each_channel_has_an_effect_of_its_own() {
    let mut clips = Channels::new(DiodeClip::new(48e3).unwrap(), 2);
    clips.effects_mut()[1].set_gain_db(20.0);
    let (x, mut left, mut right) = ([0.1f32; 50], [0.0; 50], [0.0; 50]);
    clips.process(&[&x, &x], &mut [&mut left, &mut right]);
    let mut louder = [1.0f32; 50];
    DiodeClip::new(48e3).unwrap().process_in_place(&mut louder);
    assert!(left != right && right.iter().zip(&louder).all(|(a, b)| (a - b).abs() < 1e-6)); // 0.1 is rounded in f32
}

#[test]
fn an_empty_series_passes_what_comes_in() {
    let mut y = [[9.0f32; 100]; 3];
    let [a, b, c] = &mut y;
    Series::<f32, 2>::new().process(&[&[1.0; 100], &[2.0; 90]], &mut [a, b, c]);
    assert_eq!((y[0][..90].to_vec(), y[1][..90].to_vec(), y[2][..90].to_vec()), (vec![1.0; 90], vec![2.0; 90], vec![0.0; 90]));
    assert!(y.iter().all(|y| y[90..] == [9.0; 10]), "the shortest buffer sets the length");
}

/// What a chain must not be spoilt by: no channels, no parts, a chain in a chain, knobs of another number, buffers of several lengths.
#[test]
fn a_series_takes_whatever_a_host_gives() {
    let mut empty = Series::<f64, 0>::new().then(Series::<f64, 0>::new(), 0..3);
    let mut y = [1.0; 5];
    empty.process(&[&[0.5; 5]], &mut [&mut y]);
    assert_eq!(y, [0.0; 5]);

    let play = |mut effect: Series<f32, 2>, knobs: &[&[f32]]| {
        effect.reset();
        knobs.iter().for_each(|knobs| effect.set_controls(knobs));
        let x: Vec<f32> = (0..300).map(|n| (0.1 * n as f32).sin()).collect();
        let (mut left, mut right, mut none) = (vec![0.0; 300], vec![0.0; 310], vec![7.0; 320]);
        effect.process(&[&x, &x], &mut [&mut left, &mut right, &mut none]);
        effect.process(&[], &mut []);
        assert!(none[..300].iter().all(|y| *y == 0.0) && none[300..] == [7.0; 20]);
        (left, right)
    };
    let nested = || Series::new().then(rig(), 1..3);
    let plain = play(rig(), &[&[0.3, -0.2]]);
    assert_eq!(play(nested(), &[&[f32::NAN, 0.3, -0.2, 0.9]]), plain);
    assert_eq!(play(nested(), &[&[0.0, 0.3, -0.2], &[], &[1.0], &[1.0, f32::NAN, f32::NAN]]), plain);
    assert_eq!(play(nested(), &[&[0.0, 7.0, -7.0]]), play(rig(), &[&[1.0, -1.0]]));
}
