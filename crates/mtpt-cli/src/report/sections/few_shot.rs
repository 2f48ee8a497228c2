//! Results of few-shot adaptation.

use crate::report::components::{head_row, percent, section, table};
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;
use crate::run_files::few_shot::FewShotResult;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    if data.run.few_shot.is_empty() {
        return;
    }
    section(html, "few-rows", "Few-shot adaptation", |html| {
        table(html, "Metrics in percent: mean and standard deviation over draws", |html| {
            head_row(html, &["Task", "Metric", "Examples", "Draws", "Mean", "Std. dev."]);
            html.element("tbody", &[], |html| {
                for result in &data.run.few_shot {
                    html.element("tr", &[], |html| write_row(result, html));
                    html.line();
                }
            });
        });
    });
}

fn write_row(result: &FewShotResult, html: &mut Html) {
    let number = [("class", "number")];
    html.leaf("th", &[("scope", "row")], &result.task);
    html.leaf("td", &number, &format!("{}, {}", result.metric, result.split));
    let per_label = if result.per_label { " per label" } else { "" };
    html.leaf("td", &number, &format!("{}{per_label}", result.rows));
    html.leaf("td", &number, &result.values.len().to_string());
    html.element("td", &number, |html| percent(html, result.mean));
    html.element("td", &number, |html| match result.deviation {
        Some(deviation) => percent(html, deviation),
        None => html.text("–"),
    });
}
