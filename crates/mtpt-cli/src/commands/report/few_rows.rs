//! What adaptation to a few rows came to.

use std::path::Path;

use serde::Deserialize;

use super::html::Html;
use super::page::{head_row, percent, section, table};
use crate::error::{Error, Result};

/// A line of `few_shot.jsonl`.
#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct FewRows {
    task: String,
    rows: usize,
    per_label: bool,
    split: String,
    metric: String,
    values: Vec<f64>,
    mean: f64,
    deviation: Option<f64>,
}

impl FewRows {
    /// Reads the lines of a file, which is written whole.
    ///
    /// # Errors
    ///
    /// When a line is no such figure; the path is for the message.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Vec<Self>> {
        let read = |(number, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|error| Error::Reported {
                path: path.to_owned(),
                problem: format!("line {number} is no figure of few rows: {error}"),
            })
        };
        (1..).zip(text.lines()).map(read).collect()
    }
}

pub(super) fn write(figures: &[FewRows], html: &mut Html) {
    if figures.is_empty() {
        return;
    }
    section(html, "few-rows", "Adaptation to a few rows", |html| {
        table(html, "Metrics in percent, means over draws of rows and their deviation", |html| {
            head_row(html, &["Task", "Metric", "Rows", "Draws", "Mean", "Deviation"]);
            html.element("tbody", &[], |html| {
                for figure in figures {
                    html.element("tr", &[], |html| row(figure, html));
                    html.line();
                }
            });
        });
    });
}

fn row(figure: &FewRows, html: &mut Html) {
    let number = [("class", "number")];
    html.leaf("th", &[("scope", "row")], &figure.task);
    html.leaf("td", &number, &format!("{}, {}", figure.metric, figure.split));
    let of_each = if figure.per_label { " of each label" } else { "" };
    html.leaf("td", &number, &format!("{}{of_each}", figure.rows));
    html.leaf("td", &number, &figure.values.len().to_string());
    html.element("td", &number, |html| percent(html, figure.mean));
    html.element("td", &number, |html| match figure.deviation {
        Some(deviation) => percent(html, deviation),
        None => html.text("–"),
    });
}
