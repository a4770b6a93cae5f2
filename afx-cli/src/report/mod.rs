//! A report: one HTML file with tables, figures, players and a model card, which needs nothing but itself.
//!
//! ```
//! use afx_cli::{plot::{Figure, Trace, waveform}, report::{Better, Card, Players, Report, Section, Table}};
//!
//! let (target, model) = ([0.0f32, 0.5, -0.5, 0.25], [0.0f32, 0.45, -0.5, 0.2]);
//! let figure = waveform::figure(&[Trace::new("device", &target), Trace::new("model", &model)], 48_000, &Default::default())?;
//! let html = Report::new("Tube screamer, GRU-16")
//!     .section(Section::new("Accuracy").table(Table::new("", &["Metric", "seen", "unseen"]).metric("ESR", &[0.01, 0.02], Better::Lower)))
//!     .section(Section::new("Listen").players(Players::new("Riff", 48_000, 1)?.clip("device", &target)?.clip("model", &model)?).figure(&figure, "The first bar."))
//!     .section(Section::new("Model card").card(Card::new().entry("Parameters", "1 041")))
//!     .to_html();
//! assert!(html.starts_with("<!DOCTYPE html>"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod base64;
pub mod card;
pub mod escape;
mod page;
pub mod players;
pub mod section;
pub mod table;
#[cfg(test)]
mod tests;
pub mod wav;

pub use card::Card;
pub use players::Players;
pub use section::{Report, Section};
pub use table::{Better, Cell, Table};
pub use wav::WavError;
