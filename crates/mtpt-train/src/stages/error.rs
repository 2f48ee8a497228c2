use std::path::PathBuf;

use crate::stages::stage::Stage;

/// Errors of a pipeline.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// None of the requested stages is configured.
    #[error(
        "the configuration has nothing to do for {}: `[teachers]` or `[distillation]` adds teachers, \
         `[adaptation]` adds targets",
        requested.iter().map(|stage| format!("`{}`", stage.dir())).collect::<Vec<_>>().join(", ")
    )]
    NothingToDo {
        /// The requested stages.
        requested: Vec<Stage>,
    },
    /// An input of the pipeline is in a directory that it would clear.
    #[error(
        "the pipeline starts from `{path}`, which it would remove: choose another output directory"
    )]
    WouldRemove {
        /// The file.
        path: PathBuf,
    },
    /// Every task is a target, and none is left as a source.
    #[error(
        "no task is left as a source: set `adaptation.sources`, or remove some of \
         `adaptation.targets`"
    )]
    NoSource,
    /// The nearest source is requested for targets that are trained together.
    #[error("`adaptation.nearest` is for targets that are trained separately: remove `together`")]
    NearestTogether,
    /// The nearest source is requested for few-shot adaptation.
    #[error("`adaptation.nearest` uses all rows of a target: remove it, or `few_shot`")]
    NearestFewShot,
    /// The nearest source is requested for prompts that depend on the input.
    #[error("`adaptation.nearest` compares prompts, but these depend on the input: remove it")]
    NearestReadsInputs,
    /// A stage starts from a run that is not complete.
    #[error("the run in `{path}` is not complete: resume it first")]
    Unfinished {
        /// The run's directory.
        path: PathBuf,
    },
}
