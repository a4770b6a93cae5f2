//! A number that is turned.

use crate::DspError;
use afx_core::{Ramp, Scalar};

/// A setting in its natural unit, between two ends, that glides over 20 ms: by itself or, `logarithmic`, in its logarithm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knob {
    name: &'static str,
    /// The ends, in words.
    expected: &'static str,
    from: f64,
    to: f64,
    logarithmic: bool,
    ramp: Ramp,
    value: f64,
}

impl Knob {
    /// Over `[from, to]`, standing at `value`; both ends are positive where it is `logarithmic`.
    pub(crate) fn new(
        name: &'static str,
        expected: &'static str,
        [from, to]: [f64; 2],
        logarithmic: bool,
        value: f64,
        sample_rate_hz: f64,
    ) -> Self {
        let mut knob = Knob { name, expected, from, to, logarithmic, ramp: Ramp::new(0.0, 20.0, sample_rate_hz), value };
        knob.ramp = Ramp::new(knob.place(value), 20.0, sample_rate_hz);
        knob.read();
        knob
    }

    /// Where between the ends a value lies, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        if self.logarithmic {
            Scalar::ln(value / self.from) / Scalar::ln(self.to / self.from)
        } else {
            (value - self.from) / (self.to - self.from)
        }
    }

    fn read(&mut self) {
        let part = self.ramp.value();
        self.value = if self.logarithmic {
            self.from * Scalar::exp(part * Scalar::ln(self.to / self.from))
        } else {
            self.from + (self.to - self.from) * part
        };
    }

    /// Turns it to a value.
    pub(crate) fn set(&mut self, value: f64) -> Result<(), DspError> {
        if !(self.from..=self.to).contains(&value) {
            return Err(DspError::OutOfRange { name: self.name, expected: self.expected, found: value });
        }
        self.ramp.set(self.place(value));
        Ok(())
    }

    /// Turns it from end to end, as a control does from -1 to 1; NaN is ignored.
    pub(crate) fn turn(&mut self, control: f64) {
        self.ramp.set(0.5 + 0.5 * control);
    }

    /// One sample on; whether it moved.
    #[inline(always)]
    pub(crate) fn advance(&mut self) -> bool {
        let moved = self.ramp.advance();
        if moved {
            self.read();
        }
        moved
    }

    /// Jumps to where it was last turned to.
    pub(crate) fn arrive(&mut self) {
        self.ramp.arrive();
        self.read();
    }

    pub(crate) fn value(&self) -> f64 {
        self.value
    }

    /// Where it stands, from 0 to 1.
    pub(crate) fn position(&self) -> f64 {
        self.ramp.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_knob_is_set_in_its_unit_and_turned_from_end_to_end() {
        let mut knob = Knob::new("rate_hz", "0.1 to 10", [0.1, 10.0], true, 1.0, 48e3);
        let arrived = |knob: &mut Knob| {
            knob.arrive();
            knob.value()
        };
        assert!((knob.value() - 1.0).abs() < 1e-15);
        for (control, expected) in [(-1.0, 0.1), (0.0, 1.0), (0.5, 10f64.sqrt()), (7.0, 10.0), (f64::NAN, 10.0)] {
            knob.turn(control);
            assert!((arrived(&mut knob) / expected - 1.0).abs() < 1e-14, "{control}"); // a logarithm there and back
        }
        assert!(knob.set(3.0).is_ok() && (arrived(&mut knob) - 3.0).abs() < 1e-14);
        for found in [0.0, 10.1, f64::INFINITY] {
            assert_eq!(knob.set(found), Err(DspError::OutOfRange { name: "rate_hz", expected: "0.1 to 10", found }));
        }
        assert!(knob.set(f64::NAN).is_err() && (arrived(&mut knob) - 3.0).abs() < 1e-14, "what is refused changes nothing");
        let mut linear = Knob::new("mix", "0 to 1", [0.0, 1.0], false, 0.5, 48e3);
        linear.turn(1.0);
        assert!(linear.advance() && linear.value() > 0.5 && linear.value() < 0.51);
        assert_eq!((arrived(&mut linear), linear.position()), (1.0, 1.0));
    }
}
