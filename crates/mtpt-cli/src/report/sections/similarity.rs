//! Similarity of the tasks' prompts.

use mtpt::core::Compose;

use crate::report::components::{row, shaded_cell, table, upright_head_row};
use crate::report::data::clustering::Clustering;
use crate::report::data::report_data::ReportData;
use crate::report::heat_map::HeatMap;
use crate::report::html::Html;

/// With more prompts, there is no table of the exact values.
const IN_TABLE: usize = 40;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    let Some(similarity) = &data.similarity else { return };
    let count = similarity.of_means.len();
    if count < 2 {
        let text = "There is only one prompt, so there is nothing to compare.";
        return html.leaf("p", &[("class", "muted")], text);
    }
    html.leaf("p", &[("class", "muted")], &introduction(data));
    let tasks = data.tasks();
    let clustering = Clustering::new(&similarity.of_means);
    let description = format!(
        "Heat map of the similarities of {count} prompts; the table below contains the values"
    );
    let (names, values) = (&tasks[..count], &similarity.of_means);
    HeatMap { description: &description, names, values, clustering: &clustering }.write(html);
    if count > IN_TABLE {
        return;
    }
    for (summary, values) in [
        ("Values: similarity of the mean vectors", &similarity.of_means),
        ("Values: similarity of the whole prompts, position by position", &similarity.of_prompts),
    ] {
        html.element("details", &[], |html| {
            html.leaf("summary", &[], summary);
            write_matrix(html, &tasks, values);
        });
        html.line();
    }
}

fn introduction(data: &ReportData<'_>) -> String {
    let mut text = "Cosine similarity of the mean vectors of each pair of composed prompts: 1 for \
                    the same direction, 0 for orthogonal ones. Similar prompts are next to each \
                    other: rows and columns are in the order of the tree on the right, in which \
                    groups of prompts meet the further right the less similar they are (average \
                    linkage). Prompts with a shared part are similar before training."
        .to_owned();
    let prompts = data.run.prompts.as_ref();
    if prompts.is_some_and(|prompts| prompts.composition().reads_inputs()) {
        text.push_str(
            " These prompts depend on the input. The comparison uses the prompts for an \
             uninformative input.",
        );
    }
    text
}

/// Writes a matrix of cosines as a table.
fn write_matrix(html: &mut Html, names: &[&str], cosines: &[Vec<f64>]) {
    table(html, "", |html| {
        upright_head_row(html, "Task", names.iter().copied().take(cosines.len()));
        html.element("tbody", &[], |html| {
            for (name, cosines) in names.iter().zip(cosines) {
                row(html, name, |html| {
                    cosines.iter().for_each(|&cosine| {
                        shaded_cell(html, cosine, &format!("{cosine:.2}"));
                    });
                });
            }
        });
    });
}
