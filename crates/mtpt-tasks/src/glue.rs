//! The tasks of GLUE (Wang et al. 2019) with T5's texts (Raffel et al. 2020, appendix D).
//!
//! Each function describes a task whose files lie in a folder under their original names, `train.tsv` and `dev.tsv`;
//! test files have no labels, so that there is no split `test`.

use std::path::Path;

use crate::config::TaskConfig;
use crate::format::Format;
use crate::id::TaskId;
use crate::labels::LabelsConfig;
use crate::metric::Metric;
use crate::score::Scale;
use crate::superglue;

/// What a format of GLUE or SuperGLUE implies: all that a configuration may leave out.
pub(crate) struct Preset {
    pub(crate) template: &'static str,
    pub(crate) label_field: &'static str,
    pub(crate) labels: LabelsConfig,
    pub(crate) metrics: Vec<Metric>,
}

impl Preset {
    /// The preset of a format, unless it is a general one.
    pub(crate) fn of(format: Format) -> Option<Self> {
        let f1 = |positive: &str| Metric::F1 { positive: positive.to_owned() };
        let entailment =
            || LabelsConfig::words(["entailment", "not_entailment"].map(|word| (word, word)));
        let preset = |template, label_field, labels, metrics| {
            Some(Self { template, label_field, labels, metrics })
        };
        match format {
            Format::GlueCola => preset(
                "cola sentence: {sentence}",
                "label",
                LabelsConfig::words([("0", "unacceptable"), ("1", "acceptable")]),
                vec![Metric::Matthews],
            ),
            Format::GlueMnli => preset(
                "mnli hypothesis: {sentence2} premise: {sentence1}",
                "gold_label",
                LabelsConfig::words(
                    ["entailment", "neutral", "contradiction"].map(|word| (word, word)),
                ),
                vec![Metric::Accuracy],
            ),
            Format::GlueMrpc => preset(
                "mrpc sentence1: {sentence1} sentence2: {sentence2}",
                "label",
                LabelsConfig::words([("0", "not_equivalent"), ("1", "equivalent")]),
                vec![f1("equivalent"), Metric::Accuracy],
            ),
            Format::GlueQnli => preset(
                "qnli question: {question} sentence: {sentence}",
                "label",
                entailment(),
                vec![Metric::Accuracy],
            ),
            Format::GlueQqp => preset(
                "qqp question1: {question1} question2: {question2}",
                "is_duplicate",
                LabelsConfig::words([("0", "not_duplicate"), ("1", "duplicate")]),
                vec![f1("duplicate"), Metric::Accuracy],
            ),
            Format::GlueRte => preset(
                "rte sentence1: {sentence1} sentence2: {sentence2}",
                "label",
                entailment(),
                vec![Metric::Accuracy],
            ),
            Format::GlueSst2 => preset(
                "sst2 sentence: {sentence}",
                "label",
                LabelsConfig::words([("0", "negative"), ("1", "positive")]),
                vec![Metric::Accuracy],
            ),
            Format::GlueStsb => preset(
                "stsb sentence1: {sentence1} sentence2: {sentence2}",
                "score",
                LabelsConfig::Regression(Scale::default()),
                vec![Metric::Pearson, Metric::Spearman],
            ),
            Format::GlueWnli => preset(
                "wnli sentence1: {sentence1} sentence2: {sentence2}",
                "label",
                LabelsConfig::words([("0", "not_entailment"), ("1", "entailment")]),
                vec![Metric::Accuracy],
            ),
            other => superglue::preset(other),
        }
    }
}

/// `cola`: is a sentence acceptable? Judged by Matthews' correlation.
pub fn cola(folder: &Path) -> TaskConfig {
    task("cola", Format::GlueCola, folder)
}

/// `mnli`: does a premise entail a hypothesis? Judged by accuracy on the matched development file.
pub fn mnli(folder: &Path) -> TaskConfig {
    let mut config = task("mnli", Format::GlueMnli, folder);
    config.dev = Some(folder.join("dev_matched.tsv"));
    config
}

/// `mrpc`: do two sentences say the same? Judged by F1 and accuracy.
pub fn mrpc(folder: &Path) -> TaskConfig {
    task("mrpc", Format::GlueMrpc, folder)
}

/// `qnli`: does a sentence answer a question? Judged by accuracy.
pub fn qnli(folder: &Path) -> TaskConfig {
    task("qnli", Format::GlueQnli, folder)
}

/// `qqp`: do two questions ask the same? Judged by F1 and accuracy.
pub fn qqp(folder: &Path) -> TaskConfig {
    task("qqp", Format::GlueQqp, folder)
}

/// `rte`: does a text entail a sentence? Judged by accuracy.
pub fn rte(folder: &Path) -> TaskConfig {
    task("rte", Format::GlueRte, folder)
}

/// `sst2`: is a sentence from a film review positive? Judged by accuracy.
pub fn sst2(folder: &Path) -> TaskConfig {
    task("sst2", Format::GlueSst2, folder)
}

/// `stsb`: how similar are two sentences, from 0 to 5? Judged by Pearson's and Spearman's correlation.
pub fn stsb(folder: &Path) -> TaskConfig {
    task("stsb", Format::GlueStsb, folder)
}

/// `wnli`: does a sentence with a pronoun entail one with its referent? Judged by accuracy.
pub fn wnli(folder: &Path) -> TaskConfig {
    task("wnli", Format::GlueWnli, folder)
}

fn task(name: &'static str, format: Format, folder: &Path) -> TaskConfig {
    let mut config = described(TaskConfig::new(TaskId::from_static(name), format));
    config.train = Some(folder.join("train.tsv"));
    config.dev = Some(folder.join("dev.tsv"));
    config
}

/// A task with all that its format implies.
pub(crate) fn described(mut config: TaskConfig) -> TaskConfig {
    if let Some(preset) = Preset::of(config.format) {
        config.template = Some(preset.template.to_owned());
        config.label_field = Some(preset.label_field.to_owned());
        config.labels = Some(preset.labels);
        config.metrics = preset.metrics;
    }
    config
}
