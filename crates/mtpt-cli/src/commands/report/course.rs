//! The course of training: losses and metrics over the steps.

use super::chart::{COLOURS, Chart, Line};
use super::curve::Curve;
use super::history::{LOSS, MetricSeries, Series, highest};
use super::html::Html;
use super::page::{Report, head_row, nats, percent, section, table};
use crate::commands::inspect::thousands;

pub(super) fn write(report: &Report<'_>, html: &mut Html) {
    let history = &report.files.history;
    // The page of several runs: each of them has its own.
    if history.steps.is_empty() && history.figures.is_empty() && !report.files.below.is_empty() {
        return;
    }
    if !history.steps.is_empty() || !history.figures.is_empty() {
        section(html, "course", "Course of training", |html| whole(report, html));
    }
    let tasks = report.tasks();
    if tasks.is_empty() {
        return;
    }
    section(html, "tasks", "Tasks", |html| {
        html.element("div", &[("class", "figures")], |html| {
            for task in &tasks {
                of_task(report, task, html);
            }
        });
    });
    if !history.figures.is_empty() {
        section(html, "metrics", "Metrics", |html| metrics(report, &tasks, html));
    }
}

/// What concerns all tasks together.
fn whole(report: &Report<'_>, html: &mut Html) {
    let history = &report.files.history;
    let losses = history.losses();
    let window = Curve::new(&losses).window;
    let smoothing = match window {
        1 => "Lines of losses show every step.".to_owned(),
        window => format!(
            "Lines of losses are means over {window} steps around each point; the band behind holds the middle four fifths of these steps."
        ),
    };
    let mut text = format!("Losses are in nats for each target token, over the steps. {smoothing}");
    if report.best().is_some() {
        text.push_str(" The upright line marks the step with the best mean of the tasks on dev, whose prompts are kept.");
    }
    html.leaf("p", &[], &text);
    html.element("div", &[("class", "figures")], |html| {
        loss_figure(report, html, "all tasks", &losses, None);
        added(report, html);
        let means = history.means();
        if !means.is_empty() {
            let points = points(&means);
            let description =
                format!("Mean of the tasks' metrics on dev, {}", in_words(&means, true));
            let lines = vec![Line { points, dots: true }];
            figure(
                html,
                report,
                Chart { description: &description, lines, ..nothing(true) },
                |html| {
                    html.text("Mean of the tasks on dev, in percent");
                },
            );
        }
        rates(report, html);
    });
}

/// What the objective adds to the loss.
fn added(report: &Report<'_>, html: &mut Html) {
    let added = report.files.history.added();
    if added.is_empty() {
        return;
    }
    let curves: Vec<Curve> = added.iter().map(|(_, series)| Curve::new(series)).collect();
    let words = |(name, series): &(&str, Series)| format!("{name} {}", in_words(series, false));
    let words: Vec<String> = added.iter().map(words).collect();
    let description = format!("What the objective adds to the loss: {}", words.join("; "));
    // Losses of distillation are of different magnitudes.
    let lines: Vec<Line> =
        curves.into_iter().map(|curve| Line { points: curve.smooth, dots: false }).collect();
    let values = || lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value);
    let lowest = values().fold(f64::INFINITY, f64::min);
    let logarithmic = lowest > 0.0 && values().fold(0.0, f64::max) / lowest > 100.0;
    let chart = Chart { description: &description, lines, logarithmic, ..nothing(false) };
    figure(html, report, chart, |html| {
        html.text(if logarithmic { "Added to the loss, logarithmic" } else { "Added to the loss" });
        for (number, (name, _)) in added.iter().enumerate() {
            key(html, number, name);
        }
    });
}

fn rates(report: &Report<'_>, html: &mut Html) {
    let steps = &report.files.history.steps;
    let thin = steps.len().div_ceil(240).max(1);
    let rate = |of: fn(&super::history::Step) -> Option<f64>| -> Vec<(f64, f64)> {
        let last = steps.len().saturating_sub(1);
        let shown =
            steps.iter().enumerate().filter(|(place, _)| place % thin == 0 || *place == last);
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
    figure(html, report, Chart { description: &description, lines, ..nothing(false) }, |html| {
        html.text("Learning rate");
        if has_own {
            key(html, 0, "of what tasks share");
            key(html, 1, "of tasks' own");
        }
    });
}

/// The figures of one task.
fn of_task(report: &Report<'_>, task: &str, html: &mut Html) {
    let history = &report.files.history;
    let (losses, all) = (history.losses_of(task), history.metrics_of(task));
    let (on_dev, metrics): (Vec<_>, Vec<_>) = all
        .into_iter()
        .filter(|series| series.split == "dev")
        .partition(|series| series.metric == LOSS);
    html.element("section", &[], |html| {
        html.leaf("h3", &[], task);
        if losses.is_empty() && metrics.is_empty() && on_dev.is_empty() {
            html.leaf("p", &[], "Nothing was measured yet.");
        }
        if !losses.is_empty() || !on_dev.is_empty() {
            loss_figure(report, html, task, &losses, on_dev.first().map(|series| &series.values));
        }
        if let Some(first) = metrics.first() {
            let words = |series: &MetricSeries| {
                format!("{} {}", series.metric, in_words(&series.values, true))
            };
            let all: Vec<String> = metrics.iter().map(words).collect();
            let description = format!("{task} on dev: {}", all.join("; "));
            let line = |series: &MetricSeries| Line { points: points(&series.values), dots: true };
            let lines = metrics.iter().map(line).collect();
            let chart = Chart { description: &description, lines, ..nothing(true) };
            figure(html, report, chart, |html| {
                if metrics.len() == 1 {
                    html.text(&format!("{} on dev, in percent", first.metric));
                } else {
                    html.text("On dev, in percent");
                    for (number, series) in metrics.iter().enumerate() {
                        key(html, number, &series.metric);
                    }
                }
            });
        }
    });
    html.line();
}

fn loss_figure(
    report: &Report<'_>,
    html: &mut Html,
    of: &str,
    losses: &Series,
    on_dev: Option<&Series>,
) {
    let curve = Curve::new(losses);
    let mut lines = vec![Line { points: curve.smooth.clone(), dots: false }];
    lines.extend(on_dev.map(|series| Line { points: points(series), dots: true }));
    let positive = on_dev.is_none_or(|series| series.iter().all(|(_, value)| *value > 0.0));
    let logarithmic = positive && curve.spans_magnitudes();
    // The words are those of the line, not of single steps.
    let smooth: Series = curve.smooth.iter().map(|(step, loss)| (*step as usize, *loss)).collect();
    let mut description = format!("Loss of {of}, {}", in_words(&smooth, false));
    if let Some(series) = on_dev {
        description.push_str(&format!("; on dev {}", in_words(series, false)));
    }
    let chart = Chart {
        description: &description,
        lines,
        band: curve.range,
        logarithmic,
        ..nothing(false)
    };
    figure(html, report, chart, |html| {
        let axis = if logarithmic { ", logarithmic" } else { "" };
        match of {
            "all tasks" => html.text(&format!("Loss of all tasks{axis}")),
            _ => html.text(&format!("Loss{axis}")),
        }
        if on_dev.is_some() {
            key(html, 0, "training");
            key(html, 1, "dev");
        }
    });
}

/// A figure with the best step marked.
fn figure(html: &mut Html, report: &Report<'_>, chart: Chart<'_>, caption: impl FnOnce(&mut Html)) {
    let marked = report.best().map(|(step, _)| step);
    let last_step = report.files.history.last_step();
    html.element("figure", &[], |html| {
        html.markup(&Chart { marked, last_step, ..chart }.svg());
        html.element("figcaption", &[], caption);
    });
    html.line();
}

/// A chart without anything in it.
fn nothing(percent: bool) -> Chart<'static> {
    Chart {
        description: "",
        last_step: 0,
        lines: Vec::new(),
        band: Vec::new(),
        marked: None,
        logarithmic: false,
        percent,
    }
}

/// What a line of this number stands for.
fn key(html: &mut Html, number: usize, name: &str) {
    let style = format!("background:{}", COLOURS[number % COLOURS.len()]);
    html.element("span", &[("class", "key"), ("style", &style)], |_| {});
    html.text(name);
}

fn points(series: &Series) -> Vec<(f64, f64)> {
    series.iter().map(|&(step, value)| (step as f64, value)).collect()
}

/// The course of a series for those who do not see it.
fn in_words(series: &Series, in_percent: bool) -> String {
    let (Some(&(first, from)), Some(&(last, to))) = (series.first(), series.last()) else {
        return "nothing yet".into();
    };
    let value = |value: f64| match in_percent {
        true => format!("{:.1} %", 100.0 * value),
        false => format!("{value:.3}"),
    };
    let [first, last] = [first, last].map(thousands);
    format!("from {} at step {first} to {} at step {last}", value(from), value(to))
}

/// First, best and last values of every metric.
fn metrics(report: &Report<'_>, tasks: &[&str], html: &mut Html) {
    let kept = report.best().map(|(step, _)| step);
    let kept_name = kept.map(|step| format!("At step {}, kept", thousands(step)));
    let mut names = vec!["Task", "Metric", "First", "Best", "Last"];
    names.extend(kept_name.as_deref());
    table(html, "Metrics in percent and the steps they are from; losses in nats", |html| {
        head_row(html, &names);
        html.element("tbody", &[], |html| {
            for task in tasks {
                for series in report.files.history.metrics_of(task) {
                    html.element("tr", &[], |html| metric_row(task, &series, kept, html));
                    html.line();
                }
            }
        });
    });
}

fn metric_row(task: &str, series: &MetricSeries, kept: Option<usize>, html: &mut Html) {
    let MetricSeries { split, metric, values } = series;
    html.leaf("th", &[("scope", "row"), ("title", task)], task);
    html.leaf("td", &[("class", "number")], &format!("{metric}, {split}"));
    let is_loss = metric == LOSS;
    let best = if is_loss {
        let negative: Series = values.iter().map(|&(step, value)| (step, -value)).collect();
        highest(&negative).map(|(step, value)| (step, -value))
    } else {
        highest(values)
    };
    let cell = |html: &mut Html, of: Option<(usize, f64)>| {
        html.element("td", &[("class", "number")], |html| {
            let Some((step, value)) = of else { return html.text("–") };
            if is_loss {
                nats(html, value)
            } else {
                percent(html, value)
            }
            html.leaf("small", &[], &format!(" ({})", thousands(step)));
        });
    };
    cell(html, values.first().copied());
    cell(html, best);
    cell(html, values.last().copied());
    if let Some(kept) = kept {
        cell(html, values.iter().find(|(step, _)| *step == kept).copied());
    }
}
