use crate::report::data::report_data::ReportData;
use crate::report::html::Html;
use crate::report::page::Page;
use crate::report::sections::{
    configuration, details, few_shot, metrics_table, missing, mixture, nearest_tokens, nested_runs,
    results, similarity, summary, task_tree, tasks, training_charts,
};

/// A section of the report: its id, its heading and its contents.
type Section = (&'static str, &'static str, fn(&ReportData<'_>, &mut Html));

const SECTIONS: [Section; 12] = [
    ("notes", "Missing data", missing::write),
    ("results", "Results", results::write),
    ("course", "Training", training_charts::write),
    ("tasks", "Tasks", tasks::write),
    ("metrics", "Metrics", metrics_table::write),
    ("few-rows", "Few-shot adaptation", few_shot::write),
    ("tree", "Parameters", task_tree::write),
    ("mixture", "Prompt mixture", mixture::write),
    ("similarity", "Prompt similarity", similarity::write),
    ("nearest", "Nearest tokens", nearest_tokens::write),
    ("runs-below", "Runs in subfolders", nested_runs::write),
    ("configuration", "Configuration", configuration::write),
];

/// Renders the report of a run as one HTML file that loads nothing.
pub(crate) fn render_run(data: &ReportData<'_>) -> String {
    let mut page = Page::new(&data.name);
    page.header(|html| {
        summary::write(data, html);
        details::write(data, html);
    });
    for (id, heading, write) in SECTIONS {
        page.section(id, heading, |html| write(data, html));
    }
    page.into_html()
}
