//! Every layer, adapter and voice keeps the promises common to all: one line each.

use afx_core::{Chain, Conditioned, Layer, Layout, Voice};
use afx_models::*;

afx_core::guard_allocations!();

afx_core::layer_conformance!(gru_8, Gru::new(1, 8));
afx_core::layer_conformance!(gru_16, Gru::new(1, 16));
afx_core::layer_conformance!(gru_32, Gru::new(2, 32));
afx_core::layer_conformance!(gru_of_odd_size, Gru::new(3, 5));
afx_core::layer_conformance!(gru_20_without_bias, Gru { inputs: 1, hidden: 20, bias: false });
afx_core::layer_conformance!(gru_64, Gru::new(1, 64));
afx_core::layer_conformance!(gru_72, Gru::new(1, 72));
afx_core::layer_conformance!(dense_one_output, Dense::new(32, 1));
afx_core::layer_conformance!(dense_odd, Dense::new(5, 1));
afx_core::layer_conformance!(dense_wide, Dense::new(3, 21));
afx_core::layer_conformance!(dense_without_bias, Dense { inputs: 7, outputs: 2, bias: false });
afx_core::layer_conformance!(fir_1, Fir { taps: 1 });
afx_core::layer_conformance!(fir_50, Fir { taps: 50 });
afx_core::layer_conformance!(chain, afx_core::chain!(Fir { taps: 7 }, Dense::new(1, 3), Gru::new(3, 8), Dense::new(8, 1)));

#[test]
fn any_number_of_units_trains_what_it_plays() {
    for hidden in [1, 2, 3, 7, 15, 17, 24, 31, 33, 40, 48, 49, 63, 80, 81, 96, 100, 128] {
        afx_core::testing::layer_forward(&Gru::new(1, hidden));
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
afx_core::adapter_conformance!(
    film_without_bias,
    Film::new(&Layer::<f32>::layout(&chain_without_bias()), 2, Network::smooth(4, 2)),
    chain_without_bias()
);

/// A voice with random weights, large enough to distort.
fn voice<A: afx_core::Adapter<f32>>(adapter: A, channels: usize) -> Voice<f32, Chain<Gru, Dense>, A> {
    let model = Conditioned { layer: layer(), adapter };
    let mut noise = afx_core::testing::Noise::new(3);
    let learnt = model.initialize(&mut || 1.5 * noise.next_f64());
    Voice::new(model, &learnt, 48_000.0, channels).expect("the numbers fit their own model")
}

afx_core::processor_conformance!(voice_concat, voice(Concat::new(&layout(), 2), 1), 1, 2);
afx_core::processor_conformance!(voice_film_stereo, voice(Film::new(&layout(), 2, Network::smooth(6, 2)), 2), 2, 2);
afx_core::processor_conformance!(voice_static_hyper_3_channels, voice(StaticHyper::new(&layout(), 2, Network::smooth(4, 2)), 3), 3, 2);

/// Everything that a model file can hold.
fn stack() -> AnyLayer {
    AnyLayer::stack(vec![Fir { taps: 9 }.into(), Dense::new(1, 3).into(), Gru::new(3, 8).into(), Dense::new(8, 1).into()])
}

afx_core::layer_conformance!(any_stack, stack());
afx_core::adapter_conformance!(
    any_static_hyper,
    Conditioning::StaticHyper { network: Network::leaky(3, 1), cover: Cover::All }.adapter(&Layer::<f32>::layout(&stack()), 2),
    stack()
);
