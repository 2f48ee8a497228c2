//! The table in Markdown.

use mtpt_examples::spread::{mean, spread};
use mtpt_examples::terminal::grouped;

use crate::measure::{Measurement, Setting};

/// Returns the table, with a row per number of training rows and method in the order of the
/// measurements, and a sentence about the runs.
pub fn markdown(setting: &Setting, measurements: &[Measurement]) -> String {
    let tasks = ["TREC", "Subj", "MPQA", "SST-2"];
    let head = tasks.join(" | ");
    let mut text = format!("| training rows per task | method | {head} | average |\n");
    text += "|---|---|---|---|---|---|---|\n";
    let mut keys: Vec<(usize, &str)> = Vec::new();
    for measurement in measurements {
        let key = (measurement.rows, measurement.method.as_str());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    for (rows, method) in keys {
        let runs = measurements.iter().filter(|run| run.rows == rows && run.method == method);
        let runs: Vec<Vec<f64>> =
            runs.map(|run| run.values.iter().map(|value| 100.0 * value).collect()).collect();
        let of_task = |task: usize| spread(&runs.iter().map(|run| run[task]).collect::<Vec<_>>());
        let cells: Vec<String> = (0..tasks.len()).map(of_task).collect();
        let average = spread(&runs.iter().map(|run| mean(run)).collect::<Vec<_>>());
        let (rows, cells) = (grouped(rows), cells.join(" | "));
        text += &format!("| {rows} | {method} | {cells} | **{average}** |\n");
    }
    text + &setting.description()
}
