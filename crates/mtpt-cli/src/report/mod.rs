//! The HTML report of a run.

mod chart;
mod components;
pub(crate) mod data;
mod figures;
mod html;
pub(crate) mod page;
mod sections;

use crate::report::data::report_data::ReportData;
use crate::report::page::Page;
use crate::report::sections::{
    configuration, few_shot, metrics_table, missing, mixture, nearest_tokens, nested_runs,
    similarity, summary, task_charts, training_charts,
};

/// Renders a report as one HTML file that loads nothing and runs no scripts.
pub(crate) fn render(data: &ReportData<'_>) -> String {
    let mut page = Page::new(&data.name);
    page.header(|html| summary::write(data, html));
    for section in [
        missing::write,
        training_charts::write,
        task_charts::write,
        metrics_table::write,
        few_shot::write,
        similarity::write,
        mixture::write,
        nearest_tokens::write,
        nested_runs::write,
        configuration::write,
    ] {
        page.section(|html| section(data, html));
    }
    page.into_html()
}
