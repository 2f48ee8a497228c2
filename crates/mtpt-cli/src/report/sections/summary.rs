//! The title, a summary of the results and the key values of the run.

use mtpt::tasks::Unit;

use crate::number_format::{counted, measured_time, thousands};
use crate::report::chart::quantity::Quantity;
use crate::report::components::{item, number, paragraph};
use crate::report::data::finding::{metric_name, summarize};
use crate::report::data::parameter_tree::NodeKind;
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;
use crate::report::prose::Prose;
use crate::run_files::few_shot::FewShotResult;
use crate::run_files::history::{LOSS, Series, highest};
use crate::run_files::record::{INTERRUPTED, SessionRecord};

/// Maximum number of runs of a stage in the summary.
const STAGES: usize = 4;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    html.leaf("p", &[("class", "kicker")], kind(data));
    html.leaf("h1", &[], &data.name);
    paragraph(html, "lead", &lead(data));
    html.leaf("p", &[("class", "status")], &status(data));
    html.element("dl", &[("class", "tiles")], |html| {
        write_results(data, html);
        write_parameters(data, html);
        write_tasks(data, html);
    });
    html.line();
}

fn kind(data: &ReportData<'_>) -> &'static str {
    if data.has_only_nested_runs() {
        "Training run with stages"
    } else if data.trains_model() {
        "Continued pretraining"
    } else {
        "Training run"
    }
}

/// Summarizes the results.
fn lead(data: &ReportData<'_>) -> Prose {
    if let Some(evaluation) = &data.run.evaluation
        && !evaluation.tasks.is_empty()
    {
        return summarize(evaluation);
    }
    let history = &data.run.history;
    if let Some((step, value)) = data.best() {
        let tasks = history.results.iter().filter(|result| result.metric != LOSS);
        let mut names: Vec<&str> = tasks.map(|result| result.task.as_str()).collect();
        names.dedup();
        names.sort_unstable();
        names.dedup();
        let value = data.score_quantity().text(value);
        let step = thousands(step);
        return match names.as_slice() {
            [name] => Prose::default()
                .text("The best result of ")
                .name(*name)
                .text(format!(" on dev is {value}, at step {step}.")),
            _ => Prose::default().text(format!(
                "The best mean of {} on dev is {value}, at step {step}.",
                counted(names.len(), "task")
            )),
        };
    }
    if data.has_only_nested_runs() {
        return lead_of_stages(data);
    }
    let dev = history.mean_losses();
    let (series, what) = match dev.is_empty() {
        true => (history.losses(), "training loss"),
        false => (dev, "mean loss on dev"),
    };
    course(&series, what)
}

/// Summarizes the last stage that has results.
fn lead_of_stages(data: &ReportData<'_>) -> Prose {
    if let Some(FewShotResult { task, rows, per_label, metric, mean, values, .. }) =
        data.run.few_shot.last()
    {
        let examples = counted(*rows, "example");
        let per_label = if *per_label { " per label" } else { "" };
        return Prose::default().name(task).text(format!(
            " reaches {} of {} with {examples}{per_label}, on average over {}.",
            metric_name(metric),
            Quantity::of_metric(metric).text(*mean),
            counted(values.len(), "draw")
        ));
    }
    let runs = &data.run.nested.runs;
    for stage in ["targets", "source", "teachers"] {
        let of_stage = runs.iter().filter(|run| run.name.split('/').next() == Some(stage));
        let best = of_stage.filter_map(|run| {
            let quantity = Quantity::Metric(run.history.score_unit());
            let (_, value) = highest(&run.history.means())?;
            Some((run.name.as_str(), quantity.text(value)))
        });
        let best: Vec<(&str, String)> = best.collect();
        if best.is_empty() {
            continue;
        }
        let mut prose = Prose::default().text("Best mean on dev: ");
        for (place, (name, value)) in best.iter().take(STAGES).enumerate() {
            prose =
                prose.text(if place > 0 { ", " } else { "" }).name(*name).text(format!(" {value}"));
        }
        let others = best.len().saturating_sub(STAGES);
        return match others {
            0 => prose.text("."),
            _ => prose.text(format!(", and {} below.", counted(others, "other run"))),
        };
    }
    Prose::default().text("The results of the runs in subfolders are listed below.")
}

/// Describes how a loss changed.
fn course(series: &Series, what: &str) -> Prose {
    let (Some((_, first)), Some((step, last))) = (series.first(), series.last()) else {
        return Prose::default().text("Nothing has been measured yet.");
    };
    let [from, to] = [first, last].map(|loss| Quantity::LOSS.number(*loss));
    let change = if last < first { "fell" } else { "did not fall" };
    Prose::default().text(format!(
        "The {what} {change}: {from} nats per target token first, {to} at step {}.",
        thousands(*step)
    ))
}

/// Describes how far the run got.
fn status(data: &ReportData<'_>) -> String {
    let run = data.run;
    if data.has_only_nested_runs() {
        return format!("{} in subfolders.", counted(run.nested.runs.len(), "run"));
    }
    let done = run.history.steps_done();
    let steps = run.config.as_ref().map_or(0, |config| config.settings.training.steps);
    if steps == 0 {
        return format!("{} completed.", counted(done, "step"));
    }
    let (done_text, steps_text) = (thousands(done), counted(steps, "step"));
    let session = run.sessions.last();
    if let Some(message) = session.and_then(SessionRecord::failure) {
        return format!("The run failed after {done_text} of {steps_text}: {message}");
    }
    if done >= steps {
        match steps {
            1 => "The only step is complete.".to_owned(),
            _ => format!("All {steps_text} are complete."),
        }
    } else if run.is_over {
        format!("The run ended early, after {done_text} of {steps_text}.")
    } else if session.and_then(|session| session.end.as_deref()) == Some(INTERRUPTED) {
        format!("The run was interrupted at step {done_text} of {steps_text}.")
    } else {
        format!(
            "{done_text} of {steps_text} are complete. The run is in progress or was interrupted."
        )
    }
}

fn write_results(data: &ReportData<'_>, html: &mut Html) {
    if let Some((step, value)) = data.best() {
        let quantity = data.score_quantity();
        item(html, "Best mean over tasks on dev", |html| {
            html.element("strong", &[], |html| number(html, value, &quantity.text(value)));
            let note = match quantity {
                Quantity::Metric(Unit::Number) if data.has_several_units() => {
                    " (metrics with different units; used to select the step)"
                }
                _ => "",
            };
            html.leaf("small", &[], &format!("at step {}{note}", thousands(step)));
        });
    }
    let steps = &data.run.history.steps;
    if let Some(last) = steps.last() {
        item(html, "Loss of the last step", |html| {
            html.element("strong", &[], |html| {
                number(html, last.loss, &Quantity::LOSS.number(last.loss));
            });
            html.leaf("small", &[], "nats per target token");
        });
        let rows: usize = steps.iter().map(|step| step.rows).sum();
        let seconds = data.run.history.seconds();
        item(html, "Time of all steps", |html| {
            html.leaf("strong", &[], &measured_time(seconds));
            let rate = match rows as f64 / seconds {
                rate if rate.is_finite() && rate >= 10.0 => format!(", {rate:.0} rows/s"),
                rate if rate.is_finite() => format!(", {rate:.1} rows/s"),
                _ => String::new(),
            };
            html.leaf("small", &[], &format!("for {}{rate}", counted(rows, "row")));
        });
    }
}

fn write_parameters(data: &ReportData<'_>, html: &mut Html) {
    let Some(header) = &data.run.header else { return };
    let Ok(count) = header.parameter_count() else { return };
    item(html, "Trainable parameters", |html| {
        html.leaf("strong", &[], &thousands(count.total()));
        let groups = data.tree.as_ref().map_or(0, |tree| tree.total(NodeKind::Group));
        let [shared, own] = [count.shared - groups, count.task_specific].map(thousands);
        html.leaf(
            "small",
            &[],
            &match groups {
                0 => format!("{shared} shared, {own} task-specific"),
                _ => {
                    format!("{shared} shared, {} of groups, {own} task-specific", thousands(groups))
                }
            },
        );
    });
}

fn write_tasks(data: &ReportData<'_>, html: &mut Html) {
    let tasks = data.tasks().len();
    let name = if data.trains_model() { "Corpora and tasks" } else { "Tasks" };
    if tasks > 0 {
        item(html, name, |html| html.leaf("strong", &[], &thousands(tasks)));
    }
}
