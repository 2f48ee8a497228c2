//! Parts of a page that several sections use.

use crate::report::html::Html;

/// Writes a section with a heading.
pub(super) fn section(
    html: &mut Html,
    id: &'static str,
    heading: &str,
    inside: impl FnOnce(&mut Html),
) {
    html.element("section", &[("id", id), ("aria-labelledby", &format!("{id}-heading"))], |html| {
        html.leaf("h2", &[("id", &format!("{id}-heading"))], heading);
        inside(html);
    });
    html.line();
}

/// Writes a table that scrolls horizontally if it is wider than the screen.
pub(super) fn table(html: &mut Html, caption: &str, rows: impl FnOnce(&mut Html)) {
    let attributes =
        [("class", "scroll"), ("role", "region"), ("aria-label", caption), ("tabindex", "0")];
    html.element("div", &attributes, |html| {
        html.element("table", &[], |html| {
            html.leaf("caption", &[], caption);
            rows(html);
        });
    });
    html.line();
}

/// Writes the column headers of a table. The first column contains the names of the rows.
pub(super) fn head_row(html: &mut Html, names: &[&str]) {
    html.element("thead", &[], |html| {
        html.element("tr", &[], |html| {
            for (place, name) in names.iter().enumerate() {
                let class = if place == 0 { "" } else { "number" };
                html.leaf("th", &[("scope", "col"), ("class", class)], name);
            }
        });
    });
}

/// Writes a fraction in percent, with the exact value for programs.
pub(super) fn percent(html: &mut Html, value: f64) {
    number(html, value, &format!("{:.1}", 100.0 * value));
}

/// Writes a loss, with the exact value for programs.
pub(super) fn nats(html: &mut Html, value: f64) {
    number(html, value, &format!("{value:.4}"));
}

/// Writes a formatted number, with the exact value for programs.
pub(super) fn number(html: &mut Html, value: f64, text: &str) {
    html.leaf("data", &[("value", &value.to_string())], text);
}

/// Writes a cell that is shaded by its value, between -1 and 1.
pub(super) fn shaded_cell(html: &mut Html, value: f64) {
    let color = if value < 0.0 { "217,114,43" } else { "59,130,196" };
    let style = format!("background:rgba({color},{:.2})", 0.8 * value.abs().min(1.0));
    html.element("td", &[("class", "shade"), ("style", &style)], |html| {
        number(html, value, &format!("{value:.2}"));
    });
}
