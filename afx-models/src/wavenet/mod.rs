//! The WaveNet of Neural Amp Modeler.

mod course;
mod gradient;
mod planes;
mod pointwise;
mod reverse;
mod ring;
mod single;

pub use pointwise::Pointwise;

use crate::conv::BLOCK;
use afx_core::{ALIGN, Layer, Layout, Moving, Role, Scalar, places};
use alloc::format;
use alloc::vec::Vec;
use course::Course;
use planes::{Activate, Curves, Seen, Sum, glide};
use ring::Ring;

/// The WaveNet of Neural Amp Modeler: arrays of dilated convolutions, every one of which sees the input beside the signal that comes from
/// the one before, and whose activations are added up for the output.
///
/// In each array, with `h` first `W_r x` (of the first array) or `W_r h` (of the others), and then layer after layer
/// `a = f(b + Σ_k W_k h[t - k dilation] + M x)`, or with a gate `a = f(z) g(z')` of the two halves of those rows; `h += b' + W' a`;
/// the sum of all `a`, and of what the array before has for an output, goes through a last convolution: `c + Σ_k V_k s[t - k]`. The last
/// array's, times `head_scale`, is the layer's output.
///
/// Its A1 models ("standard", "lite", "feather", "nano") and A2 models are of this form; a knob beside the input of every layer, which is
/// what [`Concat`](crate::Concat) adds, makes one capture of all settings. van den Oord et al. 2016, arXiv:1609.03499;
/// Wright, Damskägg, Juvela and Välimäki 2020.
///
/// - Of array `i`: `<i>.rechannel.weight`: `[inputs or channels before, channels]`; `<i>.head.weight`: `[head_kernel, bottleneck, outputs]`
///   and `<i>.head.bias`, where the outputs of all but the last are the next array's bottleneck.
/// - Of its layer `l`: `<i>.<l>.conv.weight`: `[kernel, channels, rows]`, the newest frame's first, `<i>.<l>.conv.bias`: `[rows]` and
///   `<i>.<l>.mixin.weight`: `[inputs, rows]` with `rows` the bottleneck, or twice that with a gate; `<i>.<l>.residual.weight`:
///   `[bottleneck, channels]` and `<i>.<l>.residual.bias`. The last layer's residual is in the files of Neural Amp Modeler and goes nowhere.
/// - At rest every frame is the one that comes in.
/// - Real-time: `process` allocates nothing. The lanes of its vectors are frames: blocks of 16 and more are fastest.
///
/// ```
/// use afx_core::Layer;
/// use afx_models::WaveNet;
///
/// let standard = WaveNet::a1(16, 8);
/// assert_eq!(Layer::<f32>::layout(&standard).count() + 1, 13_802); // the file's last number is the scale
/// assert_eq!(standard.receptive_field(), 4093);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct WaveNet {
    /// Numbers in an input frame.
    pub inputs: usize,
    /// Numbers in an output frame.
    pub outputs: usize,
    /// From input to output.
    pub arrays: Vec<WaveNetArray>,
    /// What the output is multiplied by; not learnt.
    pub head_scale: f32,
}

/// No number of it is NaN where the layer fits.
impl Eq for WaveNet {}

/// One array of a [`WaveNet`]: layers of the same width.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct WaveNetArray {
    /// Numbers in a frame that goes from layer to layer.
    pub channels: usize,
    /// Numbers in a frame of activations.
    pub bottleneck: usize,
    /// From first to last.
    pub layers: Vec<WaveNetLayer>,
    /// Frames that the array's output is a sum of.
    #[cfg_attr(feature = "serde", serde(default = "crate::one"))]
    pub head_kernel: usize,
    /// Whether the array's output has a bias.
    pub head_bias: bool,
}

/// One layer of a [`WaveNetArray`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct WaveNetLayer {
    /// Frames that the convolution is a sum of.
    pub kernel: usize,
    /// Distance between them.
    pub dilation: usize,
    /// What follows the sum.
    pub activation: Pointwise,
    /// What follows the other half of the sum and is multiplied with that.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub gate: Option<Pointwise>,
}

/// The sizes of one layer, with all that it takes from its array.
#[derive(Clone, Copy)]
struct Unit {
    inputs: usize,
    channels: usize,
    bottleneck: usize,
    layer: WaveNetLayer,
}

impl Unit {
    /// Rows of the first sum.
    fn rows(&self) -> usize {
        self.bottleneck * if self.layer.gate.is_some() { 2 } else { 1 }
    }

    fn curves(&self) -> Curves {
        Curves { activation: self.layer.activation, gate: self.layer.gate, rows: self.bottleneck }
    }

    /// Places of the convolution, its bias, the mixin, the residual, its bias, and of what follows.
    fn places(&self) -> [usize; 6] {
        let (rows, kernel) = (self.rows(), self.layer.kernel);
        let all: [usize; 6] =
            places([kernel * self.channels * rows, rows, self.inputs * rows, self.bottleneck * self.channels, self.channels]);
        [all[0], all[1], all[2], all[3], all[4], all[5] - ALIGN]
    }

    fn ring(&self) -> Ring {
        Ring { span: (self.layer.kernel - 1) * self.layer.dilation, channels: self.channels }
    }
}

/// The first sum of a layer whose [`Unit::places`] are those, from its parameters on.
#[inline(always)]
fn first_sum<'t, T: Scalar>(places: &[usize; 6], params: &'t [T], seen: Seen<'t, T>, input: Seen<'t, T>, frames: usize) -> Sum<'t, T> {
    let [conv, bias, mixin, ..] = *places;
    Sum { bias: Some(&params[bias..]), beside: Some((input, &params[mixin..])), ..Sum::of(seen, &params[conv..], frames) }
}

/// What goes to the next layer.
#[inline(always)]
fn residual<'t, T: Scalar>(places: &[usize; 6], params: &'t [T], seen: Seen<'t, T>, plus: Seen<'t, T>, frames: usize) -> Sum<'t, T> {
    let [.., residual, shift, _] = *places;
    Sum { bias: Some(&params[shift..]), plus: Some(plus), ..Sum::of(seen, &params[residual..], frames) }
}

/// The sizes of one array, with all that it takes from its neighbours.
#[derive(Clone, Copy)]
struct Sizes<'a> {
    array: &'a WaveNetArray,
    /// Of the whole layer.
    inputs: usize,
    /// Of the array: the layer's, or the channels before.
    before: usize,
    /// Of its head.
    outputs: usize,
}

impl<'a> Sizes<'a> {
    fn units(self) -> impl DoubleEndedIterator<Item = Unit> + ExactSizeIterator + 'a {
        let Sizes { array, inputs, .. } = self;
        array.layers.iter().map(move |layer| Unit { inputs, channels: array.channels, bottleneck: array.bottleneck, layer: *layer })
    }

    fn head_ring(&self) -> Ring {
        Ring { span: self.array.head_kernel - 1, channels: self.array.bottleneck }
    }

    /// Numbers of the weight before the layers.
    fn rechannel_len(&self) -> usize {
        (self.before * self.array.channels).next_multiple_of(ALIGN)
    }

    /// Places of the head's bias and of what follows, from the head's weight on.
    fn head_places(&self) -> [usize; 2] {
        let bias = if self.array.head_bias { self.outputs } else { 0 };
        let [_, bias, end]: [usize; 3] = places([self.array.head_kernel * self.array.bottleneck * self.outputs, bias]);
        [bias, end - ALIGN]
    }

    /// The head's bias, from its weight on.
    fn head_bias<'t, T>(&self, params: &'t [T]) -> Option<&'t [T]> {
        self.array.head_bias.then(|| &params[self.head_places()[0]..])
    }
}

impl WaveNet {
    /// An A1 model of Neural Amp Modeler: two arrays of ten layers, kernel 3, dilations 1 to 512, `tanh`; the first one's head has as many
    /// outputs as the second one has channels. "Standard" is 16 and 8, "lite" 12 and 6, "feather" 8 and 4, "nano" 4 and 2.
    pub fn a1(first: usize, second: usize) -> Self {
        let layer = |i: u32| WaveNetLayer { kernel: 3, dilation: 1 << i, activation: Pointwise::Tanh, gate: None };
        let array = |channels, head_bias| {
            let layers = (0..10).map(layer).collect();
            WaveNetArray { channels, bottleneck: channels, layers, head_kernel: 1, head_bias }
        };
        WaveNet { inputs: 1, outputs: 1, arrays: [array(first, false), array(second, true)].into(), head_scale: 0.02 }
    }

    /// An A2 model of Neural Amp Modeler: one array of 23 layers with leaky rectifiers. "Full" has 8 channels, "lite" 3.
    pub fn a2(channels: usize) -> Self {
        let cycle = [1, 3, 7, 17, 41, 101, 239];
        let short = cycle.map(|dilation| (6, dilation));
        let all = short.into_iter().chain(short).chain([(15, 1), (15, 13)]).chain(short);
        let activation = Pointwise::LeakyRelu { slope: 0.01 };
        let layers = all.map(|(kernel, dilation)| WaveNetLayer { kernel, dilation, activation, gate: None }).collect();
        let array = WaveNetArray { channels, bottleneck: channels, layers, head_kernel: 16, head_bias: true };
        WaveNet { inputs: 1, outputs: 1, arrays: [array].into(), head_scale: 0.01 }
    }

    /// Frames that the output depends on, the newest among them.
    pub fn receptive_field(&self) -> usize {
        let layer = |sum: usize, l: &WaveNetLayer| sum.saturating_add(l.kernel.saturating_sub(1).saturating_mul(l.dilation));
        let array = |sum: usize, a: &WaveNetArray| a.layers.iter().fold(sum, layer).saturating_add(a.head_kernel.saturating_sub(1));
        self.arrays.iter().fold(1, array)
    }

    /// Every size of the arrays and layers by name, and how many there are.
    pub(crate) fn all_sizes(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let layer = |l: &WaveNetLayer| [("wavenet kernel", l.kernel), ("wavenet dilation", l.dilation)];
        let array = move |a: &'_ WaveNetArray| {
            let own = [
                ("wavenet channels", a.channels),
                ("wavenet bottleneck", a.bottleneck),
                ("wavenet head kernel", a.head_kernel),
                ("wavenet layers", a.layers.len()),
            ];
            own.into_iter().chain(a.layers.iter().flat_map(layer).collect::<Vec<_>>())
        };
        [("wavenet arrays", self.arrays.len())].into_iter().chain(self.arrays.iter().flat_map(array))
    }

    /// Numbers that are learnt; of sizes up to 4096 it does not wrap.
    pub(crate) fn count(&self) -> usize {
        let product = |sizes: &[usize]| sizes.iter().fold(1, |all: usize, size| all.saturating_mul(*size));
        let unit = |unit: Unit| {
            let columns = unit.layer.kernel.saturating_mul(unit.channels) + self.inputs + 1;
            product(&[columns, unit.rows()]).saturating_add(product(&[unit.bottleneck + 1, unit.channels]))
        };
        let array = |array: Sizes<'_>| {
            let WaveNetArray { channels, bottleneck, head_kernel, head_bias, .. } = *array.array;
            let ends = product(&[array.before, channels]).saturating_add(product(&[head_kernel, bottleneck, array.outputs]));
            let bias = if head_bias { array.outputs } else { 0 };
            array.units().map(unit).fold(ends.saturating_add(bias), usize::saturating_add)
        };
        self.sizes().map(array).fold(0, usize::saturating_add)
    }

    /// About the numbers of memory; of sizes up to 4096 it does not wrap.
    pub(crate) fn memory(&self) -> usize {
        let numbers = |ring: Ring| (ring.span + 4 * BLOCK).saturating_mul(ring.channels);
        self.rings().map(numbers).fold(self.buffers().iter().sum::<usize>() + self.room(), usize::saturating_add)
    }

    fn sizes(&self) -> impl DoubleEndedIterator<Item = Sizes<'_>> + ExactSizeIterator {
        self.arrays.iter().enumerate().map(|(i, array)| Sizes {
            array,
            inputs: self.inputs,
            before: if i == 0 { self.inputs } else { self.arrays[i - 1].channels },
            outputs: self.arrays.get(i + 1).map_or(self.outputs, |next| next.bottleneck),
        })
    }

    /// Rows of the widest first sum.
    fn widest(&self) -> usize {
        self.sizes().flat_map(Sizes::units).map(|unit| unit.rows()).max().unwrap_or(0)
    }

    fn channels(&self) -> usize {
        self.arrays.iter().map(|a| a.channels).max().unwrap_or(0)
    }

    /// Buffers of one block: the input, the activations, what goes from one array to the next, the output; planes of [`BLOCK`] frames.
    fn buffers(&self) -> [usize; 4] {
        [self.inputs, self.widest(), self.channels(), self.outputs].map(|planes| planes * BLOCK)
    }

    /// A buffer for what any sum moves by, behind everything else.
    fn room(&self) -> usize {
        self.widest().max(self.channels()).max(self.outputs) * BLOCK
    }

    /// The rings in the order in which they lie in the memory, behind the buffers: of each array the head's, then the layers'.
    fn rings(&self) -> impl Iterator<Item = Ring> {
        self.sizes().flat_map(|array| core::iter::once(array.head_ring()).chain(array.units().map(|unit| unit.ring())))
    }

    /// Plays at most [`BLOCK`] frames.
    fn block<T: Scalar>(&self, mut params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T], course: &mut Course<'_, T>) {
        let frames = x.len() / self.inputs;
        let [a, b, c, d] = self.buffers();
        let (state, room) = state.split_at_mut(state.len() - self.room());
        let (input, state) = state.split_at_mut(a);
        let (z, state) = state.split_at_mut(b);
        let (carry, state) = state.split_at_mut(c);
        let (output, mut state) = state.split_at_mut(d);
        for (i, plane) in input.chunks_exact_mut(BLOCK).enumerate() {
            plane.iter_mut().zip(x.iter().skip(i).step_by(self.inputs)).for_each(|(to, from)| *to = *from);
        }
        course.keep(input, frames);
        let input = Seen::now(input, BLOCK, self.inputs, 0);
        let mut arrays = self.sizes().peekable();
        let Some(first) = arrays.peek() else { return };
        let (mut head, mut begun) = (first.head_ring().open(&mut state), false);
        while let Some(array) = arrays.next() {
            let mut units = array.units().peekable();
            let Some(first) = units.peek() else { return };
            let mut line = first.ring().open(&mut state);
            let seen = if begun { Seen::now(carry, BLOCK, array.before, 0) } else { input };
            glide(params, |p| Sum::of(seen, p, frames), array.array.channels, line.to(), room);
            course.take_up(&mut line, frames);
            params = params.at(array.rechannel_len());
            while let Some(unit) = units.next() {
                let seen = line.seen(unit.layer.kernel, unit.layer.dilation);
                let places = unit.places();
                let sum = |p| first_sum(&places, p, seen, input, frames);
                glide(params, sum, unit.rows(), (&mut *z, BLOCK), room);
                let kept = course.place();
                Activate { curves: unit.curves(), z, stride: BLOCK, begin: !begun, kept, frames }.run(head.to());
                course.kept(unit.rows(), frames);
                begun = true;
                if units.peek().is_some() || arrays.peek().is_some() {
                    let (seen, plus) = (Seen::now(z, BLOCK, unit.bottleneck, 0), line.seen(1, 0));
                    let sum = |p| residual(&places, p, seen, plus, frames);
                    if let Some(next) = units.peek() {
                        let mut next = next.ring().open(&mut state);
                        glide(params, sum, unit.channels, next.to(), room);
                        course.take_up(&mut next, frames);
                        line = next;
                    } else {
                        glide(params, sum, unit.channels, (&mut *carry, BLOCK), room);
                        course.keep(&carry[..unit.channels * BLOCK], frames);
                    }
                }
                params = params.at(places[5]);
            }
            course.take_up(&mut head, frames);
            let seen = head.seen(array.array.head_kernel, 1);
            let sum = |p| Sum { bias: array.head_bias(p), ..Sum::of(seen, p, frames) };
            if let Some(next) = arrays.peek() {
                let mut next = next.head_ring().open(&mut state);
                glide(params, sum, array.outputs, next.to(), room);
                head = next;
            } else {
                glide(params, sum, array.outputs, (&mut *output, BLOCK), room);
            }
            params = params.at(array.head_places()[1]);
        }
        let scale = T::from_f64(f64::from(self.head_scale));
        for (o, plane) in output.chunks_exact(BLOCK).enumerate() {
            y.iter_mut().skip(o).step_by(self.outputs).zip(plane).for_each(|(to, from)| *to = scale * *from);
        }
    }

    /// Plays any number of frames.
    fn play<T: Scalar>(&self, params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T], course: Course<'_, T>) {
        if const { T::SINGLE } {
            let slope = params.slope.map_or(Some(None), |slope| T::singles(slope).map(Some));
            let numbers = (T::singles(params.start), slope, T::singles_mut(state), T::singles(x), T::singles_mut(y), course.single());
            if let (Some(start), Some(slope), Some(state), Some(x), Some(y), Some(course)) = numbers {
                single::play(self, Moving { start, slope, first: params.first }, state, x, y, course);
            }
        } else {
            self.blocks(params, state, x, y, course);
        }
    }

    /// [`WaveNet::play`], whatever the numbers are.
    fn blocks<T: Scalar>(&self, mut params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T], mut course: Course<'_, T>) {
        for (x, y) in x.chunks(BLOCK * self.inputs).zip(y.chunks_mut(BLOCK * self.outputs)) {
            self.block(params, state, x, y, &mut course);
            course.go_on(x.len() / self.inputs);
            params = params.later(x.len() / self.inputs);
        }
    }
}

impl<T: Scalar> Layer<T> for WaveNet {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.outputs
    }
    fn fits(&self) -> bool {
        let layer = |l: &WaveNetLayer| l.kernel > 0 && l.dilation > 0 && l.activation.fits() && l.gate.is_none_or(Pointwise::fits);
        let array = |a: &WaveNetArray| {
            a.channels > 0 && a.bottleneck > 0 && a.head_kernel > 0 && !a.layers.is_empty() && a.layers.iter().all(layer)
        };
        let sizes = self.inputs > 0 && self.outputs > 0 && !self.arrays.is_empty();
        sizes && self.head_scale.is_finite() && self.arrays.iter().all(array)
    }
    fn layout(&self) -> Layout {
        let mut layout = Layout::new();
        for (i, array) in self.sizes().enumerate() {
            let WaveNetArray { channels, bottleneck, head_kernel, head_bias, .. } = *array.array;
            layout = layout.tensor(&format!("{i}.rechannel.weight"), &[array.before, channels]);
            for (l, unit) in array.units().enumerate() {
                let [conv, bias, mixin] = ["conv.weight", "conv.bias", "mixin.weight"].map(|name| format!("{i}.{l}.{name}"));
                let [residual, shift] = ["weight", "bias"].map(|name| format!("{i}.{l}.residual.{name}"));
                layout = layout
                    .tensor(&conv, &[unit.layer.kernel, channels, unit.rows()])
                    .tensor(&bias, &[unit.rows()])
                    .tensor(&mixin, &[self.inputs, unit.rows()])
                    .tensor(&residual, &[bottleneck, channels])
                    .tensor(&shift, &[channels])
                    .affine(Role::Input, &mixin, Some(&bias))
                    .affine(Role::Hidden, &conv, None)
                    .affine(Role::Mix, &residual, Some(&shift));
            }
            let [weight, bias] = ["weight", "bias"].map(|name| format!("{i}.head.{name}"));
            layout = layout.tensor(&weight, &[head_kernel, bottleneck, array.outputs]);
            if head_bias {
                layout = layout.tensor(&bias, &[array.outputs]);
            }
            // The first array's reads the input, as the mixins do.
            let rechannel = if i == 0 { Role::Bypass } else { Role::Output };
            layout =
                layout.affine(rechannel, &format!("{i}.rechannel.weight"), None).affine(Role::Output, &weight, head_bias.then_some(&bias));
        }
        layout
    }
    fn params_len(&self) -> usize {
        let units = |array: Sizes<'_>| array.units().map(|unit| unit.places()[5]).sum::<usize>();
        self.sizes().map(|array| array.rechannel_len() + units(array) + array.head_places()[1]).sum::<usize>() + ALIGN
    }
    /// Every weight uniform within `±1 / sqrt(columns)`, a bias as the weight before it, as PyTorch does.
    fn initialize(&self, uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        params.fill(T::ZERO);
        let mut bound = 0.0;
        for tensor in Layer::<T>::layout(self).tensors() {
            if let [columns @ .., _] = &tensor.shape[..]
                && !columns.is_empty()
            {
                bound = 1.0 / (columns.iter().product::<usize>() as f64).sqrt();
            }
            params[tensor.range()].fill_with(|| T::from_f64(bound * uniform()));
        }
    }
    fn state_len(&self) -> usize {
        self.buffers().iter().sum::<usize>() + self.rings().map(|ring| ring.len()).sum::<usize>() + self.room()
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        self.play(Moving::still(params), state, x, y, Course::Play);
    }
    fn glides(&self) -> bool {
        true
    }
    fn process_gliding(&self, params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
        self.play(params, state, x, y, Course::Play);
    }
    /// The frames since it was last asked, if those are 64 at most.
    fn flush(&self, state: &mut [T]) -> bool {
        let mut rings = &mut state[self.buffers().iter().sum()..];
        self.rings().fold(true, |finite, ring| {
            let (memory, rest) = core::mem::take(&mut rings).split_at_mut(ring.len());
            rings = rest;
            ring.flush(memory) && finite
        })
    }
    /// Every line is filled with the frame that enters it, one after the other.
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        self.play(Moving::still(params), state, &x[..self.inputs], &mut y[..self.outputs], Course::Rest);
    }
}
