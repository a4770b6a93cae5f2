#![cfg_attr(docsrs, feature(doc_cfg))]
//! Losses with gradients, and evaluation metrics, for audio effect models.
//!
//! A [`Loss`] compares one mono sequence with its target, returns a number and adds the gradient by the prediction. It owns its
//! transforms and scratch and allocates nothing once prepared, so each thread of a trainer works with its own clone.
//!
//! ```
//! use afx_loss::{Combined, Esr, Filter, Loss, MultiResolutionStft, Prefiltered};
//!
//! let esr = Prefiltered::new(Filter::high_pass(0.85)?, Esr::default());
//! let mut loss = Combined::new().with(1.0, esr).with(0.1, MultiResolutionStft::new()?);
//! loss.prepare(4096)?;
//!
//! let target: Vec<f32> = (0..4096).map(|n| (0.05 * n as f32).sin()).collect();
//! let prediction = vec![0.0; 4096];
//! let mut gradient = vec![0.0; 4096];
//! let value = loss.evaluate(&prediction, &target, Some(&mut gradient))?;
//! assert!(value > 1.0 && gradient.iter().any(|&g| g != 0.0)); // silence has a way out
//! # Ok::<(), afx_loss::LossError>(())
//! ```
//!
//! | loss | what it is | compatible forms |
//! |---|---|---|
//! | [`Mae`], [`Mse`] | mean absolute and squared error | PyTorch |
//! | [`LogCosh`] | quadratic for small, linear for large errors | auraloss |
//! | [`Esr`], [`Dc`] | error-to-signal ratio, offset | auraloss, CoreAudioML, PyNeuralFx, NAM |
//! | [`Snr`] | SNR, SI-SDR, SD-SDR in dB | auraloss |
//! | [`DecayLoss`] | energy decay curves in dB | |
//! | [`StftLoss`] | spectral convergence, log and linear magnitude; squared, scale-invariant or over a batch | auraloss |
//! | [`MultiResolutionStft`], [`RandomResolution`] | the mean of it over sizes | auraloss |
//! | [`BandStftLoss`] | the same on mel bands or pitch classes | auraloss, librosa |
//! | [`ComplexStftLoss`], [`MultiResolution::complex`] | L1 of complex spectra, phase included | PyNeuralFx |
//! | [`SpectrumLoss`], [`MultiResolution::core_audio_ml`] | plain distances of amplitude or power | CoreAudioML, binaural speech synthesis |
//! | [`PhaseLoss`] | angle between bins | binaural speech synthesis, auraloss |
//! | [`OnsetLoss`] | rises of the log spectrum | |
//! | [`Percussive`] | any loss behind percussive separation, onsets for one | DrummerNet |
//! | [`pyneuralfx`] | `MRSTFTLoss`, `MRSTFTCLoss`, `HybridLoss` | PyNeuralFx |
//! | [`Prefiltered`] | any loss behind a [`Filter`]: pre-emphasis, DC blocker, low-pass, A-weighting, auraloss' own `FIRFilter` | auraloss, CoreAudioML, PyNeuralFx |
//! | [`Stereo`], [`SumDifference`], [`Combined`], [`batch_mean`] | channels, weighted sums, batches | auraloss |
//!
//! **Defaults and compatible forms.** A constructor named after a toolkit gives that toolkit's number. Where it is no good as a training
//! signal our default differs: a ratio to a silent target is bounded ([`Esr`]), and a magnitude has a gradient at silence
//! ([`MagnitudeFloor`]). With NaN or infinity in prediction or target the value is NaN or infinite, never a plausible number; only what an
//! uncentred transform leaves over at the end ([`StftSettings::uncentred`]) is not seen.
//!
//! **Subgradients.** `|e|` has slope 0 at 0; a norm at its origin and a ratio 0/0 have gradient 0; a spectral bin of exactly 0 is moved
//! along the target's bin.

mod combined;
mod decay;
mod error;
mod filter;
mod loss;
pub mod metrics;
mod prefiltered;
pub mod pyneuralfx;
mod ratio;
mod sample;
mod snr;
mod spectral;
mod stft;
mod time;
mod vector;

pub use combined::{Combined, Stereo, SumDifference, batch_mean};
pub use decay::DecayLoss;
pub use error::LossError;
pub use filter::Filter;
pub use loss::Loss;
pub use prefiltered::Prefiltered;
pub use ratio::{Dc, Esr};
pub use sample::{RealTransforms, Sample};
pub use snr::{Snr, SnrKind};
pub use spectral::{
    AURALOSS_SIZES, BandStftLoss, COMPLEX_SIZES, ComplexDistance, ComplexStftLoss, Filterbank, MagnitudeDistance, MagnitudeFloor,
    MultiResolution, MultiResolutionStft, OnsetLoss, Percussive, PhaseLoss, RandomRange, RandomResolution, SpectrumDistance, SpectrumLoss,
    StftLoss, StftTerms,
};
pub use stft::{Stft, StftSettings, Window};
pub use time::{LogCosh, Mae, Mse};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
