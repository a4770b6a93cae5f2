//! A knob that moves without a click.

/// A value from 0 to 1 that goes to its target in a fixed time at most, from wherever it is and at the speed it has: a knob of a classical
/// effect, one step a sample. (The knobs of a [`crate::Voice`] glide by themselves.)
///
/// With `t` from 0 to 1, `u = 1 - t`, `from` and `to` the ends and `v` the velocity at the start, per length:
///
/// ```text
/// value = to + (from - to) u^2 (3 - 2 u) + v t u^2
/// ```
///
/// which has no corner at either end, and none where a target changes on the way: a target that changes at every sample is
/// followed 2/3 of the length behind. A movement that would shoot past its target is made shorter, down to where it just does not.
///
/// ```
/// let mut level = afx_core::Ramp::new(0.0, 20.0, 48e3);
/// level.set(0.5); // as often as one likes
/// let mut samples = [1.0; 2000];
/// for sample in &mut samples {
///     level.advance();
///     *sample *= level.value();
/// }
/// assert!(samples.windows(2).all(|w| (0.0..1e-3).contains(&(w[1] - w[0]))));
/// assert_eq!(samples[1999], 0.5);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Ramp {
    value: f64,
    start: f64,
    /// Velocity at the start, per `length`.
    velocity: f64,
    target: f64,
    remaining: u32,
    /// Samples of the present movement.
    length: u32,
    /// Samples of a movement from rest.
    longest: u32,
}

impl Ramp {
    /// Standing at `value`, held to 0..=1 (NaN is 0); movements take `glide_ms`, rounded up to whole samples.
    pub fn new(value: f64, glide_ms: f64, sample_rate_hz: f64) -> Self {
        let longest = ((1e-3 * glide_ms * sample_rate_hz) as u32).saturating_add(1); // the cast saturates, NaN becomes 0
        let value = if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
        Ramp { value, start: value, velocity: 0.0, target: value, remaining: 0, length: longest, longest }
    }

    /// Samples that a movement from rest takes.
    pub fn frames(&self) -> usize {
        self.longest as usize
    }

    /// Where it is now.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Turns towards `target`, held to 0..=1; NaN is ignored, and so is the target in force.
    pub fn set(&mut self, target: f64) {
        let target = target.clamp(0.0, 1.0);
        if target.is_nan() || target == self.target {
            return;
        }
        let way = target - self.value;
        let mut velocity = self.velocity_per_sample();
        self.length = self.longest;
        if velocity * way > 0.0 {
            // beyond a velocity of 3 ways per length the curve overshoots; the cast saturates
            self.length = self.longest.min((3.0 * way / velocity) as u32).max(1);
        } else {
            // coasting on before it turns takes up to 4/27 of the velocity per length, which must fit between here and the end
            let room = 6.0 / f64::from(self.longest);
            velocity = velocity.max(-room * self.value).min(room * (1.0 - self.value));
        }
        (self.start, self.target, self.remaining) = (self.value, target, self.length);
        self.velocity = velocity * f64::from(self.length);
    }

    /// The slope of the curve at this sample.
    fn velocity_per_sample(&self) -> f64 {
        if self.remaining == 0 {
            return 0.0;
        }
        let length = f64::from(self.length);
        let left = f64::from(self.remaining) / length;
        let t = 1.0 - left;
        (6.0 * (self.target - self.start) * t * left + self.velocity * left * (left - 2.0 * t)) / length
    }

    /// Jumps to the target.
    pub fn arrive(&mut self) {
        self.value = self.target;
        self.remaining = 0;
    }

    /// One sample on; whether the value moved.
    #[inline(always)]
    pub fn advance(&mut self) -> bool {
        if self.remaining == 0 {
            return false;
        }
        self.remaining -= 1;
        let left = f64::from(self.remaining) / f64::from(self.length);
        let coasting = self.velocity * (1.0 - left) * left * left;
        self.value = self.target + (self.start - self.target) * left * left * (3.0 - 2.0 * left) + coasting;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_movement_takes_twenty_milliseconds_and_ends_exactly_on_the_target() {
        let mut ramp = Ramp::new(0.2, 20.0, 1000.0);
        ramp.set(0.9);
        let mut moved = 0;
        while ramp.advance() {
            moved += 1;
        }
        assert_eq!((moved, ramp.value()), (21, 0.9));
        ramp.set(f64::NAN);
        assert!(!ramp.advance());
        ramp.set(f64::INFINITY);
        ramp.arrive();
        assert_eq!(ramp.value(), 1.0);
    }

    /// 20 ms at 48 kHz, and the sample in which the movement ends.
    const LENGTH: usize = 961;

    #[test]
    fn a_target_set_again_is_no_new_target() {
        for every in [1, 64, 960] {
            let (mut once, mut again) = (Ramp::new(0.5, 20.0, 48e3), Ramp::new(0.5, 20.0, 48e3));
            once.set(1.0);
            for n in 0..LENGTH {
                if n % every == 0 {
                    again.set(1.0);
                }
                assert_eq!((once.advance(), once.value()), (again.advance(), again.value()), "sample {n}, set every {every}");
            }
            assert_eq!(again.value(), 1.0);
        }
    }

    #[test]
    fn a_swept_knob_is_followed_within_the_length_of_a_movement() {
        for every in [1, 64, 500] {
            let mut ramp = Ramp::new(0.0, 20.0, 48e3);
            // once up in a second
            for n in 0..48_000 {
                let swept = n as f64 / 48e3;
                if n % every == 0 {
                    ramp.set(swept);
                }
                ramp.advance();
                let behind = (swept - ramp.value()) * 48e3;
                assert!((-1e-6..LENGTH as f64).contains(&behind), "{behind} samples behind at {n}, set every {every}");
            }
            ramp.set(1.0);
            for _ in 0..LENGTH {
                ramp.advance();
            }
            assert_eq!(ramp.value(), 1.0);
        }
    }

    #[test]
    fn a_target_that_trembles_at_every_sample_does_not_hold_the_knob_up() {
        let mut ramp = Ramp::new(0.0, 20.0, 48e3);
        for n in 0..3 * LENGTH {
            ramp.set(if n % 2 == 0 { 1.0 } else { 1.0 - 1e-6 });
            ramp.advance();
        }
        assert!(ramp.value() > 1.0 - 1e-5, "{}", ramp.value());
    }

    #[test]
    fn whatever_the_targets_the_knob_stays_in_range_without_a_jump_and_arrives() {
        let mut seed = 1_u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(seed >> 8) / f64::from(1 << 24)
        };
        for every in [1, 7, 64, 300, 900] {
            let mut ramp = Ramp::new(0.5, 20.0, 48e3);
            let mut before = ramp.value();
            for n in 0..100_000 {
                if n % every == 0 {
                    // half of the time one of the ends, and sometimes a hair from where the knob is
                    let r = random();
                    ramp.set(if r < 0.5 {
                        (4.0 * r).floor()
                    } else if r < 0.7 {
                        ramp.value() + 1e-4 * (r - 0.6)
                    } else {
                        random()
                    });
                }
                ramp.advance();
                let step = ramp.value() - before;
                // a movement over the whole range at once has a slope of 1.5 in the middle
                assert!(step.abs() <= 3.0 / LENGTH as f64, "a step of {step} at {n}, set every {every}");
                assert!((0.0..=1.0).contains(&ramp.value()), "{} at {n}, set every {every}", ramp.value());
                before = ramp.value();
            }
            ramp.set(0.25);
            for _ in 0..LENGTH {
                ramp.advance();
            }
            assert_eq!(ramp.value(), 0.25);
        }
    }
}
