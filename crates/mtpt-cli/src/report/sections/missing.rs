//! Missing parts of the run.

use crate::report::components::section;
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    if data.missing.is_empty() {
        return;
    }
    section(html, "notes", "Missing data", |html| {
        html.element("ul", &[], |html| {
            for sentence in &data.missing {
                html.leaf("li", &[], sentence);
            }
        });
    });
}
