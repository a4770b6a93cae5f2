//! A filter of `receptive_field` taps and, where there is one, a constant that is added.
//!
//! The first tap is that of the newest sample: so the format's players (NeuralAmpModelerCore) read it. The trainer's own writer puts the oldest first;
//! what every player makes of its file is what it sounds like.

use super::super::numbers::Numbers;
use super::super::parts::Parts;
use super::{Content, settings, weights};
use crate::error::Result;
use crate::model::ModelFile;
use afx_models::{AnyLayer, Dense, Fir, ModelSpec};
use serde::Deserialize;

#[derive(Deserialize)]
struct Config {
    receptive_field: usize,
    #[serde(default)]
    bias: bool,
}

/// Reads `config` and `weights`.
pub(super) fn read(config: &str, numbers: &Numbers) -> Result<Parts> {
    let Config { receptive_field: taps, bias } = settings(config, "a Linear")?;
    let numbers = weights(numbers, taps.checked_add(usize::from(bias)))?;
    let mut parts = Parts::default();
    parts.push(Fir { taps }.into(), "taps", numbers[..taps].to_vec());
    if bias {
        parts.dense(1, vec![1.0], Some(numbers[taps..].to_vec()));
    }
    Ok(parts)
}

/// `config` and `weights` of a model without knobs; `None` where it has other layers.
pub(super) fn write(model: &ModelFile) -> Result<Option<Content>> {
    if let AnyLayer::Fir(fir) = model.spec.layer {
        let layer = AnyLayer::stack(vec![fir.into()]);
        return write(&ModelFile { spec: ModelSpec { layer, ..model.spec.clone() }, ..model.clone() });
    }
    let AnyLayer::Stack { layers } = &model.spec.layer else { return Ok(None) };
    let layout = model.layout()?;
    let tensor = |name: &str| layout.find(name).map_or(&[][..], |tensor| &model.learnt[tensor.range()]);
    let (taps, factor, bias) = match layers[..] {
        [AnyLayer::Fir(Fir { taps })] => (taps, 1.0, None),
        [AnyLayer::Fir(Fir { taps }), AnyLayer::Dense(Dense { outputs: 1, bias, .. })] => {
            (taps, tensor("layer.1.weight")[0], bias.then(|| tensor("layer.1.bias")[0]))
        }
        _ => return Ok(None),
    };
    let weights = tensor("layer.0.taps").iter().map(|tap| factor * tap).chain(bias).collect();
    let config = serde_json::json!({ "receptive_field": taps, "bias": bias.is_some() });
    Ok(Some(Content { version: super::VERSION, config, weights }))
}
