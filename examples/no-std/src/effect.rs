use afx_core::{Chain, Conditioned, Layer, Processor, Voice, VoiceError};
use afx_models::{Concat, Dense, Gru};

/// One knob beside the input of a small recurrent network.
pub type Effect = Voice<f32, Chain<Gru, Dense>, Concat>;

/// Learnt numbers in flash to an effect; the only place that allocates.
pub fn effect(learnt: &'static [f32], sample_rate_hz: f64) -> Result<Effect, VoiceError> {
    let layer = Chain(Gru::new(1, 8), Dense::new(8, 1));
    let adapter = Concat::new(&Layer::<f32>::layout(&layer), 1);
    Voice::new_static(Conditioned { layer, adapter }, learnt, sample_rate_hz, 1)
}

/// The audio interrupt: two buffers and the position of a potentiometer in `[-1, 1]`.
pub fn interrupt(effect: &mut Effect, knob: f32, input: &[f32], output: &mut [f32]) {
    effect.set_controls(&[knob]);
    effect.process(&[input], &mut [output]);
}
