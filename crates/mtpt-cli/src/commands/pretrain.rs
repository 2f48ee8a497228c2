use std::fs;
use std::path::PathBuf;

use mtpt::t5::{T5, T5Tokenizer, locate};
use mtpt::tasks::{self, CorpusFile, Split, TaskFile};
use mtpt::train::{Output, Pretrained, PretrainingConfig, PretrainingData, RunFolder, pretrain};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::Run;
use crate::commands::train::run_folder;
use crate::device;
use crate::edit::read_with_settings;
use crate::error::{Error, Result};
use crate::model::beside;
use crate::output;
use crate::progress::{Progress, say};
use crate::signals::Signals;

/// What a run came to, on standard output.
#[derive(Serialize)]
struct Summary {
    model: PathBuf,
    step: usize,
    /// Nats for each target token of `dev`.
    losses: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_early: Option<usize>,
}

pub(crate) fn run(arguments: &Run) -> Result<()> {
    let device = device::open(&arguments.on.device)?;
    let path = &arguments.config;
    let text =
        fs::read_to_string(path).map_err(|source| Error::Read { path: path.clone(), source })?;
    let read = |text: &str| PretrainingConfig::parse(text, path);
    let (text, config) = read_with_settings(text, &arguments.set, read)?;
    let corpora = CorpusFile::parse(&text, path)?.into_corpora();
    let tasks = match TaskFile::parse(&text, path) {
        Ok(tasks) => tasks.into_tasks(),
        // Text may be all there is.
        Err(tasks::Error::NoTasks { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let origin = locate(&beside(path, &config.model))?;
    let t5 = T5::load(&origin, &device.autodiff())?;
    let tokenizer = T5Tokenizer::load(&origin, t5.config())?;
    let (sentinels, lengths) = (tokenizer.sentinel_ids(), config.training.max_lengths());
    let tokenizer = tokenizer.as_inner();
    let signals = Signals::watch()?;
    let data = PretrainingData::read(tasks, corpora, tokenizer, &sentinels, &t5, lengths)?;
    let folder = RunFolder::create(&run_folder(arguments)?)?;
    let model = folder.model();
    for task in data.tasks() {
        say(&format!("{}: {} rows", task.task().id(), task.count(Split::Train)));
    }
    for corpus in data.corpora() {
        if let Some(chunks) = corpus.chunks(Split::Train) {
            let (name, longest) = (corpus.corpus().id(), corpus.chunk_length());
            let tokens = chunks.tokens().len();
            say(&format!(
                "{name}: {tokens} tokens in {} chunks of at most {longest}",
                chunks.len()
            ));
        }
    }
    let output = Output { folder, resume: arguments.resume };
    let mut progress = Progress::new(config.training.steps);
    let trained = pretrain(&config, &data, t5, Some(&output), &mut (&mut progress, &signals));
    drop(progress);
    let trained = trained.map_err(|error| signals.ended(&error).unwrap_or_else(|| error.into()))?;
    drop(signals);
    trained.model.save_with_tokenizer(&model, &origin)?;
    let Pretrained { step, losses, score, stopped_early, .. } = trained;
    let losses = losses.iter().map(|(name, loss)| (name.to_string(), (*loss).into())).collect();
    let mut output = output::Output::new();
    output.row(&Summary { model, step, losses, score, stopped_early })?;
    output.flush()
}
