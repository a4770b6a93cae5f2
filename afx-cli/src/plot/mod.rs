//! Pictures of an effect model: plain data in, a [`Figure`] out, rendered to SVG or PNG on any machine.
//!
//! Each figure of the field is one module with up to three functions: `input` makes the analysis signal that a caller sends through
//! the device and the models, `analyse` turns one output into numbers, `figure` draws several outputs side by side.
//!
//! ```
//! use afx_cli::plot::{Theme, Trace, harmonic_response};
//!
//! let settings = harmonic_response::Settings::default();
//! let x = harmonic_response::input(&settings)?;
//! let y: Vec<f32> = x.iter().map(|x| (3.0 * x).tanh()).collect();
//! let figure = harmonic_response::figure(&[Trace::new("tanh", &y)], &settings)?;
//! assert!(figure.to_svg(Theme::Light).starts_with("<svg"));
//! assert!(figure.to_png(Theme::Light, 2.0)?.starts_with(b"\x89PNG"));
//! # Ok::<(), afx_cli::plot::PlotError>(())
//! ```
//!
//! Every renderer is deterministic: equal data gives equal bytes. Text in PNG is set in Noto Sans, which is embedded; text in SVG names it
//! first and falls back on the reader's sans-serif font. Samples that are not finite are drawn as gaps.

pub mod aliasing;
pub mod aliasing_curve;
pub mod axis;
pub mod bitmap;
pub mod color;
pub mod curves;
pub mod decay;
pub mod error;
pub mod figure;
pub mod font;
pub mod gain_trace;
#[cfg(test)]
pub(crate) mod gallery;
pub mod harmonic_response;
pub mod item;
pub mod knob_grid;
pub mod level_curve;
pub mod loss_curve;
pub mod panel;
mod raster;
pub mod response;
pub mod scene;
pub mod signal;
pub mod silence;
pub mod spectrogram;
pub mod spectrum;
pub mod spectrum_difference;
pub mod static_curve;
mod stroke;
mod svg;
pub mod trace;
pub mod transfer_curve;
pub mod transfer_density;
pub mod waveform;

pub use color::Theme;
pub use error::PlotError;
pub use figure::Figure;
pub(crate) use svg::style_rules as svg_style_rules;
pub use trace::Trace;
