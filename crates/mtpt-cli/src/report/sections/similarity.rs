//! Similarity of the tasks' prompts.

use mtpt::core::Compose;

use crate::report::components::{section, shaded_cell, table};
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    let Some(similarity) = &data.similarity else { return };
    section(html, "similarity", "Prompt similarity", |html| {
        if similarity.of_means.len() < 2 {
            html.leaf("p", &[], "There is only one prompt, so there is nothing to compare.");
            return;
        }
        html.leaf("p", &[], &introduction(data));
        let tasks = data.tasks();
        let of_means = "Cosine similarity of the prompts' mean vectors";
        write_matrix(html, of_means, &tasks, &similarity.of_means);
        html.element("details", &[], |html| {
            html.leaf("summary", &[], "Similarity of the whole prompts, position by position");
            let of_prompts = "Cosine similarity of the whole prompts";
            write_matrix(html, of_prompts, &tasks, &similarity.of_prompts);
        });
    });
}

fn introduction(data: &ReportData<'_>) -> String {
    let mut text = "Cosine similarity of the composed prompts of each pair of tasks: 1 for the same \
                    direction, 0 for orthogonal prompts. Prompts with a shared part are similar before \
                    training."
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

/// Writes a matrix of cosines as a heat map.
fn write_matrix(html: &mut Html, caption: &str, names: &[&str], cosines: &[Vec<f64>]) {
    table(html, caption, |html| {
        html.element("thead", &[], |html| {
            html.element("tr", &[], |html| {
                html.leaf("th", &[("scope", "col")], "Task");
                for name in names.iter().take(cosines.len()) {
                    let attributes = [("scope", "col"), ("class", "upright"), ("title", *name)];
                    html.leaf("th", &attributes, name);
                }
            });
        });
        html.element("tbody", &[], |html| {
            for (name, row) in names.iter().zip(cosines) {
                html.element("tr", &[], |html| {
                    html.leaf("th", &[("scope", "row"), ("title", name)], name);
                    row.iter().for_each(|&cosine| shaded_cell(html, cosine));
                });
                html.line();
            }
        });
    });
}
