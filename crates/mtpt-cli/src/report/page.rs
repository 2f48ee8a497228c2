use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::report::html::Html;

/// Marks a file as written by `mtpt report`.
pub(crate) const GENERATOR: &str = "<meta name=\"generator\" content=\"mtpt report\"/>";
const STYLE: &str = include_str!("report.css");
/// Hover values, sorting and the color theme. The page is complete without it.
const SCRIPT: &str = include_str!("report.js");

/// An HTML page without external resources.
pub(super) struct Page {
    title: String,
    header: Html,
    main: Html,
    /// Id and heading of each section.
    sections: Vec<(&'static str, &'static str)>,
}

impl Page {
    pub(super) fn new(name: &str) -> Self {
        let title = format!("{name}: mtpt report");
        Self { title, header: Html::default(), main: Html::default(), sections: Vec::new() }
    }

    /// Writes to the header of the page.
    pub(super) fn header(&mut self, write: impl FnOnce(&mut Html)) {
        write(&mut self.header);
    }

    /// Writes a section of the main part, unless it has no contents.
    pub(super) fn section(
        &mut self,
        id: &'static str,
        heading: &'static str,
        write: impl FnOnce(&mut Html),
    ) {
        let mut inside = Html::default();
        write(&mut inside);
        let inside = inside.into_text();
        if inside.is_empty() {
            return;
        }
        self.sections.push((id, heading));
        let label = format!("{id}-heading");
        self.main.element("section", &[("id", id), ("aria-labelledby", &label)], |html| {
            html.leaf("h2", &[("id", &label)], heading);
            html.line();
            html.markup(&inside);
        });
        self.main.line();
    }

    pub(super) fn into_html(self) -> String {
        let mut html = Html::default();
        html.markup("<!DOCTYPE html>\n");
        html.element("html", &[("lang", "en")], |html| {
            html.element("head", &[], |html| write_head(&self.title, html));
            html.line();
            html.element("body", &[], |html| {
                html.element("header", &[], |html| html.markup(&self.header.into_text()));
                html.line();
                write_navigation(&self.sections, html);
                html.element("main", &[], |html| html.markup(&self.main.into_text()));
                // A test checks that nothing in the script needs escaping.
                html.element("script", &[], |html| html.markup(SCRIPT));
            });
        });
        html.line();
        html.into_text()
    }
}

fn write_head(title: &str, html: &mut Html) {
    html.empty("meta", &[("charset", "utf-8")]);
    // Only this script runs, whatever the names and texts in the page contain.
    let script = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    let policy =
        format!("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{script}'");
    html.empty("meta", &[("http-equiv", "Content-Security-Policy"), ("content", &policy)]);
    let viewport = "width=device-width, initial-scale=1";
    html.empty("meta", &[("name", "viewport"), ("content", viewport)]);
    html.markup(GENERATOR);
    html.leaf("title", &[], title);
    // A test checks that nothing in the style sheet needs escaping.
    html.element("style", &[], |html| html.markup(STYLE));
}

fn write_navigation(sections: &[(&'static str, &'static str)], html: &mut Html) {
    if sections.len() < 2 {
        return;
    }
    html.element("nav", &[("aria-label", "Sections")], |html| {
        for (id, heading) in sections {
            html.leaf("a", &[("href", &format!("#{id}"))], heading);
            html.text(" ");
        }
    });
    html.line();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_sheet_and_script_need_no_escaping_and_load_nothing() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains(['<', '&', '\r']));
            for loading in ["url(", "@import", "fetch", "http:", "https:", "import("] {
                assert!(!text.contains(loading), "{loading}");
            }
        }
    }

    #[test]
    fn empty_sections_are_omitted() {
        let mut page = Page::new("run");
        page.section("none", "None", |_| {});
        page.section("one", "One", |html| html.text("text"));
        let text = page.into_html();
        assert!(!text.contains("id=\"none\"") && text.contains("id=\"one\""));
        // There is nothing to navigate to.
        assert!(!text.contains("<nav"));
    }
}
