//! What a voice refuses, and what it does where input or a rest is missing.

use afx_core::testing::Noise;
use afx_core::{Adapter, Chain, Conditioned, Layer, Layout, Processor, Voice, VoiceError};
use afx_models::*;

type Effect<A> = Voice<f32, Chain<Gru, Dense>, A>;

fn layout(gru: Gru, dense: Dense) -> Layout {
    Layer::<f32>::layout(&Chain(gru, dense))
}

fn voice<A: Adapter<f32>>(gru: Gru, dense: Dense, adapter: A, channels: usize) -> Result<Effect<A>, VoiceError> {
    let mut noise = Noise::new(3);
    let learnt: Vec<f32> = noise.take(adapter.layout().len(), 0.5);
    Voice::new(Conditioned { layer: Chain(gru, dense), adapter }, &learnt, 48e3, channels)
}

/// The error of a voice whose adapter was made for GRU-8 and a fitting head.
fn refusal(gru: Gru, dense: Dense) -> Option<VoiceError> {
    voice(gru, dense, Concat::new(&layout(gru, dense), 1), 1).err()
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    assert_eq!(refusal(Gru::new(1, 8), Dense::new(8, 1)), None);
    for (gru, dense) in [
        (Gru::new(1, 8), Dense::new(9, 1)),
        (Gru::new(1, 8), Dense::new(3, 1)),
        (Gru::new(0, 8), Dense::new(8, 1)),
        (Gru::new(1, 0), Dense::new(0, 1)),
        (Gru::new(1, 8), Dense::new(8, 0)),
    ] {
        assert_eq!(refusal(gru, dense), Some(VoiceError::Layer), "{gru:?} {dense:?}");
    }
}

#[test]
fn an_adapter_made_for_another_layer_is_refused() {
    let (small, large) = ((Gru::new(1, 8), Dense::new(8, 1)), (Gru::new(1, 16), Dense::new(16, 1)));
    let len = |(gru, dense): (Gru, Dense)| layout(gru, dense).len();
    for (made_for, given) in [(small, large), (large, small)] {
        let target = layout(made_for.0, made_for.1);
        let expected = VoiceError::Adapter { expected: len(given), found: len(made_for) };
        assert_eq!(voice(given.0, given.1, Fixed::new(&target, 0), 1).err(), Some(expected.clone()));
        assert_eq!(voice(given.0, given.1, Concat::new(&target, 2), 1).err(), Some(expected.clone()));
        assert_eq!(voice(given.0, given.1, Film::new(&target, 2, Network::smooth(4, 1)), 1).err(), Some(expected.clone()));
        assert_eq!(voice(given.0, given.1, StaticHyper::new(&target, 2, Network::smooth(4, 1)), 1).err(), Some(expected));
    }
}

#[test]
fn a_sample_rate_that_is_none_is_named() {
    for (rate, found) in [(0.0, "0"), (-48e3, "-48000"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let gru = Gru::new(1, 8);
        let adapter = Fixed::new(&Layer::<f32>::layout(&gru), 0);
        let learnt = vec![0.0f32; Adapter::<f32>::layout(&adapter).len()];
        let error = Voice::new(Conditioned { layer: gru, adapter }, &learnt, rate, 1).err().map(|e| e.to_string());
        assert_eq!(error, Some(format!("sample_rate_hz: expected a positive number, found {found}")));
    }
}

fn concat(channels: usize) -> Effect<Concat> {
    let (gru, dense) = (Gru::new(1, 8), Dense::new(8, 1));
    voice(gru, dense, Concat::new(&layout(gru, dense), 1), channels).unwrap()
}

#[test]
fn a_channel_without_input_is_silent() {
    let x = [0.5; 100];
    let [mut a, mut b, mut c] = [[1.0; 100]; 3];
    concat(2).process(&[&x], &mut [&mut a, &mut b, &mut c]);
    assert!(a.iter().any(|v| *v != 0.0), "the channel with input is silent");
    assert_eq!((b, c), ([0.0; 100], [0.0; 100]));
    let mut alone = [1.0; 100];
    concat(1).process(&[&x], &mut [&mut alone]);
    assert_eq!(a, alone);
    concat(1).process(&[], &mut [&mut alone]);
    assert_eq!(alone, [0.0; 100]);
}

#[test]
fn numbers_that_stay_where_they_are_play_the_same() {
    let (gru, dense) = (Gru::new(1, 8), Dense::new(8, 1));
    let adapter = Concat::new(&layout(gru, dense), 1);
    let learnt: Vec<f32> = Noise::new(3).take(Adapter::<f32>::layout(&adapter).len(), 0.5);
    let model = Conditioned { layer: Chain(gru, dense), adapter };
    let mut still = Voice::<f32, _, _>::new_static(model.clone(), learnt.clone().leak(), 48e3, 1).unwrap();
    assert_eq!(
        Voice::<f32, _, _>::new_static(model, &[], 48e3, 1).err(),
        Some(VoiceError::Parameters { expected: learnt.len(), found: 0 })
    );
    let [mut a, mut b] = [[0.0; 300]; 2];
    for effect in [&mut still as &mut dyn Processor<f32>, &mut concat(1)] {
        effect.set_controls(&[0.4]);
        (a, b) = (b, a);
        effect.process(&[&[0.5; 300]], &mut [&mut b]);
    }
    assert_eq!(a, b);
}

#[test]
fn a_second_reset_is_the_first_one() {
    let mut twice = concat(1);
    let mut once = concat(1);
    let x = [0.7; 200];
    let [mut a, mut b] = [[0.0; 200]; 2];
    for knob in [0.3, -0.8, 0.3] {
        for effect in [&mut twice, &mut once] {
            effect.set_controls(&[knob]);
            effect.process(&[&x], &mut [&mut a]);
            effect.reset();
        }
        twice.reset();
        twice.process(&[&x], &mut [&mut a]);
        once.process(&[&x], &mut [&mut b]);
        assert_eq!(a, b, "{knob}");
    }
}

#[test]
fn a_position_whose_parameters_overflow_leaves_the_others_alive() {
    let (gru, dense) = (Gru::new(1, 8), Dense::new(8, 1));
    let adapter = Concat::new(&layout(gru, dense), 1);
    let adapter_layout = Adapter::<f32>::layout(&adapter);
    let mut learnt: Vec<f32> = Noise::new(3).take(adapter_layout.len(), 0.5);
    for tensor in adapter_layout.tensors() {
        if tensor.name == "controls.weight" || tensor.name.ends_with("b_ih") {
            learnt[tensor.range()].fill(f32::MAX);
        }
    }
    // At 0 the biases are large and finite, at 1 infinite.
    let mut effect = Voice::new(Conditioned { layer: Chain(gru, dense), adapter }, &learnt, 48e3, 1).unwrap();
    effect.set_glide_ms(0.0);
    let x: Vec<f32> = (0..4800).map(|n| 0.3 * (n as f32 * 0.05).sin()).collect();
    let [mut before, mut during, mut after] = [(); 3].map(|()| vec![0.0; x.len()]);
    effect.set_controls(&[-1.0]);
    effect.reset();
    effect.process(&[&x], &mut [&mut before]);
    effect.set_controls(&[1.0]);
    effect.reset();
    effect.process(&[&x], &mut [&mut during]);
    assert!(during.iter().all(|v| v.is_finite()));
    effect.set_controls(&[-1.0]);
    effect.process(&[&x], &mut [&mut after]);
    let energy = |y: &[f32]| y[2400..].iter().map(|v| v * v).sum::<f32>();
    assert!(energy(&before) > 0.1 && (energy(&after) / energy(&before) - 1.0).abs() < 0.01, "{} {}", energy(&before), energy(&after));
}

#[test]
fn a_voice_says_what_it_is() {
    let text = format!("{:?}", concat(2));
    assert!(text.contains("channels: 2") && text.len() < 300, "{text}");
}

#[test]
fn every_channel_plays_as_if_it_were_alone() {
    let x = [5, 6, 7].map(|seed| Noise::new(seed).take::<f32>(700, 0.5));
    let play = |effect: &mut Effect<Concat>, x: &[&[f32]]| {
        let mut y = vec![vec![0.0; 700]; x.len()];
        effect.set_controls(&[0.7]);
        effect.process(x, &mut y.iter_mut().map(|y| &mut y[..]).collect::<Vec<_>>());
        y
    };
    let together = play(&mut concat(3), &x.each_ref().map(|x| &x[..]));
    for (x, y) in x.iter().zip(together) {
        assert_eq!([y], *play(&mut concat(1), &[x]));
    }
}

/// Two inputs, three outputs: `y = [[1, 2], [4, 8], [16, 32]] x`, and a fourth output that the layer does not have.
fn matrix(input: &[&[f32]]) -> [Vec<f32>; 4] {
    let layer = Dense { inputs: 2, outputs: 3, bias: false };
    let adapter = Fixed::new(&Layer::<f32>::layout(&layer), 0);
    let mut learnt = vec![0.0f32; Adapter::<f32>::layout(&adapter).len()];
    learnt[..6].copy_from_slice(&[1.0, 4.0, 16.0, 2.0, 8.0, 32.0]);
    let mut effect = Voice::new(Conditioned { layer, adapter }, &learnt, 48e3, 1).unwrap();
    let mut y = [(); 4].map(|()| vec![9.0; input.first().map_or(3, |x| x.len())]);
    effect.process(input, &mut y.each_mut().map(|y| &mut y[..]));
    y
}

#[test]
fn the_channels_of_a_wide_layer_are_its_inputs_and_outputs() {
    let (left, right) = (Noise::new(1).take::<f32>(150, 1.0), Noise::new(2).take::<f32>(150, 1.0));
    let expected = [1.0, 4.0, 16.0].map(|gain| left.iter().zip(&right).map(|(l, r)| gain * l + 2.0 * gain * r).collect::<Vec<f32>>());
    let found = matrix(&[&left, &right]);
    for (found, expected) in found.iter().zip(&expected) {
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-5)); // a rounding of f32 at 48
    }
    assert_eq!(found[3], [0.0; 150]);
    assert_eq!(matrix(&[&left])[0], left, "a missing input is silence");
    assert_eq!(matrix(&[]), [(); 4].map(|()| vec![0.0; 3]));
}

#[test]
fn an_input_is_held_to_120_decibels_and_what_is_no_number_is_silence() {
    let x = [3e6, -3e6, 1e6, -9e5, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 0.5];
    let held = [1e6, -1e6, 1e6, -9e5, 0.0, 0.0, 0.0, 0.5];
    assert_eq!(matrix(&[&x])[0], held);
    assert_eq!(matrix(&[&x])[2], held.map(|x| 16.0 * x));
}

#[test]
fn knobs_move_the_parameters_in_a_straight_line_that_ends_on_time() {
    let mut effect = concat(1);
    let play = |effect: &mut Effect<Concat>, frames: usize| effect.process(&[&vec![0.1; frames]], &mut [&mut vec![0.0; frames]]);
    let at_rest = |knob: f32| {
        let mut still = concat(1);
        still.set_controls(&[knob]);
        still.reset();
        still.parameters().to_vec()
    };
    // 30 ms at 48 kHz, then half of it there and 20 ms back from where the parameters are.
    for (knob, frames, whole) in [(1.0, 1440, 1440), (-1.0, 720, 1440), (0.5, 960, 960)] {
        let (from, to) = (effect.parameters().to_vec(), at_rest(knob));
        effect.set_glide_ms(whole as f64 / 48.0);
        effect.set_controls(&[knob]);
        for n in (0..frames).step_by(40) {
            let part = n as f32 / whole as f32;
            for ((found, from), to) in effect.parameters().iter().zip(&from).zip(&to) {
                assert!((found - (from + part * (to - from))).abs() < 1e-5, "to {knob}, frame {n}"); // 360 roundings of f32
            }
            play(&mut effect, 40);
        }
        assert_eq!(effect.parameters() == to, frames == whole, "to {knob}");
    }
    for glide_ms in [0.0, 3.0 / 48.0, f64::NAN, -1.0] {
        let knob = -effect.controls()[0];
        effect.set_glide_ms(glide_ms);
        effect.set_controls(&[knob]);
        assert_eq!(effect.parameters(), at_rest(knob), "{glide_ms} ms");
    }
}

#[test]
fn knobs_are_held_to_their_range_and_what_is_no_number_leaves_them() {
    let mut effect = concat(1);
    for (set, expected) in [(0.25, 0.25), (7.0, 1.0), (f32::NAN, 1.0), (-7.0, -1.0), (f32::INFINITY, 1.0), (f32::NEG_INFINITY, -1.0)] {
        effect.set_controls(&[set, 0.5]);
        assert_eq!(effect.controls(), [expected], "{set}");
    }
    effect.set_controls(&[]);
    assert_eq!(effect.controls(), [-1.0]);
}

#[test]
fn numbers_that_are_not_finite_and_channels_that_do_not_fit_are_refused() {
    let refusal = |layer: Dense, channels: usize, bad: Option<f32>| {
        let adapter = Fixed::new(&Layer::<f32>::layout(&layer), 0);
        let mut learnt = vec![0.0; Adapter::<f32>::layout(&adapter).len()];
        learnt[1] = bad.unwrap_or(0.0);
        Voice::new(Conditioned { layer, adapter }, &learnt, 48e3, channels).err().map(|e| e.to_string())
    };
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let expected = "parameters: expected finite numbers, found another at index 1";
        assert_eq!(refusal(Dense::new(2, 1), 1, Some(bad)).as_deref(), Some(expected));
    }
    for (inputs, outputs, channels, fits) in [(1, 1, 0, false), (1, 1, 3, true), (2, 1, 1, true), (2, 1, 2, false), (1, 2, 2, false)] {
        let expected = format!("channels: expected 1, or more for a layer with one input and one output, found {channels}");
        assert_eq!(refusal(Dense::new(inputs, outputs), channels, None), (!fits).then_some(expected));
    }
}

/// So many frames late, and it says so.
struct Delay(usize);

impl Layer<f32> for Delay {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn layout(&self) -> Layout {
        Layout::new()
    }
    fn params_len(&self) -> usize {
        0
    }
    fn state_len(&self) -> usize {
        self.0
    }
    fn process(&self, _: &[f32], state: &mut [f32], x: &[f32], y: &mut [f32]) {
        for (x, y) in x.iter().zip(y) {
            *y = state[0];
            state.rotate_left(1);
            state[self.0 - 1] = *x;
        }
    }
    fn latency(&self) -> usize {
        self.0
    }
}

#[test]
fn a_voice_is_as_late_as_all_its_layers() {
    let layer = Chain(Delay(3), Delay(8));
    let adapter = Fixed::new(&layer.layout(), 0);
    let mut effect: Box<dyn Processor<f32>> = Box::new(Voice::new(Conditioned { layer, adapter }, &[], 48e3, 1).unwrap());
    let (mut x, mut y) = ([0.0; 100], [0.0; 100]);
    x[0] = 1.0;
    effect.process(&[&x], &mut [&mut y]);
    assert_eq!((effect.latency(), y.iter().position(|v| *v == 1.0)), (11, Some(11)));
}

#[test]
fn a_stack_whose_layers_do_not_fit_one_another_is_refused() {
    for (dense, gru, fits) in
        [(Dense::new(1, 3), Gru::new(3, 8), true), (Dense::new(1, 3), Gru::new(4, 8), false), (Dense::new(1, 0), Gru::new(0, 8), false)]
    {
        let layer = AnyLayer::stack(vec![dense.into(), gru.into(), Dense::new(8, 1).into()]);
        let adapter = Fixed::new(&Layer::<f32>::layout(&layer), 0);
        let learnt = vec![0.0; Adapter::<f32>::layout(&adapter).len()];
        let refusal = Voice::<f32, _, _>::new(Conditioned { layer, adapter }, &learnt, 48e3, 1).err();
        assert_eq!(refusal, (!fits).then_some(VoiceError::Layer), "{dense:?} {gru:?}");
    }
}

#[test]
fn the_weights_of_new_knobs_begin_within_the_bound_of_the_bias() {
    let layer = Chain(Gru::new(1, 8), Dense::new(8, 1));
    let model = Conditioned { adapter: Concat::new(&Layer::<f32>::layout(&layer), 3), layer };
    let mut noise = Noise::new(1);
    let learnt: Vec<f32> = model.initialize(&mut || noise.next_f64());
    let layout = model.layout::<f32>();
    let numbers = |name: &str| &learnt[layout.find(name).unwrap().range()];
    let largest = |v: &[f32]| v.iter().fold(0f32, |m, v| m.max(v.abs()));
    let (knobs, bias) = (numbers("controls.weight"), numbers("layer.0.b_ih"));
    assert!(knobs.iter().all(|v| *v != 0.0));
    assert!((0.9..=1.0).contains(&(largest(knobs) / largest(bias)))); // 72 numbers uniform up to the bound: 0.9^72 is 5e-4
}
