//! Gain over time: the step response of a dynamics processor, and its gain reduction over music.
use super::{
    Figure, PlotError, Trace,
    axis::{Axis, extent},
    error::check_sample_rate,
    item::Style,
    panel::Panel,
    signal,
    spectrum::power_db,
    trace::{check_traces, non_finite_note},
};

/// A sine that is quiet, then loud, then quiet again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Sample rate.
    pub sample_rate_hz: u32,
    /// Frequency of the sine.
    pub frequency_hz: f64,
    /// Peak level before and after the loud part.
    pub quiet_db: f64,
    /// Peak level of the loud part.
    pub loud_db: f64,
    /// Time of the first quiet part; the loud part takes three of them, the last one four.
    pub seconds: f64,
}

impl Default for Step {
    /// 1 kHz, −26 to −6 dBFS and back, at 0.5 s and 2 s of 4 s, 48 kHz.
    fn default() -> Self {
        Self { sample_rate_hz: 48_000, frequency_hz: 1000.0, quiet_db: -26.0, loud_db: -6.0, seconds: 0.5 }
    }
}

/// The stepping sine.
///
/// # Errors
/// A level above 200 dB; an impossible frequency, duration or sample rate.
pub fn input(step: &Step) -> Result<Vec<f32>, PlotError> {
    let mut levels = vec![step.quiet_db];
    levels.extend([step.loud_db; 3]);
    levels.extend([step.quiet_db; 4]);
    signal::level_steps(step.frequency_hz, &levels, step.seconds, step.sample_rate_hz)
}

/// `(time in s, 20 log10(rms y / rms x))` over blocks of `block` frames, at their middles; NaN where the input block is below −80 dBFS, since a
/// gain of nothing means nothing. A shorter signal sets the length.
#[must_use]
pub fn gain_db(input: &[f32], output: &[f32], block: usize, sample_rate_hz: u32) -> Vec<(f64, f64)> {
    let block = block.max(1);
    let rate = f64::from(sample_rate_hz.max(1));
    let power = |x: &[f32]| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / x.len() as f64;
    let gain = |(i, (x, y)): (usize, (&[f32], &[f32]))| {
        let (x2, y2) = (power(x), power(y));
        let gain = if x2 > 1e-8 { power_db(y2 / x2) } else { f64::NAN };
        ((i * block) as f64 / rate + 0.5 * block as f64 / rate, gain)
    };
    input.chunks_exact(block).zip(output.chunks_exact(block)).enumerate().map(gain).collect()
}

/// Level of the input, and the gain of each output over time in blocks of `block_ms`. For a step take a whole number of periods (1 ms at 1 kHz); for
/// music, 10 ms.
///
/// # Errors
/// An empty input, no traces or empty ones; a block of less than a frame; an impossible sample rate; no audible input.
pub fn figure(input: &[f32], outputs: &[Trace<'_>], block_ms: f64, sample_rate_hz: u32) -> Result<Figure, PlotError> {
    check_traces(&[Trace::new("input", input)])?;
    check_traces(outputs)?;
    check_sample_rate(sample_rate_hz)?;
    let block = signal::duration(block_ms / 1000.0, sample_rate_hz)?;
    let seconds = input.len() as f64 / f64::from(sample_rate_hz);
    let gains: Vec<Vec<(f64, f64)>> = outputs.iter().map(|o| gain_db(input, o.samples, block, sample_rate_hz)).collect();
    let shown = gains.iter().flatten().map(|p| p.1).filter(|g| *g > -150.0);
    let (low, high) = extent(shown, 0.06).ok_or_else(|| PlotError::Empty { what: "input above −80 dBFS".into() })?;
    let x = || Axis::linear("Time (s)", 0.0, seconds, 8);
    let level = gain_db(&vec![1.0; input.len()], input, block, sample_rate_hz);
    let mut top = Panel::new("Input", x(), Axis::linear("RMS (dBFS)", -80.0, 3.0, 4)).height(90.0);
    top.line("", level, Style { paint: super::color::Paint::Muted, ..Style::series(0) });
    top.x.label.clear();
    let mut panel = Panel::new("Gain", x(), Axis::linear("Gain (dB)", low.min(-1.0), high.max(1.0), 6)).height(250.0);
    for (n, (output, gain)) in outputs.iter().zip(gains).enumerate() {
        let style = if n == 0 && outputs.len() > 1 { Style::series(n).width(2.6) } else { Style::series(n) };
        panel.line(output.label, gain, style);
    }
    let note = format!("Output over input, root mean square of blocks of {block_ms} ms. {}", non_finite_note(outputs));
    Ok(Figure::new("Gain over time").note(&note).panel(top).panel(panel))
}

#[cfg(test)]
mod tests {
    use super::*;
    use afx::dsp::OptoCompressor;

    #[test]
    fn the_step_response_of_the_opto_reads_the_reference_s_anchors() {
        let amplitude = |t: f64| if (0.5..2.0).contains(&t) { 0.5 } else { 0.05 };
        let sine = |n: u32| (core::f64::consts::TAU * 1000.0 * f64::from(n) / 44_100.0).sin();
        let x: Vec<f32> = (0..176_400).map(|n| (amplitude(f64::from(n) / 44_100.0) * sine(n)) as f32).collect();
        // peak reduction; gain reduction in the 200 samples before 2 s, and before the end
        for (pr, loud, end) in [(40.0, 5.402, 0.694), (60.0, 10.795, 4.046), (80.0, 16.035, 8.831), (100.0, 21.173, 14.004)] {
            let (mut opto, mut y) = (OptoCompressor::new(44.1e3).unwrap(), x.clone());
            opto.set_peak_reduction(pr).unwrap();
            opto.reset();
            opto.process_in_place(&mut y);
            let gains = gain_db(&x, &y, 441, 44_100); // 10 whole periods
            assert!((gains[199].1 + loud).abs() < 0.02, "{pr}: {}", gains[199].1); // our block is 441 samples, theirs a mean over 200
            assert!((gains[399].1 + end).abs() < 0.02, "{pr}: {}", gains[399].1);
        }
    }

    #[test]
    fn the_step_has_its_levels_and_silence_has_no_gain() {
        let x = input(&Step::default()).unwrap();
        assert_eq!(x.len(), 192_000);
        let level = gain_db(&vec![1.0; x.len()], &x, 480, 48_000);
        assert!((level[10].1 + 29.0103).abs() < 1e-3 && (level[100].1 + 9.0103).abs() < 1e-3); // −26 and −6 dBFS peak, 3.01 dB less in power
        assert!(gain_db(&[0.0; 96], &[1.0; 96], 48, 48_000).iter().all(|g| g.1.is_nan()));
        assert!(figure(&[0.0; 96], &[Trace::new("y", &[0.0; 96])], 1.0, 48_000).is_err());
        assert!(figure(&x, &[Trace::new("y", &x)], 0.0, 48_000).is_err());
    }
}
