//! A model card: what the model is, where it comes from, how good it is, where it fails.
use super::escape::escape;

/// Names and values in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    entries: Vec<(String, String)>,
}

impl Card {
    /// An empty card.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more line, e.g. `("Knobs", "Drive 0..1, Tone 0..1")`.
    #[must_use]
    pub fn entry(mut self, name: &str, value: &str) -> Self {
        self.entries.push((name.into(), value.into()));
        self
    }

    /// The card as a Markdown table, for a repository's README; bars and line breaks in the text are escaped.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let cell = |text: &str| text.replace('\\', "\\\\").replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ");
        let rows: String = self.entries.iter().map(|(name, value)| format!("| {} | {} |\n", cell(name), cell(value))).collect();
        format!("| | |\n|---|---|\n{rows}")
    }

    pub(super) fn html(&self) -> String {
        let rows: String =
            self.entries.iter().map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(value))).collect();
        format!("<dl class=\"card\">\n{rows}</dl>\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_reads_as_markdown() {
        let card = Card::new().entry("Device", "A|B\nC");
        assert_eq!(card.to_markdown(), "| | |\n|---|---|\n| Device | A\\|B C |\n");
    }
}
