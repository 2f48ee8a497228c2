//! Runs in subfolders, with links to their reports.

use crate::number_format::thousands;
use crate::report::components::{head_row, nats, percent, section, table};
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;
use crate::run_files::history::highest;
use crate::run_files::nested_runs::{NestedRun, REPORT};

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    if data.run.nested.is_empty() {
        return;
    }
    section(html, "runs-below", "Runs in subfolders", |html| {
        table(html, "A run is linked if `mtpt report` has written its report", |html| {
            head_row(html, &["Run", "Steps", "Loss of the last step", "Best mean on dev"]);
            html.element("tbody", &[], |html| {
                for run in &data.run.nested {
                    html.element("tr", &[], |html| write_row(run, html));
                }
            });
        });
    });
}

fn write_row(run: &NestedRun, html: &mut Html) {
    html.element("th", &[("scope", "row")], |html| {
        if run.has_report {
            // `./` makes it a path even if the name looks like a URL.
            let report = format!("./{}/{REPORT}", percent_encoded(&run.path));
            html.leaf("a", &[("href", &report)], &run.path);
        } else {
            html.text(&run.path);
        }
    });
    let last = run.history.steps.last();
    let done = last.map_or(0, |step| step.step);
    let steps = format!("{} of {}", thousands(done), thousands(run.steps));
    html.leaf("td", &[("class", "number")], &steps);
    html.element("td", &[("class", "number")], |html| match last {
        Some(step) => nats(html, step.loss),
        None => html.text("–"),
    });
    html.element("td", &[("class", "number")], |html| match highest(&run.history.means()) {
        Some((step, value)) => {
            percent(html, value);
            html.text(&format!(" at step {}", thousands(step)));
        }
        None => html.text("–"),
    });
}

/// Encodes a path for a link.
fn percent_encoded(path: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    path.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_for_links() {
        assert_eq!(percent_encoded("teachers/a b/\"c\""), "teachers/a%20b/%22c%22");
        assert_eq!(percent_encoded("javascript:x"), "javascript%3Ax");
    }
}
