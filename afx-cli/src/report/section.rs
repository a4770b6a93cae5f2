//! The report and its sections.
use super::{card::Card, escape::escape, page, players::Players, table::Table};
use crate::plot::{Figure, Theme};

/// A heading and what stands under it, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    title: String,
    body: String,
}

impl Section {
    /// A section without content; an empty title gives no heading.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self { title: title.into(), body: String::new() }
    }

    fn push(mut self, html: &str) -> Self {
        self.body.push_str(html);
        self
    }

    /// With a paragraph.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.push(&format!("<p>{}</p>\n", escape(text)))
    }

    /// With a table.
    #[must_use]
    pub fn table(self, table: Table) -> Self {
        self.push(&table.html())
    }

    /// With a figure and a caption, which may be empty. The figure follows the reader's light or dark theme.
    #[must_use]
    pub fn figure(self, figure: &Figure, caption: &str) -> Self {
        let caption = if caption.is_empty() { String::new() } else { format!("<figcaption>{}</figcaption>\n", escape(caption)) };
        self.push(&format!("<figure>\n{}{caption}</figure>\n", figure.to_svg(Theme::Light)))
    }

    /// With players.
    #[must_use]
    pub fn players(self, players: Players) -> Self {
        self.push(&players.html())
    }

    /// With a model card.
    #[must_use]
    pub fn card(self, card: Card) -> Self {
        self.push(&card.html())
    }

    /// With a part that is folded away until the reader opens it; its title is the line that stays.
    #[must_use]
    pub fn details(self, inner: Self) -> Self {
        self.push(&format!("<details><summary>{}</summary>\n{}</details>\n", escape(&inner.title), inner.body))
    }

    fn html(&self) -> String {
        let heading = if self.title.is_empty() { String::new() } else { format!("<h2>{}</h2>\n", escape(&self.title)) };
        format!("<section>\n{heading}{}</section>\n", self.body)
    }
}

/// One self-contained HTML page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    title: String,
    subtitle: String,
    sections: Vec<Section>,
}

impl Report {
    /// A page without sections.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self { title: title.into(), subtitle: String::new(), sections: Vec::new() }
    }

    /// With a line under the title: the device, the date, the version.
    #[must_use]
    pub fn subtitle(mut self, subtitle: &str) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// With one more section.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// The page: equal content gives equal bytes, and nothing in it is fetched from anywhere (a content security policy forbids it).
    #[must_use]
    pub fn to_html(&self) -> String {
        let sections: String = self.sections.iter().map(Section::html).collect();
        page::html(&self.title, &self.subtitle, &sections)
    }
}
