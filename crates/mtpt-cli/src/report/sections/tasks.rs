//! Curves, values per label and predictions of each task.

use mtpt::tasks::evaluation::TaskRecord;

use crate::report::chart::figure::write_chart;
use crate::report::chart::line_chart::{Level, LineChart, in_words};
use crate::report::chart::quantity::Quantity;
use crate::report::components::paragraph;
use crate::report::data::finding::{Finding, metric_name};
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;
use crate::report::loss_chart::loss_chart;
use crate::report::prose::Prose;
use crate::report::sections::{classes, examples};
use crate::run_files::history::{LOSS, MetricSeries};

/// With more tasks, only an overview of their metrics is open at first.
const OPEN: usize = 8;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    let tasks = data.tasks();
    // Nested runs have their own reports.
    let only_nested = data.has_only_nested_runs() && data.run.history.results.is_empty();
    if tasks.is_empty() || (only_nested && data.run.evaluation.is_none()) {
        return;
    }
    if tasks.len() <= OPEN {
        for task in tasks {
            html.element("article", &[("class", "card")], |html| {
                html.leaf("h3", &[], task);
                write_task(data, task, html);
            });
            html.line();
        }
        return;
    }
    write_overview(data, &tasks, html);
    for task in tasks {
        html.element("details", &[("class", "card")], |html| {
            html.element("summary", &[], |html| html.leaf("h3", &[], task));
            write_task(data, task, html);
        });
        html.line();
    }
}

/// Writes a small chart of each task's metrics, with the same axes.
fn write_overview(data: &ReportData<'_>, tasks: &[&str], html: &mut Html) {
    html.leaf(
        "p",
        &[("class", "muted")],
        "The first metric of each task on dev. The details are below.",
    );
    html.element("div", &[("class", "small figures")], |html| {
        for task in tasks {
            let metrics = dev_metrics(data, task);
            let Some(first) = metrics.first() else { continue };
            for mut chart in metric_charts(data, task, std::slice::from_ref(first)) {
                chart.title = format!("{task}: {}", metric_name(&first.metric));
                write_chart(&chart, html);
            }
        }
    });
}

fn write_task(data: &ReportData<'_>, task: &str, html: &mut Html) {
    let evaluation = data.evaluation_of(task);
    if let Some(evaluation) = evaluation {
        write_findings(data, evaluation, html);
    }
    let losses = data.run.history.losses_of(task);
    let dev_loss = data.run.history.metrics_of(task).into_iter();
    let dev_loss =
        dev_loss.filter(|series| series.split == "dev").find(|series| series.metric == LOSS);
    let metrics = dev_metrics(data, task);
    let has_curves = !losses.is_empty() || !metrics.is_empty() || dev_loss.is_some();
    if !has_curves && evaluation.is_none() {
        html.leaf("p", &[("class", "muted")], "Nothing has been measured yet.");
        return;
    }
    html.element("div", &[("class", "figures")], |html| {
        for chart in metric_charts(data, task, &metrics) {
            write_chart(&chart, html);
        }
        if !losses.is_empty() || dev_loss.is_some() {
            let dev_loss = dev_loss.as_ref().map(|series| &series.values);
            write_chart(&loss_chart(data, Some(task), &losses, dev_loss), html);
        }
        if let Some(evaluation) = evaluation {
            classes::write(evaluation, html);
        }
    });
    if let Some(evaluation) = evaluation {
        examples::write(evaluation, html);
    }
}

fn write_findings(data: &ReportData<'_>, evaluation: &TaskRecord, html: &mut Html) {
    let split = data.run.evaluation.as_ref().map_or("dev", |evaluation| evaluation.split.as_str());
    if let Some(finding) = Finding::new(evaluation) {
        paragraph(html, "muted", &finding.sentence(split));
    }
    for warning in &evaluation.warnings {
        paragraph(html, "warning", &Prose::default().text("Warning: ").quoted(warning));
    }
}

fn dev_metrics(data: &ReportData<'_>, task: &str) -> Vec<MetricSeries> {
    let metrics = data.run.history.metrics_of(task).into_iter();
    metrics.filter(|series| series.split == "dev" && series.metric != LOSS).collect()
}

/// Returns a chart for the metrics of each quantity, with the baselines of the first metric.
fn metric_charts(data: &ReportData<'_>, task: &str, metrics: &[MetricSeries]) -> Vec<LineChart> {
    let mut charts: Vec<LineChart> = Vec::new();
    for series in metrics {
        let quantity = Quantity::of_metric(&series.metric);
        let name = metric_name(&series.metric);
        let words = format!("{name} {}", in_words(&series.values, quantity));
        match charts.iter_mut().find(|chart| chart.quantity == quantity) {
            Some(chart) => {
                "Metrics on dev".clone_into(&mut chart.title);
                chart.description.push_str(&format!("; {words}"));
                chart.add_evaluations(name, &series.values);
            }
            None => {
                let mut chart = data.chart(format!("{} on dev", capitalized(&name)), quantity);
                chart.description = format!("{task} on dev: {words}");
                chart.levels = levels(data, task, &series.metric);
                chart.add_evaluations(name, &series.values);
                charts.push(chart);
            }
        }
    }
    charts
}

/// Returns the baselines of a metric.
fn levels(data: &ReportData<'_>, task: &str, metric: &str) -> Vec<Level> {
    let metrics = data.evaluation_of(task).map(|evaluation| evaluation.metrics.as_slice());
    let found = metrics.unwrap_or_default().iter().find(|value| value.metric == metric);
    let Some(found) = found else { return Vec::new() };
    let level = |name: &'static str, value: Option<f64>| Some(Level { name, value: value? });
    [
        level("majority", found.baselines.majority),
        level("TF-IDF", found.baselines.tfidf),
        level("before training", found.baselines.before),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}
