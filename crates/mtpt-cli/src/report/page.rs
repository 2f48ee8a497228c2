use crate::report::html::Html;

/// Marks a file as written by `mtpt report`.
pub(crate) const GENERATOR: &str = "<meta name=\"generator\" content=\"mtpt report\"/>";
const STYLE: &str = include_str!("report.css");

/// An HTML page without external resources.
pub(super) struct Page {
    title: String,
    header: Html,
    main: Html,
}

impl Page {
    pub(super) fn new(name: &str) -> Self {
        let title = format!("{name}: mtpt report");
        Self { title, header: Html::default(), main: Html::default() }
    }

    /// Writes to the header of the page.
    pub(super) fn header(&mut self, write: impl FnOnce(&mut Html)) {
        write(&mut self.header);
    }

    /// Writes to the main part of the page.
    pub(super) fn section(&mut self, write: impl FnOnce(&mut Html)) {
        write(&mut self.main);
    }

    pub(super) fn into_html(self) -> String {
        let (header, main) = (self.header.into_text(), self.main.into_text());
        let mut html = Html::default();
        html.markup("<!DOCTYPE html>\n");
        html.element("html", &[("lang", "en")], |html| {
            html.element("head", &[], |html| write_head(&self.title, html));
            html.line();
            html.element("body", &[], |html| {
                html.element("header", &[], |html| html.markup(&header));
                html.line();
                html.element("main", &[], |html| html.markup(&main));
            });
        });
        html.line();
        html.into_text()
    }
}

fn write_head(title: &str, html: &mut Html) {
    html.empty("meta", &[("charset", "utf-8")]);
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    html.empty("meta", &[("http-equiv", "Content-Security-Policy"), ("content", policy)]);
    let viewport = "width=device-width, initial-scale=1";
    html.empty("meta", &[("name", "viewport"), ("content", viewport)]);
    html.markup(GENERATOR);
    html.leaf("title", &[], title);
    // A test checks that nothing in the style sheet needs escaping.
    html.element("style", &[], |html| html.markup(STYLE));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_sheet_needs_no_escaping_and_loads_nothing() {
        assert!(
            !STYLE.contains(['<', '&']) && !STYLE.contains("url(") && !STYLE.contains("@import")
        );
    }
}
