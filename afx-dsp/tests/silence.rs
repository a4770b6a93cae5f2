//! What is too small to hear becomes zero: a processor may take a hundred times longer for a subnormal number, and hosts refuse one.

use afx_core::{Channels, Processor};
use afx_dsp::circuit::{DiodeClip, SynthOd};
use afx_dsp::filter::{Biquad, BiquadCascade, BiquadCoefficients, DcBlocker, FilterShape, FilterSpec, Svf};
use afx_dsp::modulation::{ModulatedDelay, Phaser, Tremolo};
use afx_dsp::oversample::{Downsampler, Upsampler};
use afx_dsp::source::PluckedString;
use afx_dsp::waveshape::{Adaa, Cubic, Diodes, HardClip, Tanh, Waveshaper};
use afx_dsp::{Delay, Factor, Gain, HalfBand, OptoCompressor, Oversampler, PingPong, Resampled};

/// A processor of one channel.
type Effect = Box<dyn FnMut(&mut [f32])>;

fn play(effect: &mut impl Processor<f32>, samples: &mut [f32]) {
    let x = samples.to_vec();
    effect.process(&[&x], &mut [samples]);
}

/// All filters, oversamplers, circuits, waveshapers and one at another sample rate, by name.
fn effects() -> Vec<(String, Effect)> {
    let mut all: Vec<(String, Effect)> = Vec::new();
    for shape in [FilterShape::LowPass, FilterShape::HighPass, FilterShape::BandPass, FilterShape::Notch, FilterShape::LowShelf] {
        for frequency_hz in [20.0, 1e3, 15e3] {
            let spec = FilterSpec::new(shape, 48e3, frequency_hz, 1.0, 6.0).unwrap();
            let coefficients = BiquadCoefficients::new(spec);
            let (mut svf, mut cascade) = (Svf::<f32>::new(spec), BiquadCascade::<f32>::new(&[coefficients; 2]));
            all.push((format!("Svf {shape:?} {frequency_hz} Hz"), Box::new(move |s| svf.process_in_place(s))));
            all.push((format!("BiquadCascade {shape:?} {frequency_hz} Hz"), Box::new(move |s| cascade.process_in_place(s))));
        }
    }
    let mut blocker = DcBlocker::<f32>::new(48e3, 10.0).unwrap();
    all.push(("DcBlocker".into(), Box::new(move |s| blocker.process_in_place(s))));
    let mut gain = Gain::new(48e3, -60.0, 0.0).unwrap();
    gain.set_gain_db(-60.0);
    all.push(("Gain".into(), Box::new(move |s| gain.process_in_place(s))));
    let mut opto = OptoCompressor::new(48e3).unwrap();
    all.push(("OptoCompressor".into(), Box::new(move |s| opto.process_in_place(s))));
    let mut echo = Delay::<f32>::new(48e3, 10.0).unwrap();
    echo.set_high_pass_hz(100.0).unwrap();
    let mut tape = echo.clone().on_tape();
    all.push(("Delay".into(), Box::new(move |s| echo.process_in_place(s))));
    all.push(("Delay on tape".into(), Box::new(move |s| tape.process_in_place(s))));
    let mut ping_pong = PingPong::<f32>::new(48e3, 10.0).unwrap();
    all.push(("PingPong".into(), Box::new(move |s| play(&mut ping_pong, s))));
    let mut flanger = ModulatedDelay::<f32>::flanger(48e3).unwrap();
    all.push(("Flanger".into(), Box::new(move |s| flanger.process_in_place(s))));
    let (mut phaser, mut tremolo) = (Phaser::<f32>::new(48e3, 6).unwrap(), Tremolo::new(48e3).unwrap());
    phaser.set_feedback(0.9).unwrap();
    all.push(("Phaser".into(), Box::new(move |s| phaser.process_in_place(s))));
    all.push(("Tremolo".into(), Box::new(move |s| tremolo.process_in_place(s))));
    let (mut clip, mut overdrive) = (DiodeClip::new(48e3).unwrap(), SynthOd::new(48e3).unwrap());
    all.push(("DiodeClip".into(), Box::new(move |s| clip.process_in_place(s))));
    all.push(("SynthOd".into(), Box::new(move |s| overdrive.process_in_place(s))));
    for adaa in [Adaa::Off, Adaa::First, Adaa::Second] {
        let (mut hard, mut tanh) = (Waveshaper::new(HardClip, adaa, 48e3).unwrap(), Waveshaper::new(Tanh, adaa, 48e3).unwrap());
        let (mut cubic, mut diodes) = (Waveshaper::new(Cubic, adaa, 48e3).unwrap(), Waveshaper::new(Diodes, adaa, 48e3).unwrap());
        let mut flat = tanh.clone().flattened();
        all.push((format!("HardClip {adaa:?}"), Box::new(move |s| hard.process_in_place(s))));
        all.push((format!("Tanh {adaa:?}"), Box::new(move |s| tanh.process_in_place(s))));
        all.push((format!("Cubic {adaa:?}"), Box::new(move |s| cubic.process_in_place(s))));
        all.push((format!("Diodes {adaa:?}"), Box::new(move |s| diodes.process_in_place(s))));
        all.push((format!("Tanh {adaa:?}, flattened"), Box::new(move |s| flat.process_in_place(s))));
    }
    for half_band in [HalfBand::LinearPhase, HalfBand::LowLatency] {
        for factor in Factor::ALL {
            let mut oversampler = Oversampler::<f32>::new(factor, half_band);
            let name = format!("Oversampler {half_band:?} {factor:?}");
            all.push((name, Box::new(move |s| oversampler.process_in_place(s, |high| high.iter_mut().for_each(|v| *v *= 0.5)))));
        }
    }
    for outer_hz in [32_000, 44_100, 48_000, 96_000] {
        let blocker = Channels::new(DcBlocker::new(48e3, 10.0).unwrap(), 1);
        let mut effect = Resampled::<f32, _>::new(blocker, 48_000, outer_hz, 1).unwrap();
        all.push((format!("Resampled {outer_hz} Hz"), Box::new(move |s| play(&mut effect, s))));
    }
    all
}

#[test]
fn no_output_is_a_subnormal_number() {
    // fast and slow decays through all magnitudes, and noise of every magnitude
    let tone = |n: usize, frames: f32| (n as f32 * 0.1).sin() * (-(n as f32) / frames).exp();
    let fast: Vec<f32> = (0..20_000).map(|n| tone(n, 100.0)).collect();
    let slow: Vec<f32> = (0..40_000).map(|n| 1e-25 * tone(n, 1000.0)).collect();
    let noise: Vec<f32> = (0..4000).map(|n| (n as f32).sin() * 10f32.powi(n * 37 % 27 - 45)).collect();
    for (name, mut effect) in effects() {
        for (what, x) in [("fast decay", &fast), ("slow decay", &slow), ("noise", &noise)] {
            let mut y = x.clone();
            effect(&mut y);
            let found = y.iter().filter(|v| v.is_subnormal()).count();
            assert_eq!(found, 0, "{name}: {what}");
        }
    }
}

/// A block that could not go to another thread would not compile here.
const _: () = {
    const fn goes_to_another_thread<T: Send>() {}
    goes_to_another_thread::<Svf<f32>>();
    goes_to_another_thread::<Biquad<f32>>();
    goes_to_another_thread::<BiquadCascade<f32>>();
    goes_to_another_thread::<DcBlocker<f32>>();
    goes_to_another_thread::<Oversampler<f32>>();
    goes_to_another_thread::<Upsampler<f32>>();
    goes_to_another_thread::<Downsampler<f32>>();
    goes_to_another_thread::<DiodeClip>();
    goes_to_another_thread::<SynthOd>();
    goes_to_another_thread::<Waveshaper<Diodes>>();
    goes_to_another_thread::<Delay<f32>>();
    goes_to_another_thread::<PingPong<f32>>();
    goes_to_another_thread::<ModulatedDelay<f32>>();
    goes_to_another_thread::<Phaser<f32>>();
    goes_to_another_thread::<Tremolo>();
    goes_to_another_thread::<OptoCompressor>();
    goes_to_another_thread::<PluckedString>();
    goes_to_another_thread::<Resampled<f32, Channels<SynthOd>>>();
};
