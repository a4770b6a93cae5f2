//! Tables of figures of merit.
use super::escape::escape;
use crate::plot::axis::format_value;

/// Which of two values of a metric wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Errors.
    Lower,
    /// Signal-to-noise ratios, speed.
    Higher,
    /// Neither: sizes, counts.
    Neither,
}

/// One cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// What it reads.
    pub text: String,
    /// Set in bold: the best of its row.
    pub best: bool,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self { text: text.into(), best: false }
    }
}

/// A table whose first column names its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    caption: String,
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table; `columns` are all headings, the first one above the row names.
    #[must_use]
    pub fn new(caption: &str, columns: &[&str]) -> Self {
        Self { caption: caption.into(), columns: columns.iter().map(|c| (*c).into()).collect(), rows: Vec::new() }
    }

    /// With one more row of cells. A short row is filled with empty cells, a long one lengthens the table.
    #[must_use]
    pub fn row(mut self, cells: Vec<Cell>) -> Self {
        self.rows.push(cells);
        self
    }

    /// With one more row of a metric's values, the best in bold; a value that is not finite is never best, NaN reads "–".
    #[must_use]
    pub fn metric(self, name: &str, values: &[f64], better: Better) -> Self {
        let finite = values.iter().copied().filter(|v| v.is_finite());
        let best = match better {
            Better::Lower => finite.min_by(f64::total_cmp),
            Better::Higher => finite.max_by(f64::total_cmp),
            Better::Neither => None,
        };
        let several = values.len() > 1;
        let cell = |v: &f64| Cell { text: format_value(*v), best: several && Some(*v) == best };
        self.row(core::iter::once(Cell::from(name)).chain(values.iter().map(cell)).collect())
    }

    pub(super) fn html(&self) -> String {
        let width = self.rows.iter().map(Vec::len).chain([self.columns.len()]).max().unwrap_or(0);
        let mut out = String::from("<div class=\"wide\"><table>\n");
        if !self.caption.is_empty() {
            out += &format!("<caption>{}</caption>\n", escape(&self.caption));
        }
        let head = (0..width).map(|i| format!("<th scope=\"col\">{}</th>", escape(self.columns.get(i).map_or("", String::as_str))));
        out += &format!("<thead><tr>{}</tr></thead>\n<tbody>\n", head.collect::<String>());
        for row in &self.rows {
            let cells = (0..width).map(|i| match (i, row.get(i)) {
                (0, cell) => format!("<th scope=\"row\">{}</th>", escape(cell.map_or("", |c| &c.text))),
                (_, Some(Cell { text, best: true })) => format!("<td><strong>{}</strong></td>", escape(text)),
                (_, cell) => format!("<td>{}</td>", escape(cell.map_or("", |c| &c.text))),
            });
            out += &format!("<tr>{}</tr>\n", cells.collect::<String>());
        }
        out + "</tbody></table></div>\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_value_of_a_row_is_bold() {
        let html = Table::new("", &["", "a", "b", "c"]).metric("ESR", &[0.2, f64::NAN, 0.1], Better::Lower).html();
        assert!(html.contains("<td>0.2</td><td>–</td><td><strong>0.1</strong></td>"));
        let html = Table::new("", &["", "a", "b"]).metric("SNR", &[20.0, 10.0], Better::Higher).html();
        assert!(html.contains("<strong>20</strong>"));
        assert!(!Table::new("", &["", "a", "b"]).metric("Size", &[20.0, 10.0], Better::Neither).html().contains("strong"));
    }

    #[test]
    fn ragged_rows_are_filled() {
        let html = Table::new("", &["x"]).row(vec!["a".into(), "b".into()]).row(vec![]).html();
        assert_eq!(html.matches("<tr>").count(), 3);
        assert_eq!((html.matches("<td>").count(), html.matches("scope=\"col\"").count()), (2, 2));
    }
}
