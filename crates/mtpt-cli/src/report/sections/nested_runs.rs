//! Runs in subfolders, with links to their reports.

use crate::report::chart::quantity::Quantity;
use crate::report::components::{head_row, number_cell, sortable_table, text_cell};
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;
use crate::report::link::relative_link;
use crate::report::run_cells::{write_best, write_name, write_steps};
use crate::run_files::history::highest;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    let runs = &data.run.nested.runs;
    if runs.is_empty() {
        return;
    }
    sortable_table(html, "Runs in subfolders, with links to their reports", |html| {
        head_row(html, &["Run", "Steps", "Loss of the last step", "Best mean on dev"]);
        html.element("tbody", &[], |html| {
            for run in runs {
                html.element("tr", &[], |html| {
                    write_name(run, relative_link(run, &data.target).as_deref(), html);
                    write_steps(run, html);
                    let loss = run.history.steps.last().map(|step| step.loss);
                    number_cell(html, Quantity::LOSS, loss);
                    let quantity = Quantity::Metric(run.history.score_unit());
                    match highest(&run.history.means()) {
                        Some(best) => write_best(best, quantity, html),
                        None => text_cell(html, "–"),
                    }
                });
                html.line();
            }
        });
    });
}
