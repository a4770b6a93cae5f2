#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! | module | main types |
//! |---|---|
//! | [`core`] | [`Layer`](core::Layer), [`Differentiable`](core::Differentiable), [`Adapter`](core::Adapter), [`Conditioned`](core::Conditioned), [`Chain`](core::Chain), [`Processor`](core::Processor), [`Voice`](core::Voice), [`Mono`](core::Mono), [`Channels`](core::Channels), [`Series`](core::Series), [`Mix`](core::Mix), [`Swap`](core::Swap), [`Ramp`](core::Ramp), [`Layout`](core::Layout), [`Scalar`](core::Scalar) |
//! | [`dsp`] | [`Oversampler`](dsp::Oversampler), [`Oversampled`](dsp::Oversampled), [`Resampled`](dsp::Resampled), [`Svf`](dsp::filter::Svf), [`Biquad`](dsp::filter::Biquad), [`DcBlocker`](dsp::filter::DcBlocker), [`Gain`](dsp::Gain), [`Waveshaper`](dsp::waveshape::Waveshaper) and its [`Curve`](dsp::waveshape::Curve), [`Convolver`](dsp::Convolver), [`SynthOd`](dsp::circuit::SynthOd), [`DiodeClip`](dsp::circuit::DiodeClip), [`GuitarPhrase`](dsp::source::GuitarPhrase) |
//! | [`models`] | [`Gru`](models::Gru), [`Lstm`](models::Lstm), [`Rnn`](models::Rnn), [`Dense`](models::Dense), [`Fir`](models::Fir), [`Nonlinear`](models::Nonlinear), [`Skip`](models::Skip), the adapters [`Fixed`](models::Fixed), [`Concat`](models::Concat), [`Film`](models::Film) and [`StaticHyper`](models::StaticHyper), their [`Network`](models::Network) and its [`Activation`](models::Activation), [`ModelSpec`](models::ModelSpec) |
//! | [`loss`] | [`Loss`](loss::Loss), [`Esr`](loss::Esr), [`Mae`](loss::Mae), [`MultiResolutionStft`](loss::MultiResolutionStft), [`StftLoss`](loss::StftLoss) and its [`MagnitudeDistance`](loss::MagnitudeDistance), [`Percussive`](loss::Percussive), [`Prefiltered`](loss::Prefiltered) and [`Filter`](loss::Filter), [`Combined`](loss::Combined), [`metrics`](loss::metrics) |
//! | [`io`] | [`ModelFile`](io::ModelFile) and what it says [`About`](io::About) the model, [`Dataset`](io::dataset::Dataset), [`Audio`](io::wav::Audio), [`Tensors`](io::tensors::Tensors), [`Automation`](io::csv::Automation), [`Import`](io::exchange::Import) and [`Export`](io::exchange::Export) for models of other programs, [`Error`](io::Error) |
//! | [`train`] | [`Trainer`](train::Trainer), [`Config`](train::Config), [`Material`](train::Material), [`Adam`](train::Adam), [`Event`](train::Event) |
//!
//! A model and a loss put together by hand, with a network of another form than [`ModelSpec`](models::ModelSpec) takes by itself:
//!
//! ```
//! use afx::loss::{Combined, Esr, MagnitudeDistance, Percussive, StftLoss, StftSettings, StftTerms};
//! use afx::models::{Activation, Film, Gru, Network};
//! use afx::prelude::*;
//!
//! let layer = Gru::new(1, 8);
//! let network = Network { activation: Activation::Tanh, ..Network::smooth(16, 1) };
//! let adapter = Film::new(&Layer::<f32>::layout(&layer), 2, network);
//! assert_eq!(Adapter::<f32>::controls(&adapter), 2);
//!
//! let spectra = StftLoss::new(StftSettings::new(1024, 256), StftTerms::default())?.distance(MagnitudeDistance::L2);
//! let clicks = Percussive::new(Esr::default())?;
//! let mut loss: Combined<f32> = Combined::new().with(1.0, Esr::default()).with(0.1, spectra).with(0.1, clicks);
//! loss.prepare(16_384)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A captured pedal with its knobs, the cabinet that it is played through, and no direct current: one processor of two channels, at the
//! host's sample rate.
//!
//! ```
//! use afx::core::{Channels, Series};
//! use afx::dsp::{Convolver, filter::DcBlocker};
//! use afx::prelude::*;
//! use std::error::Error;
//!
//! fn rig(pedal: &ModelFile, cabinet: &[f32], host_hz: u32) -> Result<Series<f32, 2>, Box<dyn Error>> {
//!     let knobs = 0..pedal.knobs.len();
//!     let blocker = DcBlocker::new(host_hz.into(), 10.0)?;
//!     let cabinet = Channels::new(Convolver::new(cabinet)?, 2);
//!     Ok(Series::new().then(pedal.voice_at(host_hz, 2)?, knobs).then(cabinet, 0..0).then(Channels::new(blocker, 2), 0..0))
//! }
//!
//! # let spec = ModelSpec::named("concat-gru", 4, 1)?;
//! # let learnt = vec![0.1; Adapter::<f32>::layout(&spec.build()?.adapter).len()];
//! # let knobs = vec![Knob::new("drive", 0.0, 10.0)];
//! # let pedal = ModelFile::new("pedal", spec, 48_000, knobs, learnt);
//! let mut effect = rig(&pedal, &[0.5, 0.3, -0.1], 48_000)?;
//! let (x, mut left, mut right) = ([0.1; 64], [0.0; 64], [0.0; 64]);
//! effect.set_controls(&[0.7]);
//! effect.process(&[&x, &x], &mut [&mut left, &mut right]);
//! # assert!(left == right && left[63] != 0.0);
//! # Ok::<(), Box<dyn Error>>(())
//! ```

pub use afx_core as core;
pub use afx_dsp as dsp;
pub use afx_io as io;
pub use afx_loss as loss;
pub use afx_models as models;
pub use afx_train as train;

pub mod prelude {
    //! What a plugin author and a researcher type most: `use afx::prelude::*;`.
    //!
    //! To play: [`ModelFile`], [`Processor`], [`Voice`]. To build: [`ModelSpec`], [`Conditioned`], [`Layer`], [`Adapter`], [`Scalar`].
    //! To train: [`Dataset`], [`Capture`], [`Knob`], [`Material`], [`Config`], [`Trainer`], [`Event`], [`Loss`], [`Differentiable`].

    pub use afx_core::{Adapter, Conditioned, Differentiable, Layer, Processor, Scalar, Voice};
    pub use afx_io::ModelFile;
    pub use afx_io::dataset::{Capture, Dataset, Knob};
    pub use afx_loss::Loss;
    pub use afx_models::ModelSpec;
    pub use afx_train::{Config, Event, Material, Trainer};
}
