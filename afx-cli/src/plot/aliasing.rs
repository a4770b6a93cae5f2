//! Aliasing plot: the spectrum of the answer to one sine with a cross at each harmonic; whatever stands between the crosses is alias.
use super::{
    Figure, PlotError, Trace,
    axis::{Axis, format_value},
    color::Paint,
    error::{check, check_sample_rate},
    item::{Item, Style},
    panel::Panel,
    signal,
    spectrum::{amplitude_db, rfft},
    trace::{check_traces, non_finite_note},
};

/// The analysed block: 2^16 frames, in which the sine has an odd number of periods, so that no alias falls on a harmonic before the 65 536th.
pub const FRAMES: usize = 1 << 16;

/// Upper end of the band in which aliases count.
const AUDIBLE_HZ: f64 = 20_000.0;

/// The sine that is sent through the effect, twice [`FRAMES`] long; the second half is analysed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Sample rate.
    pub sample_rate_hz: u32,
    /// Wanted frequency; the nearest one with an odd number of periods is taken.
    pub frequency_hz: f64,
    /// Peak of the sine.
    pub gain: f64,
}

impl Default for Settings {
    /// 1244.5 Hz (D#6) at full scale, 48 kHz.
    fn default() -> Self {
        Self { sample_rate_hz: 48_000, frequency_hz: 1244.5, gain: 1.0 }
    }
}

impl Settings {
    /// Periods in the block.
    fn bin(&self) -> Result<usize, PlotError> {
        check_sample_rate(self.sample_rate_hz)?;
        let nyquist = f64::from(self.sample_rate_hz) / 2.0;
        check(
            "frequency_hz",
            "above 0 and below half the sample rate",
            self.frequency_hz,
            self.frequency_hz > 0.0 && self.frequency_hz < nyquist,
        )?;
        let periods = self.frequency_hz * FRAMES as f64 / f64::from(self.sample_rate_hz);
        Ok((2 * (periods / 2.0).floor() as usize + 1).min(FRAMES / 2 - 1))
    }

    fn bin_hz(&self) -> f64 {
        f64::from(self.sample_rate_hz) / FRAMES as f64
    }
}

/// What one output holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Aliasing {
    /// Frequency of the sine that was in fact sent.
    pub frequency_hz: f64,
    /// `(frequency, peak level in dBFS)` of the harmonics below Nyquist.
    pub harmonics: Vec<(f64, f64)>,
    /// Peak level in dBFS of each of the `FRAMES / 2 + 1` bins.
    pub spectrum_db: Vec<f64>,
    /// Signal to alias and noise ratio, `10 log10(Σ harmonic power / Σ other power)` from the first bin to 20 kHz.
    pub asnr_db: f64,
}

/// The analysis signal.
///
/// # Errors
/// A frequency outside 0 to Nyquist, a gain that is not finite, an impossible sample rate.
pub fn input(settings: &Settings) -> Result<Vec<f32>, PlotError> {
    let frequency = settings.bin()? as f64 * settings.bin_hz();
    signal::sine(frequency, settings.gain, 0.3, 2 * FRAMES, settings.sample_rate_hz)
}

/// Levels in the second half of `output`, the answer to [`input`].
///
/// # Errors
/// As [`input`]; an output shorter than the input.
pub fn analyse(output: &Trace<'_>, settings: &Settings) -> Result<Aliasing, PlotError> {
    let (bin, bin_hz) = (settings.bin()?, settings.bin_hz());
    let amplitudes: Vec<f64> = rfft(&output.window(FRAMES, FRAMES)?).iter().map(|b| 2.0 * b.norm() / FRAMES as f64).collect();
    let last = ((AUDIBLE_HZ / bin_hz) as usize).min(amplitudes.len() - 1);
    let (mut harmonic, mut other) = (0.0, 0.0);
    for (k, a) in amplitudes.iter().enumerate().take(last + 1).skip(1) {
        *(if k % bin == 0 { &mut harmonic } else { &mut other }) += a * a;
    }
    let spectrum_db: Vec<f64> = amplitudes.iter().map(|a| amplitude_db(*a)).collect();
    let harmonics = (bin..spectrum_db.len()).step_by(bin).map(|k| (k as f64 * bin_hz, spectrum_db[k])).collect();
    let asnr_db = if other > 0.0 { 10.0 * (harmonic / other).log10() } else { f64::INFINITY };
    Ok(Aliasing { frequency_hz: bin as f64 * bin_hz, harmonics, spectrum_db, asnr_db })
}

/// One panel per output: its spectrum in grey, its harmonics as crosses, its ratio in the heading.
///
/// # Errors
/// As [`analyse`]; no traces or empty ones.
pub fn figure(outputs: &[Trace<'_>], settings: &Settings) -> Result<Figure, PlotError> {
    check_traces(outputs)?;
    let nyquist = f64::from(settings.sample_rate_hz) / 2.0;
    let mut figure = Figure::new("Aliasing");
    let mut frequency_hz = 0.0;
    let all = outputs.iter().map(|o| analyse(o, settings)).collect::<Result<Vec<_>, _>>()?;
    let top = all.iter().flat_map(|a| &a.spectrum_db).copied().fold(-60.0, f64::max);
    for (n, (output, a)) in outputs.iter().zip(all).enumerate() {
        frequency_hz = a.frequency_hz;
        let y = Axis::linear("Level (dBFS)", -120.0, (top / 10.0).ceil() * 10.0 + 10.0, 6);
        let title = format!("{}: ASNR {} dB", output.label, format_value((10.0 * a.asnr_db).round() / 10.0));
        let mut panel = Panel::new(&title, Axis::frequency_linear(nyquist), y).height(170.0);
        if AUDIBLE_HZ < nyquist {
            panel.push(Item::Band { from: AUDIBLE_HZ, to: nyquist, paint: Paint::MinorGrid, opacity: 0.8 });
        }
        let bin_hz = settings.bin_hz();
        let line = a.spectrum_db.iter().enumerate().skip(1).map(|(k, db)| (k as f64 * bin_hz, *db)).collect();
        panel.line("", line, Style { paint: Paint::Muted, width: 0.9, opacity: 0.8, dash: 0.0 });
        panel.push(Item::Crosses {
            label: if n == 0 { "harmonics".into() } else { String::new() },
            points: a.harmonics,
            paint: Paint::Series(n),
        });
        if n + 1 < outputs.len() {
            panel.x.label.clear();
        }
        figure = figure.panel(panel);
    }
    let level = format_value((10.0 * amplitude_db(settings.gain)).round() / 10.0);
    let note = format!(
        "Answer to {frequency_hz:.1} Hz at {level} dBFS; what stands between the crosses is alias. ASNR: harmonics over the rest up to 20 kHz. {}",
        non_finite_note(outputs)
    );
    Ok(figure.note(&note))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratios_of_the_reference_page_are_met() {
        type Shaper = fn(f64) -> f64;
        let hard: Shaper = |x| x.clamp(-1.0, 1.0);
        let cubic: Shaper = |x| if x.abs() > 1.0 { x.signum() } else { 1.5 * (x - x * x * x / 3.0) };
        let cases: [(Shaper, f64, f64, f64); 6] = [
            (hard, 1244.385, 10.0, 33.4),
            (hard, 4187.256, 10.0, 14.5),
            (f64::tanh, 1244.385, 10.0, 38.7),
            (f64::tanh, 4187.256, 10.0, 16.1),
            (f64::tanh, 1244.385, 100.0, 19.1),
            (cubic, 1244.385, 10.0, 28.5),
        ];
        for (shaper, frequency_hz, drive, expected) in cases {
            let settings = Settings { frequency_hz, ..Settings::default() };
            let y: Vec<f32> = input(&settings).unwrap().iter().map(|x| shaper(drive * f64::from(*x)) as f32).collect();
            let a = analyse(&Trace::new("y", &y), &settings).unwrap();
            assert!((a.asnr_db - expected).abs() < 0.06, "{drive} {frequency_hz}: {} for {expected}", a.asnr_db); // one printed decimal
        }
    }

    #[test]
    fn the_sine_has_an_odd_number_of_periods() {
        for (wanted, hz) in [(1244.5, 1_244.384_765_625), (4187.0, 4_187.255_859_375)] {
            let settings = Settings { frequency_hz: wanted, ..Settings::default() };
            let found = settings.bin().unwrap() as f64 * settings.bin_hz();
            assert!((found - hz).abs() < 1e-9, "{found}");
        }
        assert!(input(&Settings { frequency_hz: f64::NAN, ..Settings::default() }).is_err());
        assert!(input(&Settings { frequency_hz: 24_000.0, ..Settings::default() }).is_err());
        assert!(input(&Settings { frequency_hz: 23_999.99, ..Settings::default() }).is_ok());
    }

    #[test]
    fn silence_has_no_ratio_and_a_short_output_is_an_error() {
        let y = vec![0.0; 2 * FRAMES];
        assert!(analyse(&Trace::new("y", &y), &Settings::default()).unwrap().asnr_db.is_infinite());
        assert!(matches!(analyse(&Trace::new("y", &y[1..]), &Settings::default()), Err(PlotError::Length { .. })));
    }
}
