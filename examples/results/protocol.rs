//! Settings shared by all methods.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use mtpt::infer::TaskData;
use mtpt::tasks::{
    Evaluation, Limit, Mixture, MixtureConfig, Prediction, Rates, Split, TokenizedExample,
};
use mtpt::train::{EvaluationConfig, InitializerConfig, PromptConfig, RunConfig, TrainingConfig};
use mtpt_examples::Result;
use mtpt_examples::model::Model;
use mtpt_examples::real_tasks;
use serde_json::{Value, json};

/// Steps, rows and lengths.
#[derive(Clone, Debug)]
pub struct Protocol {
    pub steps: usize,
    pub batch_size: usize,
    /// Number of prompt vectors.
    pub length: usize,
    /// Maximum number of input tokens.
    pub input: usize,
    /// Steps between evaluations on dev rows.
    pub every: usize,
    /// Maximum number of rows per split.
    pub limit: Limit,
    /// Learning rates of prompts, tried with the first seed.
    pub rates: Vec<f64>,
    /// Equally many learning rates of full fine-tuning.
    pub model_rates: Vec<f64>,
    pub seeds: Vec<u64>,
}

/// Examples per forward pass in training; grouping by length saves padding.
pub const MICRO_BATCH: usize = 6;

/// Examples per forward pass in evaluation.
pub const JUDGED_AT_A_TIME: usize = 16;

impl Protocol {
    /// Returns a prompt tuning configuration with the default composition.
    pub fn config(&self, model: &Model, rate: f64, seed: u64) -> RunConfig {
        RunConfig {
            seed,
            prompt: PromptConfig {
                length: self.length,
                initializer: InitializerConfig::SampledVocabulary { population: None },
                ..PromptConfig::default()
            },
            composition: mtpt::compose::CompositionConfig::default(),
            training: TrainingConfig {
                steps: self.steps,
                batch_size: self.batch_size,
                micro_batch_size: Some(MICRO_BATCH.min(self.batch_size)),
                learning_rate: rate,
                max_input_length: self.input,
                ..TrainingConfig::default()
            },
            mixture: MixtureConfig { rates: Rates::Uniform, ..MixtureConfig::default() },
            evaluation: EvaluationConfig {
                every: self.every,
                batch_size: JUDGED_AT_A_TIME,
                ..EvaluationConfig::default()
            },
            // The folder may move, so that only its name is recorded.
            ..RunConfig::new(
                model.folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            )
        }
    }

    /// Returns the steps after which methods are evaluated on dev rows.
    pub fn evaluations(&self) -> Vec<usize> {
        (1..=self.steps)
            .filter(|step| step.is_multiple_of(self.every) || *step == self.steps)
            .collect()
    }
}

/// Model, data and protocol, shared by all methods.
pub struct Setting {
    pub model: Model,
    pub data: Vec<TaskData>,
    pub protocol: Protocol,
    /// Folder of the runs.
    pub work: PathBuf,
    /// Python interpreter with PEFT.
    pub python: Option<PathBuf>,
    /// Everything that determines a result, besides method, learning rate and seed.
    pub identity: Value,
}

impl Setting {
    /// Loads the tasks and the model.
    pub fn read(
        model: Option<&Path>,
        data: &Path,
        protocol: Protocol,
        work: &Path,
        python: Option<&Path>,
    ) -> Result<Self> {
        let model = Model::load(model, &mtpt::device("flex")?)?;
        let tasks = real_tasks::compared(data, &protocol.limit)?;
        let lengths = protocol.config(&model, 1.0, 0).max_lengths();
        let tokenizer = &model.tokenizer;
        let data = TaskData::read(tasks, tokenizer, &model.t5, lengths)?;
        let identity = json!({
            "model": format!("{:016x}", model.fingerprint()),
            "rows": format!("{:016x}", checksum(&data)),
            "steps": protocol.steps,
            "batch_size": protocol.batch_size,
            "length": protocol.length,
            "every": protocol.every,
        });
        let python = python.map(Path::to_owned);
        Ok(Self { model, data, protocol, work: work.to_owned(), python, identity })
    }

    /// Returns the task and row numbers of every step for a seed.
    pub fn mixture(&self, seed: u64) -> Result<Mixture> {
        let sizes: Vec<usize> = self.data.iter().map(|task| task.count(Split::Train)).collect();
        let mixture = self.protocol.config(&self.model, 1.0, seed).mixture;
        Ok(Mixture::new(&mixture, &sizes, seed)?)
    }

    /// Returns the rows of a step, counted from 0.
    pub fn rows(&self, mixture: &Mixture, step: usize) -> Vec<&TokenizedExample> {
        let picks = mixture.batch(step as u64, self.protocol.batch_size);
        picks.iter().map(|pick| &self.data[pick.task].rows(Split::Train)[pick.row]).collect()
    }

    /// Returns the first metric of each task from the candidates' log-probabilities, as a fraction.
    pub fn judge(&self, split: Split, scores: &[Vec<Vec<f64>>]) -> Result<Vec<f64>> {
        self.data
            .iter()
            .zip(scores)
            .map(|(task, scores)| {
                let labels = task.task().labels();
                let predictions = scores.iter().map(|scores| labels.rank(scores));
                let predictions = predictions.collect::<Result<Vec<Prediction>, _>>()?;
                Ok(first(&task.task().evaluate(&task.gold(split), &predictions)?))
            })
            .collect()
    }
}

/// Returns the first metric, the task's main one.
pub fn first(evaluation: &Evaluation) -> f64 {
    or_none(evaluation.primary())
}

/// The correlation of constant predictions counts as 0.
pub fn or_none(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// Returns a hash of all tokens, label words and metrics.
fn checksum(data: &[TaskData]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for task in data {
        task.task().id().as_str().hash(&mut hasher);
        task.candidates().ids().hash(&mut hasher);
        format!("{:?}", task.task().metrics()).hash(&mut hasher);
        for split in Split::ALL {
            task.rows(split).len().hash(&mut hasher);
            for row in task.rows(split) {
                (&row.input_ids, &row.target_ids).hash(&mut hasher);
                format!("{:?}", row.gold).hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}
