//! `mtpt init`: a starting configuration for labeled rows.

mod columns;
mod files;
mod glue;
mod kind;
mod label_words;
mod starting_config;
mod summary;
mod task;
mod toml;
mod unlabeled;
mod values;

use std::path::{Path, PathBuf};

use mtpt::ModelTokenizer;
use mtpt::infer::Candidates;
use mtpt::io::fs::create_parent;
use mtpt::tasks::{TaskFile, UnknownTokens};
use serde::Serialize;

use crate::args::init::Init;
use crate::commands::init::files::{TaskFiles, task_files};
use crate::commands::init::kind::Kind;
use crate::commands::init::starting_config::{StartingConfig, StartingTask};
use crate::commands::init::summary::{TaskSummary, describe};
use crate::commands::init::task::FoundTask;
use crate::commands::inspect::lengths::Lengths;
use crate::destination::{check_output, write_output};
use crate::error::{Error, Result};
use crate::model::load_tokenizer;
use crate::stdio::{Output, message};

/// Maximum `max_input_length` of a starting configuration. T5 was trained on 512 tokens.
const MAX_INPUT_LENGTH: usize = 512;
/// Minimum `max_input_length` of a starting configuration.
const MIN_INPUT_LENGTH: usize = 64;
/// Input lengths are rounded up to a multiple of this.
const STEP: usize = 16;

/// Summary on standard output.
#[derive(Serialize)]
struct Summary<'a> {
    #[serde(serialize_with = "crate::lossy_path::serialize")]
    config: &'a Path,
    tasks: Vec<TaskSummary>,
}

/// A task, and the lengths of its texts.
struct MeasuredTask {
    found: FoundTask,
    input_lengths: Vec<usize>,
    unknown_tokens: UnknownTokens,
}

pub(crate) fn run(arguments: &Init) -> Result<()> {
    let files = task_files(arguments)?;
    let output = output_path(arguments, &files);
    let inputs = arguments.data.iter().chain(&arguments.dev);
    check_output(&output, inputs.map(PathBuf::as_path), arguments.force)?;
    let (_, tokenizer) = load_tokenizer(&arguments.model)?;
    let mut config = StartingConfig {
        model: if arguments.model.is_dir() {
            path_in_config(&arguments.model, &output)?
        } else {
            arguments.model.clone()
        },
        max_input_length: MIN_INPUT_LENGTH,
        longest_input: 0,
        longest_text: 0,
        training_rows: 0,
        name: quoted_argument(&output),
        tasks: Vec::new(),
    };
    let mut tasks = Vec::new();
    for files in files {
        let found = FoundTask::read(files, arguments)?;
        tasks.push(measure(&mut config, found, &tokenizer)?);
    }
    for task in &tasks {
        config.tasks.push(starting_task(&task.found, &output)?);
    }
    // Future inputs may be longer than these. Unused length costs nothing.
    config.max_input_length =
        (2 * config.longest_input).next_multiple_of(STEP).clamp(MIN_INPUT_LENGTH, MAX_INPUT_LENGTH);
    let text = config.to_toml();
    // Parsing checks that `mtpt train` will accept the configuration.
    TaskFile::parse(&text, &output)?;
    create_parent(&output)?;
    write_output(&output, text.as_bytes())?;
    // The default directory of `mtpt train`.
    let run = Path::new("runs").join(output.file_stem().unwrap_or_default());
    let mut summaries = Vec::new();
    for MeasuredTask { found, input_lengths, unknown_tokens } in tasks {
        let lengths = Lengths::new(input_lengths, Some(config.max_input_length));
        describe(&found, &lengths, &unknown_tokens, &run);
        warn_of_shared_tokens(&found, &tokenizer, &output);
        summaries.push(TaskSummary::new(&found));
    }
    message(&format!("review `{}`, then run: mtpt train {}", output.display(), config.name));
    let mut rows = Output::new();
    rows.row(&Summary { config: &output, tasks: summaries })?;
    rows.flush()
}

/// Tokenizes the rows of a task.
fn measure(
    config: &mut StartingConfig,
    found: FoundTask,
    tokenizer: &ModelTokenizer,
) -> Result<MeasuredTask> {
    let (mut input_lengths, mut unknown_tokens) = (Vec::new(), UnknownTokens::default());
    let is_text = found.task.labels().is_text();
    config.training_rows += found.train.len();
    for row in found.train.iter().chain(&found.dev) {
        let ids = tokenizer.encode(&row.input)?;
        unknown_tokens.add_text(&row.input, &ids, tokenizer);
        config.longest_input = config.longest_input.max(ids.len());
        input_lengths.push(ids.len());
        if is_text {
            config.longest_text = config.longest_text.max(tokenizer.encode(&row.target)?.len());
        }
    }
    Ok(MeasuredTask { found, input_lengths, unknown_tokens })
}

/// Returns a task as the configuration must contain it.
fn starting_task(found: &FoundTask, output: &Path) -> Result<StartingTask> {
    let mut config = found.task.config().clone();
    for path in [&mut config.train, &mut config.dev, &mut config.test].into_iter().flatten() {
        *path = path_in_config(path, output)?;
    }
    let decision = found.decision.as_ref();
    let has_defaults = |kind: &Kind| matches!(kind, Kind::Class | Kind::MultiLabel(_));
    if decision.is_some_and(|decision| has_defaults(&decision.kind)) {
        config.metrics.clear();
    }
    if found.label_columns.len() > 1 {
        config.label_field = None;
    }
    Ok(StartingTask {
        config,
        is_benchmark: decision.is_none(),
        scores: decision.and_then(|decision| match decision.kind {
            Kind::Score(_, numbers) => Some((numbers.lowest, numbers.highest)),
            _ => None,
        }),
        unlabeled: found.unlabeled.iter().map(|rows| rows.count).sum(),
        other_columns: found.other_columns.clone(),
    })
}

/// Warns of label words that the model cannot tell apart.
///
/// It is not an error: the configuration is where the user can change the words.
fn warn_of_shared_tokens(found: &FoundTask, tokenizer: &ModelTokenizer, output: &Path) {
    let words = found.task.labels().words();
    if let Err(error) = Candidates::new(found.task.id(), words, tokenizer) {
        message(&format!("warning: {error}; choose other label words in `{}`", output.display()));
    }
}

fn output_path(arguments: &Init, files: &[TaskFiles]) -> PathBuf {
    arguments.output.clone().unwrap_or_else(|| {
        let name =
            files.first().map_or("run", |files| files.name.segments().next().unwrap_or("run"));
        PathBuf::from(format!("{name}.toml"))
    })
}

fn quoted_argument(path: &Path) -> String {
    let name = path.display().to_string();
    if name.contains(char::is_whitespace) { format!("'{name}'") } else { name }
}

/// Returns a path as the configuration must contain it. The configuration resolves relative paths
/// from its own folder.
fn path_in_config(path: &Path, config: &Path) -> Result<PathBuf> {
    if path.to_str().is_none() {
        let problem = "its path is no UTF-8, which a configuration can't contain; rename it";
        return Err(Error::File { path: path.to_owned(), problem: problem.to_owned() });
    }
    let in_working_dir = config.parent().is_none_or(|folder| folder.as_os_str().is_empty());
    if in_working_dir {
        return Ok(path.to_owned());
    }
    std::path::absolute(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
