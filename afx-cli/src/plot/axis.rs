//! Axes: from a value to a place along a side of a panel, and the ticks that name places.

/// How values spread along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps.
    Linear,
    /// Equal ratios; values must be positive.
    Log,
}

/// A named place on an axis. A tick without a label draws a fine grid line.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where.
    pub value: f64,
    /// What is written there.
    pub label: String,
}

/// One side of a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Quantity and unit, e.g. `"Level (dBFS)"`.
    pub label: String,
    /// Spread.
    pub scale: Scale,
    /// Value at the left or lower end.
    pub min: f64,
    /// Value at the right or upper end.
    pub max: f64,
    /// Ticks, ascending.
    pub ticks: Vec<Tick>,
    /// Grid lines at the ticks; off for categories.
    pub grid: bool,
}

impl Axis {
    /// Equal steps from `min` to `max`, about `count` round ticks. An empty or non-finite range is widened to one that can be drawn.
    #[must_use]
    pub fn linear(label: &str, min: f64, max: f64, count: usize) -> Self {
        let (min, max) = usable(min, max);
        let ticks = linear_ticks(min, max, count);
        Self { label: label.into(), scale: Scale::Linear, min, max, ticks, grid: true }
    }

    /// Equal ratios from `min` to `max` with a labelled tick per decade (and at 2 and 5 where there are few decades). A range that is not
    /// positive becomes 0.1 to 1.
    #[must_use]
    pub fn log(label: &str, min: f64, max: f64) -> Self {
        let ok = min.is_finite() && max.is_finite() && min > 0.0 && max >= min;
        let (min, max) = if ok { (min.clamp(1e-100, 1e100), max.clamp(1e-100, 1e100)) } else { (0.1, 1.0) };
        let (min, max) = if max / min < 1.01 { (min / 1.5, max * 1.5) } else { (min, max) };
        Self { label: label.into(), scale: Scale::Log, min, max, ticks: log_ticks(min, max), grid: true }
    }

    /// Frequency in hertz, log, ticks at 1-2-5 as in `20, 50, ... 10k, 20k`.
    #[must_use]
    pub fn frequency(min_hz: f64, max_hz: f64) -> Self {
        let mut axis = Self::log("Frequency (Hz)", min_hz, max_hz);
        let decades = (axis.min.log10().floor() as i32)..=(axis.max.log10().ceil() as i32);
        let steps = decades.flat_map(|d| (1..10).map(move |m| f64::from(m) * 10f64.powi(d)));
        let inside = steps.filter(|&f| f >= axis.min * 0.999 && f <= axis.max * 1.001);
        axis.ticks = inside.map(|f| Tick { value: f, label: if is_125(f) { format_hz(f) } else { String::new() } }).collect();
        axis
    }

    /// Frequency in kilohertz, linear, from 0; values are in hertz.
    #[must_use]
    pub fn frequency_linear(max_hz: f64) -> Self {
        let mut axis = Self::linear("Frequency (kHz)", 0.0, max_hz, 6);
        for tick in &mut axis.ticks {
            tick.label = format_value(tick.value / 1000.0);
        }
        axis
    }

    /// One place per name, at 0, 1, 2, ..., half a step of margin.
    #[must_use]
    pub fn categories(label: &str, names: &[String]) -> Self {
        let ticks = names.iter().enumerate().map(|(i, name)| Tick { value: i as f64, label: name.clone() }).collect();
        let max = names.len().max(1) as f64 - 0.5;
        Self { label: label.into(), scale: Scale::Linear, min: -0.5, max, ticks, grid: false }
    }

    /// Place of `value`: 0 at `min`, 1 at `max`; not finite where the scale cannot show it.
    #[must_use]
    pub fn position(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.min) / (self.max - self.min),
            Scale::Log => (value / self.min).ln() / (self.max / self.min).ln(),
        }
    }
}

/// A finite range with some extent around the one given.
fn usable(min: f64, max: f64) -> (f64, f64) {
    let limit = |v: f64| if v.abs() < 1e-200 { 0.0 } else { v.clamp(-1e200, 1e200) }; // squares and steps stay normal numbers
    let (min, max) = match (min.is_finite(), max.is_finite()) {
        (true, true) => (limit(min.min(max)), limit(min.max(max))),
        (true, false) => (limit(min), limit(min)),
        (false, true) => (limit(max), limit(max)),
        (false, false) => (0.0, 1.0),
    };
    let least = 1e-9 * min.abs().max(max.abs());
    if max - min > least {
        (min, max)
    } else if min == 0.0 {
        (-1.0, 1.0)
    } else {
        (min - 0.5 * min.abs(), max + 0.5 * max.abs())
    }
}

/// The smallest range that holds every finite value, widened by `margin` times its extent; `None` when there is none.
#[must_use]
pub fn extent(values: impl IntoIterator<Item = f64>, margin: f64) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|v| v.is_finite());
    let (min, max) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    (min <= max).then_some((min - margin * (max - min), max + margin * (max - min)))
}

/// Ticks at multiples of 1, 2 or 5 times a power of ten.
fn linear_ticks(min: f64, max: f64, count: usize) -> Vec<Tick> {
    let rough = (max - min) / count.clamp(1, 50) as f64;
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * decade).find(|s| *s >= 0.8 * rough).unwrap_or(10.0 * decade);
    let first = (min / step - 1e-6).ceil();
    let last = (max / step + 1e-6).floor();
    let number = (last - first).clamp(0.0, 200.0) as usize; // about `count / 0.8` by the choice of `step`; the clamp guards rounding
    (0..=number)
        .map(|i| first + i as f64)
        .filter(|&k| k <= last)
        .map(|k| Tick { value: k * step, label: format_step(k * step, step) })
        .collect()
}

fn log_ticks(min: f64, max: f64) -> Vec<Tick> {
    let (low, high) = (min.log10().floor() as i32, max.log10().ceil() as i32);
    let span = max.log10() - min.log10();
    let every = ((span / 7.0).ceil() as i32).max(1);
    let mut ticks = Vec::new();
    for decade in low..=high {
        for m in 1..10 {
            let value = f64::from(m) * 10f64.powi(decade);
            if value < min * 0.999 || value > max * 1.001 {
                continue;
            }
            let named = match m {
                1 => decade % every == 0 || span < 1.0,
                2 | 5 => span < 3.2,
                _ => span < 0.6,
            };
            if named || every == 1 {
                ticks.push(Tick { value, label: if named { format_value(value) } else { String::new() } });
            }
        }
    }
    ticks
}

/// Whether `f` is 1, 2 or 5 times a power of ten.
fn is_125(f: f64) -> bool {
    let mantissa = f / 10f64.powf((f * 1.0001).log10().floor());
    [1.0, 2.0, 5.0].iter().any(|m| (mantissa - m).abs() < 1e-6)
}

/// `20`, `500`, `1k`, `1.5k`.
#[must_use]
pub fn format_hz(hz: f64) -> String {
    if hz >= 1000.0 { format!("{}k", format_value(hz / 1000.0)) } else { format_value(hz) }
}

/// Three or four significant digits, a true minus sign, powers of ten where the number is long.
#[must_use]
pub fn format_value(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "–".into() } else { if value > 0.0 { "∞" } else { "−∞" }.into() };
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e6).contains(&size) {
        let exponent = size.log10().floor();
        let mantissa = value / 10f64.powf(exponent);
        return minus(format!("{}e{exponent:.0}", trim(format!("{mantissa:.2}"))));
    }
    let decimals = if size == 0.0 { 0 } else { (3 - size.log10().floor() as i32).clamp(0, 7) as usize };
    minus(trim(format!("{value:.decimals$}")))
}

/// As many decimals as `step` needs.
fn format_step(value: f64, step: f64) -> String {
    if step < 1e-4 && value.abs() < 1e-2 {
        // 5e−5 and 1e−4 on one axis, not 5e−5 and 0.0001
        let exponent = step.log10().floor();
        let mantissa = value / 10f64.powf(exponent);
        let exponent = if mantissa.abs() >= 9.95 { value.abs().log10().floor() } else { exponent };
        let mantissa = trim(format!("{:.1}", value / 10f64.powf(exponent)));
        return minus(if value.abs() < 0.5 * step { "0".into() } else { format!("{mantissa}e{exponent:.0}") });
    }
    if !(1e-4..1e6).contains(&step) || value.abs() >= 1e6 {
        return format_value(value);
    }
    let decimals = (0..=6)
        .find(|&d| {
            let s = step * 10f64.powi(d);
            (s - s.round()).abs() < 1e-6
        })
        .unwrap_or(6) as usize;
    let text = format!("{value:.decimals$}");
    let zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
    minus(if zero { text.replace('-', "") } else { text })
}

fn trim(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

fn minus(text: String) -> String {
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|t| t.label.as_str()).filter(|l| !l.is_empty()).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(labels(&Axis::linear("", -1.0, 1.0, 4)), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(labels(&Axis::linear("", -83.0, 4.0, 5)), ["−80", "−60", "−40", "−20", "0"]);
    }

    #[test]
    fn small_linear_ticks_are_powers_of_ten_throughout() {
        assert_eq!(labels(&Axis::linear("", -1e-4, 1e-4, 4)), ["−1e−4", "−5e−5", "0", "5e−5", "1e−4"]);
        assert_eq!(labels(&Axis::linear("", 0.0, 3e-5, 3)), ["0", "1e−5", "2e−5", "3e−5"]);
    }

    #[test]
    fn frequency_ticks_run_from_20_to_20k() {
        let axis = Axis::frequency(20.0, 20_000.0);
        assert_eq!(labels(&axis), ["20", "50", "100", "200", "500", "1k", "2k", "5k", "10k", "20k"]);
        assert!((axis.position(20.0)).abs() < 1e-12 && (axis.position(20_000.0) - 1.0).abs() < 1e-12);
        assert!((axis.position(632.4555320336759) - 0.5).abs() < 1e-12); // sqrt(20 * 20000)
    }

    #[test]
    fn log_ticks_name_decades() {
        assert_eq!(labels(&Axis::log("", 1e-4, 1.0)), ["0.0001", "0.001", "0.01", "0.1", "1"]);
    }

    #[test]
    fn any_range_gives_a_usable_axis() {
        let odd = [f64::NAN, f64::INFINITY, -f64::INFINITY, 0.0, -0.0, 1e308, -1e308, 5e-324, 1.0, -7.5];
        for a in odd {
            for b in odd {
                for axis in [Axis::linear("", a, b, 5), Axis::log("", a, b), Axis::frequency(a, b), Axis::frequency_linear(b)] {
                    assert!(axis.max > axis.min && (axis.max - axis.min).is_finite(), "{a} {b} {axis:?}");
                    assert!(axis.ticks.len() < 8000, "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn values_are_short() {
        let shown = [0.0, 0.00123, -12.0, 1e-5, 2.5e-7, 48_000.0, 0.1 + 0.2].map(format_value);
        assert_eq!(shown, ["0", "0.00123", "−12", "1e−5", "2.5e−7", "48000", "0.3"]);
    }

    #[test]
    fn extent_ignores_what_is_not_finite() {
        assert_eq!(extent([f64::NAN, 1.0, 3.0, f64::INFINITY], 0.5), Some((0.0, 4.0)));
        assert_eq!(extent([f64::NAN], 0.5), None);
    }
}
