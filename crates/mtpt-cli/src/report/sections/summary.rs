//! The title and the key values of the run.

use crate::number_format::{counted, measured_time, thousands};
use crate::report::components::{nats, percent};
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    html.leaf("h1", &[], &format!("Run {}", data.name));
    html.leaf("p", &[], &status(data));
    html.element("dl", &[], |html| {
        write_results(data, html);
        write_prompts(data, html);
        write_settings(data, html);
    });
}

/// Describes how far the run got.
fn status(data: &ReportData<'_>) -> String {
    let run = data.run;
    if data.has_only_nested_runs() {
        return format!("{} in subfolders.", counted(run.nested.len(), "run"));
    }
    let done = run.history.steps.last().map_or(0, |step| step.step);
    let steps = run.config.as_ref().map_or(0, |config| config.settings.training.steps);
    if steps == 0 {
        return format!("{} completed.", counted(done, "step"));
    }
    let [done_text, steps_text] = [done, steps].map(thousands);
    if done >= steps {
        format!("All {steps_text} steps are complete.")
    } else if run.is_over {
        format!("The run ended early, after {done_text} of {steps_text} steps.")
    } else {
        format!(
            "{done_text} of {steps_text} steps are complete. The run is in progress or was interrupted."
        )
    }
}

fn write_results(data: &ReportData<'_>, html: &mut Html) {
    if let Some((step, value)) = data.best() {
        item(html, "Best mean over tasks on dev", |html| {
            html.element("strong", &[], |html| percent(html, value));
            html.text(&format!(" at step {}", thousands(step)));
        });
    }
    let steps = &data.run.history.steps;
    if let Some(last) = steps.last() {
        item(html, "Loss of the last step", |html| {
            html.element("strong", &[], |html| nats(html, last.loss));
            html.text(" nats per target token");
        });
        let rows = steps.iter().map(|step| step.rows).sum();
        let seconds: f64 = steps.iter().map(|step| step.seconds).sum();
        item(html, "Training time", |html| {
            html.text(&format!("{} for {}", measured_time(seconds), counted(rows, "row")));
        });
    }
    item(html, "Tasks", |html| html.text(&thousands(data.tasks().len())));
}

fn write_prompts(data: &ReportData<'_>, html: &mut Html) {
    let Some(header) = &data.run.header else { return };
    item(html, "Composition", |html| {
        let composition = serde_json::to_string(&header.composition);
        html.leaf("code", &[], &composition.unwrap_or_default());
    });
    item(html, "Shared prompt", |html| {
        let vectors = counted(header.length, "vector");
        let decoder = match header.decoder_length {
            0 => String::new(),
            length => format!(" and {} for the decoder,", counted(length, "vector")),
        };
        html.text(&format!("{vectors}{decoder} of width {}", thousands(header.d_model)));
    });
    if let Ok(count) = header.parameter_count() {
        item(html, "Trainable parameters", |html| {
            let [all, shared, own] =
                [count.total(), count.shared, count.task_specific].map(thousands);
            html.text(&format!("{all} ({shared} shared, {own} task-specific)"));
        });
    }
}

fn write_settings(data: &ReportData<'_>, html: &mut Html) {
    let settings = data.run.config.as_ref().map(|config| &config.settings);
    let configured = settings.map(|settings| &settings.model).filter(|model| !model.is_empty());
    let recorded = data.run.header.as_ref().map(|header| &header.model);
    if let Some(model) = configured.or(recorded).filter(|model| !model.is_empty()) {
        item(html, "Model", |html| html.leaf("code", &[], model));
    }
    if let Some(settings) = settings {
        item(html, "Seed", |html| html.text(&settings.seed.to_string()));
    }
}

fn item(html: &mut Html, name: &str, value: impl FnOnce(&mut Html)) {
    html.element("div", &[], |html| {
        html.leaf("dt", &[], name);
        html.element("dd", &[], value);
    });
}
