use crate::report::chart::line_chart::{LineChart, in_words};
use crate::report::chart::quantity::Quantity;
use crate::report::data::curve::Curve;
use crate::report::data::report_data::ReportData;
use crate::run_files::history::Series;

/// Returns the chart of a training loss, and optionally of the loss on dev.
///
/// `task` is `None` for the loss of all tasks.
pub(super) fn loss_chart(
    data: &ReportData<'_>,
    task: Option<&str>,
    losses: &Series,
    on_dev: Option<&Series>,
) -> LineChart {
    let title = if task.is_none() { "Training loss, all tasks" } else { "Loss" };
    let mut chart = data.chart(title, Quantity::LOSS);
    let curve = Curve::new(losses);
    let positive = on_dev.is_none_or(|series| series.iter().all(|(_, value)| *value > 0.0));
    chart.logarithmic = positive && curve.spans_magnitudes();
    // The description follows the visible line, not single steps.
    let smooth: Series = curve.smooth.iter().map(|(step, loss)| (*step as usize, *loss)).collect();
    let name = task.unwrap_or("all tasks");
    chart.description = format!("Training loss of {name}, {}", in_words(&smooth, Quantity::LOSS));
    chart.add_curve("training", curve.smooth);
    chart.band = curve.range;
    if let Some(series) = on_dev {
        let on_dev = format!("; on dev {}", in_words(series, Quantity::LOSS));
        chart.description.push_str(&on_dev);
        chart.add_evaluations("dev", series);
    }
    chart
}
