//! Losses and metrics of each task.

use crate::report::chart::{Chart, Line};
use crate::report::components::section;
use crate::report::data::report_data::ReportData;
use crate::report::figures::{empty_chart, figure, in_words, legend_entry, loss_figure, points};
use crate::report::html::Html;
use crate::run_files::history::{LOSS, MetricSeries};

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    let tasks = data.tasks();
    // Nested runs have their own reports.
    let only_nested = data.has_only_nested_runs() && data.run.history.results.is_empty();
    if tasks.is_empty() || only_nested {
        return;
    }
    section(html, "tasks", "Tasks", |html| {
        html.element("div", &[("class", "figures")], |html| {
            for task in &tasks {
                write_task(data, task, html);
            }
        });
    });
}

fn write_task(data: &ReportData<'_>, task: &str, html: &mut Html) {
    let history = &data.run.history;
    let losses = history.losses_of(task);
    let on_dev = history.metrics_of(task).into_iter().filter(|series| series.split == "dev");
    let (dev_losses, metrics): (Vec<_>, Vec<_>) = on_dev.partition(|series| series.metric == LOSS);
    html.element("section", &[], |html| {
        html.leaf("h3", &[], task);
        if losses.is_empty() && metrics.is_empty() && dev_losses.is_empty() {
            html.leaf("p", &[], "Nothing has been measured yet.");
        }
        if !losses.is_empty() || !dev_losses.is_empty() {
            let dev_losses = dev_losses.first().map(|series| &series.values);
            loss_figure(html, data, Some(task), &losses, dev_losses);
        }
        write_metrics(data, task, &metrics, html);
    });
    html.line();
}

fn write_metrics(data: &ReportData<'_>, task: &str, metrics: &[MetricSeries], html: &mut Html) {
    let Some(first) = metrics.first() else { return };
    let words =
        |series: &MetricSeries| format!("{} {}", series.metric, in_words(&series.values, true));
    let words: Vec<String> = metrics.iter().map(words).collect();
    let description = format!("{task} on dev: {}", words.join("; "));
    let line = |series: &MetricSeries| Line { points: points(&series.values), dots: true };
    let lines = metrics.iter().map(line).collect();
    let chart = Chart { description: &description, lines, ..empty_chart(true) };
    figure(html, data, chart, |html| {
        if metrics.len() == 1 {
            html.text(&format!("{} on dev, in percent", first.metric));
        } else {
            html.text("On dev, in percent");
            for (number, series) in metrics.iter().enumerate() {
                legend_entry(html, number, &series.metric);
            }
        }
    });
}
