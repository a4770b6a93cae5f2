use afx::prelude::*;

/// What a plugin holds.
struct Plugin {
    model: ModelFile, // names, ranges and defaults of the knobs, for the editor
    effect: Box<dyn Processor<f32>>,
    positions: Vec<f32>,
}

impl Plugin {
    /// Every size in the file is checked before anything is allocated; an error says what was expected and what was found.
    fn load(path: &str, host_hz: u32, channels: usize) -> afx::io::Result<Self> {
        let model = ModelFile::read(path)?;
        let effect = Box::new(model.voice_at(host_hz, channels)?); // the model's own sample rate may be another
        let positions = vec![0.0; model.knobs.len()];
        Ok(Plugin { model, effect, positions })
    }

    /// The audio callback, a block of any size; `parameters` are the host's, 0 to 1. Allocates nothing, locks nothing.
    fn process(&mut self, parameters: &[f32], input: &[&[f32]], output: &mut [&mut [f32]]) {
        for (position, parameter) in self.positions.iter_mut().zip(parameters) {
            *position = 2.0 * parameter - 1.0; // knobs go from -1 to 1
        }
        self.effect.set_controls(&self.positions); // glides over 30 ms; nothing to do where no knob moved
        self.effect.process(input, output);
    }
}
