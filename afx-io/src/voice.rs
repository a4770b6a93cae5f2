//! What plays a model file: at its own sample rate, and in three ways at another.

use crate::error::{Error, ErrorKind, Result};
use crate::model::ModelFile;
use afx_core::{Conditioned, Layer, Processor, Voice};
use afx_dsp::Resampled;
use afx_models::{AnyAdapter, AnyLayer, StateDelay, StateDelayError};

/// What plays a model: the layer of its file, or that at another sample rate.
pub type ModelVoice<L = AnyLayer> = Voice<f32, L, AnyAdapter>;

/// Root mean square between a model that howls and one that comes to rest.
const QUIET: f64 = 1e-3;

/// The highest rate at which a model plays, that of [`Resampled`].
const MAX_MODEL_HZ: u32 = 1_000_000;

fn unfit(e: &dyn core::fmt::Display) -> Error {
    Error::new(ErrorKind::Mismatch, "model", "parts that fit each other", e)
}

impl ModelFile {
    /// A voice of `channels` channels at the model's own sample rate, with the knobs at their defaults.
    ///
    /// # Errors
    /// When the parts do not fit each other.
    pub fn voice(&self, channels: usize) -> Result<ModelVoice> {
        self.start(self.model()?, self.sample_rate, channels)
    }

    fn model(&self) -> Result<Conditioned<AnyLayer, AnyAdapter>> {
        self.spec.build().map_err(|e| unfit(&e))
    }

    /// A voice with the knobs at their defaults.
    fn start<L: Layer<f32>>(&self, model: Conditioned<L, AnyAdapter>, hz: u32, channels: usize) -> Result<ModelVoice<L>> {
        let mut voice = Voice::new(model, &self.learnt, f64::from(hz), channels).map_err(|e| unfit(&e))?;
        let defaults: Vec<f32> = self.knobs.iter().map(|k| k.normalise(k.default)).collect();
        voice.set_controls(&defaults);
        voice.reset();
        Ok(voice)
    }

    /// [`ModelFile::voice`] for a host at `host_hz`. Where that is not the model's rate, the audio is converted, and `latency` says by how much
    /// it comes later: 1.7 ms between 44.1 and 48 kHz.
    ///
    /// # Errors
    /// When the parts do not fit each other, or the rates are too odd a pair, as [`Resampled::new`] says.
    pub fn voice_at(&self, host_hz: u32, channels: usize) -> Result<Resampled<f32, ModelVoice>> {
        self.convert(self.voice(channels)?, self.sample_rate, host_hz, channels)
    }

    /// [`ModelFile::voice_at`] with the model at `factor` times its own rate, for fewer aliases: what it makes above half its rate is filtered out
    /// in place of folded back. Two or four times is usual; the time grows as the factor. The model's memory is read after as much time as in its
    /// training ([`StateDelay`], which has figures).
    ///
    /// # Errors
    /// Those of [`ModelFile::voice_at`], and when the factor is zero or the model would play at more than 1 MHz.
    pub fn voice_oversampled(
        &self,
        factor: u32,
        host_hz: u32,
        channels: usize,
    ) -> Result<Resampled<f32, ModelVoice<StateDelay<AnyLayer>>>> {
        let inner_hz = self.sample_rate.saturating_mul(factor);
        if !(1..=MAX_MODEL_HZ).contains(&inner_hz) {
            let expected = format_args!("1 to {} times the {} Hz of the model", MAX_MODEL_HZ / self.sample_rate.max(1), self.sample_rate);
            return Err(Error::new(ErrorKind::OutOfRange, "factor", expected, factor));
        }
        self.convert(self.voice_without_latency(inner_hz, channels)?, inner_hz, host_hz, channels)
    }

    /// [`ModelFile::voice`] for a host at `host_hz`, without the latency of [`ModelFile::voice_at`]: the audio stays as it is, and the model's memory
    /// is read after as much time as in its training ([`StateDelay`], which says how near that comes). At a rate just below the model's, listen.
    ///
    /// Where the rates have no whole ratio, the order of the interpolation is the best with which the model is as quiet after noise as at its own
    /// rate, with all knobs at their defaults and at either stop: up to nine seconds of audio are played to find it.
    ///
    /// # Errors
    /// When the parts do not fit each other; when the host's rate is below 0.9 or above 64 times the model's, or above 1 MHz; or when the rates have
    /// no whole ratio and the model has a convolution or another line of past frames, or howls with every order.
    pub fn voice_without_latency(&self, host_hz: u32, channels: usize) -> Result<ModelVoice<StateDelay<AnyLayer>>> {
        let unplayable = |found: &dyn core::fmt::Display| {
            let expected = format_args!("a rate that a model of {} Hz can play at without latency", self.sample_rate);
            Error::new(ErrorKind::OutOfRange, "host_hz", expected, found)
        };
        if host_hz > MAX_MODEL_HZ {
            return Err(unplayable(&host_hz));
        }
        let Conditioned { layer, adapter } = self.model()?;
        let delayed = |order| StateDelay::with_order::<f32>(layer.clone(), self.sample_rate, host_hz, order);
        let voice = |layer, channels| self.start(Conditioned { layer, adapter: adapter.clone() }, host_hz, channels);
        if self.sample_rate > 0 && host_hz.is_multiple_of(self.sample_rate) {
            return voice(delayed(1).map_err(|e| unplayable(&e))?, channels);
        }
        let mut own = None;
        for order in if host_hz < self.sample_rate { [4, 5, 3, 2, 1] } else { [5, 4, 3, 2, 1] } {
            let layer = match delayed(order) {
                Err(StateDelayError::Order { .. }) => continue,
                layer => layer.map_err(|e| unplayable(&e))?,
            };
            let rest = self.unrest(&mut voice(layer.clone(), 1)?, host_hz);
            let own = match own {
                Some(own) => own,
                None => *own.insert(self.unrest(&mut self.voice(1)?, self.sample_rate)),
            };
            if rest <= (4.0 * own).max(QUIET) {
                return voice(layer, channels);
            }
        }
        Err(unplayable(&"one at which it howls"))
    }

    /// How loud a model is at the end of a quarter of a second that begins with soft or loud noise: root mean square without the mean, the largest at
    /// three knob positions.
    fn unrest<L: Layer<f32>>(&self, voice: &mut ModelVoice<L>, hz: u32) -> f64 {
        let layer = &voice.model().layer;
        let (inputs, outputs, frames) = (layer.inputs(), layer.outputs(), hz as usize / 4);
        let noise = |level: f32| {
            let (mut x, mut seed) = (vec![0.0; frames], 1u32);
            for x in &mut x[..frames / 12] {
                seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
                *x = level * (seed as f32 / 2f32.powi(31) - 1.0);
            }
            x
        };
        let (signals, mut y) = ([noise(0.01), noise(1.0)], vec![vec![0.0; frames]; outputs]);
        let defaults = self.knobs.iter().map(|k| k.normalise(k.default)).collect();
        let mut loudest = 0.0f64;
        for position in [defaults, vec![-1.0; self.knobs.len()], vec![1.0; self.knobs.len()]] {
            voice.set_controls(&position);
            for x in &signals {
                voice.reset();
                voice.process(&vec![&x[..]; inputs], &mut y.iter_mut().map(|y| &mut y[..]).collect::<Vec<_>>());
                for y in &y {
                    let end = &y[frames - frames / 8..];
                    let mean = |f: &dyn Fn(f64) -> f64| end.iter().map(|v| f(f64::from(*v))).sum::<f64>() / end.len().max(1) as f64;
                    let middle = mean(&|v| v);
                    loudest = loudest.max(mean(&|v| (v - middle) * (v - middle)).sqrt());
                }
            }
        }
        loudest
    }

    /// A voice that plays at `inner_hz`, in a host at another rate.
    fn convert<L: Layer<f32>>(
        &self,
        voice: ModelVoice<L>,
        inner_hz: u32,
        host_hz: u32,
        channels: usize,
    ) -> Result<Resampled<f32, ModelVoice<L>>> {
        let layer = &voice.model().layer;
        let width = layer.inputs().max(layer.outputs());
        Resampled::new(voice, inner_hz, host_hz, channels * width).map_err(|e| {
            let expected = format_args!("one that a model of {} Hz can play at", self.sample_rate);
            Error::new(ErrorKind::OutOfRange, "host_hz", expected, e)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::model;
    use afx_core::Adapter;
    use afx_models::{Conditioning, Dense, Function, ModelSpec, Nonlinear, Rnn};

    #[test]
    fn a_voice_plays_at_the_hosts_rate() {
        let x: Vec<f32> = (0..2000).map(|n| 0.3 * (0.05 * n as f32).sin()).collect();
        let play = |effect: &mut dyn Processor<f32>| {
            let mut y = [vec![0.0; x.len()], vec![0.0; x.len()]];
            let [left, right] = &mut y;
            effect.set_controls(&[0.5, -0.5]);
            effect.reset();
            effect.process(&[&x, &x], &mut [left, right]);
            y
        };
        let plain = play(&mut model().voice(2).unwrap());
        assert_eq!(play(&mut model().voice_at(48_000, 2).unwrap()), plain);

        // at half the model's rate this is the same tone, an octave up
        let mut twice = model().voice_at(96_000, 2).unwrap();
        assert_eq!(twice.latency(), 82);
        let [left, right] = play(&mut twice);
        assert_eq!(left, right);
        let slow: Vec<f32> = (0..1000).map(|n| 0.3 * (0.1 * n as f32).sin()).collect();
        let mut expected = vec![0.0; 1000];
        let mut voice = model().voice(1).unwrap();
        voice.set_controls(&[0.5, -0.5]);
        voice.reset();
        voice.process(&[&slow], &mut [&mut expected]);
        for (n, expected) in expected.iter().enumerate().take(950).skip(500) {
            let found = left[2 * n + 82];
            assert!((found - expected).abs() < 1e-5, "{found} for {expected} at {n}"); // the filters' -110 dB, tanh in f32
        }
    }

    #[test]
    fn a_voice_without_latency_plays_at_the_hosts_rate() {
        let sine = |hz: f32| (0..hz as usize / 4).map(|n| 0.3 * (440.0 * std::f32::consts::TAU * n as f32 / hz).sin()).collect::<Vec<_>>();
        let play = |effect: &mut dyn Processor<f32>, x: &[f32]| {
            let mut y = vec![0.0; x.len()];
            assert_eq!(effect.latency(), 0);
            effect.set_controls(&[0.5, -0.5]);
            effect.reset();
            effect.process(&[x], &mut [&mut y]);
            y
        };
        let plain = play(&mut model().voice(1).unwrap(), &sine(48e3));
        assert_eq!(play(&mut model().voice_without_latency(48_000, 1).unwrap(), &sine(48e3)), plain);
        for (host_hz, every, own) in [(44_100, 147, 160), (96_000, 2, 1), (88_200, 147, 80)] {
            let y = play(&mut model().voice_without_latency(host_hz, 1).unwrap(), &sine(host_hz as f32));
            // Frames at the same times, once the model has forgotten its start.
            for (found, expected) in y.iter().step_by(every).zip(plain.iter().step_by(own)).skip(20) {
                assert!((found - expected).abs() < 1e-5, "{host_hz} Hz: {found} for {expected}");
            }
        }
        let refusal = |host_hz| model().voice_without_latency(host_hz, 1).map(drop).unwrap_err().to_string();
        let expected = "host_hz: expected a rate that a model of 48000 Hz can play at without latency, \
                        found host_hz: expected 0.9 to 64 times the 48000 Hz of the layer, found 32000 Hz";
        assert_eq!(refusal(32_000), expected);
        assert!(refusal(1_440_000).ends_with("without latency, found 1440000"));
        let spec = ModelSpec::named("static-hyper-tcn", 8, 2).unwrap();
        let convolution = ModelFile { learnt: vec![0.1; spec_len(&spec)], spec, ..model() };
        assert!(convolution.voice_without_latency(96_000, 1).is_ok());
        assert!(convolution.voice_without_latency(44_100, 1).map(drop).unwrap_err().to_string().ends_with("found a line of past frames"));
    }

    /// A pole near half the sample rate: the best interpolation has too much gain there, a line has none, and every extrapolation has.
    #[test]
    fn the_order_between_frames_is_one_with_which_the_model_comes_to_rest() {
        let cell = vec![Rnn { inputs: 1, hidden: 1, bias: false }.into(), Dense { inputs: 1, outputs: 1, bias: false }.into()];
        let spec = ModelSpec { layer: AnyLayer::stack(cell), conditioning: Conditioning::Fixed, controls: 0 };
        let mut model = ModelFile { spec, knobs: Vec::new(), ..model() };
        let layout = model.layout().unwrap();
        model.learnt = vec![0.0; layout.len()];
        for (tensor, value) in [("layer.0.w_ih", 1.0), ("layer.0.w_hh", -0.97), ("layer.1.weight", 1.0)] {
            model.learnt[layout.tensors().iter().find(|t| t.name == tensor).unwrap().offset] = value;
        }
        let best = StateDelay::with_order::<f32>(model.model().unwrap().layer, 48_000, 52_000, 5).unwrap();
        let adapter = model.model().unwrap().adapter;
        let howls = model.unrest(&mut model.start(Conditioned { layer: best, adapter }, 52_000, 1).unwrap(), 52_000);
        let mut found = model.voice_without_latency(52_000, 1).unwrap();
        let rests = model.unrest(&mut found, 52_000);
        assert!(howls > 0.1 && rests < 1e-6, "{howls}, {rests}");
        let refusal = model.voice_without_latency(44_100, 1).map(drop).unwrap_err().to_string();
        assert!(refusal.ends_with("found one at which it howls"), "{refusal}");
    }

    /// A curve and a gain of 20, on a sine whose harmonics beyond 24 kHz fold back between those below.
    #[test]
    fn an_oversampled_model_aliases_less() {
        let curve = vec![Dense::new(1, 1).into(), Nonlinear { width: 1, function: Function::Tanh }.into()];
        let spec = ModelSpec { layer: AnyLayer::stack(curve), conditioning: Conditioning::Fixed, controls: 0 };
        let mut model = ModelFile { spec, knobs: Vec::new(), ..model() };
        model.learnt = vec![0.0; model.layout().unwrap().len()];
        model.learnt[0] = 20.0;
        const FRAMES: usize = 1024;
        let aliases_db = |effect: &mut dyn Processor<f32>| {
            let sine = |n: usize| (std::f64::consts::TAU * (n % FRAMES * 53 % FRAMES) as f64 / FRAMES as f64).sin() as f32;
            let x: Vec<f32> = (0..4 * FRAMES).map(sine).collect();
            let mut y = vec![0.0; x.len()];
            effect.process(&[&x], &mut [&mut y]);
            let y = &y[3 * FRAMES..];
            let energy = |bin: usize| {
                let phase = |n: usize| std::f64::consts::TAU * (n * bin % FRAMES) as f64 / FRAMES as f64;
                let (re, im) = y.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, v)| {
                    let (sin, cos) = phase(n).sin_cos();
                    (re + f64::from(*v) * cos, im + f64::from(*v) * sin)
                });
                re * re + im * im
            };
            let sum = |harmonic: bool| (1..FRAMES * 20 / 48).filter(|bin| bin.is_multiple_of(53) == harmonic).map(energy).sum::<f64>();
            10.0 * (sum(false) / sum(true)).log10()
        };
        let plain = aliases_db(&mut model.voice(1).unwrap());
        let [once, twice, four] = [1, 2, 4].map(|factor| aliases_db(&mut model.voice_oversampled(factor, 48_000, 1).unwrap()));
        assert_eq!(plain, once);
        assert!(twice < plain - 6.0 && four < plain - 12.0, "{plain}, {twice}, {four} dB");

        let refusal = |factor| model.voice_oversampled(factor, 48_000, 1).map(drop).unwrap_err().to_string();
        assert_eq!(refusal(0), "factor: expected 1 to 20 times the 48000 Hz of the model, found 0");
        assert_eq!(refusal(u32::MAX), "factor: expected 1 to 20 times the 48000 Hz of the model, found 4294967295");
    }

    fn spec_len(spec: &ModelSpec) -> usize {
        Adapter::<f32>::layout(&spec.build().unwrap().adapter).len()
    }

    #[test]
    fn all_inputs_of_a_model_come_to_the_hosts_rate() {
        let spec = ModelSpec { layer: Dense::new(2, 1).into(), conditioning: Conditioning::Fixed, controls: 0 };
        let mut model = ModelFile { spec, knobs: Vec::new(), ..model() };
        model.learnt = vec![0.25; model.layout().unwrap().len()]; // weights and bias
        let mut y = [0.0; 500];
        model.voice_at(44_100, 1).unwrap().process(&[&[0.4; 500], &[0.8; 500]], &mut [&mut y]);
        assert!((y[499] - 0.55).abs() < 1e-5, "{}", y[499]); // the filters' ripple
    }

    #[test]
    fn a_host_at_an_odd_rate_is_refused_on_one_line() {
        let refusal = |host_hz, channels| model().voice_at(host_hz, channels).map(drop).unwrap_err().to_string();
        let expected = "host_hz: expected one that a model of 48000 Hz can play at, found outer_hz: expected 1000 to 1000000, found 44";
        assert_eq!(refusal(44, 1), expected);
        assert!(refusal(44_101, 1).ends_with("found taps for inner_hz and outer_hz: expected at most 1048576, found 3840000"));
        assert!(refusal(44_100, 0).starts_with("model:"), "no channels");
        let odd = ModelFile { sample_rate: 0, ..model() };
        assert!(odd.voice_at(48_000, 1).is_err());
    }
}
