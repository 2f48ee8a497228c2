use std::path::{Path, PathBuf};

use mtpt::tasks::metric::Unit;
use serde_json::{Map, Value, json};

use crate::run_files::existing_run::runs_below;
use crate::run_files::history::{History, read_history};
use crate::text_table::TextTable;

/// The result of one run of a sweep.
pub(crate) struct SweptRun {
    pub(crate) folder: PathBuf,
    /// The swept keys and their values.
    pub(crate) values: Vec<(String, String)>,
    /// The summary that a single run prints, or the error.
    pub(crate) result: Result<Map<String, Value>, String>,
    /// Duration of all steps, also of earlier sessions.
    pub(crate) seconds: f64,
    /// Unit of the score.
    pub(crate) unit: Unit,
}

impl SweptRun {
    /// Creates the result of a run, with the time and the unit from its logs.
    pub(crate) fn new(
        folder: PathBuf,
        values: Vec<(String, String)>,
        result: Result<Map<String, Value>, String>,
    ) -> Self {
        let runs = [folder.clone()].into_iter();
        let runs = runs.chain(runs_below(&folder).into_iter().map(|run| folder.join(run)));
        let logs: Vec<History> = runs.filter_map(|run| read_log(&run)).collect();
        Self {
            seconds: logs.iter().map(History::seconds).sum(),
            unit: Unit::of_mean(logs.iter().flat_map(History::score_metrics)),
            folder,
            values,
            result,
        }
    }

    /// Returns the row for standard output.
    pub(crate) fn row(&self) -> Value {
        let values = self.values.iter().map(|(key, value)| (key.clone(), typed(value)));
        let mut row = json!({
            "run": self.folder.to_string_lossy(),
            "values": values.collect::<Map<String, Value>>(),
        });
        match &self.result {
            Ok(summary) => {
                for (key, value) in summary {
                    row[key] = value.clone();
                }
                row["seconds"] = rounded(self.seconds);
            }
            Err(error) => row["error"] = error.as_str().into(),
        }
        row
    }

    /// Returns the value that runs are compared by, higher for a better one: the score, or the
    /// negative loss of pretraining without tasks.
    pub(crate) fn rank(&self) -> Option<f64> {
        let summary = self.result.as_ref().ok()?;
        summary.get("score").and_then(Value::as_f64).or_else(|| self.mean_loss().map(|loss| -loss))
    }

    fn mean_loss(&self) -> Option<f64> {
        let losses = self.result.as_ref().ok()?.get("losses")?.as_object()?;
        let losses: Vec<f64> = losses.values().filter_map(Value::as_f64).collect();
        (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
    }

    /// Returns the cells of the table: score, best step, seconds and folder.
    fn cells(&self) -> [String; 4] {
        let folder = self.folder.display().to_string();
        let Ok(summary) = &self.result else {
            return ["failed".to_owned(), String::new(), String::new(), folder];
        };
        let score = summary.get("score").and_then(Value::as_f64);
        let score = match (score, self.mean_loss()) {
            (Some(score), _) => self.unit.format(score),
            (None, Some(loss)) => Unit::Nats.format(loss),
            (None, None) => String::new(),
        };
        let step = summary.get("step").and_then(Value::as_u64);
        let step = step.map(|step| step.to_string()).unwrap_or_default();
        [score, step, format!("{:.1}", self.seconds), folder]
    }
}

fn read_log(run: &Path) -> Option<History> {
    read_history(&run.join("metrics.jsonl")).ok().flatten()
}

/// Returns a value of a setting as JSON: a number, a truth value or a text.
fn typed(value: &str) -> Value {
    match serde_json::from_str(value) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        _ => value.trim_matches(['"', '\'']).into(),
    }
}

fn rounded(seconds: f64) -> Value {
    ((seconds * 10.0).round() / 10.0).into()
}

/// Returns the table of all runs, best first, as aligned lines with a header.
pub(crate) fn table(runs: &[SweptRun]) -> Vec<String> {
    let mut sorted: Vec<&SweptRun> = runs.iter().collect();
    let rank = |run: &SweptRun| (run.result.is_ok(), run.rank().unwrap_or(f64::NEG_INFINITY));
    sorted.sort_by(|first, second| {
        let ((first_ok, first), (second_ok, second)) = (rank(first), rank(second));
        second_ok.cmp(&first_ok).then(second.total_cmp(&first))
    });
    let keys = runs.first().map_or(&[][..], |run| &run.values);
    let short = |key: &String| key.rsplit('.').next().unwrap_or_default().to_owned();
    let header = keys.iter().map(|(key, _)| short(key));
    let header = header.chain(["score", "best step", "seconds", "run"].map(str::to_owned));
    let mut table = TextTable::new(header.collect(), keys.len()).with_text_at_the_end();
    for run in sorted {
        let values = run.values.iter().map(|(_, value)| value.clone());
        table.row(values.chain(run.cells()).collect());
    }
    table.lines("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(value: &str, result: Result<f64, &str>) -> SweptRun {
        let summary = |score: f64| {
            let summary = json!({"prompts": "p", "step": 50, "score": score});
            summary.as_object().unwrap().clone()
        };
        SweptRun {
            folder: format!("runs/a/learning_rate={value}").into(),
            values: vec![("training.learning_rate".to_owned(), value.to_owned())],
            result: result.map(summary).map_err(str::to_owned),
            seconds: 12.34,
            unit: Unit::Percent,
        }
    }

    #[test]
    fn the_best_run_comes_first_and_failures_last() {
        let runs = [run("0.1", Ok(0.5)), run("1e38", Err("NaN")), run("0.3", Ok(0.625))];
        let expected = "\
learning_rate   score  best step  seconds  run
0.3            62.5 %         50     12.3  runs/a/learning_rate=0.3
0.1            50.0 %         50     12.3  runs/a/learning_rate=0.1
1e38           failed                      runs/a/learning_rate=1e38";
        assert_eq!(table(&runs).join("\n"), expected);
    }

    #[test]
    fn rows_contain_typed_values() {
        let row = run("0.1", Ok(0.5)).row();
        assert_eq!(row["values"]["training.learning_rate"], 0.1);
        assert_eq!((&row["score"], &row["seconds"]), (&json!(0.5), &json!(12.3)));
        assert_eq!(run("1e38", Err("NaN")).row()["error"], "NaN");
        assert_eq!(
            [typed("true"), typed("\"a\""), typed("linear")],
            [json!(true), json!("a"), json!("linear")]
        );
    }
}
