use crate::number_format::counted;
use crate::report::chart::quantity::Quantity;
use crate::report::components::paragraph;
use crate::report::data::comparison::Comparison;
use crate::report::html::Html;
use crate::report::prose::Prose;

pub(super) fn write(comparison: &Comparison<'_>, html: &mut Html) {
    html.leaf("p", &[("class", "kicker")], "Comparison of runs");
    html.leaf("h1", &[], &comparison.name);
    paragraph(html, "lead", &lead(comparison));
    let mut status = counted(comparison.runs.len(), "run");
    if comparison.inner > 0 {
        let inner = counted(comparison.inner, "run");
        status.push_str(&format!(", and {inner} inside them, which their reports list"));
    }
    html.leaf("p", &[("class", "status")], &format!("{status}."));
}

fn lead(comparison: &Comparison<'_>) -> Prose {
    let Some((best, value)) = comparison.best() else {
        return Prose::default().text("None of the runs has been evaluated on dev yet.");
    };
    let quantity = comparison.quantity;
    let what = match quantity {
        Quantity::LOSS => "mean loss on dev",
        _ => "mean over tasks on dev",
    };
    let mut prose = Prose::default()
        .name(&best.run.name)
        .text(format!(" is best: its {what} is {}", quantity.text(value)));
    if let Some((second, Some((_, other)))) =
        comparison.runs.get(1).map(|second| (second, second.best))
    {
        let difference = (value - other).abs();
        prose = match quantity.is_better(value, other) {
            true => prose
                .text(format!(", {} ", gap(quantity, difference)))
                .text(if quantity.higher_is_better() { "above " } else { "below " })
                .name(&second.run.name),
            false => prose.text(", equal to that of ").name(&second.run.name),
        };
    }
    prose = prose.text(".");
    let counts: Vec<(usize, usize)> =
        comparison.runs.iter().filter_map(|run| run.above_majority()).collect();
    if counts.len() > 1 {
        let all = counts.iter().filter(|(better, compared)| better == compared).count();
        let runs = counted(counts.len(), "run");
        prose = prose.text(match counts.len() == comparison.runs.len() {
            true => format!(" {all} of {runs} beat the majority baseline on every task."),
            false => format!(
                " {all} of the {runs} with baselines beat the majority baseline on every task."
            ),
        });
    }
    if !comparison.has_common_tasks() {
        prose = prose.text(" The runs have different tasks, so their means are not comparable.");
    }
    prose
}

fn gap(quantity: Quantity, difference: f64) -> String {
    match quantity {
        Quantity::PERCENT => format!("{:.1} points", 100.0 * difference),
        _ => quantity.number(difference),
    }
}
