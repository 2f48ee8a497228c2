//! First, best and last value of every metric.

use crate::number_format::thousands;
use crate::report::chart::quantity::Quantity;
use crate::report::components::{head_row, metric_cell, number, row, sortable_table};
use crate::report::data::finding::metric_name;
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;
use crate::run_files::history::MetricSeries;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    if data.run.history.results.is_empty() {
        return;
    }
    let saved = data.best().map(|(step, _)| step);
    let saved_name = saved.map(|step| format!("Saved (step {})", thousands(step)));
    let mut names = vec!["Task", "Metric", "First", "Best", "Last"];
    names.extend(saved_name.as_deref());
    let caption = "Evaluations during training, with their steps in parentheses";
    sortable_table(html, caption, |html| {
        head_row(html, &names);
        html.element("tbody", &[], |html| {
            for task in data.tasks() {
                for series in data.run.history.metrics_of(task) {
                    row(html, task, |html| write_cells(&series, saved, html));
                }
            }
        });
    });
}

fn write_cells(series: &MetricSeries, saved: Option<usize>, html: &mut Html) {
    let MetricSeries { split, metric, values } = series;
    let quantity = Quantity::of_metric(metric);
    metric_cell(html, &format!("{}, {split}", metric_name(metric)), quantity);
    let cell = |html: &mut Html, value: Option<(usize, f64)>| {
        html.element("td", &[("class", "number")], |html| {
            let Some((step, value)) = value else { return html.text("–") };
            number(html, value, &quantity.number(value));
            html.leaf("small", &[], &format!(" ({})", thousands(step)));
        });
    };
    cell(html, values.first().copied());
    cell(html, quantity.best(values));
    cell(html, values.last().copied());
    if let Some(saved) = saved {
        cell(html, values.iter().find(|(step, _)| *step == saved).copied());
    }
}
