use std::fs;
use std::path::{Path, PathBuf};

use mtpt::tasks::{MaxLengths, Split, TaskFile};
use mtpt::train::{Output, RunConfig, RunFolder, TaskData, Trained, initial_composition, train};
use serde::Serialize;

use crate::args::Train;
use crate::device;
use crate::edit::read_with_settings;
use crate::error::{Error, Result};
use crate::model::{Model, beside};
use crate::output;
use crate::progress::{Progress, say};
use crate::same_file::same_file;

/// What a run came to, on standard output.
#[derive(Serialize)]
struct Summary {
    prompts: PathBuf,
    step: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_early: Option<usize>,
}

pub(crate) fn run(arguments: &Train) -> Result<()> {
    let device = device::open(&arguments.on.device)?;
    let path = &arguments.config;
    let text =
        fs::read_to_string(path).map_err(|source| Error::Read { path: path.clone(), source })?;
    let read = |text: &str| RunConfig::parse(text, path);
    let (text, config) = read_with_settings(text, &arguments.set, read)?;
    let tasks = TaskFile::parse(&text, path)?.into_tasks();
    let model = Model::load(&beside(path, &config.model), &device)?;
    let tokenizer = model.tokenizer()?;
    let encoder = tokenizer.as_inner();
    let t5 = model.t5.get();
    let trained_on = device.autodiff();
    let composition = initial_composition(&config, &tasks, t5, encoder, &trained_on)
        .map_err(|error| Error::in_config(path, error))?;
    let trained_numbers = composition.trained_numbers();
    let data = TaskData::read_for_training(tasks.clone(), encoder, t5, config.max_lengths())?;
    note_cut_rows(&data, config.max_lengths())?;
    let folder = run_folder(arguments)?;
    let prompts = folder.prompts();
    let output = Output { folder, resume: arguments.resume };
    say(&format!(
        "{}, {} trained numbers, {} steps",
        if tasks.len() == 1 { "1 task".to_owned() } else { format!("{} tasks", tasks.len()) },
        trained_numbers,
        config.training.steps
    ));
    let mut progress = Progress::new(config.training.steps);
    let trained = train(&config, &data, t5, composition, Some(&output), &mut progress)?;
    drop(progress);
    let mut output = output::Output::new();
    let Trained { step, score, stopped_early, .. } = trained;
    note_early_stop(stopped_early, config.evaluation.patience);
    output.row(&Summary { prompts, step, score, stopped_early })?;
    output.flush()
}

/// A run that ended before its last step says so.
pub(crate) fn note_early_stop(stopped: Option<usize>, patience: Option<usize>) {
    if let (Some(step), Some(patience)) = (stopped, patience) {
        let evaluations = if patience == 1 { "evaluation" } else { "evaluations" };
        say(&format!(
            "stopped after step {step}: {patience} {evaluations} without a better mean on `dev`"
        ));
    }
}

/// The folder of a run, which must not be where a model or the run's own configuration is: they would be written over.
pub(crate) fn run_folder(arguments: &Train) -> Result<RunFolder> {
    let default = || Path::new("runs").join(arguments.config.file_stem().unwrap_or_default());
    let path = arguments.output.clone().unwrap_or_else(default);
    let own = path.join("config.toml");
    if path.join("config.json").is_file() {
        return Err(Error::Occupied { path, by: "a model" });
    }
    // A run that goes on may be told to by the configuration that it wrote itself.
    if !arguments.resume && same_file(&own, &arguments.config) {
        return Err(Error::Occupied { path, by: "the configuration itself" });
    }
    Ok(RunFolder::create(&path)?)
}

/// Inputs and targets that lose their end are learned from all the same, and this should be known.
fn note_cut_rows(data: &[TaskData], longest: MaxLengths) -> Result<()> {
    let (mut inputs, mut targets, mut rows) = (0, 0, 0);
    for task in data {
        for row in 0..task.count(Split::Train) {
            let row = task.row(Split::Train, row)?;
            inputs += usize::from(row.input_ids.len() >= longest.input);
            targets += usize::from(row.target_ids.len() >= longest.target);
            rows += 1;
        }
    }
    for (cut, what, longest) in
        [(inputs, "input", longest.input), (targets, "target", longest.target)]
    {
        if cut > 0 {
            say(&format!(
                "note: {cut} of {rows} {what}s have `training.max_{what}_length`, {longest} tokens, or more, and are cut there"
            ));
        }
    }
    Ok(())
}
