//! Parts of a page that several sections use.

use crate::report::chart::quantity::Quantity;
use crate::report::html::Html;
use crate::report::prose::Prose;

/// Writes a table with a caption. It scrolls horizontally if it is wider than the screen.
pub(super) fn table(html: &mut Html, caption: &str, rows: impl FnOnce(&mut Html)) {
    write_table(html, caption, "", rows);
}

/// Writes a table of a matrix, whose first row has upright names.
pub(super) fn matrix_table(html: &mut Html, caption: &str, rows: impl FnOnce(&mut Html)) {
    write_table(html, caption, "matrix", rows);
}

/// Writes a table whose rows can be sorted by a column.
pub(super) fn sortable_table(html: &mut Html, caption: &str, rows: impl FnOnce(&mut Html)) {
    write_table(html, caption, "sortable", rows);
}

fn write_table(html: &mut Html, caption: &str, class: &str, rows: impl FnOnce(&mut Html)) {
    html.element("figure", &[("class", "table")], |html| {
        if !caption.is_empty() {
            html.leaf("figcaption", &[], caption);
        }
        let attributes = [
            ("class", "scroll"),
            ("role", "region"),
            ("aria-label", if caption.is_empty() { "Table" } else { caption }),
            ("tabindex", "0"),
        ];
        html.element("div", &attributes, |html| {
            html.element("table", &[("class", class)], rows);
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
    html.line();
}

/// Writes the column headers of a matrix, with `corner` above the names of the rows.
pub(super) fn upright_head_row<'a>(
    html: &mut Html,
    corner: &str,
    names: impl Iterator<Item = &'a str>,
) {
    html.element("thead", &[], |html| {
        html.element("tr", &[], |html| {
            html.leaf("th", &[("scope", "col")], corner);
            for name in names {
                html.leaf("th", &[("scope", "col"), ("class", "upright"), ("title", name)], name);
            }
        });
    });
}

/// Writes a row: its name, then its cells.
pub(super) fn row(html: &mut Html, name: &str, cells: impl FnOnce(&mut Html)) {
    html.element("tr", &[], |html| {
        html.leaf("th", &[("scope", "row"), ("title", name)], name);
        cells(html);
    });
    html.line();
}

/// Writes a cell with a number, or a dash for a missing value.
pub(super) fn number_cell(html: &mut Html, quantity: Quantity, value: Option<f64>) {
    html.element("td", &[("class", "number")], |html| match value {
        Some(value) => number(html, value, &quantity.number(value)),
        None => html.text("–"),
    });
}

/// Writes a cell with text that is aligned like a number.
pub(super) fn text_cell(html: &mut Html, text: &str) {
    html.leaf("td", &[("class", "number")], text);
}

/// Writes a cell with a formatted number.
pub(super) fn value_cell(html: &mut Html, value: f64, text: &str) {
    html.element("td", &[("class", "number")], |html| number(html, value, text));
}

/// Writes a cell with the name of a metric and its unit.
pub(super) fn metric_cell(html: &mut Html, name: &str, quantity: Quantity) {
    html.element("td", &[("class", "number")], |html| {
        html.text(name);
        if !quantity.unit().is_empty() {
            html.leaf("small", &[], &format!(" {}", quantity.unit()));
        }
    });
}

/// Writes a formatted number, with the exact value for programs.
pub(super) fn number(html: &mut Html, value: f64, text: &str) {
    html.leaf("data", &[("value", &value.to_string())], text);
}

/// Writes a cell that is shaded by its value, from -1 to 1.
pub(super) fn shaded_cell(html: &mut Html, value: f64, text: &str) {
    let class = if value < 0.0 { "shade below" } else { "shade" };
    let style = format!("--v:{:.2}", value.abs().min(1.0));
    html.element("td", &[("class", class), ("style", &style)], |html| number(html, value, text));
}

/// Writes a paragraph.
pub(super) fn paragraph(html: &mut Html, class: &'static str, prose: &Prose) {
    html.element("p", &[("class", class)], |html| prose.write(html));
    html.line();
}

/// Writes an entry of a description list.
pub(super) fn item(html: &mut Html, name: &str, value: impl FnOnce(&mut Html)) {
    html.element("div", &[], |html| {
        html.leaf("dt", &[], name);
        html.element("dd", &[], value);
    });
}
