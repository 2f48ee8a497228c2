//! What a run came to, as one page that is looked at in a browser.

mod chart;
mod course;
mod curve;
mod few_rows;
mod history;
mod html;
mod mixture;
mod nearest;
mod page;
mod prompts;
mod run_files;
mod similarity;

use std::fs;
use std::path::{Path, PathBuf};

use mtpt::burn::tensor::{Device, Tensor};
use mtpt::core::{Compose, TaskIndex};
use mtpt::infer::Prompts;
use mtpt::io::fs::write_atomic;
use mtpt::tasks::TaskFile;
use serde::Serialize;

use self::mixture::Mixtures;
use self::nearest::nearest_tokens;
use self::page::{GENERATOR, Nearest};
use self::run_files::{REPORT, RunFiles};
use self::similarity::Similarity;
use crate::args::Report;
use crate::device;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::output::Output;

/// What was written, on standard output.
#[derive(Serialize)]
struct Summary {
    report: PathBuf,
}

pub(crate) fn run(arguments: &Report) -> Result<()> {
    let device = device::open("auto")?;
    let run = &arguments.run;
    let files = RunFiles::read(run, &device)?;
    let path = arguments.output.clone().unwrap_or_else(|| run.join(REPORT));
    if !arguments.force && path.exists() && !is_report(&path) {
        return Err(Error::Exists { path });
    }
    let model = model(arguments, &files, &device)?;
    let page = report(run, &files, model)?.page();
    write_atomic(&path, page.as_bytes())?;
    let mut output = Output::new();
    output.row(&Summary { report: path })?;
    output.flush()
}

/// A page of an earlier call may be written over: it is made of the run alone.
fn is_report(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.contains(GENERATOR))
}

/// The model asked for, or that of the run; or why there is none.
fn model(
    arguments: &Report,
    files: &RunFiles,
    device: &Device,
) -> Result<Result<(String, Model), String>> {
    let Some(prompts) = &files.prompts else {
        return Ok(Err(String::new()));
    };
    if let Some(path) = &arguments.model {
        let model = Model::load(path, device)?;
        prompts.check_fits(&model.t5)?;
        return Ok(Ok((path.display().to_string(), model)));
    }
    let of_config = files.config.as_ref().map(|config| config.said.model.as_str());
    let name = of_config.filter(|name| !name.is_empty()).unwrap_or(&prompts.header().model);
    if name.is_empty() {
        return Ok(Err(
            "The run does not say which model its prompts are for; name one with --model DIR."
                .into(),
        ));
    }
    let Some(folder) = find_model(&arguments.run, name) else {
        return Ok(Err(format!(
            "There is no model at {name}, which the run names; say where it is with --model DIR."
        )));
    };
    // Another model may stand there by now: this page can do without it.
    let loaded = Model::load(&folder, device).and_then(|model| {
        prompts.check_fits(&model.t5)?;
        Ok(model)
    });
    let refused = |error: Error| {
        format!("The model at {name} cannot be used: {error}. Name another with --model DIR.")
    };
    Ok(loaded.map(|model| (name.to_owned(), model)).map_err(refused))
}

/// The folder of a model that a configuration names. The configuration stood where the run was begun from, or near it: the
/// folders above the run are looked through, too.
fn find_model(run: &Path, name: &str) -> Option<PathBuf> {
    let here = PathBuf::from(name);
    if here.is_dir() {
        return Some(here);
    }
    let run = run.canonicalize().ok()?;
    // A folder of the run itself is the model that it trained.
    run.ancestors().skip(1).map(|above| above.join(name)).find(|place| place.is_dir())
}

/// All that the page tells.
fn report<'a>(
    run: &Path,
    files: &'a RunFiles,
    model: Result<(String, Model), String>,
) -> Result<page::Report<'a>> {
    let absolute = run.canonicalize().unwrap_or_else(|_| run.to_owned());
    let name = absolute.file_name().unwrap_or(absolute.as_os_str()).to_string_lossy().into_owned();
    let mut report = page::Report {
        name,
        files,
        similarity: None,
        mixtures: Mixtures::default(),
        nearest: Nearest::Unknown(String::new()),
        notes: Vec::new(),
    };
    report.notes = notes(&report);
    let Some(prompts) = &files.prompts else {
        report.nearest = Nearest::Unknown("The strategy of these prompts is that of another program, which alone can compose them.".into());
        return Ok(report);
    };
    let tensors = composed(prompts);
    report.similarity = Some(Similarity::new(&tensors));
    report.mixtures = Mixtures::new(prompts)?;
    report.nearest = match model {
        Ok((model, loaded)) => {
            let t5 = &loaded.t5;
            let tokenizer = loaded.tokenizer().ok();
            if let (Some(config), Some(tokenizer), true) =
                (&files.config, &tokenizer, prompts.composition().reads_inputs())
            {
                let path = run.join("config.toml");
                let tasks = TaskFile::parse(&config.text, &path).map(TaskFile::into_tasks);
                let mixtures = tasks.map_err(Error::from).and_then(|tasks| {
                    Mixtures::new(prompts)?.with_inputs(prompts, t5, tokenizer, &tasks)
                });
                match mixtures {
                    Ok(mixtures) => report.mixtures = mixtures,
                    Err(error) => report.notes.push(format!(
                        "Which components inputs choose is not told, since the rows cannot be read: {error}."
                    )),
                }
            }
            let of_tasks = nearest_tokens(&tensors, t5, tokenizer.as_deref());
            Nearest::Tokens { model, of_tasks }
        }
        Err(reason) => Nearest::Unknown(reason),
    };
    Ok(report)
}

/// The prompts of all tasks, `[prompt_length, d_model]` each.
fn composed(prompts: &Prompts) -> Vec<Tensor<2>> {
    let composition = prompts.composition();
    let tasks = (0..composition.task_count()).map(TaskIndex::new);
    tasks.map(|task| composition.compose(task)).collect()
}

/// What is missing of a run.
fn notes(report: &page::Report<'_>) -> Vec<String> {
    let files = report.files;
    let mut notes = Vec::new();
    if files.config.is_none() {
        notes.push("There is no config.toml: what the run was to be is not known.".to_owned());
    }
    // The runs of several stages have their files in folders below.
    let is_one_run = files.below.is_empty() || !files.history.steps.is_empty();
    if is_one_run && files.history.steps.is_empty() {
        notes.push("metrics.jsonl is not there, or tells of no step: there are no curves.".into());
    } else if is_one_run && files.history.figures.is_empty() {
        notes.push("Nothing was judged on dev yet.".into());
    }
    match &files.header {
        None if report.trains_a_model() || !is_one_run => {}
        None => notes
            .push("There is no prompts.safetensors: the run has not kept any prompts yet.".into()),
        Some(header) => {
            if let Some((step, _)) = report.best().filter(|(step, _)| *step != header.steps) {
                notes.push(format!(
                    "prompts.safetensors is from step {}, while step {step} is the best in metrics.jsonl: they may be of two runs.",
                    header.steps
                ));
            }
        }
    }
    notes
}
