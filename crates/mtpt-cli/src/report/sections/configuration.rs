//! The resolved configuration of the run.

use crate::report::data::report_data::ReportData;
use crate::report::html::Html;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    let Some(config) = &data.run.config else { return };
    html.element("details", &[], |html| {
        html.leaf("summary", &[], "Resolved config.toml");
        html.leaf("pre", &[], &config.text);
    });
}
