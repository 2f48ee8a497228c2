use crate::report::chart::drawing::Drawing;
use crate::report::chart::line_chart::{LineChart, line_class};
use crate::report::html::Html;

/// Writes a chart: title and legend above the drawing, a remark on the axis below it.
pub(crate) fn write_chart(chart: &LineChart, html: &mut Html) {
    let drawing = Drawing::new(chart);
    html.element("figure", &[("class", "chart")], |html| {
        html.element("figcaption", &[], |html| write_caption(chart, html));
        html.markup(&drawing.svg(chart));
        if let Some(note) = drawing.note(chart) {
            html.leaf("p", &[("class", "note")], &note);
        }
    });
    html.line();
}

fn write_caption(chart: &LineChart, html: &mut Html) {
    html.leaf("strong", &[], &chart.title);
    if !chart.quantity.unit().is_empty() {
        html.text(" ");
        html.leaf("span", &[("class", "unit")], chart.quantity.unit());
    }
    if chart.lines.len() > 1 {
        html.element("span", &[("class", "legend")], |html| {
            for (number, line) in chart.lines.iter().enumerate() {
                html.element("span", &[("data-line", &number.to_string())], |html| {
                    html.leaf("i", &[("class", &line_class(number))], "");
                    html.text(&line.name);
                });
                html.text(" ");
            }
        });
    }
}
