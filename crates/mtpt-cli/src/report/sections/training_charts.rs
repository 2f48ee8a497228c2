//! Losses, metrics and learning rate of the whole run.

use crate::report::chart::{Chart, Line};
use crate::report::components::section;
use crate::report::data::curve::{Curve, spans_magnitudes};
use crate::report::data::report_data::ReportData;
use crate::report::figures::{empty_chart, figure, in_words, legend_entry, loss_figure, points};
use crate::report::html::Html;
use crate::run_files::history::{Series, Step};

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    let history = &data.run.history;
    if history.steps.is_empty() && history.results.is_empty() {
        return;
    }
    section(html, "course", "Training", |html| {
        html.leaf("p", &[], &introduction(data));
        html.element("div", &[("class", "figures")], |html| {
            loss_figure(html, data, None, &history.losses(), None);
            write_auxiliary_losses(data, html);
            write_mean(data, html);
            write_learning_rate(data, html);
        });
    });
}

fn introduction(data: &ReportData<'_>) -> String {
    let smoothing = match Curve::new(&data.run.history.losses()).window {
        1 => "Loss curves show every step.".to_owned(),
        window => format!(
            "Loss curves are moving averages over {window} steps. The band shows the 10th to 90th \
             percentile of these steps."
        ),
    };
    let mut text = format!("Losses are in nats per target token. {smoothing}");
    if data.best().is_some() {
        text.push_str(
            " The vertical line marks the step with the best mean over tasks on dev, whose prompts \
             were saved.",
        );
    }
    text
}

fn write_auxiliary_losses(data: &ReportData<'_>, html: &mut Html) {
    let losses = data.run.history.auxiliary_losses();
    if losses.is_empty() {
        return;
    }
    let words = |(name, series): &(&str, Series)| format!("{name} {}", in_words(series, false));
    let words: Vec<String> = losses.iter().map(words).collect();
    let description = format!("Auxiliary losses: {}", words.join("; "));
    let line =
        |(_, series): &(&str, Series)| Line { points: Curve::new(series).smooth, dots: false };
    let lines: Vec<Line> = losses.iter().map(line).collect();
    // Losses of distillation have different magnitudes.
    let values = lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value);
    let logarithmic = spans_magnitudes(values);
    let chart = Chart { description: &description, lines, logarithmic, ..empty_chart(false) };
    figure(html, data, chart, |html| {
        html.text(if logarithmic { "Auxiliary losses, logarithmic" } else { "Auxiliary losses" });
        for (number, (name, _)) in losses.iter().enumerate() {
            legend_entry(html, number, name);
        }
    });
}

fn write_mean(data: &ReportData<'_>, html: &mut Html) {
    let means = data.run.history.means();
    if means.is_empty() {
        return;
    }
    let description = format!("Mean over tasks on dev, {}", in_words(&means, true));
    let lines = vec![Line { points: points(&means), dots: true }];
    let chart = Chart { description: &description, lines, ..empty_chart(true) };
    figure(html, data, chart, |html| html.text("Mean over tasks on dev, in percent"));
}

fn write_learning_rate(data: &ReportData<'_>, html: &mut Html) {
    let steps = &data.run.history.steps;
    let every = steps.len().div_ceil(240).max(1);
    let rate = |of: fn(&Step) -> Option<f64>| -> Vec<(f64, f64)> {
        let last = steps.len().saturating_sub(1);
        let shown =
            steps.iter().enumerate().filter(|(index, _)| index % every == 0 || *index == last);
        shown.filter_map(|(_, step)| Some((step.step as f64, of(step)?))).collect()
    };
    let (shared, own) = (rate(|step| Some(step.lr)), rate(|step| step.task_lr));
    if shared.is_empty() {
        return;
    }
    let series: Series = steps.iter().map(|step| (step.step, step.lr)).collect();
    let description = format!("Learning rate, {}", in_words(&series, false));
    let has_own = !own.is_empty();
    let lines = [shared, own].into_iter().filter(|points| !points.is_empty());
    let lines = lines.map(|points| Line { points, dots: false }).collect();
    let chart = Chart { description: &description, lines, ..empty_chart(false) };
    figure(html, data, chart, |html| {
        html.text("Learning rate");
        if has_own {
            legend_entry(html, 0, "shared parameters");
            legend_entry(html, 1, "task-specific parameters");
        }
    });
}
