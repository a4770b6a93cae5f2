//! Aliasing curves: ASNR, ASR and NMR against the fundamental's frequency and against the input level, the field's way to compare models and oversampling.
use super::{
    Figure, PlotError, Trace,
    axis::{Axis, extent},
    color::Paint,
    error::{check, check_sample_rate},
    item::{Item, Style},
    panel::Panel,
    scene::Anchor,
    signal,
    spectrum::amplitude_db,
    trace::{check_traces, non_finite_note},
};
use afx::loss::metrics::{MetricError, asnr_db, asr_db, harmonics_only, nmr_db};

/// Frames of each tone that are analysed: a prime, so that no alias falls on a harmonic before the 16 381st.
pub const FRAMES: usize = 16_381;

/// Lowest sample rate at which the noise-to-mask ratio is defined: its bands reach to 18 kHz.
const NMR_ABOVE_HZ: f64 = 36_000.0;

/// A ratio in decibels beyond this is shown as this: rounding to `f32` leaves 140 to 150 dB.
const MOST_DB: f64 = 150.0;

/// The tones that are sent through the effect: first the frequencies at one level, then the levels at one frequency.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Sample rate.
    pub sample_rate_hz: u32,
    /// Wanted fundamentals, ascending; those from half the sample rate (or 20 kHz) on are left out, the others moved to the nearest whole number of periods.
    pub frequencies_hz: Vec<f64>,
    /// Peak level of the tones of different frequency, dBFS.
    pub level_db: f64,
    /// Peak levels of the tones of one frequency, dBFS, ascending.
    pub levels_db: Vec<f64>,
    /// Their frequency.
    pub frequency_hz: f64,
    /// Time of each tone before the part that is analysed, in which the effect forgets the tone before.
    pub settle_s: f64,
}

impl Default for Settings {
    /// MIDI notes 60 to 120 (261.6 Hz to 8.37 kHz) by whole tones at −10 dBFS; −40 to 0 dBFS by 2 dB at 1244.5 Hz; 0.15 s to settle; 48 kHz: 25 s in all.
    fn default() -> Self {
        Self {
            sample_rate_hz: 48_000,
            frequencies_hz: (0..=30).map(|i| 440.0 * 2f64.powf(f64::from(60 + 2 * i - 69) / 12.0)).collect(),
            level_db: -10.0,
            levels_db: (0..=20).map(|i| -40.0 + 2.0 * f64::from(i)).collect(),
            frequency_hz: 1244.5,
            settle_s: 0.15,
        }
    }
}

/// One tone: periods in the analysed block, and its level.
#[derive(Clone, Copy, Debug)]
struct Tone {
    bin: usize,
    level_db: f64,
}

impl Settings {
    fn settle(&self) -> Result<usize, PlotError> {
        signal::duration(self.settle_s, self.sample_rate_hz)
    }

    fn bin_hz(&self) -> f64 {
        f64::from(self.sample_rate_hz) / FRAMES as f64
    }

    /// The tones of different frequency, and those of different level.
    fn tones(&self) -> Result<(Vec<Tone>, Vec<Tone>), PlotError> {
        check_sample_rate(self.sample_rate_hz)?;
        let highest = (f64::from(self.sample_rate_hz) / 2.0).min(20_000.0);
        let fits = |f: f64| f > 0.0 && f < highest;
        check("frequency_hz", "above 0 and below 20 kHz and half the sample rate", self.frequency_hz, fits(self.frequency_hz))?;
        for level in self.levels_db.iter().chain([&self.level_db]) {
            check("level_db", "at most 200 dB", *level, *level <= 200.0)?;
        }
        // The last whole bin below Nyquist and 20 kHz.
        let last = ((highest / self.bin_hz()) as usize).clamp(1, FRAMES / 2);
        let bin = |f: f64| ((f / self.bin_hz()).round() as usize).clamp(1, last);
        let notes = self.frequencies_hz.iter().filter(|f| fits(**f)).map(|f| Tone { bin: bin(*f), level_db: self.level_db });
        let steps = self.levels_db.iter().map(|db| Tone { bin: bin(self.frequency_hz), level_db: *db });
        let (notes, steps): (Vec<_>, Vec<_>) = (notes.collect(), steps.collect());
        if notes.is_empty() && steps.is_empty() {
            return Err(PlotError::Empty { what: "frequencies_hz and levels_db".into() });
        }
        Ok((notes, steps))
    }
}

/// Ratios of the answer to one tone, in decibels; NaN where one is not defined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratios {
    /// Fundamental that was in fact sent.
    pub frequency_hz: f64,
    /// Its peak level, dBFS.
    pub level_db: f64,
    /// Signal to aliasing noise, harmonics over everything else up to 20 kHz: more is better.
    pub asnr_db: f64,
    /// Aliasing to signal, everything else (an offset too) over harmonics, whole band: less is better.
    pub asr_db: f64,
    /// Noise to mask, aliases over what the harmonics hide from the ear: below −10 dB is taken to be inaudible. NaN for sample rates up to 36 kHz.
    pub nmr_db: f64,
}

/// The analysis signal: all tones in a row.
///
/// # Errors
/// A frequency outside 0 to Nyquist, a level above 200 dB, no tones, an impossible duration or sample rate.
pub fn input(settings: &Settings) -> Result<Vec<f32>, PlotError> {
    let (notes, steps) = settings.tones()?;
    let length = settings.settle()? + FRAMES;
    let mut x = Vec::with_capacity(length * (notes.len() + steps.len()));
    for tone in notes.iter().chain(&steps) {
        let gain = 10f64.powf(tone.level_db / 20.0);
        x.extend(signal::sine(tone.bin as f64 * settings.bin_hz(), gain, 0.3, length, settings.sample_rate_hz)?);
    }
    Ok(x)
}

/// The ratios over frequency, and over level, of `output`, the answer to [`input`].
///
/// # Errors
/// As [`input`]; an output shorter than the input.
pub fn analyse(output: &Trace<'_>, settings: &Settings) -> Result<(Vec<Ratios>, Vec<Ratios>), PlotError> {
    let (notes, steps) = settings.tones()?;
    let settle = settings.settle()?;
    let rate = f64::from(settings.sample_rate_hz);
    let one = |(i, tone): (usize, &Tone)| {
        let y = output.window(i * (settle + FRAMES) + settle, FRAMES)?;
        // Silence has no harmonics to compare with; a ratio without aliases is infinite.
        let value = |v: Result<f64, MetricError>| v.map_or(f64::NAN, |v| v.clamp(-MOST_DB, MOST_DB));
        let nmr = if rate > NMR_ABOVE_HZ { harmonics_only(&y, tone.bin).and_then(|h| nmr_db(&y, &h, rate)) } else { Ok(f64::NAN) };
        Ok(Ratios {
            frequency_hz: tone.bin as f64 * settings.bin_hz(),
            level_db: tone.level_db,
            asnr_db: value(asnr_db(&y, tone.bin, rate)),
            asr_db: value(asr_db(&y, tone.bin)),
            nmr_db: value(nmr),
        })
    };
    let all = notes.iter().chain(&steps).enumerate().map(one).collect::<Result<Vec<_>, PlotError>>()?;
    let (over_frequency, over_level) = all.split_at(notes.len());
    Ok((over_frequency.to_vec(), over_level.to_vec()))
}

/// What a row of panels shows: its heading, its axis, the value, and a line to read it by.
type Row = (&'static str, &'static str, fn(&Ratios) -> f64, Option<f64>);

const ROWS: [Row; 3] = [
    ("Signal over aliases (ASNR), more is better", "ASNR (dB)", |r| r.asnr_db, None),
    ("Aliases over signal (ASR), less is better", "ASR (dB)", |r| r.asr_db, None),
    ("Aliases over mask (NMR), less is better", "NMR (dB)", |r| r.nmr_db, Some(-10.0)),
];

/// A row of panels for each of the ratios: over frequency on the left, over level on the right; a curve for each output.
///
/// # Errors
/// As [`analyse`]; no traces or empty ones.
pub fn figure(outputs: &[Trace<'_>], settings: &Settings) -> Result<Figure, PlotError> {
    check_traces(outputs)?;
    let curves = outputs.iter().map(|o| analyse(o, settings)).collect::<Result<Vec<_>, _>>()?;
    let sides = [curves.iter().map(|c| &c.0).collect::<Vec<_>>(), curves.iter().map(|c| &c.1).collect()];
    let shown: Vec<usize> = (0..2).filter(|s| sides[*s].iter().any(|c| !c.is_empty())).collect();
    let mut figure = Figure::new("Aliasing over frequency and level").columns(shown.len());
    let rows: Vec<&Row> = ROWS.iter().filter(|row| row.1 != "NMR (dB)" || f64::from(settings.sample_rate_hz) > NMR_ABOVE_HZ).collect();
    for (r, (title, label, value, line)) in rows.iter().enumerate() {
        let all = shown.iter().flat_map(|s| sides[*s].iter().copied().flatten()).map(value);
        let (low, high) = extent(all.chain(*line), 0.06).unwrap_or((-100.0, 0.0));
        for side in &shown {
            let place: fn(&Ratios) -> f64 = if *side == 0 { |r| r.frequency_hz } else { |r| r.level_db };
            let range = extent(sides[*side].iter().copied().flatten().map(place), 0.0).unwrap_or((1.0, 2.0));
            let mut x = if *side == 0 {
                Axis::frequency(range.0 / 1.05, range.1 * 1.05)
            } else {
                Axis::linear("Input level (dBFS)", range.0 - 1.0, range.1 + 1.0, 6)
            };
            if *side == 0 {
                x.label = "Fundamental (Hz)".into();
            }
            if r + 1 < rows.len() {
                x.label.clear();
            }
            let mut panel = Panel::new(if *side == shown[0] { title } else { "" }, x, Axis::linear(label, low, high, 5)).height(150.0);
            if let Some(line) = line {
                panel.line("", vec![(panel.x.min, *line), (panel.x.max, *line)], Style::reference());
            }
            for (n, (output, curve)) in outputs.iter().zip(&sides[*side]).enumerate() {
                let points: Vec<(f64, f64)> = curve.iter().map(|p| (place(p), value(p))).collect();
                // One legend is enough: in the first panel beside, or under, the heading.
                let label = if r == 0 && *side == shown[shown.len() - 1] { output.label } else { "" };
                panel.line(label, points.clone(), Style::series(n));
                panel.push(Item::Dots { label: String::new(), points, paint: Paint::Series(n), radius: 2.0 });
            }
            if sides[*side].iter().copied().flatten().all(|p| value(p).is_nan()) {
                let at = (panel.x.min, 0.5 * (low + high));
                panel.push(Item::Note {
                    at,
                    anchor: Anchor::Start,
                    paint: Paint::Muted,
                    text: "  silent at the harmonics: no ratio".into(),
                });
            }
            figure = figure.panel(panel);
        }
    }
    Ok(figure.note(&note(outputs, settings)))
}

fn note(outputs: &[Trace<'_>], settings: &Settings) -> String {
    let level = (10.0 * amplitude_db(10f64.powf(settings.level_db / 20.0))).round() / 10.0;
    let level = super::axis::format_value(level);
    let frequency = super::axis::format_value(settings.frequency_hz);
    let (left, right) = (
        if settings.frequencies_hz.is_empty() { String::new() } else { format!("Left: sines of {level} dBFS. ") },
        if settings.levels_db.is_empty() { String::new() } else { format!("Right: a sine of {frequency} Hz. ") },
    );
    let what = "ASNR: harmonics over the rest up to 20 kHz. ASR: the rest, an offset too, over the harmonics.";
    let ear = if f64::from(settings.sample_rate_hz) > NMR_ABOVE_HZ { " NMR: inaudible below about −10 dB (dashed)." } else { "" };
    format!("{left}{right}{what}{ear} {}", non_finite_note(outputs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::aliasing;

    /// A few tones, loud.
    fn settings(frequencies_hz: &[f64]) -> Settings {
        Settings {
            frequencies_hz: frequencies_hz.to_vec(),
            level_db: 0.0,
            levels_db: vec![-20.0, 0.0],
            settle_s: 0.001,
            ..Settings::default()
        }
    }

    fn through(settings: &Settings, f: impl Fn(f64) -> f64) -> (Vec<Ratios>, Vec<Ratios>) {
        let y: Vec<f32> = input(settings).unwrap().iter().map(|x| f(f64::from(*x)) as f32).collect();
        analyse(&Trace::new("y", &y), settings).unwrap()
    }

    #[test]
    fn the_ratios_of_the_aliasing_plot_are_met_on_the_shorter_block() {
        // Of the reference page, at N = 65536; the nearest bin of 16 381 frames lies up to 1.5 Hz beside, which moves the aliases of a
        // saturator by less than half a decibel.
        let settings = settings(&[1244.385, 4187.256]);
        let (over, _) = through(&settings, |x| (10.0 * x).tanh());
        for (found, expected) in over.iter().zip([38.7, 16.1]) {
            assert!((found.asnr_db - expected).abs() < 0.5, "{found:?} for {expected}");
        }
        let (over, _) = through(&settings, |x| (10.0 * x).clamp(-1.0, 1.0));
        for (found, expected) in over.iter().zip([33.4, 14.5]) {
            assert!((found.asnr_db - expected).abs() < 0.5, "{found:?} for {expected}");
        }
    }

    #[test]
    fn one_tone_reads_as_in_the_aliasing_plot() {
        let mut settings = settings(&[]);
        settings.levels_db = vec![0.0];
        let (_, over) = through(&settings, |x| (10.0 * x).tanh());
        let same = aliasing::Settings { frequency_hz: over[0].frequency_hz, ..Default::default() };
        let y: Vec<f32> = aliasing::input(&same).unwrap().iter().map(|x| (10.0 * f64::from(*x)).tanh() as f32).collect();
        let expected = aliasing::analyse(&Trace::new("y", &y), &same).unwrap().asnr_db;
        assert!((over[0].asnr_db - expected).abs() < 0.5, "{} for {expected}", over[0].asnr_db); // bins of 2.9 and 0.7 Hz: other frequencies
    }

    #[test]
    fn what_does_not_alias_is_clean_and_an_offset_counts_in_the_asr_alone() {
        let (over, levels) = through(&settings(&[500.0, 1000.0]), |x| x - x * x * x / 3.0 + 0.1);
        for r in over.iter().chain(&levels) {
            assert!(r.asnr_db > 120.0 && r.nmr_db < -60.0, "{r:?}"); // f32 rounding
        }
        let expected = 10.0 * (0.01f64 / (0.5 * 0.75f64.powi(2) + 0.5 * (1.0f64 / 12.0).powi(2))).log10(); // x - x³/3: .75 and 1/12
        // A one-sided spectrum holds the offset once and each harmonic's mirror not at all: E = N² A² / 4 against N² offset².
        assert!((over[0].asr_db - expected - 10.0 * 2f64.log10()).abs() < 0.01, "{} {expected}", over[0].asr_db);
    }

    #[test]
    fn more_drive_aliases_more_and_silence_has_no_ratio() {
        let (_, levels) = through(&settings(&[]), |x| (30.0 * x).tanh());
        assert!(levels[1].asnr_db < levels[0].asnr_db && levels[1].asr_db > levels[0].asr_db && levels[1].nmr_db > levels[0].nmr_db);
        let (over, _) = through(&settings(&[500.0]), |_| 0.0);
        assert!(over[0].asnr_db.is_nan() && over[0].asr_db.is_nan());
        let y = vec![0.0; input(&settings(&[500.0])).unwrap().len()];
        assert!(figure(&[Trace::new("mute", &y)], &settings(&[500.0])).is_ok());
    }

    #[test]
    fn low_sample_rates_have_no_noise_to_mask_ratio_and_impossible_settings_are_errors() {
        let low = Settings { sample_rate_hz: 22_050, ..settings(&[500.0, 15_000.0]) };
        let (over, _) = through(&low, f64::tanh);
        assert_eq!(over.len(), 1); // 15 kHz lies above Nyquist
        assert!(over[0].nmr_db.is_nan() && over[0].asnr_db.is_finite());
        let y = input(&low).unwrap();
        assert_eq!(figure(&[Trace::new("y", &y)], &low).unwrap().panels().len(), 4);
        assert!(matches!(analyse(&Trace::new("y", &y[1..]), &low), Err(PlotError::Length { .. })));
        for bad in [
            Settings { frequency_hz: f64::NAN, ..settings(&[500.0]) },
            Settings { frequency_hz: 30_000.0, ..settings(&[500.0]) },
            Settings { level_db: f64::NAN, ..settings(&[500.0]) },
            Settings { settle_s: 0.0, ..settings(&[500.0]) },
            Settings { sample_rate_hz: 0, ..settings(&[500.0]) },
            Settings { levels_db: vec![], ..settings(&[30_000.0]) },
        ] {
            assert!(input(&bad).is_err(), "{bad:?}");
        }
    }
}
