//! A knob that moves without a click.

/// Movement to a target in a fixed number of samples along `t^2 (3 - 2 t)`, which has no corner at either end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ramp {
    value: f64,
    start: f64,
    target: f64,
    remaining: u32,
    length: u32,
}

impl Ramp {
    /// Standing at `value`; movements take 20 ms.
    pub(super) fn new(value: f64, sample_rate_hz: f64) -> Self {
        Ramp { value, start: value, target: value, remaining: 0, length: (0.02 * sample_rate_hz) as u32 + 1 }
    }

    pub(super) fn value(&self) -> f64 {
        self.value
    }

    /// Starts towards `target`, held to 0..=1; NaN is ignored.
    pub(super) fn set(&mut self, target: f64) {
        if !target.is_nan() {
            self.start = self.value;
            self.target = target.clamp(0.0, 1.0);
            self.remaining = self.length;
        }
    }

    /// Jumps to the target.
    pub(super) fn snap(&mut self) {
        self.value = self.target;
        self.remaining = 0;
    }

    /// One sample on; whether the value moved.
    #[inline(always)]
    pub(super) fn advance(&mut self) -> bool {
        if self.remaining == 0 {
            return false;
        }
        self.remaining -= 1;
        let left = f64::from(self.remaining) / f64::from(self.length);
        self.value = self.target + (self.start - self.target) * left * left * (3.0 - 2.0 * left);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_movement_takes_twenty_milliseconds_and_ends_exactly_on_the_target() {
        let mut ramp = Ramp::new(0.2, 1000.0);
        ramp.set(0.9);
        let mut moved = 0;
        while ramp.advance() {
            moved += 1;
        }
        assert_eq!((moved, ramp.value()), (21, 0.9));
        ramp.set(f64::NAN);
        assert!(!ramp.advance());
        ramp.set(f64::INFINITY);
        ramp.snap();
        assert_eq!(ramp.value(), 1.0);
    }
}
