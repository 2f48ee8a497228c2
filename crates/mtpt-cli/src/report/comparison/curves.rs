use crate::number_format::counted;
use crate::report::chart::figure::write_chart;
use crate::report::chart::line_chart::{LineChart, in_words};
use crate::report::chart::quantity::Quantity;
use crate::report::data::comparison::{ComparedRun, Comparison};
use crate::report::data::curve::Curve;
use crate::report::html::Html;
use crate::run_files::history::Series;

/// Maximum number of runs in a chart.
const RUNS: usize = 12;

pub(super) fn write(comparison: &Comparison<'_>, html: &mut Html) {
    let shown: Vec<&ComparedRun<'_>> = comparison
        .runs
        .iter()
        .filter(|run| !run.run.history.steps.is_empty() || !run.scores.is_empty())
        .take(RUNS)
        .collect();
    if shown.is_empty() {
        return;
    }
    if comparison.runs.len() > shown.len() && shown.len() == RUNS {
        let text =
            format!("The curves of the best {RUNS} of {}.", counted(comparison.runs.len(), "run"));
        html.leaf("p", &[("class", "muted")], &text);
    }
    let last_step = shown.iter().map(|run| run.run.history.last_step()).max().unwrap_or_default();
    html.element("div", &[("class", "figures overlays")], |html| {
        write_scores(comparison, &shown, last_step, html);
        write_differences(comparison, &shown, last_step, html);
        write_losses(&shown, last_step, html);
    });
}

fn write_scores(
    comparison: &Comparison<'_>,
    shown: &[&ComparedRun<'_>],
    last_step: usize,
    html: &mut Html,
) {
    if shown.iter().all(|run| run.scores.is_empty()) {
        return;
    }
    let quantity = comparison.quantity;
    let title = match quantity {
        Quantity::LOSS => "Mean loss on dev",
        _ => "Mean over tasks on dev",
    };
    let mut chart = LineChart::new(title, quantity, last_step);
    for run in shown {
        chart.add_evaluations(&run.run.name, &run.scores);
    }
    chart.description = describe(title, shown, quantity, &|run| run.scores.clone());
    write_chart(&chart, html);
}

/// Writes the differences to the best run at the steps at which both were evaluated.
fn write_differences(
    comparison: &Comparison<'_>,
    shown: &[&ComparedRun<'_>],
    last_step: usize,
    html: &mut Html,
) {
    let Some((best, _)) = comparison.best() else { return };
    let difference = |run: &ComparedRun<'_>| -> Series {
        let at = |step: usize| best.scores.iter().find(|(other, _)| *other == step);
        let points = run.scores.iter();
        points.filter_map(|(step, value)| Some((*step, value - at(*step)?.1))).collect()
    };
    let others = shown.iter().filter(|run| run.run.folder != best.run.folder);
    if others.clone().all(|run| difference(run).is_empty()) {
        return;
    }
    let quantity = match comparison.quantity {
        Quantity::PERCENT => Quantity::Points,
        other => other,
    };
    let title = format!("Difference to {}", best.run.name);
    let mut chart = LineChart::new(title.as_str(), quantity, last_step);
    // The best run is the line at 0, so that every run has the same color in all charts.
    for run in shown {
        chart.add_evaluations(&run.run.name, &difference(run));
    }
    chart.description = describe(&title, shown, quantity, &difference);
    write_chart(&chart, html);
}

fn write_losses(shown: &[&ComparedRun<'_>], last_step: usize, html: &mut Html) {
    if shown.iter().all(|run| run.run.history.steps.is_empty()) {
        return;
    }
    let mut chart = LineChart::new("Training loss", Quantity::LOSS, last_step);
    let mut curves = Vec::new();
    for run in shown {
        let curve = Curve::new(&run.run.history.losses());
        curves.push(curve.spans_magnitudes());
        chart.add_curve(&run.run.name, curve.smooth);
    }
    let values = chart.lines.iter().flat_map(|line| &line.points);
    chart.logarithmic = curves.contains(&true) && values.clone().all(|(_, loss)| *loss > 0.0);
    chart.description =
        describe("Training loss", shown, Quantity::LOSS, &|run| run.run.history.losses());
    write_chart(&chart, html);
}

/// Describes the curves of runs for screen readers.
fn describe(
    title: &str,
    shown: &[&ComparedRun<'_>],
    quantity: Quantity,
    series: &dyn Fn(&ComparedRun<'_>) -> Series,
) -> String {
    let words =
        shown.iter().map(|run| format!("{} {}", run.run.name, in_words(&series(run), quantity)));
    format!("{title}: {}", words.collect::<Vec<_>>().join("; "))
}
