//! Automation: what the knobs do over time, one row per change.
//!
//! ```csv
//! time_s,drive,tone
//! 0.0,3,5
//! 1.5,7,
//! 2.25,,0.5
//! ```
//!
//! A value holds from its time on; an empty cell leaves its knob alone. Knobs without a column, and all knobs before the
//! first row, are at their defaults. Columns may come in any order; blanks around a cell, blank lines and a byte-order mark do not count.

use crate::dataset::Knob;
use crate::disk;
use crate::error::{Error, ErrorKind, Result, reserve};
use std::path::Path;

/// An hour of changes at every sample of 48 kHz would be more; nobody automates that in text.
const MAX_BYTES: u64 = 256 << 20;

/// Knob positions from a time on.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// From when, in seconds.
    pub time_s: f64,
    /// Positions of all knobs in knob units, in the order of the knobs given to [`Automation::parse`].
    pub controls: Vec<f32>,
}

/// Knob positions over time.
///
/// ```
/// use afx_io::{csv::Automation, dataset::Knob};
/// let knobs = [Knob::new("drive", 0.0, 10.0), Knob::new("tone", 0.0, 1.0)];
/// let moves = Automation::parse(b"time_s,tone\n0.5,1\n", &knobs)?;
/// assert_eq!(moves.at(0.4), [5.0, 0.5]);
/// assert_eq!(moves.at(0.5), [5.0, 1.0]);
/// # Ok::<(), afx_io::Error>(())
/// ```
/// Held in at most four times the bytes of the text: a row has a time and a position for each column, not for each knob.
#[derive(Clone, Debug, PartialEq)]
pub struct Automation {
    defaults: Vec<f32>,
    /// For each column after the first the knob it moves.
    columns: Vec<usize>,
    /// Time of each row, in seconds.
    times_s: Vec<f64>,
    /// `[row][column]`: positions after each row.
    positions: Vec<f32>,
}

impl Automation {
    /// Reads a file.
    ///
    /// # Errors
    /// As [`Automation::parse`], and [`ErrorKind::Io`].
    pub fn read(path: impl AsRef<Path>, knobs: &[Knob]) -> Result<Self> {
        let path = path.as_ref();
        Self::parse(&disk::read_bounded(path, MAX_BYTES)?, knobs).map_err(|e| e.in_file(path))
    }

    /// Reads a text held in memory.
    ///
    /// # Errors
    /// All with the line: [`ErrorKind::WrongFormat`] (header), [`ErrorKind::Missing`] (unknown knob), [`ErrorKind::Duplicate`] (columns),
    /// [`ErrorKind::Malformed`] (not a number, too many or too few cells, not UTF-8), [`ErrorKind::OutOfRange`] (times that go
    /// back or are not in 0 to 10^9 s, values outside the knob's range).
    pub fn parse(text: &[u8], knobs: &[Knob]) -> Result<Self> {
        let text = core::str::from_utf8(text).map_err(|e| {
            let line = 1 + text[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count();
            Error::new(ErrorKind::Malformed, format_args!("line {line}"), "UTF-8", "another byte")
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.lines().enumerate().map(|(i, line)| (i + 1, line)).filter(|(_, line)| !line.trim().is_empty());
        let columns = columns(lines.next(), knobs)?;
        // A row has a digit, a comma for each column and, unless it is the last one, a line break: shorter ones will be refused.
        let rows = lines.clone().count().min(1 + text.len() / (columns.len() + 2));
        let mut times_s = reserve("rows", rows)?;
        let mut positions = reserve("rows", rows.saturating_mul(columns.len()))?;
        let mut now: Vec<f32> = columns.iter().map(|knob| knobs[*knob].default).collect();
        let mut time_s = 0.0;
        for (line, row) in lines {
            time_s = change(line, row, &columns, knobs, time_s, &mut now)?;
            times_s.push(time_s);
            positions.extend_from_slice(&now);
        }
        Ok(Self { defaults: knobs.iter().map(|k| k.default).collect(), columns, times_s, positions })
    }

    /// The changes in the order of time.
    pub fn changes(&self) -> impl ExactSizeIterator<Item = Change> {
        self.times_s.iter().enumerate().map(|(row, time_s)| Change { time_s: *time_s, controls: self.after(row) })
    }

    /// The positions at `time_s`, in the order of the knobs: those of the last change that is not later.
    pub fn at(&self, time_s: f64) -> Vec<f32> {
        let later = self.times_s.partition_point(|t| *t <= time_s);
        later.checked_sub(1).map_or_else(|| self.defaults.clone(), |last| self.after(last))
    }

    /// The changes with their times rounded to frames. The positions before the first one are [`Automation::at`] a negative time.
    pub fn frames(&self, sample_rate: u32) -> impl ExactSizeIterator<Item = (u64, Vec<f32>)> {
        // At most 10^9 s times 2^32 Hz, which fits u64.
        self.changes().map(move |c| ((c.time_s * f64::from(sample_rate)).round() as u64, c.controls))
    }

    /// Positions of all knobs after a row.
    fn after(&self, row: usize) -> Vec<f32> {
        let mut controls = self.defaults.clone();
        let first = row * self.columns.len();
        self.columns.iter().zip(&self.positions[first..]).for_each(|(knob, value)| controls[*knob] = *value);
        controls
    }
}

/// For each column after the first the knob it moves.
fn columns(header: Option<(usize, &str)>, knobs: &[Knob]) -> Result<Vec<usize>> {
    let refuse =
        |line: usize, found: &str| Error::new(ErrorKind::WrongFormat, format_args!("line {line}"), "a header time_s,<knob>,...", found);
    let (line, header) = header.ok_or_else(|| refuse(1, "nothing"))?;
    let mut names = header.split(',').map(str::trim);
    if names.next() != Some("time_s") {
        return Err(refuse(line, header));
    }
    let mut columns = Vec::new();
    for name in names {
        let Some(knob) = knobs.iter().position(|k| k.name == name) else {
            let known: Vec<&str> = knobs.iter().map(|k| k.name.as_str()).collect();
            return Err(Error::new(
                ErrorKind::Missing,
                format_args!("line {line}"),
                format_args!("knobs of {known:?}"),
                format_args!("{name:?}"),
            ));
        };
        if columns.contains(&knob) {
            return Err(Error::new(ErrorKind::Duplicate, format_args!("line {line}"), "one column a knob", format_args!("{name:?} twice")));
        }
        columns.push(knob);
    }
    Ok(columns)
}

/// Moves `now`, a position a column, as a row says; returns the row's time.
fn change(line: usize, row: &str, columns: &[usize], knobs: &[Knob], start_s: f64, now: &mut [f32]) -> Result<f64> {
    let mut cells = row.split(',').map(str::trim);
    let count = row.split(',').count();
    if count != columns.len() + 1 {
        let expected = format!("{} cells", columns.len() + 1);
        return Err(Error::new(ErrorKind::Malformed, format_args!("line {line}"), expected, count));
    }
    let time_s = number(line, "time_s", cells.next().unwrap_or(""))?;
    if !(start_s..=1e9).contains(&time_s) {
        let expected = format!("{start_s} to 1e9 s");
        return Err(Error::new(ErrorKind::OutOfRange, format_args!("line {line}: time_s"), expected, time_s));
    }
    for ((cell, knob), now) in cells.zip(columns).zip(now).filter(|((cell, _), _)| !cell.is_empty()) {
        let (range, value) = (&knobs[*knob], number(line, &knobs[*knob].name, cell)? as f32);
        if !range.contains(value) {
            let (field, expected) = (format!("line {line}: {}", range.name), format!("{} to {}", range.min, range.max));
            return Err(Error::new(ErrorKind::OutOfRange, field, expected, value));
        }
        *now = value;
    }
    Ok(time_s)
}

fn number(line: usize, name: &str, cell: &str) -> Result<f64> {
    let value = cell.parse::<f64>().ok().filter(|v| v.is_finite());
    value.ok_or_else(|| Error::new(ErrorKind::Malformed, format_args!("line {line}: {name}"), "a finite number", format_args!("{cell:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn knobs() -> [Knob; 2] {
        [Knob { default: 2.0, ..Knob::new("drive", 0.0, 10.0) }, Knob::new("tone", -1.0, 1.0)]
    }

    #[test]
    fn values_hold_from_their_time_on() {
        let a = Automation::parse(b"\xEF\xBB\xBFtime_s, tone ,drive\r\n0.5,1,3\r\n\r\n0.5,,4\n2,-1,\n", &knobs()).unwrap();
        let expected = [(0.5, [3.0, 1.0]), (0.5, [4.0, 1.0]), (2.0, [4.0, -1.0])];
        assert_eq!(a.changes().len(), 3);
        for (change, (time_s, controls)) in a.changes().zip(expected) {
            assert_eq!((change.time_s, &change.controls[..]), (time_s, &controls[..]));
        }
        assert_eq!(a.at(0.0), [2.0, 0.0]);
        assert_eq!(a.at(0.499), [2.0, 0.0]);
        assert_eq!(a.at(0.5), [4.0, 1.0]);
        assert_eq!(a.at(1e12), [4.0, -1.0]);
        assert_eq!(a.frames(48_000).map(|(f, _)| f).collect::<Vec<_>>(), [24_000, 24_000, 96_000]);
    }

    #[test]
    fn a_header_alone_leaves_the_defaults() {
        let a = Automation::parse(b"time_s", &knobs()).unwrap();
        assert_eq!((a.at(3.0), a.changes().len()), (vec![2.0, 0.0], 0));
    }

    #[test]
    fn bad_rows_are_refused_with_their_line() {
        let cases: [(&[u8], ErrorKind, &str); 16] = [
            (b"", ErrorKind::WrongFormat, "line 1"),
            (b"\n\ntime,drive", ErrorKind::WrongFormat, "line 3"),
            (b"RIFF\x24\0\0\0WAVE", ErrorKind::WrongFormat, "line 1"),
            (b"time_s,gain\n", ErrorKind::Missing, "line 1"),
            (b"time_s,\n", ErrorKind::Missing, "line 1"),
            (b"time_s,drive,drive\n", ErrorKind::Duplicate, "line 1"),
            (b"time_s,drive\n0\n", ErrorKind::Malformed, "line 2"),
            (b"time_s,drive\n0,1,2\n", ErrorKind::Malformed, "line 2"),
            (b"time_s,drive\n0,1\n\n,2\n", ErrorKind::Malformed, "line 4: time_s"),
            (b"time_s,drive\n0,one\n", ErrorKind::Malformed, "line 2: drive"),
            (b"time_s,drive\n0,nan\n", ErrorKind::Malformed, "line 2: drive"),
            (b"time_s,drive\ninf,1\n", ErrorKind::Malformed, "line 2: time_s"),
            (b"time_s,drive\n-0.1,1\n", ErrorKind::OutOfRange, "line 2: time_s"),
            (b"time_s,drive\n2,1\n1.999,1\n", ErrorKind::OutOfRange, "line 3: time_s"),
            (b"time_s,drive\n0,10.01\n", ErrorKind::OutOfRange, "line 2: drive"),
            (b"time_s,drive\n0,1\n1,\xFF\n", ErrorKind::Malformed, "line 3"),
        ];
        for (text, kind, field) in cases {
            let error = Automation::parse(text, &knobs()).unwrap_err();
            assert_eq!((error.kind(), error.field()), (kind, field), "{}: {error}", text.escape_ascii());
        }
    }

    #[test]
    fn four_times_the_bytes_of_the_text_are_held() {
        let knobs: Vec<Knob> = (0..64).map(|i| Knob::new(format!("k{i}"), 0.0, 9.0)).collect();
        let all: String = knobs.iter().map(|k| format!(",{}", k.name)).collect();
        // The shortest rows there are: without a column, with one, with all; and blank lines, which are no rows.
        for (header, row) in
            [("", "0\n".into()), (",k7", "0,\n".into()), (&all[..], format!("0{}\n", ",".repeat(64))), (&all[..], "\n".into())]
        {
            let text = format!("time_s{header}\n{}", row.repeat(5000));
            let a = Automation::parse(text.as_bytes(), &knobs).unwrap();
            assert_eq!(a.changes().len(), if row == "\n" { 0 } else { 5000 });
            let held = 8 * a.times_s.capacity() + 4 * a.positions.capacity();
            assert!(held <= 4 * text.len(), "{held} bytes for {}", text.len());
        }
        // Rows that are too short are refused before more is taken than for right ones.
        let text = format!("time_s{all}\n{}", "0\n".repeat(5000));
        assert_eq!(Automation::parse(text.as_bytes(), &knobs).unwrap_err().field(), "line 2");
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_never_a_panic(text in prop::collection::vec(any::<u8>(), 0..200), header in any::<bool>()) {
            let mut bytes = if header { b"time_s,tone,drive\n".to_vec() } else { vec![] };
            bytes.extend(text);
            let _ = Automation::parse(&bytes, &knobs());
        }

        #[test]
        fn at_agrees_with_a_walk_over_the_changes(steps in prop::collection::vec((0.0_f64..2.0, 0.0_f32..10.0), 0..20), t in -1.0_f64..40.0) {
            let mut time_s = 0.0;
            let mut text = String::from("time_s,drive\n");
            let mut expected = 2.0;
            for (step, value) in &steps {
                time_s += step;
                text += &format!("{time_s},{value}\n");
                if time_s <= t {
                    expected = *value;
                }
            }
            let a = Automation::parse(text.as_bytes(), &knobs()).unwrap();
            prop_assert_eq!(a.at(t)[0], expected);
        }
    }
}
