//! Every layer, adapter and voice keeps the promises common to all: one line each.

use afx_core::testing::Noise;
use afx_core::{Chain, Conditioned, Layer, Layout, Voice};
use afx_dsp::GainComputer;
use afx_models::*;

afx_core::guard_allocations!();

afx_core::layer_conformance!(gru_8, Gru::new(1, 8));
afx_core::layer_conformance!(gru_16, Gru::new(1, 16));
afx_core::layer_conformance!(gru_32, Gru::new(2, 32));
afx_core::layer_conformance!(gru_of_odd_size, Gru::new(3, 5));
afx_core::layer_conformance!(gru_20_without_bias, Gru { inputs: 1, hidden: 20, bias: false });
afx_core::layer_conformance!(gru_64, Gru::new(1, 64));
afx_core::layer_conformance!(gru_72, Gru::new(1, 72));
afx_core::layer_conformance!(lstm_8, Lstm::new(1, 8));
afx_core::layer_conformance!(lstm_16, Lstm::new(1, 16));
afx_core::layer_conformance!(lstm_32, Lstm::new(2, 32));
afx_core::layer_conformance!(lstm_of_odd_size, Lstm::new(3, 5));
afx_core::layer_conformance!(lstm_20_without_bias, Lstm { inputs: 1, hidden: 20, bias: false });
afx_core::layer_conformance!(dynamic_gru, DynamicHyper { hyper: 5, embedding: 3, ..DynamicHyper::gru(2, 7) });
afx_core::layer_conformance!(dynamic_gru_16, DynamicHyper::gru(1, 16));
afx_core::layer_conformance!(dynamic_lstm, DynamicHyper { hyper: 20, embedding: 2, ..DynamicHyper::lstm(1, 9) });
afx_core::layer_conformance!(dynamic_lstm_8, DynamicHyper::lstm(1, 8));
// Weights of ±0.6 make more than some 20 plain units chaotic: larger ones are tested beside their kernels.
afx_core::layer_conformance!(rnn_8, Rnn::new(1, 8));
afx_core::layer_conformance!(rnn_16, Rnn::new(1, 16));
afx_core::layer_conformance!(rnn_of_odd_size, Rnn::new(3, 5));
afx_core::layer_conformance!(rnn_20_without_bias, Rnn { inputs: 1, hidden: 20, bias: false });
afx_core::layer_conformance!(dense_one_output, Dense::new(32, 1));
afx_core::layer_conformance!(dense_odd, Dense::new(5, 1));
afx_core::layer_conformance!(dense_wide, Dense::new(3, 21));
afx_core::layer_conformance!(dense_without_bias, Dense { inputs: 7, outputs: 2, bias: false });
afx_core::layer_conformance!(fir_1, Fir { taps: 1 });
afx_core::layer_conformance!(fir_50, Fir { taps: 50 });
afx_core::layer_conformance!(iir_1, Iir { sections: 1 });
afx_core::layer_conformance!(iir_4, Iir { sections: 4 });
afx_core::layer_conformance!(dynamics, Dynamics);
afx_core::layer_conformance!(conv1d_mono, Conv1d::new(1, 8, 3, 4));
afx_core::layer_conformance!(conv1d_wide, Conv1d::new(8, 20, 2, 70));
afx_core::layer_conformance!(conv1d_one_output, Conv1d { inputs: 5, outputs: 1, kernel: 3, dilation: 2, bias: false });
afx_core::layer_conformance!(nonlinear_tanh, Nonlinear { width: 3, function: Function::Tanh });
afx_core::layer_conformance!(nonlinear_sigmoid, Nonlinear { width: 17, function: Function::Sigmoid });
afx_core::layer_conformance!(nonlinear_relu, Nonlinear { width: 1, function: Function::Relu });
afx_core::layer_conformance!(nonlinear_prelu, Nonlinear { width: 5, function: Function::PRelu });
afx_core::layer_conformance!(nonlinear_elu, Nonlinear { width: 2, function: Function::Elu });
afx_core::layer_conformance!(nonlinear_softmax, Nonlinear { width: 4, function: Function::Softmax });
afx_core::layer_conformance!(skip_gru, Skip { layer: Chain(Gru::new(2, 8), Dense::new(8, 2)) });
afx_core::layer_conformance!(skip_tanh, Skip { layer: Nonlinear { width: 3, function: Function::Tanh } });
afx_core::layer_conformance!(tcn, Tcn::new(1, 8, 3, 3));
afx_core::layer_conformance!(tcn_of_odd_size, Tcn { growth: 5, ..Tcn::new(2, 5, 4, 2) });
afx_core::layer_conformance!(tcn_wide, Tcn::new(1, 40, 2, 2));
afx_core::layer_conformance!(gcn_wide, Gcn { bias: false, ..Gcn::new(1, 24, 2, 2, 40) });
afx_core::layer_conformance!(conv1d_wide_without_bias, Conv1d { bias: false, ..Conv1d::new(2, 40, 2, 3) });
afx_core::layer_conformance!(tcn_late, Tcn { late: true, bias: false, ..Tcn::new(1, 3, 2, 3) });
afx_core::layer_conformance!(tcn_late_without_memory, Tcn { late: true, ..Tcn::new(3, 4, 1, 1) });
afx_core::layer_conformance!(gcn, Gcn::new(1, 8, 3, 3, 1));
afx_core::layer_conformance!(gcn_of_odd_size, Gcn { growth: 5, ..Gcn::new(2, 5, 4, 2, 3) });
afx_core::layer_conformance!(gcn_late, Gcn { late: true, bias: false, ..Gcn::new(1, 3, 2, 3, 1) });
afx_core::layer_conformance!(gcn_of_one_block, Gcn::new(2, 20, 1, 2, 2));
afx_core::layer_conformance!(wavenet, wavenet(1, 3, Pointwise::Tanh, None));
afx_core::layer_conformance!(wavenet_gated, wavenet(2, 5, Pointwise::Tanh, Some(Pointwise::Sigmoid)));
afx_core::layer_conformance!(wavenet_leaky, wavenet(1, 9, Pointwise::LeakyRelu { slope: 0.1 }, Some(Pointwise::Silu)));
afx_core::layer_conformance!(wavenet_hard, wavenet(3, 4, Pointwise::HardSwish, Some(Pointwise::Softsign)));
afx_core::layer_conformance!(s4d_mono, S4d { channels: 1, states: 4 });
afx_core::layer_conformance!(s4d_16, S4d { channels: 16, states: 4 });
afx_core::layer_conformance!(s4d_of_odd_size, S4d { channels: 19, states: 3 });
afx_core::layer_conformance!(s4d_of_one_state, S4d { channels: 40, states: 1 });
afx_core::layer_conformance!(tfilm_mono, Tfilm::new(1, 5));
afx_core::layer_conformance!(tfilm_16, Tfilm::new(16, 7));
afx_core::layer_conformance!(tfilm_of_odd_size, Tfilm { hidden: 3, ..Tfilm::new(19, 4) });
afx_core::layer_conformance!(tfilm_of_single_frames, Tfilm { bias: false, ..Tfilm::new(2, 1) });
afx_core::layer_conformance!(chain_lstm, afx_core::chain!(Fir { taps: 7 }, Dense::new(1, 3), Lstm::new(3, 8), Dense::new(8, 1)));
afx_core::layer_conformance!(chain_rnn, afx_core::chain!(Fir { taps: 7 }, Dense::new(1, 3), Rnn::new(3, 8), Dense::new(8, 1)));
afx_core::layer_conformance!(chain, afx_core::chain!(Fir { taps: 7 }, Dense::new(1, 3), Gru::new(3, 8), Dense::new(8, 1)));

/// Two arrays that share no size.
fn wavenet(inputs: usize, channels: usize, activation: Pointwise, gate: Option<Pointwise>) -> WaveNet {
    let layer = |kernel, dilation| WaveNetLayer { kernel, dilation, activation, gate };
    let first = WaveNetArray { channels, bottleneck: 3, layers: vec![layer(3, 1), layer(2, 70)], head_kernel: 1, head_bias: false };
    let second = WaveNetArray { channels: 2, bottleneck: 4, layers: vec![layer(1, 3), layer(3, 5)], head_kernel: 4, head_bias: true };
    WaveNet { inputs, outputs: inputs, arrays: vec![first, second], head_scale: 0.75 }
}

#[test]
fn any_number_of_units_trains_what_it_plays() {
    for hidden in [1, 2, 3, 7, 15, 17, 24, 31, 33, 40, 48, 49, 63, 80, 81, 96, 100, 128] {
        afx_core::testing::layer_forward(&Gru::new(1, hidden));
        afx_core::testing::layer_forward(&Lstm::new(1, hidden));
        afx_core::testing::layer_forward(&Rnn::new(1, hidden));
    }
}

/// The layer that the adapters drive.
fn layer() -> Chain<Gru, Dense> {
    Chain(Gru::new(1, 8), Dense::new(8, 1))
}

fn layout() -> Layout {
    Layer::<f32>::layout(&layer())
}

fn chain_without_bias() -> Chain<Gru, Dense> {
    Chain(Gru { inputs: 1, hidden: 8, bias: false }, Dense { inputs: 8, outputs: 1, bias: false })
}

afx_core::adapter_conformance!(fixed, Fixed::new(&layout(), 0), layer());
afx_core::adapter_conformance!(concat, Concat::new(&layout(), 2), layer());
afx_core::adapter_conformance!(film, Film::new(&layout(), 2, Network::smooth(6, 2)), layer());
afx_core::adapter_conformance!(film_everywhere, Film::covering(&layout(), 3, Network::leaky(5, 1), Cover::All), layer());
afx_core::adapter_conformance!(static_hyper, StaticHyper::new(&layout(), 2, Network::smooth(4, 2)), layer());
afx_core::adapter_conformance!(static_hyper_affine, StaticHyper::covering(&layout(), 2, Network::leaky(4, 0), Cover::All), layer());
afx_core::adapter_conformance!(
    static_hyper_without_bias,
    StaticHyper::new(&Layer::<f32>::layout(&chain_without_bias()), 2, Network::smooth(4, 2)),
    chain_without_bias()
);
afx_core::adapter_conformance!(low_rank_hyper, LowRankHyper::new(&layout(), 2, Network::smooth(4, 2), 3), layer());
afx_core::adapter_conformance!(low_rank_hyper_affine, LowRankHyper::covering(&layout(), 2, Network::leaky(4, 0), 1, Cover::All), layer());
afx_core::adapter_conformance!(
    low_rank_hyper_without_bias,
    LowRankHyper::new(&Layer::<f32>::layout(&chain_without_bias()), 2, Network::smooth(4, 2), 20),
    chain_without_bias()
);
afx_core::adapter_conformance!(
    film_without_bias,
    Film::new(&Layer::<f32>::layout(&chain_without_bias()), 2, Network::smooth(4, 2)),
    chain_without_bias()
);

/// A voice with random weights, large enough to distort.
fn voice<A: afx_core::Adapter<f32>>(adapter: A, channels: usize) -> Voice<f32, Chain<Gru, Dense>, A> {
    let model = Conditioned { layer: layer(), adapter };
    let mut noise = Noise::new(3);
    let learnt = model.initialize(&mut || 1.5 * noise.next_f64());
    Voice::new(model, &learnt, 48_000.0, channels).expect("the numbers fit their own model")
}

afx_core::processor_conformance!(voice_concat, voice(Concat::new(&layout(), 2), 1), 1, 2);
afx_core::processor_conformance!(voice_film_stereo, voice(Film::new(&layout(), 2, Network::smooth(6, 2)), 2), 2, 2);
afx_core::processor_conformance!(voice_low_rank_hyper, voice(LowRankHyper::new(&layout(), 2, Network::smooth(4, 2), 3), 1), 1, 2);
afx_core::processor_conformance!(voice_static_hyper_3_channels, voice(StaticHyper::new(&layout(), 2, Network::smooth(4, 2)), 3), 3, 2);

#[test]
fn cells_without_biases_are_silent_rather_than_subnormal() {
    let (hidden, bias) = (8, false);
    let cells = [Gru { inputs: 1, hidden, bias }.into(), Lstm { inputs: 8, hidden, bias }.into(), Rnn { inputs: 8, hidden, bias }.into()];
    let layer = AnyLayer::stack([&cells[..], &[Dense { inputs: 8, outputs: 1, bias }.into()]].concat());
    let model = Conditioned { adapter: Fixed::new(&Layer::<f32>::layout(&layer), 0), layer };
    let mut noise = Noise::new(3);
    let learnt = model.initialize(&mut || 1.2 * noise.next_f64());
    afx_core::testing::processor_hostile(&mut Voice::new(model, &learnt, 48e3, 1).expect("the numbers fit their own model"), 1);
}

/// Trained for 44.1 kHz, at another rate: frame by frame, and by turns, of which three leave one over.
fn at_rate<L: Layer<f32>>(layer: L, host_hz: u32, channels: usize) -> Voice<f32, StateDelay<L>, StaticHyper> {
    let layer = StateDelay::new::<f32>(layer, 44_100, host_hz).expect("rates that it can have");
    let adapter = StaticHyper::new(&layer.layout(), 2, Network::smooth(4, 2));
    let model = Conditioned { layer, adapter };
    let mut noise = Noise::new(3);
    let learnt = model.initialize(&mut || 1.2 * noise.next_f64());
    Voice::new(model, &learnt, f64::from(host_hz), channels).expect("the numbers fit their own model")
}

afx_core::processor_conformance!(voice_at_a_higher_rate_stereo, at_rate(layer(), 48_000, 2), 2, 2);
afx_core::processor_conformance!(voice_at_a_lower_rate_stereo, at_rate(layer(), 40_000, 2), 2, 2);
afx_core::processor_conformance!(voice_at_the_same_rate_stereo, at_rate(layer(), 44_100, 2), 2, 2);
afx_core::processor_conformance!(voice_at_twice_the_rate_stereo, at_rate(layer(), 88_200, 2), 2, 2);
afx_core::processor_conformance!(voice_of_a_gcn_at_three_times_the_rate_stereo, at_rate(Gcn::new(1, 8, 3, 3, 1), 132_300, 2), 2, 2);

/// At a whole number of times the rate any layer, at any other those that have a recurrence for memory.
#[test]
fn layers_at_another_rate_take_any_split_and_glide() {
    fn check<L: Layer<f32> + Layer<f64> + Clone>(layer: L, hosts: &[u32]) {
        for host_hz in hosts {
            let delayed = StateDelay::new::<f32>(layer.clone(), 44_100, *host_hz).expect("rates that it can have");
            afx_core::testing::layer_splits(&delayed);
            afx_core::testing::layer_gliding(&delayed);
        }
    }
    let whole = [44_100, 88_200, 220_500, 44_100 * 64];
    let others = [40_000, 48_000, 66_150, 96_000];
    check(Gcn::new(2, 5, 3, 2, 3), &whole);
    check(Fir { taps: 9 }, &whole);
    // Random filters have poles near half the rate, where an extrapolated memory goes astray: only above their own rate.
    check(Chain(Iir { sections: 2 }, Dynamics), &whole);
    check(Chain(Iir { sections: 2 }, Dynamics), &others[1..]);
    for hosts in [&whole[..], &others] {
        check(Gru::new(2, 16), hosts);
        check(Chain(Lstm::new(1, 5), Dense::new(5, 2)), hosts);
        check(Skip { layer: Chain(Gru::new(1, 72), Dense::new(72, 1)) }, hosts);
        check(DynamicHyper::gru(1, 8), hosts);
        check(S4d { channels: 3, states: 2 }, hosts);
        check(Dense::new(3, 2), hosts);
        check(AnyLayer::stack(vec![Rnn::new(1, 3).into(), Dense::new(3, 1).into()]), hosts);
    }
}

/// Everything that a model file can hold.
fn stack() -> AnyLayer {
    let shaper = vec![Dense::new(1, 3).into(), Nonlinear { width: 3, function: Function::PRelu }.into(), Dense::new(3, 1).into()];
    let cell = vec![Fir { taps: 9 }.into(), Dense::new(1, 3).into(), Gru::new(3, 8).into(), Dense::new(8, 1).into()];
    AnyLayer::stack([cell, vec![AnyLayer::skip(AnyLayer::stack(shaper))]].concat())
}

afx_core::layer_conformance!(any_stack, stack());
afx_core::adapter_conformance!(
    any_static_hyper,
    Conditioning::StaticHyper { network: Network::leaky(3, 1), cover: Cover::All }.adapter(&Layer::<f32>::layout(&stack()), 2),
    stack()
);
afx_core::adapter_conformance!(
    any_low_rank_hyper,
    Conditioning::LowRankHyper { network: Network::leaky(3, 1), rank: 2, cover: Cover::Everything }
        .adapter(&Layer::<f32>::layout(&stack()), 2),
    stack()
);

#[test]
fn every_kind_of_conditioning_keeps_its_promises_on_every_cell() {
    for name in ModelSpec::names() {
        println!("{name}");
        let model = ModelSpec::named(&name, 5, 2).and_then(|spec| spec.build()).expect("a known name");
        afx_core::testing::adapter_gradients(&model.adapter, &model.layer);
        afx_core::testing::adapter_rescale(&model.adapter, &model.layer);
        afx_core::testing::adapter_allocations(&model.adapter, &model.layer);
    }
}

/// A voice of two channels with random weights by a model's name.
fn named(name: &str) -> Voice<f32, AnyLayer, AnyAdapter> {
    let model = ModelSpec::named(name, 8, 2).and_then(|spec| spec.build()).expect("a known name");
    let mut noise = Noise::new(3);
    let learnt: Vec<f32> = model.initialize(&mut || 1.5 * noise.next_f64());
    Voice::new(model, &learnt, 48_000.0, 2).expect("the numbers fit their own model")
}

afx_core::processor_conformance!(voice_static_hyper_lstm_stereo, named("static-hyper-lstm"), 2, 2);
afx_core::processor_conformance!(voice_film_rnn_stereo, named("film-rnn"), 2, 2);
afx_core::processor_conformance!(voice_concat_tcn_stereo, named("concat-tcn"), 2, 2);
afx_core::processor_conformance!(voice_film_gcn_stereo, named("film-gcn"), 2, 2);
afx_core::processor_conformance!(voice_tfilm_tcn_stereo, named("tfilm-tcn"), 2, 2);

/// The promises of a voice but one: a million times full scale is not forgotten within half a second by oscillators whose time constants, of these
/// numbers, are up to 6300 frames.
#[test]
fn a_state_space_voice_keeps_what_others_keep() {
    let mut voice = named("film-s4d");
    afx_core::testing::processor_splits(&mut voice, 2, 2);
    afx_core::testing::processor_reset(&mut voice, 2, 2);
    afx_core::testing::processor_allocations(&mut voice, 2, 2);
}

/// A grey box: filters, a curve, and filters, of which a network writes every number.
fn grey_box() -> ModelSpec {
    let curve = Nonlinear { width: 5, function: Function::Tanh };
    let layers =
        vec![Iir { sections: 3 }.into(), Dense::new(1, 5).into(), curve.into(), Dense::new(5, 1).into(), Iir { sections: 2 }.into()];
    let conditioning = Conditioning::StaticHyper { network: Network::smooth(4, 1), cover: Cover::Everything };
    ModelSpec { layer: AnyLayer::stack(layers), conditioning, controls: 2 }
}

afx_core::adapter_conformance!(grey_box_adapter, grey_box().build().expect("sound").adapter, grey_box().layer);

/// A voice of it with random weights.
fn grey_voice() -> Voice<f32, AnyLayer, AnyAdapter> {
    let (model, mut noise) = (grey_box().build().expect("sound"), Noise::new(5));
    let learnt: Vec<f32> = model.initialize(&mut || noise.next_f64());
    Voice::new(model, &learnt, 48_000.0, 2).expect("the numbers fit their own model")
}

afx_core::processor_conformance!(voice_grey_box_stereo, grey_voice(), 2, 2);

/// A compressor whose release of 20 ms forgets a million times full scale within half a second.
fn compressor() -> Voice<f32, Dynamics, Fixed> {
    let mut learnt = vec![0.0; Layer::<f32>::params_len(&Dynamics)];
    let four_to_one = GainComputer { threshold_db: -30.0, ratio: 4.0, knee_db: 6.0 };
    Dynamics.set(&four_to_one, [48.0, 960.0], 6.0, &mut learnt);
    let adapter = Fixed::new(&Layer::<f32>::layout(&Dynamics), 0);
    Voice::new(Conditioned { layer: Dynamics, adapter }, &learnt, 48_000.0, 2).expect("the numbers fit their own model")
}

afx_core::processor_conformance!(voice_dynamics_stereo, compressor(), 2, 0);

/// A network that writes a compressor's numbers. The promises of a voice but one: its release of 170 ms is too long for that.
#[test]
fn a_compressor_with_knobs_keeps_what_others_keep() {
    let map = Dense { inputs: 1, outputs: 1, bias: false };
    let conditioning = Conditioning::StaticHyper { network: Network::smooth(4, 1), cover: Cover::Everything };
    let layer = AnyLayer::stack(vec![map.into(), Dynamics.into(), map.into()]);
    let (model, mut noise) = (ModelSpec { layer, conditioning, controls: 2 }.build().expect("sound"), Noise::new(6));
    let learnt: Vec<f32> = model.initialize(&mut || noise.next_f64());
    let mut voice = Voice::new(model, &learnt, 48_000.0, 2).expect("the numbers fit their own model");
    afx_core::testing::processor_splits(&mut voice, 2, 2);
    afx_core::testing::processor_reset(&mut voice, 2, 2);
    afx_core::testing::processor_allocations(&mut voice, 2, 2);
}

/// A layer with its first parameters, which bring any memory to rest, and a frame to feed it.
fn first_values(layer: &impl Layer<f32>) -> (Vec<f32>, Vec<f32>) {
    let (mut noise, mut params) = (Noise::new(41), vec![0.0; layer.params_len()]);
    layer.initialize(&mut || noise.next_f64(), &mut params);
    (params, noise.take(layer.inputs(), 1.0))
}

fn rests_where_playing_leads(layer: &impl Layer<f32>) {
    let (params, x) = first_values(layer);
    let (mut state, mut memory) = (vec![0.3; layer.state_len()], vec![0.0; layer.state_len()]);
    let [mut rest, mut next] = [(); 2].map(|()| vec![0.0; layer.outputs()]);
    layer.rest(&params, &mut state, &x, &mut rest);
    layer.process(&params, &mut state, &x, &mut next);
    let mut played = vec![0.0; 3000 * layer.outputs()];
    layer.process(&params, &mut memory, &x.repeat(3000), &mut played);
    for ((r, n), p) in rest.iter().zip(&next).zip(&played[2999 * layer.outputs()..]) {
        // what is called still moves by up to 1e-6 in 64 frames
        assert!((r - p).abs() < 1e-5 && (n - p).abs() < 1e-5, "rests at {r}, goes on at {n}, played {p}");
    }
}

fn knows_when_its_memory_is_spoilt(layer: &impl Layer<f32>) {
    let (params, x) = first_values(layer);
    let (x, mut y) = (x.repeat(70), vec![0.0; 70 * layer.outputs()]);
    let mut spoilt = 0;
    for i in 0..layer.state_len() {
        let mut state = vec![1e-40; layer.state_len()];
        state[i] = f32::NAN;
        if layer.flush(&mut state) {
            layer.process(&params, &mut state, &x, &mut y);
            assert!(y.iter().all(|v| v.is_finite()), "number {i} of the memory spoils the sound, and flush does not say so");
        } else {
            spoilt += 1;
        }
    }
    let mut state = vec![0.0; layer.state_len()];
    assert!(spoilt > 0 && layer.flush(&mut state), "no memory is finite enough, or any is");
}

#[test]
fn what_is_made_of_layers_rests_and_is_checked_as_they_are() {
    let chain = afx_core::chain!(Fir { taps: 7 }, Dense::new(1, 3), Gru::new(3, 8), Dense::new(8, 1));
    rests_where_playing_leads(&chain);
    rests_where_playing_leads(&stack());
    rests_where_playing_leads(&Gru::new(2, 5));
    rests_where_playing_leads(&Lstm::new(2, 5));
    rests_where_playing_leads(&Rnn::new(2, 5));
    knows_when_its_memory_is_spoilt(&S4d { channels: 5, states: 3 });
    knows_when_its_memory_is_spoilt(&Dynamics);
    rests_where_playing_leads(&Tfilm::new(3, 16));
    knows_when_its_memory_is_spoilt(&Tfilm::new(3, 16));
    rests_where_playing_leads(&wavenet(2, 5, Pointwise::Tanh, Some(Pointwise::Sigmoid)));
    knows_when_its_memory_is_spoilt(&chain);
    knows_when_its_memory_is_spoilt(&afx_core::chain!(Gru::new(2, 5), Dense::new(5, 1), Fir { taps: 7 }));
    knows_when_its_memory_is_spoilt(&stack());
    rests_where_playing_leads(&Skip { layer: Chain(Lstm::new(2, 5), Dense::new(5, 2)) });
    knows_when_its_memory_is_spoilt(&Skip { layer: Chain(Lstm::new(2, 5), Dense::new(5, 2)) });
    knows_when_its_memory_is_spoilt(&Gru::new(2, 5));
    knows_when_its_memory_is_spoilt(&Lstm::new(2, 5));
    knows_when_its_memory_is_spoilt(&Rnn::new(2, 5));
}

#[test]
fn convolutional_cells_rest_and_are_checked() {
    for late in [false, true] {
        let (tcn, gcn) = (Tcn { late, ..Tcn::new(2, 5, 6, 3) }, Gcn { late, ..Gcn::new(2, 5, 6, 3, 2) });
        rests_where_playing_leads(&tcn);
        rests_where_playing_leads(&gcn);
        notices_a_frame_that_is_no_number(&tcn);
        notices_a_frame_that_is_no_number(&gcn);
    }
}

/// A line is looked at where it is new: once in 64 frames is often enough.
fn notices_a_frame_that_is_no_number(layer: &impl Layer<f32>) {
    let (params, x) = first_values(layer);
    let mut y = vec![0.0; 64 * layer.outputs()];
    for at in [0, 1, 40, 63] {
        let (mut state, mut spoilt) = (vec![0.0; layer.state_len()], x.repeat(64));
        layer.process(&params, &mut state, &spoilt, &mut y);
        assert!(layer.flush(&mut state));
        spoilt[at * layer.inputs()] = f32::NAN;
        layer.process(&params, &mut state, &spoilt, &mut y);
        assert!(!layer.flush(&mut state), "frame {at}");
    }
}
