//! The page that compares several runs.

mod curves;
mod missing;
mod run_table;
mod summary;
mod task_table;

use crate::report::data::comparison::Comparison;
use crate::report::page::Page;

/// Renders a comparison of runs as one HTML file that loads nothing.
pub(crate) fn render_comparison(comparison: &Comparison<'_>) -> String {
    let mut page = Page::new(&comparison.name);
    page.header(|html| summary::write(comparison, html));
    page.section("runs-below", "Runs", |html| run_table::write(comparison, html));
    page.section("curves", "Curves", |html| curves::write(comparison, html));
    page.section("tasks", "Tasks", |html| task_table::write(comparison, html));
    page.section("notes", "Missing data", |html| missing::write(comparison, html));
    page.into_html()
}
