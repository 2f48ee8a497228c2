use time::OffsetDateTime;

use crate::number_format::measured_time;
use crate::report::chart::quantity::Quantity;
use crate::report::components::{head_row, number, number_cell, row, sortable_table, text_cell};
use crate::report::data::comparison::{ComparedRun, Comparison};
use crate::report::data::session_time::{as_text, time};
use crate::report::data::setting::Setting;
use crate::report::html::Html;
use crate::report::run_cells::{write_best, write_name, write_steps};

/// Settings that are columns of the table. The others are in a second table.
const COLUMNS: usize = 6;
/// Longest value of a setting that is a column, in characters.
const LONGEST: usize = 24;

pub(super) fn write(comparison: &Comparison<'_>, html: &mut Html) {
    let (columns, others) = split_settings(&comparison.settings);
    let has_baselines = comparison.runs.iter().any(|run| run.above_majority().is_some());
    let caption = match comparison.settings.len() {
        0 => "The best run first. The runs have the same settings.".to_owned(),
        _ => "The best run first, with the settings in which the runs differ.".to_owned(),
    };
    sortable_table(html, &caption, |html| {
        let mut names = vec!["Run"];
        names.extend(columns.iter().map(|setting| short_key(setting)));
        names.extend(["Best mean on dev", "Difference"]);
        if has_baselines {
            names.push("Above majority");
        }
        names.extend(["Loss", "Steps", "Time of all steps"]);
        let has_dates = comparison.runs.iter().any(|run| started(run).is_some());
        if has_dates {
            names.push("Started");
        }
        head_row(html, &names);
        html.element("tbody", &[], |html| {
            for (place, run) in comparison.runs.iter().enumerate() {
                let class = if place == 0 && run.best.is_some() { "best" } else { "" };
                html.element("tr", &[("class", class)], |html| {
                    write_name(run.run, run.link.as_deref(), html);
                    for setting in &columns {
                        let value = setting.values.get(place).and_then(Option::as_deref);
                        text_cell(html, value.unwrap_or("–"));
                    }
                    write_scores(comparison, run, html);
                    if has_baselines {
                        write_above(run, html);
                    }
                    let loss = run.run.history.steps.last().map(|step| step.loss);
                    number_cell(html, Quantity::LOSS, loss);
                    write_steps(run.run, html);
                    let seconds = run.run.history.seconds();
                    html.element("td", &[("class", "number")], |html| match seconds {
                        0.0 => html.text("–"),
                        _ => number(html, seconds, &measured_time(seconds)),
                    });
                    if has_dates {
                        write_start(run, html);
                    }
                });
                html.line();
            }
        });
    });
    if !others.is_empty() {
        write_settings(comparison, &others, html);
    }
}

fn write_scores(comparison: &Comparison<'_>, run: &ComparedRun<'_>, html: &mut Html) {
    let quantity = comparison.quantity;
    let (Some(found), Some((_, best))) = (run.best, comparison.best()) else {
        text_cell(html, "–");
        return text_cell(html, "–");
    };
    write_best(found, quantity, html);
    html.element("td", &[("class", "number")], |html| {
        let difference = found.1 - best;
        match difference {
            0.0 => number(html, 0.0, "0"),
            _ => number(html, difference, &quantity.difference(difference)),
        }
    });
}

/// Returns when the first process of a run started.
fn started(run: &ComparedRun<'_>) -> Option<OffsetDateTime> {
    run.run.sessions.first().and_then(|session| time(&session.started))
}

fn write_start(run: &ComparedRun<'_>, html: &mut Html) {
    html.element("td", &[("class", "number")], |html| match started(run) {
        Some(time) => number(html, time.unix_timestamp() as f64, &as_text(time)),
        None => html.text("–"),
    });
}

/// Writes the number of tasks that beat their majority baseline.
fn write_above(run: &ComparedRun<'_>, html: &mut Html) {
    html.element("td", &[("class", "number")], |html| match run.above_majority() {
        Some((better, compared)) => {
            number(html, better as f64, &format!("{better} of {compared}"));
        }
        None => html.text("–"),
    });
}

/// Writes the settings with long values, or beyond those in the table of runs.
fn write_settings(comparison: &Comparison<'_>, settings: &[&Setting], html: &mut Html) {
    html.element("details", &[], |html| {
        html.leaf("summary", &[], "Other settings in which the runs differ");
        sortable_table(html, "", |html| {
            let runs = comparison.runs.iter().map(|run| run.run.name.as_str());
            head_row(html, &["Setting"].into_iter().chain(runs).collect::<Vec<_>>());
            html.element("tbody", &[], |html| {
                for setting in settings {
                    row(html, &setting.key, |html| {
                        for value in &setting.values {
                            html.leaf("td", &[("class", "text")], value.as_deref().unwrap_or("–"));
                        }
                    });
                }
            });
        });
    });
    html.line();
}

/// Returns the settings that are columns, and the others.
fn split_settings(settings: &[Setting]) -> (Vec<&Setting>, Vec<&Setting>) {
    let is_short = |setting: &&Setting| {
        let values = setting.values.iter().flatten();
        values.map(|value| value.chars().count()).max().unwrap_or(0) <= LONGEST
    };
    let (mut columns, mut others): (Vec<&Setting>, Vec<&Setting>) =
        settings.iter().partition(is_short);
    others.extend(columns.drain(columns.len().min(COLUMNS)..));
    others.sort_by(|first, second| first.key.cmp(&second.key));
    (columns, others)
}

/// Returns the last part of a key, which is distinct enough for a column.
fn short_key(setting: &Setting) -> &str {
    let key = setting.key.as_str();
    let common = ["training.", "prompt.", "composition."];
    let short = common.iter().find_map(|prefix| key.strip_prefix(prefix));
    short.filter(|short| !short.contains('.')).unwrap_or(key)
}
