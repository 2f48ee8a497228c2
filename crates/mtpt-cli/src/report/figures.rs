//! Charts with captions.

use crate::number_format::thousands;
use crate::report::chart::{COLORS, Chart, Line};
use crate::report::data::curve::Curve;
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;
use crate::run_files::history::Series;

/// Writes a chart over the steps of the run, with the best step marked.
pub(super) fn figure(
    html: &mut Html,
    data: &ReportData<'_>,
    chart: Chart<'_>,
    caption: impl FnOnce(&mut Html),
) {
    let marked = data.best().map(|(step, _)| step);
    let last_step = data.run.history.last_step();
    html.element("figure", &[], |html| {
        html.markup(&Chart { marked, last_step, ..chart }.svg());
        html.element("figcaption", &[], caption);
    });
    html.line();
}

/// Returns a chart without contents.
pub(super) fn empty_chart(percent: bool) -> Chart<'static> {
    Chart {
        description: "",
        last_step: 0,
        lines: Vec::new(),
        band: Vec::new(),
        marked: None,
        logarithmic: false,
        percent,
    }
}

/// Writes the chart of a training loss, and optionally of the loss on dev.
///
/// `task` is `None` for the loss of all tasks.
pub(super) fn loss_figure(
    html: &mut Html,
    data: &ReportData<'_>,
    task: Option<&str>,
    losses: &Series,
    on_dev: Option<&Series>,
) {
    let curve = Curve::new(losses);
    let mut lines = vec![Line { points: curve.smooth.clone(), dots: false }];
    lines.extend(on_dev.map(|series| Line { points: points(series), dots: true }));
    let positive = on_dev.is_none_or(|series| series.iter().all(|(_, value)| *value > 0.0));
    let logarithmic = positive && curve.spans_magnitudes();
    // The description follows the visible line, not single steps.
    let smooth: Series = curve.smooth.iter().map(|(step, loss)| (*step as usize, *loss)).collect();
    let mut description =
        format!("Loss of {}, {}", task.unwrap_or("all tasks"), in_words(&smooth, false));
    if let Some(series) = on_dev {
        description.push_str(&format!("; on dev {}", in_words(series, false)));
    }
    let chart = Chart {
        description: &description,
        lines,
        band: curve.range,
        logarithmic,
        ..empty_chart(false)
    };
    figure(html, data, chart, |html| {
        let name = if task.is_none() { "Loss of all tasks" } else { "Loss" };
        let axis = if logarithmic { ", logarithmic" } else { "" };
        html.text(&format!("{name}{axis}"));
        if on_dev.is_some() {
            legend_entry(html, 0, "training");
            legend_entry(html, 1, "dev");
        }
    });
}

/// Writes the name of a line next to its color.
pub(super) fn legend_entry(html: &mut Html, line: usize, name: &str) {
    let style = format!("background:{}", COLORS[line % COLORS.len()]);
    html.element("span", &[("class", "key"), ("style", &style)], |_| {});
    html.text(name);
}

pub(super) fn points(series: &Series) -> Vec<(f64, f64)> {
    series.iter().map(|&(step, value)| (step as f64, value)).collect()
}

/// Describes a series for screen readers.
pub(super) fn in_words(series: &Series, in_percent: bool) -> String {
    let (Some(&(first, from)), Some(&(last, to))) = (series.first(), series.last()) else {
        return "nothing yet".into();
    };
    let value = |value: f64| match in_percent {
        true => format!("{:.1} %", 100.0 * value),
        false => format!("{value:.3}"),
    };
    let [first, last] = [first, last].map(thousands);
    format!("from {} at step {first} to {} at step {last}", value(from), value(to))
}
