use std::path::Path;

use crate::results::remarks;
use crate::run_files::evaluation::read_evaluation;
use crate::shell_word::in_quotes;
use crate::sweep::results::SweptRun;

/// Factor between a value at the edge of a range and the next one to try.
const FACTOR: f64 = 3.0;

/// Returns the lines below the table of a sweep: the best run, its tasks that were not learned,
/// values at the edge of the range, and the next commands. There are none if no run has a score.
pub(crate) fn conclusion(runs: &[SweptRun]) -> Vec<String> {
    let ranked = runs.iter().filter_map(|run| Some((run, run.rank()?)));
    let Some((best, rank)) = ranked.reduce(|best, run| if run.1 > best.1 { run } else { best })
    else {
        return Vec::new();
    };
    let folder = best.folder.display().to_string();
    let mut lines = vec![format!("best run: {folder}")];
    let evaluation = read_evaluation(&best.folder.join("evaluation.json")).ok().flatten();
    lines.extend(evaluation.iter().flat_map(|record| &record.tasks).flat_map(remarks));
    lines.extend(edges(runs, best, rank));
    if best.folder.join("prompts.safetensors").is_file() {
        let folder = in_quotes(&folder);
        lines.push(format!("to predict: mtpt predict --prompts {folder} --input FILE"));
    }
    if let Some(parent) = best.folder.parent().filter(|parent| *parent != Path::new("")) {
        lines.push(format!("to compare: mtpt report {}", in_quotes(&parent.display().to_string())));
    }
    lines
}

/// Returns a note for each number of the best run that is the lowest or highest of those tried,
/// unless another value is just as good.
fn edges(runs: &[SweptRun], best: &SweptRun, rank: f64) -> Vec<String> {
    let note = |(position, (key, text)): (usize, &(String, String))| {
        if key == "seed" || key.ends_with(".seed") {
            return None;
        }
        let value: f64 = text.parse().ok()?;
        let tried = runs.iter().map(|run| Some((run, run.values.get(position)?.1.parse().ok()?)));
        let tried: Vec<(&SweptRun, f64)> = tried.collect::<Option<_>>()?;
        let others = || tried.iter().filter(|(_, other)| *other != value);
        if others().any(|(run, _)| run.rank() == Some(rank)) {
            return None;
        }
        let (edge, next) = if others().all(|(_, other)| *other < value) {
            ("highest", value * FACTOR)
        } else if others().all(|(_, other)| *other > value) {
            ("lowest", value / FACTOR)
        } else {
            return None;
        };
        let advice = if key.ends_with("learning_rate") && value > 0.0 {
            // One digit is as precise as the advice.
            let next = format!("{next:.0e}").parse().unwrap_or(next);
            format!("continue with `--set {key}={next}`")
        } else {
            let comparative = edge.replace("est", "er");
            format!("try {comparative} ones, too")
        };
        Some(format!("note: the best `{key}`, {text}, is the {edge} of those tried; {advice}"))
    };
    best.values.iter().enumerate().filter_map(note).collect()
}

#[cfg(test)]
mod tests {
    use mtpt::tasks::metric::Unit;
    use serde_json::json;

    use super::*;

    fn run(key: &str, value: &str, score: Option<f64>) -> SweptRun {
        let summary = |score: f64| json!({ "score": score }).as_object().unwrap().clone();
        SweptRun {
            folder: format!("runs/a/{value}").into(),
            values: vec![(key.to_owned(), value.to_owned())],
            result: score.map(summary).ok_or_else(|| "NaN".to_owned()),
            seconds: 1.0,
            unit: Unit::Percent,
        }
    }

    #[track_caller]
    fn check(key: &str, scores: &[(&str, Option<f64>)], expected: &[&str]) {
        let runs: Vec<_> = scores.iter().map(|(value, score)| run(key, value, *score)).collect();
        let notes = conclusion(&runs);
        assert_eq!(notes[1..notes.len() - 1], *expected);
        assert_eq!(notes.last().unwrap(), "to compare: mtpt report runs/a");
    }

    #[test]
    fn a_best_value_at_the_edge_is_noted() {
        let rate = "training.learning_rate";
        check(
            rate,
            &[("0.1", Some(0.5)), ("0.3", Some(0.6)), ("1", Some(0.7))],
            &["note: the best `training.learning_rate`, 1, is the highest of those tried; \
               continue with `--set training.learning_rate=3`"],
        );
        check(
            rate,
            &[("0.1", Some(0.5)), ("0.3", Some(0.4))],
            &["note: the best `training.learning_rate`, 0.1, is the lowest of those tried; \
               continue with `--set training.learning_rate=0.03`"],
        );
        check(
            "training.steps",
            &[("30", Some(0.5)), ("60", Some(0.6))],
            &["note: the best `training.steps`, 60, is the highest of those tried; try higher \
               ones, too"],
        );
        // In the middle, next to a failed value, or as good as another one.
        check(rate, &[("0.1", Some(0.5)), ("0.3", Some(0.6)), ("1", Some(0.5))], &[]);
        check(rate, &[("0.1", Some(0.5)), ("0.3", Some(0.6)), ("1e38", None)], &[]);
        check(rate, &[("0.1", Some(0.6)), ("0.3", Some(0.6))], &[]);
        check("seed", &[("0", Some(0.5)), ("1", Some(0.6))], &[]);
        check("composition.strategy", &[("add", Some(0.5)), ("separate", Some(0.6))], &[]);
        assert!(conclusion(&[run(rate, "1e38", None)]).is_empty());
    }
}
