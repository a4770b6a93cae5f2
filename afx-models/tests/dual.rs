//! Derivatives written by hand against dual numbers: exact but for rounding, and proof that a number type from outside is a `Scalar`.

use afx_core::{Adapter, Chain, Conditioned, Differentiable, Layer, Layout, Scalar, chain, testing::Noise};
use afx_models::{
    AnyLayer, Concat, Cover, Dense, Dynamics, Film, Fir, Fixed, Gru, LowRankHyper, Lstm, Network, Rnn, S4d, StaticHyper, Tfilm,
};
use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// `value + slope ε` with `ε² = 0`: the slope is the derivative along one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Dual {
    value: f64,
    slope: f64,
}

fn dual(value: f64, slope: f64) -> Dual {
    Dual { value, slope }
}

macro_rules! operators {
    ($($op:ident $f:ident $assign:ident $g:ident ($a:ident, $b:ident) $value:expr, $slope:expr;)+) => {
        $(impl $op for Dual {
            type Output = Self;
            fn $f(self, $b: Self) -> Self {
                let $a = self;
                dual($value, $slope)
            }
        }
        impl $assign for Dual {
            fn $g(&mut self, b: Self) {
                *self = $op::$f(*self, b);
            }
        })+
    };
}

operators! {
    Add add AddAssign add_assign (a, b) a.value + b.value, a.slope + b.slope;
    Sub sub SubAssign sub_assign (a, b) a.value - b.value, a.slope - b.slope;
    Mul mul MulAssign mul_assign (a, b) a.value * b.value, a.slope * b.value + a.value * b.slope;
    Div div DivAssign div_assign (a, b) a.value / b.value, (a.slope - a.value / b.value * b.slope) / b.value;
}

impl Neg for Dual {
    type Output = Self;
    fn neg(self) -> Self {
        dual(-self.value, -self.slope)
    }
}

impl PartialOrd for Dual {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

/// Only what a `Scalar` must have: `tanh`, `sigmoid` and the vector kernels are the provided ones.
impl Scalar for Dual {
    const ZERO: Self = Dual { value: 0.0, slope: 0.0 };
    const ONE: Self = Dual { value: 1.0, slope: 0.0 };
    fn from_f64(value: f64) -> Self {
        dual(value, 0.0)
    }
    fn to_f64(self) -> f64 {
        self.value
    }
    fn exp(self) -> Self {
        dual(self.value.exp(), self.slope * self.value.exp())
    }
    fn ln(self) -> Self {
        dual(self.value.ln(), self.slope / self.value)
    }
    fn sqrt(self) -> Self {
        dual(self.value.sqrt(), 0.5 * self.slope / self.value.sqrt())
    }
    fn sin(self) -> Self {
        dual(self.value.sin(), self.slope * self.value.cos())
    }
    fn cos(self) -> Self {
        dual(self.value.cos(), -self.slope * self.value.sin())
    }
}

const FRAMES: usize = 50;

/// What the derivative is taken of, in either number: the output for the learnt numbers, the knobs and the input.
fn output<T: Scalar, L: Layer<T>, A: Adapter<T>>(model: &Conditioned<L, A>, learnt: &[T], controls: &[T], x: &[T]) -> Vec<T> {
    let mut params = vec![T::ZERO; model.layer.params_len()];
    model.adapter.realize(learnt, controls, &mut vec![T::ZERO; model.adapter.scratch_len()], &mut params);
    let mut state = vec![T::ZERO; model.layer.state_len()];
    model.layer.reset(&params, &mut state);
    let mut y = vec![T::ZERO; x.len() / model.layer.inputs() * model.layer.outputs()];
    model.layer.process(&params, &mut state, x, &mut y);
    y
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Values, and a slope for each of them.
fn pair(values: &[f64], slopes: &[f64]) -> Vec<Dual> {
    values.iter().zip(slopes).map(|(v, s)| dual(*v, *s)).collect()
}

/// `dy · ∂y/∂(learnt, controls, x)` by the hand-written derivatives, against the slope along a random direction in each tensor, in the knobs
/// and in the input, one after the other.
fn compare<L, A>(layer: L, adapter: A)
where
    L: Differentiable<f64> + Layer<Dual>,
    A: Adapter<f64> + Adapter<Dual>,
{
    let model = Conditioned { layer, adapter };
    let (layer, adapter) = (&model.layer, &model.adapter);
    let mut noise = Noise::new(77);
    let layout: Layout = Adapter::<f64>::layout(adapter);
    let mut learnt = vec![0.0; layout.len()];
    for tensor in layout.tensors() {
        learnt[tensor.range()].copy_from_slice(&noise.take::<f64>(tensor.len(), 0.7));
    }
    let controls: Vec<f64> = noise.take(Adapter::<f64>::controls(adapter), 1.0);
    let x: Vec<f64> = noise.take(FRAMES * Layer::<f64>::inputs(layer), 0.8);
    let dy: Vec<f64> = noise.take(FRAMES * Layer::<f64>::outputs(layer), 1.0);

    let mut params = vec![0.0; Layer::<f64>::params_len(layer)];
    let mut scratch = vec![0.0; Adapter::<f64>::scratch_len(adapter)];
    adapter.realize(&learnt, &controls, &mut scratch, &mut params);
    let mut state = vec![0.0; Layer::<f64>::state_len(layer)];
    layer.reset(&params, &mut state);
    let (mut y, mut tape) = (vec![0.0; dy.len()], vec![0.0; layer.tape_len(FRAMES)]);
    layer.forward(&params, &mut state, &x, &mut y, &mut tape);
    let (mut dx, mut dparams) = (vec![0.0; x.len()], vec![0.0; params.len()]);
    layer.backward(&params, &x, &y, &mut tape, &dy, &mut dx, &mut dparams);
    let (mut dlearnt, mut dcontrols) = (vec![0.0; learnt.len()], vec![0.0; controls.len()]);
    adapter.realize_backward(&learnt, &controls, &mut scratch, &dparams, &mut dlearnt, &mut dcontrols);

    let check = |what: &str, directions: [&[f64]; 3]| {
        let [l, c, i] = directions;
        let y = output(&model, &pair(&learnt, l), &pair(&controls, c), &pair(&x, i));
        let exact: f64 = y.iter().zip(&dy).map(|(y, dy)| y.slope * dy).sum();
        let found = dot(&dlearnt, l) + dot(&dcontrols, c) + dot(&dx, i);
        // 50 frames of a few hundred products each, every one rounded at 1e-16 of a sum of order 10.
        assert!((found - exact).abs() < 1e-12 * exact.abs().max(1.0), "{what}: derivative {found:e}, dual numbers {exact:e}");
        exact.abs()
    };
    let still = (vec![0.0; learnt.len()], vec![0.0; controls.len()], vec![0.0; x.len()]);
    let mut largest = 0f64;
    for tensor in layout.tensors() {
        let mut direction = still.0.clone();
        direction[tensor.range()].copy_from_slice(&noise.take::<f64>(tensor.len(), 1.0));
        largest = largest.max(check(&tensor.name, [&direction, &still.1, &still.2]));
    }
    let (knobs, input) = (noise.take::<f64>(controls.len(), 1.0), noise.take::<f64>(x.len(), 1.0));
    check("controls", [&still.0, &knobs, &still.2]);
    check("input", [&still.0, &still.1, &input]);
    assert!(largest > 0.1, "derivatives too small for an absolute tolerance: {largest:e}");
}

fn cell() -> Chain<Gru, Dense> {
    Chain(Gru::new(2, 5), Dense::new(5, 1))
}

fn layout() -> Layout {
    Layer::<f64>::layout(&cell())
}

#[test]
fn every_cell_and_its_head_differentiate_as_dual_numbers_do() {
    for cell in [Gru::new(2, 5).into(), Lstm::new(2, 5).into(), AnyLayer::from(Rnn::new(2, 5))] {
        let layer = AnyLayer::stack(vec![cell, Dense::new(5, 1).into()]);
        let adapter = Fixed::new(&Layer::<f64>::layout(&layer), 0);
        compare(layer, adapter);
    }
}

#[test]
fn a_state_space_layer_differentiates_as_dual_numbers_do() {
    let layer = Chain(S4d { channels: 2, states: 3 }, Dense::new(2, 1));
    let adapter = StaticHyper::covering(&Layer::<f64>::layout(&layer), 2, Network::smooth(3, 1), Cover::Everything);
    compare(layer, adapter);
}

#[test]
fn dynamics_differentiate_as_dual_numbers_do() {
    let layer = chain!(Dense::new(1, 1), Dynamics, Dense::new(1, 1));
    let adapter = StaticHyper::covering(&Layer::<f64>::layout(&layer), 2, Network::smooth(3, 1), Cover::Everything);
    compare(layer, adapter);
}

#[test]
fn a_temporal_modulation_differentiates_as_dual_numbers_do() {
    let layer = chain!(Dense::new(1, 2), Tfilm::new(2, 3), Dense::new(2, 1));
    let adapter = StaticHyper::covering(&Layer::<f64>::layout(&layer), 2, Network::smooth(3, 1), Cover::Everything);
    compare(layer, adapter);
    let adapter = Concat::new(&Layer::<f64>::layout(&layer), 2);
    compare(layer, adapter);
}

#[test]
fn every_adapter_differentiates_as_dual_numbers_do() {
    compare(cell(), Concat::new(&layout(), 2));
    compare(cell(), Film::new(&layout(), 2, Network::smooth(4, 2)));
    compare(cell(), Film::covering(&layout(), 3, Network::leaky(4, 0), Cover::All));
    compare(cell(), StaticHyper::new(&layout(), 2, Network::smooth(4, 2)));
    compare(cell(), StaticHyper::covering(&layout(), 2, Network::leaky(4, 1), Cover::All));
    compare(cell(), LowRankHyper::covering(&layout(), 2, Network::smooth(4, 1), 3, Cover::All));
}

#[test]
fn a_long_chain_differentiates_as_dual_numbers_do() {
    let chain = || chain!(Fir { taps: 9 }, Dense::new(1, 3), Gru { inputs: 3, hidden: 6, bias: false }, Dense::new(6, 2));
    compare(chain(), StaticHyper::covering(&Layer::<f64>::layout(&chain()), 2, Network::leaky(3, 1), Cover::All));
}

#[test]
fn the_provided_functions_are_those_of_f64_with_their_slopes() {
    for x in [-20.0, -1.5, -1e-3, 0.0, 0.3, 2.0, 30.0] {
        let (tanh, sigmoid) = (dual(x, 1.0).tanh(), dual(x, 1.0).sigmoid());
        assert!((tanh.value - x.tanh()).abs() < 1e-15 && (tanh.slope - (1.0 - x.tanh().powi(2))).abs() < 1e-15, "{x}: {tanh:?}");
        let s = 1.0 / (1.0 + (-x).exp());
        assert!((sigmoid.value - s).abs() < 1e-15 && (sigmoid.slope - s * (1.0 - s)).abs() < 1e-15, "{x}: {sigmoid:?}");
    }
}
