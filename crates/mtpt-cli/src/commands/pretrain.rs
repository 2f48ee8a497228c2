use std::path::PathBuf;

use mtpt::t5::{T5, locate};
use mtpt::tasks::corpus::{Corpus, CorpusFile};
use mtpt::tasks::task::TaskError;
use mtpt::tasks::{self, Split, Task, TaskFile};
use mtpt::train::{Pretrained, PretrainingConfig, PretrainingData, PretrainingRun, RunDir};
use mtpt::{ChosenDevice, ModelTokenizer};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::training::Run;
use crate::config::read_with_settings;
use crate::destination::{check_run_dir, run_dir};
use crate::error::Result;
use crate::extension::{Start, explain};
use crate::learning_rates::warn_of_pretraining_rate;
use crate::model::choose_device;
use crate::progress::run::RunProgress;
use crate::session::Session;
use crate::signals::Signals;
use crate::stdio::{Output, message};
use crate::sweep::runs::run_all;
use crate::sweep::shared::SharedLines;
use crate::sweep::variants::variants;

/// Summary on standard output.
#[derive(Serialize)]
struct Summary {
    #[serde(serialize_with = "crate::lossy_path::serialize")]
    model: PathBuf,
    step: usize,
    /// Mean negative log-likelihood of the target tokens of `dev`, in nats.
    losses: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_early: Option<usize>,
}

/// A run whose settings and folder have been checked.
struct Job<'a> {
    arguments: &'a Run,
    config: PretrainingConfig,
    corpora: Vec<Corpus>,
    tasks: Vec<Task>,
    /// Folder of the model that the run starts from.
    origin: PathBuf,
    dir: PathBuf,
}

/// A model and the data of a run, which runs of a sweep may share.
struct Loaded {
    t5: T5,
    data: PretrainingData,
}

pub(crate) fn run(arguments: &Run) -> Result<()> {
    let device = choose_device(&arguments.device.device)?;
    let variants = variants(arguments)?;
    if variants.is_empty() {
        let job = Job::prepare(arguments)?;
        let signals = Signals::watch()?;
        let Loaded { t5, data } = job.load(&device)?;
        let summary = job.execute(t5, &data, &device, &signals)?;
        drop(signals);
        let mut output = Output::new();
        output.row(&summary)?;
        return output.flush();
    }
    let jobs = variants.iter().map(|variant| Job::prepare(&variant.arguments));
    let jobs = jobs.collect::<Result<Vec<_>>>()?;
    let signals = Signals::watch()?;
    let mut loaded: Option<(&Job<'_>, Loaded)> = None;
    run_all(&variants, |position| {
        let job = &jobs[position];
        let same = loaded.take().filter(|(other, _)| other.shares_data_with(job));
        let (_, Loaded { t5, data }) = &*match same {
            Some(same) => loaded.insert(same),
            None => loaded.insert((job, job.load(&device)?)),
        };
        let summary = job.execute(t5.clone(), data, &device, &signals)?;
        match serde_json::to_value(&summary) {
            Ok(Value::Object(summary)) => Ok(summary),
            _ => Ok(Map::new()),
        }
    })
}

impl<'a> Job<'a> {
    fn prepare(arguments: &'a Run) -> Result<Self> {
        let path = &arguments.config;
        let parse = |text: &str| PretrainingConfig::parse(text, path);
        let (text, config) = read_with_settings(path, &arguments.set, parse)?;
        warn_of_pretraining_rate(&config);
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
        Ok(Self { arguments, config, corpora, tasks, origin, dir })
    }

    /// Returns whether another run has the same model and data.
    fn shares_data_with(&self, other: &Self) -> bool {
        let configs = |job: &Self| -> (Vec<_>, Vec<_>) {
            let corpora = job.corpora.iter().map(|corpus| corpus.config().clone());
            (corpora.collect(), job.tasks.iter().map(|task| task.config().clone()).collect())
        };
        let lengths = |job: &Self| job.config.training.max_lengths();
        self.origin == other.origin
            && lengths(self) == lengths(other)
            && configs(self) == configs(other)
    }

    fn load(&self, device: &ChosenDevice) -> Result<Loaded> {
        let t5 = T5::load(&self.origin, &device.device.clone().autodiff())?;
        let tokenizer = ModelTokenizer::load(&self.origin, t5.config())?;
        let (sentinels, lengths) = (tokenizer.sentinel_ids(), self.config.training.max_lengths());
        let data = PretrainingData::reader(&t5, &tokenizer, lengths)
            .sentinels(&sentinels)
            .read(self.tasks.clone(), self.corpora.clone())?;
        describe(&data);
        Ok(Loaded { t5, data })
    }

    fn execute(
        &self,
        t5: T5,
        data: &PretrainingData,
        device: &ChosenDevice,
        signals: &Signals,
    ) -> Result<Summary> {
        let Self { arguments, config, origin, dir, .. } = self;
        let folder = RunDir::create(dir)?;
        let model = folder.model();
        let mut session = Session::new(dir, device.name, origin, arguments.resume)?;
        let mut progress = RunProgress::new(config.training.steps, SharedLines::default());
        let trained = PretrainingRun::new(config, data)
            .output(&folder)
            .resume(arguments.resume)
            .observer((&mut progress, (&mut session, signals)))
            .train(t5);
        drop(progress);
        let trained = trained.map_err(|error| {
            let interruption = signals.interruption(&error);
            interruption.unwrap_or_else(|| explain(error.into(), arguments, &Start::Model(&model)))
        });
        let saved = trained.and_then(|trained| {
            trained.model.save_with_tokenizer(&model, origin)?;
            Ok(trained)
        });
        let Pretrained { step, losses, score, stopped_early, .. } = session.end(saved)?;
        let losses = losses.iter().map(|(name, loss)| (name.to_string(), (*loss).into())).collect();
        Ok(Summary { model, step, losses, score, stopped_early })
    }
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
