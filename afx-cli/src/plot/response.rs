//! Frequency responses: learned EQ curves, filters of a chain, cabinets.
use super::{
    Figure, PlotError, Trace,
    axis::{Axis, extent},
    error::{check, check_sample_rate},
    item::Style,
    panel::Panel,
    spectrum::{amplitude_db, log_frequencies},
};

/// A named response.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Name in the legend.
    pub label: String,
    /// `(frequency in Hz, gain in dB)`, ascending.
    pub points: Vec<(f64, f64)>,
    /// Drawn dashed and thin: a part, or the target.
    pub reference: bool,
}

impl Response {
    /// The magnitude of `gain_at(frequency)` (linear, not dB) at 48 points an octave from 20 Hz to 20 kHz or Nyquist.
    ///
    /// # Errors
    /// A sample rate of 40 Hz or less.
    pub fn sample(label: &str, sample_rate_hz: u32, gain_at: impl Fn(f64) -> f64) -> Result<Self, PlotError> {
        check_sample_rate(sample_rate_hz)?;
        let nyquist = f64::from(sample_rate_hz) / 2.0;
        check("sample_rate_hz", "above 40", f64::from(sample_rate_hz), nyquist > 20.0)?;
        let points = log_frequencies(20.0, nyquist.min(20_000.0), 48).into_iter().map(|f| (f, amplitude_db(gain_at(f)))).collect();
        Ok(Self { label: label.into(), points, reference: false })
    }

    /// The response of an impulse response (`trace`), from the definition `H(f) = Σ h[n] e^(-2πi f n / fs)`.
    ///
    /// # Errors
    /// A sample rate of 40 Hz or less; more than 2^20 samples; none.
    pub fn from_impulse(trace: &Trace<'_>, sample_rate_hz: u32) -> Result<Self, PlotError> {
        super::trace::check_traces(core::slice::from_ref(trace))?;
        check("impulse response", "at most 1048576 samples", trace.samples.len() as f64, trace.samples.len() <= 1 << 20)?;
        let h = trace.window(0, trace.samples.len())?;
        let gain = |f: f64| {
            let turn = -core::f64::consts::TAU * f / f64::from(sample_rate_hz);
            let (re, im) = h.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, h)| {
                let (sin, cos) = (turn * n as f64).sin_cos();
                (re + h * cos, im + h * sin)
            });
            re.hypot(im)
        };
        Self::sample(trace.label, sample_rate_hz, gain)
    }

    /// The same, as a reference.
    #[must_use]
    pub fn as_reference(mut self) -> Self {
        self.reference = true;
        self
    }
}

/// All responses in one panel with the line of unity gain. Gains more than 60 dB below the largest are cut off.
///
/// # Errors
/// [`PlotError::Empty`] without a finite point at a positive frequency.
pub fn figure(title: &str, responses: &[Response]) -> Result<Figure, PlotError> {
    let points = || responses.iter().flat_map(|r| &r.points).filter(|p| p.0 > 0.0 && p.0.is_finite() && p.1.is_finite());
    let empty = || PlotError::Empty { what: "responses".into() };
    let (f0, f1) = extent(points().map(|p| p.0), 0.0).ok_or_else(empty)?;
    let (low, high) = extent(points().map(|p| p.1), 0.08).ok_or_else(empty)?;
    let (low, high) = (low.max(high - 60.0).min(-3.0), high.max(3.0));
    let mut panel = Panel::new("", Axis::frequency(f0, f1), Axis::linear("Gain (dB)", low, high, 7)).height(280.0);
    panel.line("", vec![(f0, 0.0), (f1, 0.0)], Style::reference());
    for (n, response) in responses.iter().enumerate() {
        let mut style = Style::series(n).width(if response.reference { 1.1 } else { 2.0 });
        if response.reference {
            style.dash = 4.0;
        }
        panel.line(&response.label, response.points.clone(), style);
    }
    Ok(Figure::new(title).panel(panel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impulse_response_gives_its_transform() {
        let one_pole: Vec<f32> = (0..4096).map(|n| 0.1 * 0.9f32.powi(n)).collect();
        let r = Response::from_impulse(&Trace::new("lp", &one_pole), 48_000).unwrap();
        for (f, db) in &r.points {
            let w = core::f64::consts::TAU * f / 48_000.0;
            let expected = 20.0 * (0.1 / (1.0 - 1.8 * w.cos() + 0.81).sqrt()).log10();
            assert!((db - expected).abs() < 1e-4, "{f}"); // f32 powers of .9
        }
        assert!((r.points[0].0 - 20.0).abs() < 1e-12 && r.points[r.points.len() - 1].0 == 20_000.0);
    }

    #[test]
    fn nothing_to_draw_is_an_error() {
        assert!(figure("", &[]).is_err());
        assert!(figure("", &[Response { label: "x".into(), points: vec![(100.0, f64::NAN), (0.0, 1.0)], reference: false }]).is_err());
        assert!(Response::from_impulse(&Trace::new("x", &[]), 48_000).is_err());
        assert!(Response::from_impulse(&Trace::new("x", &[1.0]), 30).is_err());
    }
}
