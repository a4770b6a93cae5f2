//! Transfer of recordings: how often each output sample answers each input sample, and the mean output at each input. What [`super::transfer_curve`] is for a
//! sine, for any performance.
use super::{
    Figure, PlotError, Trace,
    axis::{Axis, extent},
    bitmap::Bitmap,
    color::ColorMap,
    item::{Item, Style},
    panel::{ColorBar, Panel},
    trace::{check_traces, non_finite_note, shifted},
};

/// Cells a side.
const CELLS: usize = 160;
/// Ranges of the input over which the mean output is taken, and the fewest samples that make a mean.
const BINS: usize = 48;
const FEWEST: usize = 32;

/// The mean output at the middle of each of 48 equal ranges of the input, `(input, output)`; NaN where fewer than 32 samples fall.
#[must_use]
pub fn mean_curve(pairs: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let range = pairs.iter().map(|p| p.0.abs()).fold(0.0, f64::max);
    let mut sums = vec![(0.0, 0_usize); BINS];
    for (x, y) in pairs.iter().filter(|_| range > 0.0) {
        let bin = (((x / range + 1.0) / 2.0 * BINS as f64) as usize).min(BINS - 1);
        sums[bin].0 += y;
        sums[bin].1 += 1;
    }
    let middle = |i: usize| range * ((2 * i + 1) as f64 / BINS as f64 - 1.0);
    let mean = |(i, (sum, count)): (usize, (f64, usize))| (middle(i), if count < FEWEST { f64::NAN } else { sum / count as f64 });
    sums.into_iter().enumerate().map(mean).collect()
}

/// One panel per output with the density of its samples over the input's, and one with the mean curves of all; `lag` is the number of frames by
/// which the outputs are late, which is taken out.
///
/// # Errors
/// No traces or empty ones; an input that is silent, or that the lag leaves nothing of.
pub fn figure(input: &[f32], outputs: &[Trace<'_>], lag: i32) -> Result<Figure, PlotError> {
    check_traces(&[Trace::new("input", input)])?;
    check_traces(outputs)?;
    let pairs: Vec<Vec<(f64, f64)>> = outputs.iter().map(|o| shifted(input, o.samples, lag)).collect();
    let silent = || PlotError::Empty { what: "input above silence".into() };
    let x_range = pairs.iter().flatten().map(|p| p.0.abs()).fold(0.0, f64::max);
    if x_range <= 0.0 {
        return Err(silent());
    }
    let (low, high) = extent(pairs.iter().flatten().map(|p| p.1), 0.04).ok_or_else(silent)?;
    // A usable range even for an output that never moves.
    let y_axis = || Axis::linear("Output (full scale 1)", low, high, 6);
    let x_axis = || Axis::linear("Input (full scale 1)", -1.02 * x_range, 1.02 * x_range, 5);
    let (x0, y0) = (x_axis(), y_axis());
    let counts: Vec<Vec<u32>> = pairs.iter().map(|p| count(p, &x0, &y0)).collect();
    let most = counts.iter().flatten().copied().max().unwrap_or(1).max(2);
    let mut figure = Figure::new("Transfer of the recording").columns(outputs.len().clamp(2, 3));
    for (output, counts) in outputs.iter().zip(&counts) {
        // Logarithmic from half a sample, so that a single one can be told from none; none is minus infinity, which becomes 0.
        let shade = |n: &u32| (255.0 * (2.0 * f64::from(*n)).ln() / (2.0 * f64::from(most)).ln()).round() as u8;
        let bitmap = Bitmap::new(CELLS as u32, CELLS as u32, ColorMap::Heat.palette(256), counts.iter().map(shade).collect())?;
        let mut panel = Panel::new(output.label, x_axis(), y_axis()).height(230.0);
        (panel.x.grid, panel.y.grid) = (false, false);
        panel.push(Item::Image { x: (x0.min, x0.max), y: (y0.min, y0.max), bitmap });
        panel.color_bar = Some(ColorBar { axis: Axis::log("Samples", 0.5, f64::from(most)), map: ColorMap::Heat });
        figure = figure.panel(panel);
    }
    let mut mean = Panel::new("Mean", x_axis(), y_axis()).height(230.0);
    mean.line("", vec![(x0.min, x0.min), (x0.max, x0.max)], Style::reference());
    for (n, (output, pairs)) in outputs.iter().zip(&pairs).enumerate() {
        let style = if n == 0 && outputs.len() > 1 { Style::series(n).width(2.6) } else { Style::series(n) };
        mean.line(output.label, mean_curve(pairs), style);
    }
    let delay = match lag {
        0 => String::new(),
        1 | -1 => format!(" The output is taken a frame {}.", if lag > 0 { "later" } else { "earlier" }),
        _ => format!(" The output is taken {} frames {}.", lag.unsigned_abs(), if lag > 0 { "later" } else { "earlier" }),
    };
    let note = format!("Every sample of output over the input sample it answers, and the mean; dashed: output = input.{delay} ");
    Ok(figure.panel(mean).note(&(note + &non_finite_note(outputs))))
}

/// Samples in each cell, top row first.
fn count(pairs: &[(f64, f64)], x: &Axis, y: &Axis) -> Vec<u32> {
    let cell = |t: f64| ((t * CELLS as f64) as usize).min(CELLS - 1); // a negative float becomes 0
    let mut counts = vec![0_u32; CELLS * CELLS];
    for (a, b) in pairs {
        let i = (CELLS - 1 - cell(y.position(*b))) * CELLS + cell(x.position(*a));
        counts[i] = counts[i].saturating_add(1);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(frames: usize) -> Vec<f32> {
        let mut seed = 3u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..frames).map(|_| next()).collect()
    }

    #[test]
    fn the_mean_curve_of_a_late_saturator_is_the_saturator_once_the_lag_is_out() {
        let x = noise(96_000);
        let y: Vec<f32> = (0..x.len()).map(|n| if n < 7 { 0.0 } else { (2.0 * x[n - 7]).tanh() }).collect();
        for (x, y) in mean_curve(&shifted(&x, &y, 7)) {
            assert!((y - (2.0 * x).tanh()).abs() < 5e-3, "{x}: {y}"); // curvature within a range 1/24 wide: 2 (1/48)² tanh'' / 6 and its noise
        }
        let untouched = mean_curve(&shifted(&x, &y, 0));
        assert!(untouched.iter().all(|p| p.1.abs() < 0.1)); // white noise a sample off is unrelated
    }

    #[test]
    fn every_sample_is_counted_once() {
        let x = noise(5000);
        let pairs = shifted(&x, &x, 0);
        let axis = Axis::linear("", -1.0, 1.0, 3);
        let counts = count(&pairs, &axis, &axis);
        assert_eq!(counts.iter().sum::<u32>(), 5000);
        let diagonal = (0..CELLS).map(|i| counts[(CELLS - 1 - i) * CELLS + i]).sum::<u32>();
        assert_eq!(diagonal, 5000); // output = input
    }

    #[test]
    fn silence_and_a_lag_beyond_the_end_are_errors_and_a_constant_output_is_drawn() {
        let x = noise(100);
        assert!(figure(&[0.0; 100], &[Trace::new("y", &x)], 0).is_err());
        assert!(figure(&x, &[Trace::new("y", &x)], 100).is_err() && figure(&x, &[Trace::new("y", &x)], i32::MIN).is_err());
        assert!(figure(&x, &[], 0).is_err());
        assert_eq!(figure(&x, &[Trace::new("a", &[0.0; 100]), Trace::new("b", &x)], -3).unwrap().panels().len(), 3);
    }
}
