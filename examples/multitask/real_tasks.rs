//! Tasks on real files.

use std::error::Error;
use std::path::Path;

use mtpt::tasks::{Format, LabelsConfig, Limit, Metric, Task, TaskConfig, TaskId, glue};

/// Rows that are judged: enough for a figure to within about one and a half points, quick enough to watch.
const JUDGED: usize = 1_000;

/// Five tasks of GLUE, TREC's six kinds of questions, subjectivity (Subj) and opinions (MPQA).
///
/// Inputs of GLUE's tasks begin with a word that says what is asked, and answers are words of one piece: what a small model
/// without T5's own training has the easiest time with. `mtpt::tasks::glue` without a template or labels has T5's texts.
pub fn tasks(data: &Path) -> Result<Vec<Task>, Box<dyn Error>> {
    let folder = |name: &str| data.join("glue").join(name);
    let worded = |config: TaskConfig, template: &str, words: &[(&str, &str)]| TaskConfig {
        template: Some(template.to_owned()),
        labels: Some(LabelsConfig::words(words.iter().copied())),
        ..config
    };
    let judged_by = |config: TaskConfig, metric| TaskConfig { metrics: vec![metric], ..config };
    let yes_if_1 = [("0", "no"), ("1", "yes")];
    let text = |name: &str, template: &str| -> Result<TaskConfig, Box<dyn Error>> {
        let folder = data.join("text").join(name);
        Ok(TaskConfig {
            train: Some(folder.join("train.jsonl")),
            test: Some(folder.join("test.jsonl")),
            template: Some(template.to_owned()),
            labels: Some(LabelsConfig::Verbatim),
            ..TaskConfig::new(TaskId::new(name)?, Format::JsonLines)
        })
    };
    let configs = [
        worded(glue::cola(&folder("CoLA")), "acceptable: {sentence}", &yes_if_1),
        judged_by(
            worded(glue::mrpc(&folder("MRPC")), "paraphrase: {sentence1} | {sentence2}", &yes_if_1),
            Metric::Accuracy,
        ),
        worded(
            glue::rte(&folder("RTE")),
            "entailment: {sentence1} | {sentence2}",
            &[("not_entailment", "no"), ("entailment", "yes")],
        ),
        worded(
            glue::sst2(&folder("SST-2")),
            "sentiment: {sentence}",
            &[("0", "bad"), ("1", "good")],
        ),
        TaskConfig {
            template: Some("similarity: {sentence1} | {sentence2}".to_owned()),
            ..glue::stsb(&folder("STS-B"))
        },
        text("trec", "{text}")?,
        text("subj", "{text}")?,
        worded(
            text("mpqa", "{text}")?,
            "sentiment: {text}",
            &[("negative", "bad"), ("positive", "good")],
        ),
    ];
    let limit = Limit { dev: Some(JUDGED), test: Some(JUDGED), ..Limit::default() };
    let check = |config| Ok(Task::new(&TaskConfig { limit: limit.clone(), ..config })?);
    configs.into_iter().map(check).collect()
}
