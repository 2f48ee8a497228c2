use std::path::PathBuf;

use mtpt::ModelTokenizer;
use mtpt::t5::{T5, locate};
use mtpt::tasks::corpus::CorpusFile;
use mtpt::tasks::task::TaskError;
use mtpt::tasks::{self, Split, TaskFile};
use mtpt::train::{Pretrained, PretrainingConfig, PretrainingData, PretrainingRun, RunDir};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::training::Run;
use crate::config::read_with_settings;
use crate::destination::{check_run_dir, run_dir};
use crate::error::Result;
use crate::extension::{Start, explain};
use crate::model::choose_device;
use crate::progress::run::RunProgress;
use crate::session::Session;
use crate::signals::Signals;
use crate::stdio::{Output, message};

/// Summary on standard output.
#[derive(Serialize)]
struct Summary {
    model: PathBuf,
    step: usize,
    /// Mean negative log-likelihood of the target tokens of `dev`, in nats.
    losses: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_early: Option<usize>,
}

pub(crate) fn run(arguments: &Run) -> Result<()> {
    let device = choose_device(&arguments.device.device)?;
    let path = &arguments.config;
    let parse = |text: &str| PretrainingConfig::parse(text, path);
    let (text, config) = read_with_settings(path, &arguments.set, parse)?;
    let corpora = CorpusFile::parse(&text, path)?.into_corpora();
    let tasks = match TaskFile::parse(&text, path) {
        Ok(tasks) => tasks.into_tasks(),
        // A configuration may have corpora only.
        Err(tasks::Error::Task(TaskError::NoTasks { .. })) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let dir = run_dir(arguments);
    check_run_dir(arguments, &dir, None)?;
    let origin = locate(&mtpt::resolve_model(path, &config.model))?;
    let t5 = T5::load(&origin, &device.device.autodiff())?;
    let tokenizer = ModelTokenizer::load(&origin, t5.config())?;
    let (sentinels, lengths) = (tokenizer.sentinel_ids(), config.training.max_lengths());
    let signals = Signals::watch()?;
    let data = PretrainingData::reader(&t5, &tokenizer, lengths)
        .sentinels(&sentinels)
        .read(tasks, corpora)?;
    let folder = RunDir::create(&dir)?;
    let model = folder.model();
    describe(&data);
    let mut session = Session::new(&dir, device.name, &origin, arguments.resume);
    let mut progress = RunProgress::new(config.training.steps);
    let trained = PretrainingRun::new(&config, &data)
        .output(&folder)
        .resume(arguments.resume)
        .observer((&mut progress, (&mut session, &signals)))
        .train(t5);
    drop(progress);
    let trained = trained.map_err(|error| {
        let interruption = signals.interruption(&error);
        interruption.unwrap_or_else(|| explain(error.into(), arguments, &Start::Model(&model)))
    });
    let saved = trained.and_then(|trained| {
        trained.model.save_with_tokenizer(&model, &origin)?;
        Ok(trained)
    });
    let trained = session.end(saved)?;
    drop(signals);
    let Pretrained { step, losses, score, stopped_early, .. } = trained;
    let losses = losses.iter().map(|(name, loss)| (name.to_string(), (*loss).into())).collect();
    let mut output = Output::new();
    output.row(&Summary { model, step, losses, score, stopped_early })?;
    output.flush()
}

/// Writes the size of the training data to standard error.
fn describe(data: &PretrainingData) {
    for task in data.tasks() {
        message(&format!("{}: {} training rows", task.task().id(), task.count(Split::Train)));
    }
    for corpus in data.corpora() {
        if let Some(chunks) = corpus.chunks(Split::Train) {
            let (name, longest) = (corpus.corpus().id(), corpus.chunk_length());
            let tokens = chunks.tokens().len();
            message(&format!(
                "{name}: {tokens} tokens in {} chunks of at most {longest} tokens",
                chunks.len()
            ));
        }
    }
}
