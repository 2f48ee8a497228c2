//! First, best and last value of every metric.

use crate::number_format::thousands;
use crate::report::components::{head_row, nats, percent, section, table};
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;
use crate::run_files::history::{LOSS, MetricSeries, Series, highest};

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    if data.run.history.results.is_empty() {
        return;
    }
    section(html, "metrics", "Metrics", |html| write_table(data, html));
}

fn write_table(data: &ReportData<'_>, html: &mut Html) {
    let saved = data.best().map(|(step, _)| step);
    let saved_name = saved.map(|step| format!("Saved (step {})", thousands(step)));
    let mut names = vec!["Task", "Metric", "First", "Best", "Last"];
    names.extend(saved_name.as_deref());
    table(html, "Metrics in percent, losses in nats; steps in parentheses", |html| {
        head_row(html, &names);
        html.element("tbody", &[], |html| {
            for task in data.tasks() {
                for series in data.run.history.metrics_of(task) {
                    html.element("tr", &[], |html| write_row(task, &series, saved, html));
                    html.line();
                }
            }
        });
    });
}

fn write_row(task: &str, series: &MetricSeries, saved: Option<usize>, html: &mut Html) {
    let MetricSeries { split, metric, values } = series;
    html.leaf("th", &[("scope", "row"), ("title", task)], task);
    html.leaf("td", &[("class", "number")], &format!("{metric}, {split}"));
    let is_loss = metric == LOSS;
    let best = if is_loss {
        let negative: Series = values.iter().map(|&(step, value)| (step, -value)).collect();
        highest(&negative).map(|(step, value)| (step, -value))
    } else {
        highest(values)
    };
    let cell = |html: &mut Html, value: Option<(usize, f64)>| {
        html.element("td", &[("class", "number")], |html| {
            let Some((step, value)) = value else { return html.text("–") };
            if is_loss {
                nats(html, value)
            } else {
                percent(html, value)
            }
            html.leaf("small", &[], &format!(" ({})", thousands(step)));
        });
    };
    cell(html, values.first().copied());
    cell(html, best);
    cell(html, values.last().copied());
    if let Some(saved) = saved {
        cell(html, values.iter().find(|(step, _)| *step == saved).copied());
    }
}
