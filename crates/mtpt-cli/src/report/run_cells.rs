//! Cells of tables of runs.

use crate::number_format::thousands;
use crate::report::chart::quantity::Quantity;
use crate::report::components::{number, value_cell};
use crate::report::html::Html;
use crate::run_files::listed_run::ListedRun;

/// Writes the name of a run, with a link to its report if there is one.
pub(super) fn write_name(run: &ListedRun, link: Option<&str>, html: &mut Html) {
    html.element("th", &[("scope", "row"), ("title", &run.name)], |html| match link {
        Some(link) => html.leaf("a", &[("href", link)], &run.name),
        None => html.text(&run.name),
    });
}

/// Writes the number of steps, of how many if some are missing.
pub(super) fn write_steps(run: &ListedRun, html: &mut Html) {
    let (done, steps) = (run.history.steps_done(), run.steps());
    let text = match done >= steps {
        true => thousands(done),
        false => format!("{} of {}", thousands(done), thousands(steps)),
    };
    value_cell(html, done as f64, &text);
}

/// Writes the best value and its step.
pub(super) fn write_best((step, value): (usize, f64), quantity: Quantity, html: &mut Html) {
    html.element("td", &[("class", "number")], |html| {
        number(html, value, &quantity.text(value));
        html.leaf("small", &[], &format!(" at step {}", thousands(step)));
    });
}
