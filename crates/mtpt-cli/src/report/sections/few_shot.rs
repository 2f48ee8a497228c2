//! Results of few-shot adaptation.

use crate::report::chart::quantity::Quantity;
use crate::report::components::{head_row, number_cell, row, table, text_cell, value_cell};
use crate::report::data::finding::metric_name;
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;
use crate::run_files::few_shot::FewShotResult;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    if data.run.few_shot.is_empty() {
        return;
    }
    table(html, "Mean and standard deviation over draws of the training examples", |html| {
        head_row(html, &["Task", "Metric", "Examples", "Draws", "Mean", "Std. dev."]);
        html.element("tbody", &[], |html| {
            for result in &data.run.few_shot {
                row(html, &result.task, |html| write_cells(result, html));
            }
        });
    });
}

fn write_cells(result: &FewShotResult, html: &mut Html) {
    let quantity = Quantity::of_metric(&result.metric);
    let unit = match quantity.unit() {
        "" => String::new(),
        unit => format!(", {unit}"),
    };
    text_cell(html, &format!("{}, {}{unit}", metric_name(&result.metric), result.split));
    let per_label = if result.per_label { " per label" } else { "" };
    value_cell(html, result.rows as f64, &format!("{}{per_label}", result.rows));
    text_cell(html, &result.values.len().to_string());
    number_cell(html, quantity, Some(result.mean));
    number_cell(html, quantity, result.deviation);
}
