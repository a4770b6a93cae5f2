use crate::error::{Error, ErrorKind, Result};

/// A control of an effect, in the units printed beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Knob {
    /// What it is called; in a data set without `=`, commas and blanks at its ends, so that commands and CSV can name it.
    pub name: String,
    /// Value at the left stop.
    pub min: f32,
    /// Value at the right stop; equal to `min` for a control that was never moved.
    pub max: f32,
    /// Value to start from.
    pub default: f32,
    /// Unit to show, often empty.
    pub unit: String,
}

impl Knob {
    /// A knob without unit that starts in the middle.
    pub fn new(name: impl Into<String>, min: f32, max: f32) -> Self {
        Self { name: name.into(), min, max, default: 0.5 * min + 0.5 * max, unit: String::new() }
    }

    /// `2 (v - min) / (max - min) - 1`: the range becomes `[-1, 1]`, as PyNeuralFx conditions its models. A knob without range gives 0.
    ///
    /// ```
    /// let drive = afx_io::dataset::Knob::new("drive", 0.0, 4.0);
    /// assert_eq!(drive.normalise(3.0), 0.5);
    /// assert_eq!(drive.denormalise(0.5), 3.0);
    /// ```
    pub fn normalise(&self, value: f32) -> f32 {
        if self.max > self.min { 2.0 * ((value - self.min) / (self.max - self.min)) - 1.0 } else { 0.0 }
    }

    /// The inverse of [`Knob::normalise`].
    pub fn denormalise(&self, position: f32) -> f32 {
        self.min + 0.5 * (position + 1.0) * (self.max - self.min)
    }

    /// Whether `value` lies between the stops; a NaN does not.
    pub fn contains(&self, value: f32) -> bool {
        (self.min..=self.max).contains(&value)
    }

    /// Refuses names that cannot be shown and ranges that cannot be turned.
    pub(crate) fn check(&self) -> Result<()> {
        let field = |part: &str| format!("knob {:?}: {part}", self.name);
        if self.name.trim().is_empty() || self.name.len() > 64 || self.name.chars().any(char::is_control) {
            return Err(Error::new(ErrorKind::OutOfRange, field("name"), "1 to 64 printable bytes", &self.name));
        }
        // A range wider than f32 itself would normalise to infinity.
        if !(self.min <= self.max && (self.max - self.min).is_finite()) {
            let found = format!("{} to {}", self.min, self.max);
            return Err(Error::new(ErrorKind::OutOfRange, field("range"), "finite numbers with min <= max", found));
        }
        if !self.contains(self.default) {
            let expected = format!("{} to {}", self.min, self.max);
            return Err(Error::new(ErrorKind::OutOfRange, field("default"), expected, self.default));
        }
        Ok(())
    }
}

/// The checks of a data set's knobs: each by itself, whether it can be asked for by name in `NAME=VALUE` and in a line of CSV, and all
/// together. A model file from elsewhere may have other names.
pub(crate) fn check_all(knobs: &[Knob]) -> Result<()> {
    if knobs.len() > super::MAX_KNOBS {
        return Err(Error::new(ErrorKind::TooLarge, "knobs", format_args!("at most {}", super::MAX_KNOBS), knobs.len()));
    }
    for (i, knob) in knobs.iter().enumerate() {
        knob.check()?;
        if knob.name.contains(['=', ',']) || knob.name.trim() != knob.name {
            let field = format_args!("knob {:?}: name", knob.name).to_string();
            let expected = "no = or comma, and no blank at either end";
            return Err(Error::new(ErrorKind::OutOfRange, field, expected, format_args!("{:?}", knob.name)));
        }
        if knobs[..i].iter().any(|k| k.name == knob.name) {
            return Err(Error::new(ErrorKind::Duplicate, "knobs", "different names", format_args!("{:?} twice", knob.name)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_stops_and_the_middle_go_to_minus_one_one_and_zero() {
        let knob = Knob::new("gain", -6.0, 12.0);
        assert_eq!([-6.0, 3.0, 12.0].map(|v| knob.normalise(v)), [-1.0, 0.0, 1.0]);
        assert_eq!([-1.0, 0.0, 1.0].map(|v| knob.denormalise(v)), [-6.0, 3.0, 12.0]);
        assert_eq!(knob.default, 3.0);
        // The widest range that is allowed: twice as much is infinite.
        let wide = Knob::new("wide", -f32::MAX / 2.0, f32::MAX / 2.0);
        assert_eq!([wide.min, 0.0, wide.max].map(|v| wide.normalise(v)), [-1.0, 0.0, 1.0]);
        assert!(wide.check().is_ok());
    }

    #[test]
    fn a_knob_without_range_is_at_zero_and_stays_put() {
        let knob = Knob::new("bias", 3.0, 3.0);
        assert_eq!((knob.normalise(3.0), knob.denormalise(0.0)), (0.0, 3.0));
        assert!(knob.check().is_ok());
    }

    #[test]
    fn knobs_that_cannot_be_turned_are_refused() {
        let default_outside = Knob { default: 2.0, ..Knob::new("x", 0.0, 1.0) };
        let bad = [
            Knob::new("x", 1.0, 0.0),
            Knob::new("x", f32::NAN, 0.0),
            Knob::new("x", 0.0, f32::INFINITY),
            Knob::new("x", -f32::MAX, f32::MAX),
            Knob::new(" ", 0.0, 1.0),
            Knob::new("a\nb", 0.0, 1.0),
            default_outside,
        ];
        for knob in bad {
            assert_eq!(knob.check().unwrap_err().kind(), ErrorKind::OutOfRange, "{knob:?}");
        }
        for name in ["mix, a=b", "a=b", "a,b", " drive", "drive\u{a0}"] {
            let knob = Knob::new(name, 0.0, 1.0);
            assert!(knob.check().is_ok(), "a model file may have {name:?}");
            assert_eq!(check_all(&[knob]).unwrap_err().kind(), ErrorKind::OutOfRange, "{name:?}");
        }
        let twice = [Knob::new("x", 0.0, 1.0), Knob::new("x", 0.0, 2.0)];
        assert_eq!(check_all(&twice).unwrap_err().kind(), ErrorKind::Duplicate);
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same_value(min in -100.0_f32..100.0, width in 0.01_f32..1000.0, at in 0.0_f32..=1.0) {
            let knob = Knob::new("x", min, min + width);
            let value = min + at * (knob.max - knob.min);
            // Four roundings of numbers as large as the range or its ends.
            let tolerance = 4.0 * f32::EPSILON * (min.abs() + width);
            prop_assert!((knob.denormalise(knob.normalise(value)) - value).abs() <= tolerance);
        }
    }
}
