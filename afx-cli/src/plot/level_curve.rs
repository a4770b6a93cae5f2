//! Level curve of recordings: output level against input level of short blocks, and the gain between them. What [`super::static_curve`] is for a sine, for any
//! performance: a compressor bends it, its attack and release spread the dots.
use super::{
    Figure, PlotError, Trace,
    axis::{Axis, extent},
    color::Paint,
    error::check_sample_rate,
    item::{Item, Style},
    panel::Panel,
    signal,
    spectrum::power_db,
    trace::{check_traces, non_finite_note, shifted},
};

/// Length of a block: a period of 25 Hz.
pub const BLOCK_S: f64 = 0.04;
/// Blocks whose input is quieter are left out: what answers them is noise.
const QUIETEST_DB: f64 = -90.0;
/// Width of the ranges of input level over which medians are taken, and the fewest blocks that make one.
const RANGE_DB: f64 = 3.0;
const FEWEST: usize = 2;
/// Most dots of each output.
const DOTS: usize = 1500;

/// `(input, output)` level in dBFS of each block, a full-scale sine being 0; blocks below −90 dBFS are left out. `lag` frames of delay are taken out.
///
/// # Errors
/// A sample rate that is impossible.
pub fn levels(input: &[f32], output: &[f32], lag: i32, sample_rate_hz: u32) -> Result<Vec<(f64, f64)>, PlotError> {
    check_sample_rate(sample_rate_hz)?;
    let block = signal::duration(BLOCK_S, sample_rate_hz)?;
    let pairs = shifted(input, output, lag);
    let level = |b: &[(f64, f64)]| {
        let (x, y) = b.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 * p.0, y + p.1 * p.1));
        let db = |sum: f64| power_db(2.0 * sum / b.len() as f64);
        (db(x), db(y))
    };
    Ok(pairs.chunks_exact(block).map(level).filter(|p| p.0 > QUIETEST_DB).collect())
}

/// The median output level in each range of 3 dB of input level, `(input, output)` in dBFS, ascending; ranges with fewer than 2 blocks are left out.
#[must_use]
pub fn medians(levels: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let range = |db: f64| (db / RANGE_DB).floor() as i64;
    let Some((first, last)) = extent(levels.iter().map(|p| p.0), 0.0) else { return Vec::new() };
    let middle = |r: i64| (r as f64 + 0.5) * RANGE_DB;
    let median = |r: i64| {
        // The gain, not the level: within a range the level rises with the input.
        let mut gains: Vec<f64> = levels.iter().filter(|p| range(p.0) == r).map(|p| p.1 - p.0).collect();
        gains.sort_by(f64::total_cmp);
        let middle_gain = 0.5 * (gains.get(gains.len().saturating_sub(1) / 2)? + gains.get(gains.len() / 2)?);
        (gains.len() >= FEWEST).then_some((middle(r), middle(r) + middle_gain))
    };
    (range(first)..=range(last)).filter_map(median).collect()
}

/// Output level and gain over input level: a dot a block, a line through the medians.
///
/// # Errors
/// No traces or empty ones; an impossible sample rate; an input without a block above −90 dBFS.
pub fn figure(input: &[f32], outputs: &[Trace<'_>], lag: i32, sample_rate_hz: u32) -> Result<Figure, PlotError> {
    check_traces(&[Trace::new("input", input)])?;
    check_traces(outputs)?;
    let all = outputs.iter().map(|o| levels(input, o.samples, lag, sample_rate_hz)).collect::<Result<Vec<_>, _>>()?;
    let empty = || PlotError::Empty { what: "input in blocks of 40 ms above −90 dBFS".into() };
    let (x0, x1) = extent(all.iter().flatten().map(|p| p.0), 0.03).ok_or_else(empty)?;
    let heard = |y: &f64| *y > -120.0;
    let (y0, y1) = extent(all.iter().flatten().map(|p| p.1).filter(heard), 0.04).unwrap_or((x0, x1));
    let x = || Axis::linear("Input (dBFS)", x0, x1, 6);
    let mut level = Panel::new("Level", x(), Axis::linear("Output (dBFS)", y0, y1, 6)).height(280.0);
    level.line("", vec![(x0, x0), (x1, x1)], Style::reference());
    let lines: Vec<Vec<(f64, f64)>> = all.iter().map(|l| medians(l)).collect();
    let gain = |line: &[(f64, f64)]| line.iter().map(|(x, y)| (*x, y - x)).collect::<Vec<_>>();
    let gains = lines.iter().flat_map(|l| gain(l)).map(|p| p.1).filter(heard);
    let (g0, g1) = extent(gains, 0.15).unwrap_or((-1.0, 1.0));
    let (g0, g1) = if g1 - g0 < 2.0 { (0.5 * (g0 + g1) - 1.0, 0.5 * (g0 + g1) + 1.0) } else { (g0, g1) };
    let mut change = Panel::new("Gain, median", x(), Axis::linear("Gain (dB)", g0, g1, 6)).height(280.0);
    for (n, blocks) in all.iter().enumerate() {
        let step = blocks.len().div_ceil(DOTS).max(1);
        let points = blocks.iter().copied().step_by(step).collect();
        level.push(Item::Dots { label: String::new(), points, paint: Paint::Series(n), radius: 1.2 });
    }
    for (n, (output, line)) in outputs.iter().zip(&lines).enumerate() {
        let style = if n == 0 && outputs.len() > 1 { Style::series(n).width(3.0) } else { Style::series(n) };
        level.line(output.label, line.clone(), style);
        change.line(output.label, gain(line), style);
        change.push(Item::Dots { label: String::new(), points: gain(line), paint: Paint::Series(n), radius: 2.2 });
    }
    let note = "Blocks of 40 ms: a dot each, a line through the medians; a full-scale sine is 0 dBFS; dashed: output = input.";
    Ok(Figure::new("Level of the recording").note(&format!("{note} {}", non_finite_note(outputs))).columns(2).panel(level).panel(change))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 30 seconds whose level climbs from −60 to 0 dBFS.
    fn climb() -> Vec<f32> {
        let sine = signal::sine(1000.0, 1.0, 0.0, 1_440_000, 48_000).unwrap();
        sine.iter().enumerate().map(|(n, x)| x * 10f32.powf(-3.0 + n as f32 / 480_000.0)).collect()
    }

    #[test]
    fn a_compressor_reads_as_its_law() {
        let x = climb();
        let law = |db: f64| if db > -20.0 { -20.0 + (db + 20.0) / 4.0 } else { db };
        let one = |(n, x): (usize, &f32)| {
            let db = -60.0 + n as f64 / 24_000.0;
            x * 10f64.powf((law(db) - db) / 20.0) as f32
        };
        let y: Vec<f32> = x.iter().enumerate().map(one).collect();
        let curve = medians(&levels(&x, &y, 0, 48_000).unwrap());
        assert_eq!(curve.len(), 20);
        for (x, level) in curve.into_iter().filter(|p| (p.0 + 20.0).abs() > 2.0) {
            assert!((level - law(x)).abs() < 0.02, "{x}: {level}"); // the level climbs by 0.08 dB within a block, symmetrically
        }
    }

    #[test]
    fn a_lag_is_taken_out() {
        let x = climb();
        let mut y = vec![0.0f32; 9600];
        y.extend_from_slice(&x[..x.len() - 9600]); // 0.4 dB of the climb
        let worst = |lag| levels(&x, &y, lag, 48_000).unwrap().iter().map(|p| (p.0 - p.1).abs()).fold(0.0, f64::max);
        assert_eq!(worst(9600), 0.0);
        assert!(worst(0) > 0.3);
    }

    #[test]
    fn silence_is_an_error_and_a_mute_effect_is_drawn() {
        let x = vec![0.5f32; 48_000];
        assert!(figure(&[0.0; 48_000], &[Trace::new("y", &x)], 0, 48_000).is_err());
        assert!(figure(&x[..100], &[Trace::new("y", &x)], 0, 48_000).is_err()); // shorter than a block
        assert!(figure(&x, &[Trace::new("y", &x)], 0, 0).is_err());
        assert!(figure(&x, &[Trace::new("y", &[0.0; 48_000])], 0, 48_000).is_ok());
    }
}
