use std::path::Path;

use mtpt::tasks::{Labels, LabelsConfig, SourceLocation};

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::first_text;

/// Label words, scales and sets of labels as JSON, and labels and answers of rows: the second line.
pub(super) const TARGET: Target = Target { name: "labels", fixtures: &[], read, repair: None };

fn read(folder: &Path) -> Outcome {
    let Some((path, text)) = first_text(folder) else { return Outcome::not_readable() };
    let (config, answer) = text.split_once('\n').unwrap_or((&text, ""));
    let config: LabelsConfig = match serde_json::from_str(config) {
        Ok(config) => config,
        Err(error) => return Outcome::rejected(&error),
    };
    let labels = match Labels::of_config(&config) {
        Ok(Some(labels)) => labels,
        Ok(None) => return Outcome::accepted("verbatim"),
        Err(error) => return Outcome::parsed(&error),
    };
    let location = SourceLocation::new(path, 1);
    if let Ok(gold) = labels.gold(answer, &location) {
        labels.target(gold);
    }
    labels.text(labels.read(answer));
    labels.raw_answer(answer);
    labels.labels_in(answer);
    let scores: Vec<f64> = (0..labels.words().len()).map(|index| -(index as f64)).collect();
    let _ = labels.rank(&scores).map(|prediction| labels.text(prediction));
    Outcome::accepted(format!("2^{} words", (labels.words().len() + 1).ilog2()))
}
