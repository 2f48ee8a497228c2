//! Values of the saved prompts next to those of the baselines.

use mtpt::tasks::evaluation::{BaselineValues, MetricRecord, TaskRecord};

use crate::number_format::thousands;
use crate::report::chart::quantity::Quantity;
use crate::report::components::{head_row, number, number_cell, sortable_table};
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
                    html.element("tr", &[], |html| write_row(task, metric, &known, html));
                    html.line();
                }
            }
        });
    });
}

fn write_row(task: &TaskRecord, metric: &MetricRecord, known: &[&Baseline], html: &mut Html) {
    let quantity = Quantity::of_metric(&metric.metric);
    html.leaf("th", &[("scope", "row"), ("title", &task.task)], &task.task);
    html.element("td", &[("class", "number")], |html| {
        html.text(&metric_name(&metric.metric));
        if !quantity.unit().is_empty() {
            html.leaf("small", &[], &format!(" {}", quantity.unit()));
        }
    });
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
    html.element("td", &[("class", "number")], |html| {
        number(html, task.rows as f64, &thousands(task.rows));
    });
}
