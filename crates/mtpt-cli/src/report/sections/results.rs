//! Values of the saved prompts next to those of the baselines.

use mtpt::tasks::evaluation::{BaselineValues, MetricRecord, TaskRecord};

use crate::number_format::thousands;
use crate::report::chart::quantity::Quantity;
use crate::report::components::{
    head_row, metric_cell, number, number_cell, row, sortable_table, value_cell,
};
use crate::report::data::finding::metric_name;
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;

/// A baseline that some metric is compared with.
struct Baseline {
    name: &'static str,
    value: fn(&BaselineValues) -> Option<f64>,
}

const BASELINES: [Baseline; 3] = [
    Baseline { name: "Majority", value: |values| values.majority },
    Baseline { name: "TF-IDF", value: |values| values.tfidf },
    Baseline { name: "Before training", value: |values| values.before },
];

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    let Some(evaluation) = &data.run.evaluation else { return };
    let metrics = || evaluation.tasks.iter().flat_map(|task| &task.metrics);
    if metrics().next().is_none() {
        return;
    }
    let known: Vec<&Baseline> = BASELINES
        .iter()
        .filter(|baseline| metrics().any(|metric| (baseline.value)(&metric.baselines).is_some()))
        .collect();
    let caption = format!(
        "Prompts of step {}, evaluated on {}. The difference is that to the majority baseline, or \
         to the value before training. TF-IDF is followed by a linear model.",
        thousands(evaluation.step),
        evaluation.split
    );
    sortable_table(html, &caption, |html| {
        let mut names = vec!["Task", "Metric", "Trained", "Difference"];
        names.extend(known.iter().map(|baseline| baseline.name));
        names.push("Rows");
        head_row(html, &names);
        html.element("tbody", &[], |html| {
            for task in &evaluation.tasks {
                for metric in &task.metrics {
                    row(html, &task.task, |html| write_cells(task, metric, &known, html));
                }
            }
        });
    });
}

fn write_cells(task: &TaskRecord, metric: &MetricRecord, known: &[&Baseline], html: &mut Html) {
    let quantity = Quantity::of_metric(&metric.metric);
    metric_cell(html, &metric_name(&metric.metric), quantity);
    html.element("td", &[("class", "number")], |html| {
        html.element("strong", &[], |html| {
            number(html, metric.value, &quantity.number(metric.value));
        });
    });
    let reference = metric.baselines.majority.or(metric.baselines.before);
    let class = match reference {
        Some(other) if quantity.is_better(metric.value, other) => "number good",
        Some(_) => "number bad",
        None => "number",
    };
    html.element("td", &[("class", class)], |html| match reference {
        Some(other) => {
            let difference = metric.value - other;
            number(html, difference, &quantity.difference(difference));
        }
        None => html.text("–"),
    });
    for baseline in known {
        number_cell(html, quantity, (baseline.value)(&metric.baselines));
    }
    value_cell(html, task.rows as f64, &thousands(task.rows));
}
