//! [`KnobScores`]: a metric at every knob position.

use super::MetricError;

/// Scores of one metric at knob positions, and where it is worst: a mean over the grid hides the corner in which a player will notice.
///
/// ```
/// use afx_loss::metrics::KnobScores;
///
/// let mut scores = KnobScores::new(2);
/// scores.push(&[0.0, 0.5], 0.01)?;
/// scores.push(&[1.0, 0.5], 0.04)?;
/// let (knobs, esr) = scores.worst().unwrap();
/// assert_eq!((knobs, esr), (&[1.0, 0.5][..], 0.04));
/// assert_eq!(scores.by_knob(0), [(0.0, 0.01), (1.0, 0.04)]);
/// # Ok::<(), afx_loss::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KnobScores {
    knobs: usize,
    /// Positions, `knobs` numbers each.
    positions: Vec<f64>,
    scores: Vec<f64>,
}

impl KnobScores {
    /// An empty table for a device with `knobs` knobs.
    #[must_use]
    pub fn new(knobs: usize) -> Self {
        Self { knobs, positions: Vec::new(), scores: Vec::new() }
    }

    /// Adds the score of one position. A position may be added several times.
    ///
    /// # Errors
    /// Another number of knobs than the table's; a position or score that is not finite.
    pub fn push(&mut self, position: &[f64], score: f64) -> Result<(), MetricError> {
        if position.len() != self.knobs {
            return Err(MetricError::LengthMismatch { what: "knob position", expected: self.knobs, found: position.len() });
        }
        if let Some(index) = position.iter().position(|v| !v.is_finite()) {
            return Err(MetricError::NonFinite { what: "knob position", index });
        }
        if !score.is_finite() {
            return Err(MetricError::Parameter { what: "score", expected: "a finite number", found: score });
        }
        self.positions.extend_from_slice(position);
        self.scores.push(score);
        Ok(())
    }

    /// All positions with their scores, in the order in which they were added.
    pub fn cells(&self) -> impl Iterator<Item = (&[f64], f64)> {
        self.scores.iter().enumerate().map(|(i, &score)| (&self.positions[i * self.knobs..(i + 1) * self.knobs], score))
    }

    /// The scores, for [`Summary::of`](super::Summary::of).
    #[must_use]
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// The position with the greatest score (the first of equals); `None` for an empty table.
    #[must_use]
    pub fn worst(&self) -> Option<(&[f64], f64)> {
        self.cells().reduce(|worst, cell| if cell.1 > worst.1 { cell } else { worst })
    }

    /// The worst score at each value of one knob, over all values of the others, in ascending order of the value. Empty for a knob that the table lacks.
    #[must_use]
    pub fn by_knob(&self, knob: usize) -> Vec<(f64, f64)> {
        let mut rows: Vec<(f64, f64)> =
            self.cells().filter_map(|(position, score)| position.get(knob).map(|&value| (value + 0.0, score))).collect(); // -0 is 0
        rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        rows.dedup_by(|later, first| later.0 == first.0);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_of_a_knob_keeps_its_worst_score() {
        let mut table = KnobScores::new(2);
        for (position, score) in [([0.5, 1.0], 3.0), ([0.0, 0.0], 1.0), ([0.5, 0.0], 5.0), ([0.0, 1.0], 2.0)] {
            table.push(&position, score).unwrap();
        }
        assert_eq!(table.by_knob(0), [(0.0, 2.0), (0.5, 5.0)]);
        assert_eq!(table.by_knob(1), [(0.0, 5.0), (1.0, 3.0)]);
        assert!(table.by_knob(2).is_empty());
        assert_eq!(table.worst(), Some((&[0.5, 0.0][..], 5.0)));
        assert_eq!(table.scores(), [3.0, 1.0, 5.0, 2.0]);
    }

    #[test]
    fn the_worst_score_at_zero_counts_that_at_minus_zero() {
        let mut table = KnobScores::new(1);
        for (position, score) in [(-0.0, 1.0), (0.0, 5.0), (-1.0, 2.0)] {
            table.push(&[position], score).unwrap();
        }
        assert_eq!(table.by_knob(0), [(-1.0, 2.0), (0.0, 5.0)]);
    }

    #[test]
    fn unusable_cells_are_refused_and_leave_the_table_as_it_was() {
        let mut table = KnobScores::new(1);
        assert!(table.push(&[0.0, 1.0], 1.0).is_err());
        assert!(table.push(&[f64::NAN], 1.0).is_err());
        assert!(table.push(&[0.0], f64::NAN).is_err());
        assert_eq!(table.worst(), None);
        assert_eq!(table.cells().count(), 0);
    }

    #[test]
    fn a_device_without_knobs_has_one_position() {
        let mut table = KnobScores::new(0);
        table.push(&[], 0.25).unwrap();
        assert_eq!(table.worst(), Some((&[][..], 0.25)));
    }
}
