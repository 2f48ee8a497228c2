//! Tasks of public benchmarks, with T5's templates and label words.

use std::path::Path;

use crate::data::format::Format;
use crate::presets::Preset;
use crate::task::config::TaskConfig;
use crate::task::id::TaskId;

/// The tasks of GLUE (Wang et al. 2019).
///
/// Each function defines a task whose files are in a folder under their original names, `train.tsv`
/// and `dev.tsv`. There is no split `test`, as the test files have no labels.
pub mod glue {
    use super::{Format, Path, TaskConfig, define};

    /// Defines `cola`: linguistic acceptability, evaluated by Matthews correlation.
    pub fn cola(folder: &Path) -> TaskConfig {
        task("cola", Format::GlueCola, folder)
    }

    /// Defines `mnli`: natural language inference, evaluated by accuracy on the matched file.
    pub fn mnli(folder: &Path) -> TaskConfig {
        let mut config = task("mnli", Format::GlueMnli, folder);
        config.dev = Some(folder.join("dev_matched.tsv"));
        config
    }

    /// Defines `mrpc`: paraphrases, evaluated by F1 and accuracy.
    pub fn mrpc(folder: &Path) -> TaskConfig {
        task("mrpc", Format::GlueMrpc, folder)
    }

    /// Defines `qnli`: whether a sentence answers a question, evaluated by accuracy.
    pub fn qnli(folder: &Path) -> TaskConfig {
        task("qnli", Format::GlueQnli, folder)
    }

    /// Defines `qqp`: duplicate questions, evaluated by F1 and accuracy.
    pub fn qqp(folder: &Path) -> TaskConfig {
        task("qqp", Format::GlueQqp, folder)
    }

    /// Defines `rte`: textual entailment, evaluated by accuracy.
    pub fn rte(folder: &Path) -> TaskConfig {
        task("rte", Format::GlueRte, folder)
    }

    /// Defines `sst2`: sentiment of film reviews, evaluated by accuracy.
    pub fn sst2(folder: &Path) -> TaskConfig {
        task("sst2", Format::GlueSst2, folder)
    }

    /// Defines `stsb`: similarity from 0 to 5, evaluated by Pearson and Spearman correlation.
    pub fn stsb(folder: &Path) -> TaskConfig {
        task("stsb", Format::GlueStsb, folder)
    }

    /// Defines `wnli`: pronoun resolution as inference, evaluated by accuracy.
    pub fn wnli(folder: &Path) -> TaskConfig {
        task("wnli", Format::GlueWnli, folder)
    }

    fn task(name: &'static str, format: Format, folder: &Path) -> TaskConfig {
        let mut config = define(name, format);
        config.train = Some(folder.join("train.tsv"));
        config.dev = Some(folder.join("dev.tsv"));
        config
    }
}

/// The tasks of SuperGLUE (Wang et al. 2019b).
///
/// Each function defines a task whose files are in a folder under their original names,
/// `train.jsonl` and `val.jsonl`. There is no split `test`, as `test.jsonl` has no labels. The two
/// diagnostic sets have the split `test` alone.
pub mod superglue {
    use super::{Format, Path, TaskConfig, define};

    /// Defines `boolq`: yes/no questions about a passage, evaluated by accuracy.
    pub fn boolq(folder: &Path) -> TaskConfig {
        task("boolq", Format::SuperglueBoolq, folder)
    }

    /// Defines `cb`: the CommitmentBank, evaluated by macro F1 and accuracy.
    pub fn cb(folder: &Path) -> TaskConfig {
        task("cb", Format::SuperglueCb, folder)
    }

    /// Defines `copa`: choice of the cause or effect, evaluated by accuracy.
    pub fn copa(folder: &Path) -> TaskConfig {
        task("copa", Format::SuperglueCopa, folder)
    }

    /// Defines `multirc`: whether an answer to a question about a paragraph is correct.
    ///
    /// Evaluated by F1 over all answers, and by the fraction of questions with all answers
    /// predicted correctly.
    pub fn multirc(folder: &Path) -> TaskConfig {
        task("multirc", Format::SuperglueMultirc, folder)
    }

    /// Defines `record`: the entity missing from a query about a passage, generated as free text.
    ///
    /// Evaluated by SQuAD's F1 and exact match with the best matching answer.
    pub fn record(folder: &Path) -> TaskConfig {
        task("record", Format::SuperglueRecord, folder)
    }

    /// Defines `rte`: textual entailment, evaluated by accuracy.
    pub fn rte(folder: &Path) -> TaskConfig {
        task("rte", Format::SuperglueRte, folder)
    }

    /// Defines `wic`: whether a word has the same sense in two sentences, evaluated by accuracy.
    pub fn wic(folder: &Path) -> TaskConfig {
        task("wic", Format::SuperglueWic, folder)
    }

    /// Defines `wsc`: whether a pronoun refers to a noun, evaluated by accuracy.
    pub fn wsc(folder: &Path) -> TaskConfig {
        task("wsc", Format::SuperglueWsc, folder)
    }

    /// Defines `axb`: the broad-coverage diagnostic set, with RTE's template.
    ///
    /// Evaluated by Matthews correlation.
    pub fn axb(folder: &Path) -> TaskConfig {
        diagnostic("axb", Format::SuperglueAxb, folder, "AX-b.jsonl")
    }

    /// Defines `axg`: the gender-parity diagnostic set, with RTE's template, evaluated by accuracy.
    pub fn axg(folder: &Path) -> TaskConfig {
        diagnostic("axg", Format::SuperglueAxg, folder, "AX-g.jsonl")
    }

    fn task(name: &'static str, format: Format, folder: &Path) -> TaskConfig {
        let mut config = define(name, format);
        config.train = Some(folder.join("train.jsonl"));
        config.dev = Some(folder.join("val.jsonl"));
        config
    }

    fn diagnostic(name: &'static str, format: Format, folder: &Path, file: &str) -> TaskConfig {
        let mut config = define(name, format);
        config.test = Some(folder.join(file));
        config
    }
}

/// Defines a task without files, with all defaults of its format filled in.
fn define(name: &'static str, format: Format) -> TaskConfig {
    let mut config = TaskConfig::new(TaskId::from_static(name), format);
    if let Some(preset) = Preset::of(format) {
        config.template = Some(preset.template.to_owned());
        config.label_field = Some(preset.label_field.to_owned());
        config.labels = Some(preset.labels);
        config.metrics = preset.metrics;
    }
    config
}
