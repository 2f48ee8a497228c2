//! Precision, recall and F1 of each label of a task, and its confusion matrix.

use mtpt::tasks::evaluation::TaskRecord;

use crate::number_format::{counted, thousands};
use crate::report::chart::quantity::Quantity;
use crate::report::components::{
    head_row, matrix_table, number, row, shaded_cell, sortable_table, text_cell, upright_head_row,
    value_cell,
};
use crate::report::html::Html;

/// Larger confusion matrices are closed at first.
const OPEN: usize = 12;

pub(crate) fn write(task: &TaskRecord, html: &mut Html) {
    if task.classes.is_empty() {
        return;
    }
    html.element("div", &[], |html| write_classes(task, html));
    let is_matrix = task.confusion.len() == task.classes.len();
    if !is_matrix {
        return;
    }
    let class = if task.classes.len() > 4 { "wide" } else { "" };
    html.element("div", &[("class", class)], |html| {
        if task.classes.len() <= OPEN {
            write_confusion(task, html);
        } else {
            html.element("details", &[], |html| {
                let count = counted(task.classes.len(), "label");
                html.leaf("summary", &[], &format!("Confusion matrix of {count}"));
                write_confusion(task, html);
            });
        }
    });
    html.line();
}

fn write_classes(task: &TaskRecord, html: &mut Html) {
    sortable_table(html, "Labels: precision, recall and F1 in %, and number of rows", |html| {
        head_row(html, &["Label", "Precision", "Recall", "F1", "Gold", "Predicted"]);
        html.element("tbody", &[], |html| {
            for class in &task.classes {
                row(html, &class.label, |html| {
                    let percent = |value: f64| Quantity::PERCENT.number(value);
                    // Without predictions, there is no precision.
                    match class.predicted {
                        0 => text_cell(html, "–"),
                        _ => shaded_cell(html, class.precision, &percent(class.precision)),
                    }
                    match class.gold {
                        0 => text_cell(html, "–"),
                        _ => shaded_cell(html, class.recall, &percent(class.recall)),
                    }
                    shaded_cell(html, class.f1, &percent(class.f1));
                    for count in [class.gold, class.predicted] {
                        value_cell(html, count as f64, &thousands(count));
                    }
                });
            }
        });
    });
}

fn write_confusion(task: &TaskRecord, html: &mut Html) {
    let caption = "Confusion matrix: rows are gold labels, columns predicted labels; shaded by the \
                   share of the row, correct predictions outlined";
    matrix_table(html, caption, |html| write_matrix(task, html));
}

fn write_matrix(task: &TaskRecord, html: &mut Html) {
    upright_head_row(html, "Gold", task.classes.iter().map(|class| class.label.as_str()));
    html.element("tbody", &[], |html| {
        for (gold, (class, counts)) in task.classes.iter().zip(&task.confusion).enumerate() {
            let sum = counts.iter().sum::<usize>().max(1) as f64;
            row(html, &class.label, |html| {
                for (predicted, &count) in counts.iter().enumerate() {
                    let class = if gold == predicted { "shade right" } else { "shade" };
                    let style = format!("--v:{:.2}", count as f64 / sum);
                    html.element("td", &[("class", class), ("style", &style)], |html| {
                        number(html, count as f64, &thousands(count));
                    });
                }
            });
        }
    });
}
