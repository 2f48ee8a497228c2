//! Missing parts of the run.

use crate::report::data::report_data::ReportData;
use crate::report::html::Html;
use crate::report::prose::Prose;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    write_list(&data.missing, html);
}

/// Writes sentences as a list; nothing if there are none.
pub(crate) fn write_list(sentences: &[String], html: &mut Html) {
    if sentences.is_empty() {
        return;
    }
    html.element("ul", &[], |html| {
        for sentence in sentences {
            html.element("li", &[], |html| Prose::default().quoted(sentence).write(html));
        }
    });
}
