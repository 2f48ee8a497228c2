//! Losses, scores and learning rate of the whole run.

use crate::report::chart::figure::write_chart;
use crate::report::chart::line_chart::{LineChart, in_words};
use crate::report::chart::quantity::Quantity;
use crate::report::data::curve::{Curve, spans_magnitudes};
use crate::report::data::report_data::ReportData;
use crate::report::html::Html;
use crate::report::loss_chart::loss_chart;
use crate::run_files::history::{Series, Step};

pub(crate) fn write(data: &ReportData<'_>, html: &mut Html) {
    let history = &data.run.history;
    if history.steps.is_empty() && history.results.is_empty() {
        return;
    }
    html.leaf("p", &[("class", "muted")], &introduction(data));
    html.element("div", &[("class", "figures")], |html| {
        if !history.losses().is_empty() {
            write_chart(&loss_chart(data, None, &history.losses(), None), html);
        }
        write_auxiliary_losses(data, html);
        write_mean(data, html);
        write_learning_rate(data, html);
    });
}

fn introduction(data: &ReportData<'_>) -> String {
    let mut text = match Curve::new(&data.run.history.losses()).window {
        1 => "Loss curves show every step.".to_owned(),
        window => format!(
            "Loss curves are moving averages over {window} steps. The band shows the 10th to 90th \
             percentile of these steps."
        ),
    };
    if data.best().is_some() {
        text.push_str(
            " The dotted vertical line marks the step with the best mean over tasks on dev, whose \
             prompts were saved.",
        );
    }
    text
}

fn write_auxiliary_losses(data: &ReportData<'_>, html: &mut Html) {
    let losses = data.run.history.auxiliary_losses();
    if losses.is_empty() {
        return;
    }
    let mut chart = data.chart("Auxiliary losses", Quantity::LOSS);
    let words =
        losses.iter().map(|(name, series)| format!("{name} {}", in_words(series, Quantity::LOSS)));
    chart.description = format!("Auxiliary losses: {}", words.collect::<Vec<_>>().join("; "));
    for (name, series) in &losses {
        chart.add_curve(*name, Curve::new(series).smooth);
    }
    // Losses of distillation have different magnitudes.
    let values = chart.lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value);
    chart.logarithmic = spans_magnitudes(values);
    write_chart(&chart, html);
}

fn write_mean(data: &ReportData<'_>, html: &mut Html) {
    let means = data.run.history.means();
    if means.is_empty() {
        return;
    }
    let quantity = data.score_quantity();
    let mut chart = data.chart("Mean over tasks on dev", quantity);
    chart.description = format!("Mean over tasks on dev, {}", in_words(&means, quantity));
    chart.add_evaluations("mean", &means);
    write_chart(&chart, html);
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
    let mut chart =
        LineChart { selected: None, ..data.chart("Learning rate", Quantity::LearningRate) };
    chart.description = format!("Learning rate, {}", in_words(&series, Quantity::LearningRate));
    match own.is_empty() {
        true => chart.add_curve("learning rate", shared),
        false => {
            chart.add_curve("shared parameters", shared);
            chart.add_curve("task-specific parameters", own);
        }
    }
    write_chart(&chart, html);
}
