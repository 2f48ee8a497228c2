//! Advice in place of extending a run whose learning rates depend on the number of steps.

use std::path::{Path, PathBuf};

use mtpt::train::CheckpointError::{BeyondLastStep, NotExtendable};
use mtpt::train::Error::Checkpoint;

use crate::args::training::Run;
use crate::destination::run_dir;
use crate::error::Error;
use crate::shell_word::in_quotes;

/// The command that trains, and its way to start from results.
pub(crate) enum Start<'a> {
    /// `mtpt train`, from prompts.
    Prompts,
    /// `mtpt adapt`, from prompts.
    AdaptedPrompts,
    /// `mtpt pretrain`, from a model.
    Model(&'a Path),
}

/// Adds the way to train longer to the error that a run can't be extended.
pub(crate) fn explain(error: Error, arguments: &Run, start: &Start<'_>) -> Error {
    match &error {
        Error::Train(Checkpoint(NotExtendable { path, before, steps, .. })) => {
            let run = path.parent().and_then(Path::parent).unwrap_or(path);
            let more = if steps > before { steps - before } else { *steps };
            let advice = longer_run(arguments, run, more, start);
            Error::Advised { source: Box::new(error), advice }
        }
        Error::Train(Checkpoint(BeyondLastStep { .. })) => {
            let advice = "resume with more steps, or start over in another folder with `--output`";
            Error::Advised { source: Box::new(error), advice: advice.to_owned() }
        }
        _ => error,
    }
}

fn longer_run(arguments: &Run, run: &Path, steps: usize, start: &Start<'_>) -> String {
    let config = &arguments.config;
    // Paths in settings are relative to the folder of the configuration.
    let in_config = |path: &Path| {
        if config.parent().is_none_or(|folder| folder.as_os_str().is_empty()) {
            path.to_owned()
        } else {
            std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
        }
    };
    let word = |path: &Path| in_quotes(&path.to_string_lossy());
    let setting = |key: &str, path: &Path| {
        format!("--set {}", in_quotes(&format!("{key}={}", in_config(path).display())))
    };
    let (command, from) = match start {
        Start::Prompts => ("train", setting("prompt.start_from", run)),
        Start::AdaptedPrompts => ("adapt", format!("--prompts {} --task-parts own", word(run))),
        Start::Model(model) => ("pretrain", setting("model", model)),
    };
    format!(
        "to train {steps} steps more, start a new run from its results: mtpt {command} {} {from} \
         --set training.steps={steps} --output {}",
        word(config),
        word(&next_folder(&run_dir(arguments)))
    )
}

/// Returns a folder next to a run that doesn't exist yet, such as `runs/first-2`.
fn next_folder(run: &Path) -> PathBuf {
    let name = run.file_name().unwrap_or_default().to_string_lossy();
    let mut folders = (2..).map(|number| run.with_file_name(format!("{name}-{number}")));
    folders.find(|folder| !folder.exists()).unwrap_or_default()
}
