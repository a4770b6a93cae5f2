//! Spectra and frequency responses of what `afx plot` is given.

use super::Error;
use super::inside::learnt_filters;
use super::source::Source;
use crate::plot::axis::{Axis, extent};
use crate::plot::item::Style;
use crate::plot::panel::Panel;
use crate::plot::response::Response;
use crate::plot::{Figure, Trace, response, signal, spectrum_difference};

/// Peak of the impulses that measure a small-signal response, and the frames that are kept of it.
const IMPULSE: (f32, usize) = (0.01, 8192);

/// Average spectra in one panel.
pub(super) fn spectra(traces: &[Trace<'_>], rate: u32) -> Result<Figure, Error> {
    let spectra = traces.iter().map(|t| spectrum_difference::analyse(t, rate)).collect::<Result<Vec<_>, _>>()?;
    let (_, top) = extent(spectra.iter().flatten().map(|p| p.1), 0.0).unwrap_or((-100.0, 0.0));
    let top = top.max(-150.0) + 5.0;
    let mut panel =
        Panel::new("", Axis::frequency(20.0, (f64::from(rate) / 2.0).min(20_000.0)), Axis::linear("Level (dB)", top - 90.0, top, 6));
    for (n, (trace, spectrum)) in traces.iter().zip(spectra).enumerate() {
        panel.line(trace.label, spectrum, Style::series(n));
    }
    let note = "Average of the whole signal, smoothed over 1/24 octave; a full-scale sine reads 0 dB before smoothing.";
    Ok(Figure::new("Spectrum").note(note).panel(panel.height(280.0)))
}

/// Responses of models for small signals around rest, of the filters that they learnt, and of impulse responses.
pub(super) fn responses(sources: &[Source], rate: u32) -> Result<Figure, Error> {
    let (mut all, mut filters) = (Vec::new(), Vec::new());
    for source in sources {
        let Some((model, knobs)) = source.model() else {
            all.push(Response::from_impulse(&Trace::new(&source.label, &source.answer(&[])?), rate)?);
            continue;
        };
        // The odd part of the answers to an impulse and its negative: what is constant, and what is even, cancels.
        let answer = |sign: f32| {
            let mut x = signal::impulse(IMPULSE.1)?;
            x[0] = sign * IMPULSE.0;
            source.answer(&x)
        };
        let (up, down) = (answer(1.0)?, answer(-1.0)?);
        let h: Vec<f32> = up.iter().zip(&down).map(|(u, d)| (u - d) / (2.0 * IMPULSE.0)).collect();
        all.push(Response::from_impulse(&Trace::new(&source.label, &h), rate)?);
        filters.extend(learnt_filters(model, knobs)?.into_iter().map(|(name, taps)| (source, name, taps)));
    }
    for (i, (source, name, taps)) in filters.iter().enumerate() {
        // A filter that no knob moves is drawn once for all knob positions of its model, under the model's name.
        let same = |other: &&(&Source, String, Vec<f32>)| other.0.file == source.file && other.1 == *name;
        let fixed = filters.iter().filter(same).all(|other| other.2 == *taps);
        if fixed && filters[..i].iter().any(|other| same(&other)) {
            continue;
        }
        let stem = source.file.file_stem().unwrap_or_default().to_string_lossy();
        let label = format!("{}, {name}", if fixed { &*stem } else { source.label.as_str() });
        all.push(Response::from_impulse(&Trace::new(&label, taps), rate)?.as_reference());
    }
    Ok(response::figure("Frequency response", &all)?
        .note("Models: small signals around rest, at the knobs given. Dashed: unity gain, and learnt filters."))
}
