use crate::report::components::{head_row, number, row, sortable_table, text_cell};
use crate::report::data::comparison::Comparison;
use crate::report::data::finding::metric_name;
use crate::report::html::Html;

pub(super) fn write(comparison: &Comparison<'_>, html: &mut Html) {
    let tasks = comparison.tasks();
    let runs: Vec<_> = comparison.runs.iter().filter(|run| run.best.is_some()).collect();
    if runs.len() < 2 || tasks.is_empty() {
        return;
    }
    let caption = "The first metric of each task on dev, at the best step of each run; the best \
                   value of each task is bold";
    sortable_table(html, caption, |html| {
        let names = runs.iter().map(|run| run.run.name.as_str());
        head_row(html, &["Task", "Metric"].into_iter().chain(names).collect::<Vec<_>>());
        html.element("tbody", &[], |html| {
            for task in &tasks {
                let values: Vec<_> = runs.iter().map(|run| run.value_of(task)).collect();
                let Some((quantity, _)) = values.iter().flatten().next().copied() else { continue };
                let best =
                    values.iter().flatten().map(|(_, value)| *value).reduce(|best, value| {
                        if quantity.is_better(value, best) { value } else { best }
                    });
                row(html, task, |html| {
                    text_cell(html, &metric_of(comparison, task, quantity.unit()));
                    for value in &values {
                        let Some((_, value)) = value else {
                            text_cell(html, "–");
                            continue;
                        };
                        let is_best = best.is_some_and(|best| !quantity.is_better(best, *value));
                        html.element("td", &[("class", "number")], |html| {
                            let text = quantity.number(*value);
                            match is_best {
                                true => {
                                    html.element("strong", &[], |html| number(html, *value, &text))
                                }
                                false => number(html, *value, &text),
                            }
                        });
                    }
                });
            }
        });
    });
}

/// Returns the name and the unit of a task's first metric.
fn metric_of(comparison: &Comparison<'_>, task: &str, unit: &str) -> String {
    let metrics = comparison.runs.iter().flat_map(|run| run.run.history.metrics_of(task));
    let first = metrics.filter(|series| series.split == "dev").map(|series| series.metric).next();
    format!("{} {unit}", metric_name(&first.unwrap_or_default())).trim_end().to_owned()
}
