//! Predictions for rows of a task, the wrong ones first.

use mtpt::tasks::evaluation::{ExampleRecord, LabelKind, TaskRecord};

use crate::number_format::counted;
use crate::report::chart::quantity::Quantity;
use crate::report::components::table;
use crate::report::html::Html;

/// Number of predictions that are visible at first.
const OPEN: usize = 5;
/// Maximum number of characters of a text.
const LONGEST: usize = 400;

pub(crate) fn write(task: &TaskRecord, html: &mut Html) {
    if task.examples.is_empty() {
        return;
    }
    let mut examples: Vec<&ExampleRecord> = task.examples.iter().collect();
    // The most confident mistakes first.
    let rank = |example: &ExampleRecord| {
        let is_wrong = !example.correct;
        (!is_wrong, if is_wrong { -example.probability.unwrap_or(0.0) } else { 0.0 })
    };
    examples.sort_by(|first, second| {
        let (first, second) = (rank(first), rank(second));
        first.0.cmp(&second.0).then(first.1.total_cmp(&second.1))
    });
    let (first, rest) = examples.split_at(examples.len().min(OPEN));
    write_examples("Sample predictions, the most confident mistakes first", task, first, html);
    if !rest.is_empty() {
        html.element("details", &[], |html| {
            let count = counted(rest.len(), "more prediction");
            html.leaf("summary", &[], &format!("{count} of {}", task.task));
            write_examples("", task, rest, html);
        });
        html.line();
    }
}

fn write_examples(caption: &str, task: &TaskRecord, examples: &[&ExampleRecord], html: &mut Html) {
    let has = |of: fn(&ExampleRecord) -> bool| examples.iter().any(|example| of(example));
    let has_text = has(|example| example.text.is_some());
    let has_probability = has(|example| example.probability.is_some());
    let gold = if task.kind == LabelKind::Text { "Reference" } else { "Gold" };
    table(html, caption, |html| {
        html.element("thead", &[], |html| {
            html.element("tr", &[], |html| {
                let mut head = |name: &str| html.leaf("th", &[("scope", "col")], name);
                if has_text {
                    head("Text");
                }
                head(gold);
                head("Predicted");
                if has_probability {
                    head("Probability");
                }
                head("Row");
            });
        });
        html.element("tbody", &[], |html| {
            for example in examples {
                let class = if !example.correct { "wrong" } else { "" };
                html.element("tr", &[("class", class)], |html| {
                    if has_text {
                        write_text(example.text.as_deref().unwrap_or("–"), "text", html);
                    }
                    let class = if task.kind == LabelKind::Text { "text" } else { "" };
                    write_text(&example.gold, class, html);
                    let class = if task.kind == LabelKind::Text { "text answer" } else { "answer" };
                    write_text(&example.predicted, class, html);
                    if has_probability {
                        let probability = example.probability;
                        let text = probability.map(|value| Quantity::PERCENT.text(value));
                        let text = text.as_deref().unwrap_or("–");
                        html.leaf("td", &[("class", "number")], text);
                    }
                    html.leaf("td", &[], &place(example));
                });
                html.line();
            }
        });
    });
}

fn write_text(text: &str, class: &'static str, html: &mut Html) {
    let count = text.chars().count();
    if count <= LONGEST {
        return html.leaf("td", &[("class", class)], text);
    }
    let start: String = text.chars().take(LONGEST).collect();
    html.element("td", &[("class", class)], |html| {
        html.text(&format!("{start}… "));
        html.leaf("small", &[], &format!("({} more)", counted(count - LONGEST, "character")));
    });
}

/// Returns the file and line of a row.
fn place(example: &ExampleRecord) -> String {
    let file = example.file.rsplit(['/', '\\']).next().unwrap_or_default();
    match file {
        "" => format!("line {}", example.line),
        _ => format!("{file}:{}", example.line),
    }
}
