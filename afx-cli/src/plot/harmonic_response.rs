//! Harmonic response: the spectrum of the answer to one sine, with its harmonics marked.
//!
//! PyNeuralFx's `plot_harmonic_response` takes 1000 samples of 100 Hz without a window (2.083 periods, which leaks). Here the sine has a whole
//! number of periods in one second after a settling time, so every harmonic is one bin and no window is needed; what lies between is alias or noise.
use super::{
    Figure, PlotError, Trace,
    axis::Axis,
    color::Paint,
    error::{check, check_sample_rate},
    item::{Item, Style},
    panel::Panel,
    signal,
    spectrum::{amplitude_db, rfft},
    trace::{check_traces, non_finite_note},
};

/// The sine that is sent through the effect. One second of it is analysed, after `settle_s` seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Sample rate.
    pub sample_rate_hz: u32,
    /// Fundamental: a whole number of hertz, so that it has whole periods in a second.
    pub frequency_hz: u32,
    /// Peak of the sine, full scale 1.
    pub gain: f64,
    /// Time before the analysed second.
    pub settle_s: f64,
    /// Number of harmonics to mark, the fundamental included.
    pub harmonics: usize,
}

impl Default for Settings {
    /// 100 Hz at full scale, 48 kHz, half a second to settle, 20 harmonics.
    fn default() -> Self {
        Self { sample_rate_hz: 48_000, frequency_hz: 100, gain: 1.0, settle_s: 0.5, harmonics: 20 }
    }
}

/// Bottom of the panel of harmonics.
const LOWEST_DB: f64 = -100.0;

impl Settings {
    fn settle(&self) -> Result<usize, PlotError> {
        check_sample_rate(self.sample_rate_hz)?;
        let inside = self.frequency_hz > 0 && self.frequency_hz < self.sample_rate_hz.div_ceil(2);
        check("frequency_hz", "above 0 and below half the sample rate", f64::from(self.frequency_hz), inside)?;
        if self.settle_s == 0.0 { Ok(0) } else { signal::duration(self.settle_s, self.sample_rate_hz) }
    }
}

/// What one output holds.
#[derive(Clone, Debug, PartialEq)]
pub struct HarmonicResponse {
    /// Peak level of the fundamental and its harmonics below Nyquist, dBFS, at most [`Settings::harmonics`] of them.
    pub harmonics_db: Vec<f64>,
    /// Peak level at every whole hertz from 0 to Nyquist, dBFS.
    pub spectrum_db: Vec<f64>,
    /// Total harmonic distortion: root of the summed power of harmonics 2 and up, over the fundamental's amplitude. `f64::INFINITY` without one.
    pub thd: f64,
}

/// The analysis signal, `settle_s + 1` seconds of sine.
///
/// # Errors
/// A fundamental of 0 or not below Nyquist, an impossible sample rate, duration or gain.
pub fn input(settings: &Settings) -> Result<Vec<f32>, PlotError> {
    let frames = settings.settle()? + settings.sample_rate_hz as usize;
    signal::sine(f64::from(settings.frequency_hz), settings.gain, 0.0, frames, settings.sample_rate_hz)
}

/// Levels in the last second of `output`, the answer to [`input`].
///
/// # Errors
/// As [`input`]; an output shorter than the input.
pub fn analyse(output: &Trace<'_>, settings: &Settings) -> Result<HarmonicResponse, PlotError> {
    let frames = settings.sample_rate_hz as usize;
    let bins = rfft(&output.window(settings.settle()?, frames)?);
    let peak = |k: usize| {
        let twice = if k == 0 || 2 * k == frames { 1.0 } else { 2.0 };
        twice * bins[k].norm() / frames as f64
    };
    let step = settings.frequency_hz as usize;
    let all: Vec<f64> = (step..bins.len()).step_by(step).map(peak).collect();
    let overtones = all[1..].iter().map(|a| a * a).sum::<f64>().sqrt();
    Ok(HarmonicResponse {
        harmonics_db: all.iter().take(settings.harmonics).map(|a| amplitude_db(*a)).collect(),
        spectrum_db: (0..bins.len()).map(|k| amplitude_db(peak(k))).collect(),
        thd: if overtones == 0.0 { 0.0 } else { overtones / all[0] },
    })
}

/// Levels of the harmonics of all outputs side by side, and their spectra (log frequency, relative to full scale).
///
/// # Errors
/// As [`analyse`]; no traces or empty ones.
pub fn figure(outputs: &[Trace<'_>], settings: &Settings) -> Result<Figure, PlotError> {
    check_traces(outputs)?;
    check("harmonics", "1 to 100", settings.harmonics as f64, (1..=100).contains(&settings.harmonics))?;
    let responses = outputs.iter().map(|o| analyse(o, settings)).collect::<Result<Vec<_>, _>>()?;
    let top = responses.iter().flat_map(|r| &r.spectrum_db).copied().fold(-60.0, f64::max);
    let y = |low: f64| Axis::linear("Level (dBFS)", low, (top / 10.0).ceil() * 10.0 + 5.0, 7);
    let nyquist = f64::from(settings.sample_rate_hz) / 2.0;
    let fundamental = f64::from(settings.frequency_hz);

    let count = responses.iter().map(|r| r.harmonics_db.len()).max().unwrap_or(1);
    let mut stems = Panel::new("Harmonics", Axis::linear("Harmonic number", 0.5, count as f64 + 0.5, 10), y(LOWEST_DB)).height(210.0);
    stems.x.grid = false;
    let mut spectra =
        Panel::new("Spectrum", Axis::frequency(20f64.min(fundamental / 2.0), nyquist.min(20_000f64.max(fundamental * 2.0))), y(-140.0));
    for (n, (output, response)) in outputs.iter().zip(&responses).enumerate() {
        let visible = response.harmonics_db.iter().enumerate().filter(|(_, db)| **db > LOWEST_DB + 2.0);
        let points = visible.map(|(k, db)| (k as f64 + 1.0, *db)).collect();
        let label = format!("{}, THD {} %", output.label, super::axis::format_value(100.0 * response.thd));
        let shift = 5.0 * (n as f64 - 0.5 * (outputs.len() - 1) as f64);
        stems.push(Item::Stems { label, points, paint: Paint::Series(n), shift });
        let line = response.spectrum_db.iter().enumerate().skip(1).map(|(hz, db)| (hz as f64, *db)).collect();
        let mut style = Style::series(n).width(1.1);
        style.opacity = if n == 0 { 0.9 } else { 0.7 };
        spectra.line(output.label, line, style);
    }
    let mut note = format!(
        "Answer to {fundamental} Hz at {} dBFS: one bin per harmonic, no window.",
        super::axis::format_value((10.0 * amplitude_db(settings.gain)).round() / 10.0)
    );
    let trouble = non_finite_note(outputs);
    if !trouble.is_empty() {
        note = format!("{note} {trouble}");
    }
    Ok(Figure::new("Harmonic response").note(&note).panel(stems).panel(spectra))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(f: impl Fn(f64) -> f64) -> HarmonicResponse {
        let settings = Settings::default();
        let y: Vec<f32> = input(&settings).unwrap().iter().map(|x| f(f64::from(*x)) as f32).collect();
        analyse(&Trace::new("y", &y), &settings).unwrap()
    }

    #[test]
    fn the_cubic_has_its_two_harmonics_and_no_other() {
        let r = levels(|x| 1.5 * (x - x * x * x / 3.0)); // 1.125 sin + .125 sin 3
        assert!((r.harmonics_db[0] - amplitude_db(1.125)).abs() < 1e-5 && (r.harmonics_db[2] - amplitude_db(0.125)).abs() < 1e-5);
        assert!((r.thd - 0.125 / 1.125).abs() < 1e-6);
        for k in [1, 3, 4, 5, 6, 19] {
            assert!(r.harmonics_db[k] < -140.0, "{k}: {}", r.harmonics_db[k]); // f32 rounding of 48000 samples
        }
    }

    #[test]
    fn saturators_match_their_fourier_series() {
        let expected = [
            (1.0, true, [0.811675685132, 0.054245810326, 0.004516821993, 0.000382447171]),
            (10.0, true, [1.267956383645, 0.408935757559, 0.230012364826, 0.149593643404]),
            (10.0, false, [1.271114284305, 0.418062925930, 0.244148748697, 0.167368506153]),
        ];
        for (gain, smooth, b) in expected {
            let r = levels(|x| if smooth { (gain * x).tanh() } else { (gain * x).clamp(-1.0, 1.0) });
            for (k, b) in b.into_iter().enumerate() {
                let error = 10f64.powf(r.harmonics_db[2 * k] / 20.0) - b;
                // 480 samples a period: harmonics 480 ± k of the clipper, at most 4g / πk² = 5.6e-5 each, fold onto harmonic k
                let tolerance = if smooth { 1e-6 } else { 1.2e-4 };
                assert!(error.abs() < tolerance, "g{gain} harmonic {}: {error}", 2 * k + 1);
            }
        }
    }

    #[test]
    fn short_outputs_and_impossible_settings_are_errors() {
        let settings = Settings::default();
        assert!(matches!(analyse(&Trace::new("y", &[0.0; 100]), &settings), Err(PlotError::Length { expected: 72_000, found: 100, .. })));
        for bad in [
            Settings { frequency_hz: 0, ..settings },
            Settings { frequency_hz: 24_000, ..settings },
            Settings { sample_rate_hz: 0, ..settings },
            Settings { settle_s: f64::NAN, ..settings },
            Settings { gain: f64::INFINITY, ..settings },
        ] {
            assert!(input(&bad).is_err(), "{bad:?}");
        }
        assert!(input(&Settings { settle_s: 0.0, sample_rate_hz: 3, frequency_hz: 1, ..settings }).is_ok());
        assert!(figure(&[], &settings).is_err());
    }
}
