//! Arrays of dilated convolutions: A1 models, and A2 models without the parts that those of its authors leave switched off.
//!
//! The numbers of a file stand in the order of the layer's tensors; each as `[outputs][inputs][taps]` with the oldest frame's tap first. The last
//! number is the scale of the output.

use super::super::numbers::{Few, Numbers};
use super::super::parts::Parts;
use super::{Content, settings, weights};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ModelFile;
use crate::tensors::Tensor;
use afx_core::Layer;
use afx_models::{AnyLayer, Conditioning, ModelSpec, Pointwise, WaveNet, WaveNetArray, WaveNetLayer};
use core::fmt;
use core::marker::PhantomData;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// The format of files that an A1 player does not read.
const VERSION: &str = "0.7.0";
/// The most arrays, and the most layers in one.
const ARRAYS: usize = 64;
const LAYERS: usize = 1024;

#[derive(Deserialize)]
struct Config {
    layers: Few<Array, ARRAYS>,
    #[serde(default)]
    head: Option<IgnoredAny>,
    #[serde(default)]
    condition_dsp: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Array {
    input_size: usize,
    condition_size: usize,
    channels: usize,
    #[serde(default)]
    bottleneck: Option<usize>,
    #[serde(alias = "kernel_sizes")]
    kernel_size: OneOrMany<usize>,
    dilations: Few<usize, LAYERS>,
    activation: OneOrMany<Named>,
    #[serde(default)]
    gated: bool,
    #[serde(default)]
    gating_mode: Option<OneOrMany<String>>,
    #[serde(default)]
    secondary_activation: Option<OneOrMany<Option<Named>>>,
    #[serde(default)]
    head_size: Option<usize>,
    #[serde(default)]
    head_bias: bool,
    #[serde(default)]
    head: Option<Head>,
    #[serde(default = "one")]
    groups_input: usize,
    #[serde(default = "one")]
    groups_input_mixin: usize,
    #[serde(default)]
    layer1x1: Option<Slot>,
    #[serde(default)]
    head1x1: Option<Slot>,
    #[serde(default)]
    conv_pre_film: Option<Slot>,
    #[serde(default)]
    conv_post_film: Option<Slot>,
    #[serde(default)]
    input_mixin_pre_film: Option<Slot>,
    #[serde(default)]
    input_mixin_post_film: Option<Slot>,
    #[serde(default)]
    activation_pre_film: Option<Slot>,
    #[serde(default)]
    activation_post_film: Option<Slot>,
    #[serde(default)]
    layer1x1_post_film: Option<Slot>,
    #[serde(default)]
    head1x1_post_film: Option<Slot>,
}

#[derive(Deserialize)]
struct Head {
    out_channels: usize,
    #[serde(default = "one")]
    kernel_size: usize,
    #[serde(default)]
    bias: bool,
}

/// A part that can be switched off: `false`, or its settings.
#[derive(Clone, Copy)]
struct Slot {
    active: bool,
    groups: usize,
}

/// The settings of a [`Slot`].
#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    active: bool,
    #[serde(default = "one")]
    groups: usize,
}

impl<'de> Deserialize<'de> for Slot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> core::result::Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Slot;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a flag or settings with `active`")
            }
            fn visit_bool<E: serde::de::Error>(self, active: bool) -> core::result::Result<Slot, E> {
                Ok(Slot { active, groups: 1 })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> core::result::Result<Slot, A::Error> {
                let Settings { active, groups } = Settings::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Slot { active, groups })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// The same for every layer of an array, or one for each.
enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    /// That of layer `l` of `layers`.
    fn get(&self, field: impl fmt::Display, l: usize, layers: usize) -> Result<&T> {
        match self {
            OneOrMany::One(value) => Ok(value),
            OneOrMany::Many(values) if values.len() == layers => Ok(&values[l]),
            OneOrMany::Many(values) => Err(Error::new(ErrorKind::Mismatch, field, format_args!("{layers}, one a dilation"), values.len())),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> core::result::Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = OneOrMany<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one for all layers or a list of one for each")
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> core::result::Result<OneOrMany<T>, E> {
                T::deserialize(value.into_deserializer()).map(OneOrMany::One)
            }
            fn visit_str<E: serde::de::Error>(self, value: &str) -> core::result::Result<OneOrMany<T>, E> {
                T::deserialize(value.into_deserializer()).map(OneOrMany::One)
            }
            fn visit_unit<E: serde::de::Error>(self) -> core::result::Result<OneOrMany<T>, E> {
                T::deserialize(().into_deserializer()).map(OneOrMany::One)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> core::result::Result<OneOrMany<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(OneOrMany::One)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> core::result::Result<OneOrMany<T>, A::Error> {
                Few::<T, LAYERS>::deserialize(SeqAccessDeserializer::new(list)).map(|few| OneOrMany::Many(few.0))
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// A function by its name, or with its numbers.
#[derive(Deserialize)]
struct Activation {
    #[serde(rename = "type", alias = "name")]
    name: String,
    #[serde(default)]
    negative_slope: Option<f32>,
    #[serde(default)]
    min_val: Option<f32>,
    #[serde(default)]
    max_val: Option<f32>,
    #[serde(default)]
    min_slope: Option<f32>,
    #[serde(default)]
    max_slope: Option<f32>,
}

/// An [`Activation`], or its name alone.
struct Named(Activation);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> core::result::Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Named;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a function or its settings with `type`")
            }
            fn visit_str<E: serde::de::Error>(self, name: &str) -> core::result::Result<Named, E> {
                let [negative_slope, min_val, max_val, min_slope, max_slope] = [None; 5];
                Ok(Named(Activation { name: name.into(), negative_slope, min_val, max_val, min_slope, max_slope }))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> core::result::Result<Named, A::Error> {
                Activation::deserialize(MapAccessDeserializer::new(map)).map(Named)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

fn one() -> usize {
    1
}

impl Activation {
    /// A fast `tanh` counts as `tanh`, which it stands for.
    fn function(&self, field: impl fmt::Display) -> Result<Pointwise> {
        let Activation { name, negative_slope: slope, min_val, max_val, min_slope, max_slope } = self;
        let (low, high) = (min_val.unwrap_or(-1.0), max_val.unwrap_or(1.0));
        let function = match name.as_str() {
            "Tanh" | "Fasttanh" => Pointwise::Tanh,
            "Sigmoid" => Pointwise::Sigmoid,
            "ReLU" => Pointwise::Relu,
            "LeakyReLU" => Pointwise::LeakyRelu { slope: slope.unwrap_or(0.01) },
            "PReLU" if slope.is_some() => Pointwise::LeakyRelu { slope: slope.unwrap_or(0.25) },
            "Hardtanh" => Pointwise::HardTanh { low, high, low_slope: 0.0, high_slope: 0.0 },
            "LeakyHardtanh" | "LeakyHardTanh" => {
                Pointwise::HardTanh { low, high, low_slope: min_slope.unwrap_or(0.01), high_slope: max_slope.unwrap_or(0.01) }
            }
            "SiLU" | "Swish" => Pointwise::Silu,
            "Hardswish" | "HardSwish" => Pointwise::HardSwish,
            "Softsign" => Pointwise::Softsign,
            "Softsigmoid" => Pointwise::Softsigmoid,
            other => {
                let expected = "one of Tanh, Fasttanh, Sigmoid, ReLU, LeakyReLU, PReLU of one slope, Hardtanh, LeakyHardtanh, SiLU, Hardswish, \
                                Softsign, Softsigmoid";
                return Err(Error::new(ErrorKind::Unsupported, field, expected, other));
            }
        };
        Ok(function)
    }
}

/// What a function is called, with its numbers.
fn name(function: Pointwise) -> Value {
    match function {
        Pointwise::Tanh => json!({ "type": "Tanh" }),
        Pointwise::Sigmoid => json!({ "type": "Sigmoid" }),
        Pointwise::Relu => json!({ "type": "ReLU" }),
        Pointwise::LeakyRelu { slope } => json!({ "type": "LeakyReLU", "negative_slope": short(slope) }),
        Pointwise::HardTanh { low, high, low_slope: 0.0, high_slope: 0.0 } => {
            json!({ "type": "Hardtanh", "min_val": short(low), "max_val": short(high) })
        }
        Pointwise::HardTanh { low, high, low_slope, high_slope } => json!({
            "type": "LeakyHardtanh",
            "min_val": short(low),
            "max_val": short(high),
            "min_slope": short(low_slope),
            "max_slope": short(high_slope),
        }),
        Pointwise::Silu => json!({ "type": "SiLU" }),
        Pointwise::HardSwish => json!({ "type": "Hardswish" }),
        Pointwise::Softsign => json!({ "type": "Softsign" }),
        Pointwise::Softsigmoid => json!({ "type": "Softsigmoid" }),
        _ => Value::Null,
    }
}

/// The double of the fewest digits that is this number in single precision.
fn short(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

fn expect<T: PartialEq + fmt::Display>(field: impl fmt::Display, expected: T, found: T) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::new(ErrorKind::Mismatch, field, expected, found)) }
}

impl Array {
    /// The sizes of array `i`.
    fn sizes(&self, i: usize) -> Result<WaveNetArray> {
        let at = |field: &str| format!("config.layers[{i}].{field}");
        let inactive = |field: &str, active: bool| match active {
            true => Err(Error::new(ErrorKind::Unsupported, at(field), "one that is not active", "an active one")),
            false => Ok(()),
        };
        for (field, slot) in [
            ("head1x1", self.head1x1),
            ("conv_pre_film", self.conv_pre_film),
            ("conv_post_film", self.conv_post_film),
            ("input_mixin_pre_film", self.input_mixin_pre_film),
            ("input_mixin_post_film", self.input_mixin_post_film),
            ("activation_pre_film", self.activation_pre_film),
            ("activation_post_film", self.activation_post_film),
            ("layer1x1_post_film", self.layer1x1_post_film),
            ("head1x1_post_film", self.head1x1_post_film),
        ] {
            inactive(field, slot.is_some_and(|slot| slot.active))?;
        }
        if self.layer1x1.is_some_and(|slot| !slot.active) {
            return Err(Error::new(ErrorKind::Unsupported, at("layer1x1"), "an active one", "one that is not active"));
        }
        let groups = self.layer1x1.map_or(1, |slot| slot.groups);
        for (field, groups) in [("groups_input", self.groups_input), ("groups_input_mixin", self.groups_input_mixin), ("layer1x1", groups)]
        {
            if groups != 1 {
                return Err(Error::new(ErrorKind::Unsupported, at(field), "one group", groups));
            }
        }
        expect(at("condition_size"), 1, self.condition_size)?;
        let count = self.dilations.0.len();
        let layer = |(l, dilation): (usize, &usize)| {
            let activation = self.activation.get(at("activation"), l, count)?.0.function(at("activation"))?;
            let mode = self.gating_mode.as_ref().map(|mode| mode.get(at("gating_mode"), l, count)).transpose()?;
            let gate = match mode.map_or(if self.gated { "gated" } else { "none" }, String::as_str) {
                "none" => None,
                "gated" => {
                    let second = self.secondary_activation.as_ref().map(|all| all.get(at("secondary_activation"), l, count)).transpose()?;
                    let second = second.and_then(Option::as_ref).map(|second| second.0.function(at("secondary_activation")));
                    Some(second.transpose()?.unwrap_or(Pointwise::Sigmoid))
                }
                other => return Err(Error::new(ErrorKind::Unsupported, at("gating_mode"), "none or gated", other)),
            };
            let kernel = *self.kernel_size.get(at("kernel_size"), l, count)?;
            Ok(WaveNetLayer { kernel, dilation: *dilation, activation, gate })
        };
        Ok(WaveNetArray {
            channels: self.channels,
            bottleneck: self.bottleneck.unwrap_or(self.channels),
            layers: self.dilations.0.iter().enumerate().map(layer).collect::<Result<_>>()?,
            head_kernel: self.head.as_ref().map_or(1, |head| head.kernel_size),
            head_bias: self.head.as_ref().map_or(self.head_bias, |head| head.bias),
        })
    }

    /// Outputs of the head, and what says so.
    fn outputs(&self) -> (Option<usize>, &'static str) {
        match &self.head {
            Some(head) => (Some(head.out_channels), "head.out_channels"),
            None => (self.head_size, "head_size"),
        }
    }
}

/// The places of a tensor's numbers in the order of the file.
fn order(shape: &[usize]) -> impl Iterator<Item = usize> {
    let [taps, inputs, outputs] = match *shape {
        [taps, inputs, outputs] => [taps, inputs, outputs],
        [inputs, outputs] => [1, inputs, outputs],
        _ => [1, 1, shape.iter().product()],
    };
    let place = move |n: usize| {
        let (output, input, tap) = (n / (taps * inputs), n / taps % inputs, taps - 1 - n % taps);
        (tap * inputs + input) * outputs + output
    };
    (0..taps * inputs * outputs).map(place)
}

/// Reads `config` and `weights`.
pub(super) fn read(config: &str, numbers: &Numbers) -> Result<Parts> {
    let config: Config = settings(config, "a WaveNet")?;
    for (field, there) in [("config.head", config.head.is_some()), ("config.condition_dsp", config.condition_dsp.is_some())] {
        if there {
            return Err(Error::new(ErrorKind::Unsupported, field, "none", "one"));
        }
    }
    let arrays: Vec<WaveNetArray> = config.layers.0.iter().enumerate().map(|(i, array)| array.sizes(i)).collect::<Result<_>>()?;
    for (i, array) in config.layers.0.iter().enumerate() {
        let before = if i == 0 { 1 } else { arrays[i - 1].channels };
        expect(format_args!("config.layers[{i}].input_size"), before, array.input_size)?;
        let (outputs, field) = array.outputs();
        let field = format!("config.layers[{i}].{field}");
        let Some(outputs) = outputs else { return Err(Error::new(ErrorKind::Missing, field, "outputs of the array's head", "none")) };
        expect(field, arrays.get(i + 1).map_or(1, |next| next.bottleneck), outputs)?;
    }
    let all = numbers.finite("weights")?;
    let mut net = WaveNet { inputs: 1, outputs: 1, arrays, head_scale: all.last().copied().unwrap_or(1.0) };
    let spec = ModelSpec { layer: net.clone().into(), conditioning: Conditioning::Fixed, controls: 0 };
    spec.check().map_err(|e| Error::new(ErrorKind::OutOfRange, "config", "sizes of a model", e))?;
    if !Layer::<f32>::fits(&net) {
        return Err(Error::new(ErrorKind::OutOfRange, "config", "functions with finite numbers, low below high", "others"));
    }
    let layout = Layer::<f32>::layout(&net);
    let mut rest = weights(numbers, layout.count().checked_add(1))?;
    let mut parts = Parts::default();
    for tensor in layout.tensors() {
        let (own, after) = rest.split_at(tensor.len());
        let mut values = vec![0.0; tensor.len()];
        order(&tensor.shape).zip(own).for_each(|(at, value)| values[at] = *value);
        parts.tensors.push(Tensor::f32(format!("layer.0.{}", tensor.name), &tensor.shape, values));
        rest = after;
    }
    net.head_scale = rest[0];
    parts.layers.push(net.into());
    Ok(parts)
}

/// `config` and `weights` of a model without knobs; `None` where it has other layers.
pub(super) fn write(model: &ModelFile) -> Result<Option<Content>> {
    let (net, prefix) = match &model.spec.layer {
        AnyLayer::WaveNet(net) => (net, "layer."),
        AnyLayer::Stack { layers } => match &layers[..] {
            [AnyLayer::WaveNet(net)] => (net, "layer.0."),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    if (net.inputs, net.outputs) != (1, 1) {
        return Ok(None);
    }
    let layout = model.layout()?;
    let mut numbers = Vec::new();
    for tensor in Layer::<f32>::layout(net).tensors() {
        let place = layout.find(&format!("{prefix}{}", tensor.name)).map(|t| t.range());
        let values = &model.learnt[place.unwrap_or_default()];
        numbers.extend(order(&tensor.shape).filter_map(|at| values.get(at)));
    }
    numbers.push(net.head_scale);
    let plain = net.arrays.iter().all(is_plain);
    let mut before = 1;
    let mut layers = Vec::new();
    for (i, array) in net.arrays.iter().enumerate() {
        let outputs = net.arrays.get(i + 1).map_or(1, |next| next.bottleneck);
        layers.push(if plain { a1(array, before, outputs) } else { a2(array, before, outputs) });
        before = array.channels;
    }
    let config = json!({ "layers": layers, "head": null, "head_scale": short(net.head_scale) });
    let version = if plain { super::VERSION } else { VERSION };
    Ok(Some(Content { version, config, weights: numbers }))
}

/// Whether an A1 player knows the array: one kernel, one function of those it has, no gate or the logistic function everywhere, a head of one tap.
fn is_plain(array: &WaveNetArray) -> bool {
    let first = array.layers[0];
    let same = |l: &WaveNetLayer| (l.kernel, l.activation, l.gate) == (first.kernel, first.activation, first.gate);
    let known = matches!(first.activation, Pointwise::Tanh | Pointwise::Relu | Pointwise::Sigmoid);
    let gate = matches!(first.gate, None | Some(Pointwise::Sigmoid));
    known && gate && array.layers.iter().all(same) && array.bottleneck == array.channels && array.head_kernel == 1
}

/// The settings of an array as A1 players read them.
fn a1(array: &WaveNetArray, before: usize, outputs: usize) -> Value {
    let first = array.layers[0];
    json!({
        "input_size": before,
        "condition_size": 1,
        "head_size": outputs,
        "channels": array.channels,
        "kernel_size": first.kernel,
        "dilations": array.layers.iter().map(|l| l.dilation).collect::<Vec<_>>(),
        "activation": name(first.activation)["type"],
        "gated": first.gate.is_some(),
        "head_bias": array.head_bias,
    })
}

/// The settings of an array as A2 players read them, with the parts that it does not have.
fn a2(array: &WaveNetArray, before: usize, outputs: usize) -> Value {
    let each = |of: fn(&WaveNetLayer) -> Value| array.layers.iter().map(of).collect::<Vec<_>>();
    let mut value = json!({
        "input_size": before,
        "condition_size": 1,
        "head": { "out_channels": outputs, "kernel_size": array.head_kernel, "bias": array.head_bias },
        "channels": array.channels,
        "kernel_sizes": each(|l| l.kernel.into()),
        "dilations": each(|l| l.dilation.into()),
        "activation": each(|l| name(l.activation)),
        "bottleneck": array.bottleneck,
        "head1x1": { "active": false, "out_channels": 1, "groups": 1 },
        "layer1x1": { "active": true, "groups": 1 },
        "groups_input": 1,
        "groups_input_mixin": 1,
        "gating_mode": each(|l| if l.gate.is_some() { "gated" } else { "none" }.into()),
        "secondary_activation": each(|l| l.gate.map_or(Value::Null, name)),
        "slimmable": null,
    });
    for slot in [
        "conv_pre_film",
        "conv_post_film",
        "input_mixin_pre_film",
        "input_mixin_post_film",
        "activation_pre_film",
        "activation_post_film",
        "layer1x1_post_film",
        "head1x1_post_film",
    ] {
        value[slot] = json!({ "active": false, "shift": true, "groups": 1 });
    }
    value
}
