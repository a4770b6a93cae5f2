//! A named signal.
use super::PlotError;

/// One signal and the name that the legend gives it.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    /// Name in the legend.
    pub label: &'a str,
    /// Samples of one channel; full scale is ±1.
    pub samples: &'a [f32],
}

impl<'a> Trace<'a> {
    /// `samples` under the name `label`.
    #[must_use]
    pub const fn new(label: &'a str, samples: &'a [f32]) -> Self {
        Self { label, samples }
    }

    /// Number of samples that are NaN or infinite; a figure mentions it.
    #[must_use]
    pub fn non_finite(&self) -> usize {
        self.samples.iter().filter(|x| !x.is_finite()).count()
    }

    /// The samples from `start` on, `frames` of them, as `f64`, non-finite ones as 0.
    pub(crate) fn window(&self, start: usize, frames: usize) -> Result<Vec<f64>, PlotError> {
        let end = start.saturating_add(frames);
        let samples = self.samples.get(start..end).ok_or_else(|| PlotError::Length {
            what: format!("trace {:?}", self.label),
            expected: end,
            found: self.samples.len(),
        })?;
        Ok(samples.iter().map(|&x| if x.is_finite() { f64::from(x) } else { 0.0 }).collect())
    }
}

/// Refuses an empty list and empty signals.
pub(crate) fn check_traces(traces: &[Trace<'_>]) -> Result<(), PlotError> {
    if traces.is_empty() {
        return Err(PlotError::Empty { what: "list of traces".into() });
    }
    for trace in traces {
        if !trace.samples.iter().any(|x| x.is_finite()) {
            return Err(PlotError::Empty { what: format!("trace {:?}", trace.label) });
        }
    }
    Ok(())
}

/// `(input, output)` pairs in time once `lag` frames of the output's delay are taken out; pairs with a sample that is not finite are left out.
pub(crate) fn shifted(input: &[f32], output: &[f32], lag: i32) -> Vec<(f64, f64)> {
    let skip = usize::try_from(lag.unsigned_abs()).unwrap_or(usize::MAX);
    let (x, y) = if lag < 0 { (skip, 0) } else { (0, skip) };
    let pairs = input.iter().skip(x).zip(output.iter().skip(y)).map(|(x, y)| (f64::from(*x), f64::from(*y)));
    pairs.filter(|(x, y)| x.is_finite() && y.is_finite()).collect()
}

/// `"a: 3 samples are not finite"` for each such trace, joined; empty when all is well.
pub(crate) fn non_finite_note(traces: &[Trace<'_>]) -> String {
    let notes: Vec<String> = traces
        .iter()
        .filter(|trace| trace.non_finite() > 0)
        .map(|trace| format!("{}: {} of {} samples are not finite", trace.label, trace.non_finite(), trace.samples.len()))
        .collect();
    notes.join("; ")
}
