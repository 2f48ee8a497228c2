//! The timed works, written as a user of the library would.

use std::path::{Path, PathBuf};
use std::time::Instant;

use mtpt::burn::tensor::{Device, Distribution, Tensor};
use mtpt::compose::Composition;
use mtpt::core::{Backbone, Frozen, Inputs, WeightFormat};
use mtpt::infer::{Candidates, DeviceBatch, Prompted, Prompts};
use mtpt::t5::{GenerationConfig, T5, T5Config, T5Tokenizer};
use mtpt::tasks::{Batch, TokenizedExample};
use mtpt::train::{AdamWConfig, Decay, PromptTuning, Schedule, Trainer};
use serde_json::{Value, json};

use crate::Result;
use crate::operations::{self, Shape};
use crate::rows::{self, Asked, Row, TaskRows};

// As in `worker_peft.py`.
const LEARNING_RATE: f64 = 0.1;
const WEIGHT_DECAY: f32 = 1e-5;
const CLIP_NORM: f64 = 1.0;
const ROWS_AT_A_TIME: usize = 32;
const NEW_TOKENS: usize = 32;
const ROWS: usize = 16;
const POSITIONS: usize = ROWS * 228;
const PRODUCTS: usize = 4;
/// Vectors of the adapter's prompt.
const PROMPT: u32 = 100;

/// A work that answers the lines of `run.py`.
pub(crate) trait Work {
    /// Runs a repetition, or part of one, without timing.
    fn warm(&mut self) -> Result<Value> {
        self.go()
    }

    /// Runs one repetition.
    fn go(&mut self) -> Result<Value>;

    /// Returns further values to compare with the other side.
    fn check(&mut self) -> Result<Value> {
        Ok(json!({}))
    }

    /// Returns the floating-point operations of a repetition, if they are counted.
    fn operations(&self) -> Option<u64> {
        None
    }
}

/// Model and adapter, and the device that computes with them.
pub(crate) struct Subject {
    pub(crate) folder: PathBuf,
    pub(crate) weights: WeightFormat,
    pub(crate) device: Device,
}

impl Subject {
    fn model(&self) -> PathBuf {
        self.folder.join("model")
    }

    fn t5(&self) -> Result<Frozen<T5>> {
        Ok(Frozen::new(T5::load_as(&self.model(), self.weights, &self.device)?))
    }

    fn prompts(&self) -> Result<Prompts> {
        Ok(Prompts::read(&self.folder.join("adapter"), &self.device)?)
    }

    fn trainable_prompts(&self) -> Result<Prompts> {
        Ok(Prompts::read(&self.folder.join("adapter"), &self.device.clone().autodiff())?)
    }
}

/// Steps of AdamW on batches of rows.
pub(crate) struct Learning {
    t5: Frozen<T5>,
    trainer: Trainer<Composition>,
    batches: Vec<Vec<TokenizedExample>>,
    operations: Option<u64>,
}

impl Learning {
    pub(crate) fn load(subject: &Subject, batches: Vec<Vec<Row>>) -> Result<Self> {
        let (t5, prompts) = (subject.t5()?, subject.trainable_prompts()?);
        let optimizer = AdamWConfig {
            weight_decay: WEIGHT_DECAY,
            clip_norm: Some(CLIP_NORM),
            ..AdamWConfig::default()
        };
        let schedule = Schedule {
            peak: LEARNING_RATE,
            warmup_steps: 0,
            steps: usize::MAX,
            decay: Decay::Constant,
        };
        let tasks = prompts.tasks().iter().map(|task| task.name.clone()).collect();
        let trainer =
            Trainer::new(prompts.composition().clone(), &optimizer.into(), schedule, tasks);
        let operations = counted(t5.config(), prompts.header().length, &batches);
        let batches = batches.iter().map(|rows| rows.iter().map(Row::example).collect()).collect();
        Ok(Self { t5, trainer, batches, operations })
    }

    fn step(&mut self, batch: usize) -> Result<f64> {
        let batch = Batch::of_examples(&self.batches[batch])?;
        Ok(self.trainer.step(&PromptTuning::new(&self.t5), &[batch])?.loss)
    }
}

/// Returns the operations of the batches, if all rows have equal length.
fn counted(config: &T5Config, prompt: usize, batches: &[Vec<Row>]) -> Option<u64> {
    let lengths = |row: &Row| (row.input_ids.len(), row.target_ids.len());
    let (input, target) = lengths(batches.first()?.first()?);
    let even = batches.iter().flatten().all(|row| lengths(row) == (input, target));
    let of_batch = |rows: &Vec<Row>| {
        operations::step(config, Shape { rows: rows.len(), input: prompt + input, target })
    };
    even.then(|| batches.iter().map(of_batch).sum())
}

impl Work for Learning {
    fn warm(&mut self) -> Result<Value> {
        Ok(json!({ "losses": [self.step(0)?] }))
    }

    fn go(&mut self) -> Result<Value> {
        let losses: Vec<f64> =
            (0..self.batches.len()).map(|batch| self.step(batch)).collect::<Result<_>>()?;
        Ok(json!({ "losses": losses }))
    }

    fn operations(&self) -> Option<u64> {
        self.operations
    }
}

/// Ranking of the label words of all rows.
pub(crate) struct Evaluating {
    t5: Frozen<T5>,
    prompts: Prompts,
    tasks: Vec<(Candidates, Vec<TokenizedExample>)>,
}

impl Evaluating {
    pub(crate) fn load(subject: &Subject, tasks: Vec<TaskRows>) -> Result<Self> {
        let tasks = (0..)
            .zip(tasks)
            .map(|(number, task)| {
                let rows = task.rows.into_iter().map(|input_ids| {
                    Row { task: number, input_ids, target_ids: Vec::new() }.example()
                });
                (Candidates::from_ids(task.candidates), rows.collect())
            })
            .collect();
        Ok(Self { t5: subject.t5()?, prompts: subject.prompts()?, tasks })
    }

    fn scores(&self, task: usize, most: usize) -> Result<Vec<Vec<f64>>> {
        let (candidates, rows) = &self.tasks[task];
        let rows = &rows[..most.min(rows.len())];
        let prompted = Prompted::new(self.t5.get(), self.prompts.composition())?;
        Ok(prompted.rank(rows, candidates, ROWS_AT_A_TIME))
    }

    fn all(&self, most: usize) -> Result<Vec<Vec<Vec<f64>>>> {
        (0..self.tasks.len()).map(|task| self.scores(task, most)).collect()
    }
}

impl Work for Evaluating {
    fn warm(&mut self) -> Result<Value> {
        self.scores(0, ROWS_AT_A_TIME)?;
        Ok(json!({}))
    }

    fn go(&mut self) -> Result<Value> {
        let predictions: Vec<Vec<usize>> = self
            .all(usize::MAX)?
            .iter()
            .map(|task| task.iter().map(|scores| most_probable(scores)).collect())
            .collect();
        Ok(json!({ "predictions": predictions }))
    }

    fn check(&mut self) -> Result<Value> {
        Ok(json!({ "scores": self.all(2)? }))
    }
}

/// Returns the index of the first maximum.
fn most_probable(scores: &[f64]) -> usize {
    (0..scores.len()).rev().max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0)
}

/// Greedy decoding of a batch.
pub(crate) struct Generating {
    t5: Frozen<T5>,
    prompts: Prompts,
    rows: Vec<TokenizedExample>,
}

impl Generating {
    pub(crate) fn load(subject: &Subject, rows: &[Row]) -> Result<Self> {
        let rows = rows.iter().map(Row::example).collect();
        Ok(Self { t5: subject.t5()?, prompts: subject.prompts()?, rows })
    }

    fn generate(&self, inputs: Inputs) -> Result<Value> {
        let config = GenerationConfig { max_new_tokens: NEW_TOKENS, ..GenerationConfig::default() };
        Ok(json!({ "ids": self.t5.generate_from_inputs(inputs, &config)? }))
    }
}

impl Work for Generating {
    fn go(&mut self) -> Result<Value> {
        let batch = DeviceBatch::for_backbone(&self.rows, &self.t5);
        let prompted = Prompted::new(&self.t5, self.prompts.composition())?;
        self.generate(prompted.embed(&batch.tasks, batch.input_ids, batch.input_mask))
    }

    /// Generates without prompts, for inputs with as many tokens more.
    fn check(&mut self) -> Result<Value> {
        let longer = |row: &TokenizedExample| {
            let input_ids = (2..2 + PROMPT).chain(row.input_ids.iter().copied()).collect();
            TokenizedExample { input_ids, ..row.clone() }
        };
        let rows: Vec<TokenizedExample> = self.rows.iter().map(longer).collect();
        let batch = DeviceBatch::for_backbone(&rows, &self.t5);
        self.generate(Inputs::new(self.t5.embed(batch.input_ids), batch.input_mask))
    }
}

/// Products of the shapes that dominate the other works.
pub(crate) struct Multiplying {
    factors: Vec<(Tensor<2>, Tensor<2>)>,
}

impl Multiplying {
    pub(crate) fn load(subject: &Subject) -> Result<Self> {
        let config = mtpt::t5::read_config(&subject.model())?;
        let [d_model, d_ff] = [config.d_model, config.d_ff];
        let sizes = [
            [POSITIONS, d_model, d_ff],
            [POSITIONS, d_ff, d_model],
            [POSITIONS, d_model, config.num_heads * config.d_kv],
            [ROWS, d_model, d_ff],
        ];
        let sampled =
            |shape| Tensor::random(shape, Distribution::Normal(0.0, 1.0), &subject.device);
        let factors =
            sizes.map(|[rows, inner, columns]| (sampled([rows, inner]), sampled([inner, columns])));
        Ok(Self { factors: factors.into() })
    }
}

impl Work for Multiplying {
    fn go(&mut self) -> Result<Value> {
        let products: Vec<Value> =
            self.factors.iter().map(|(left, right)| multiply(left, right)).collect();
        Ok(json!({ "products": products }))
    }
}

/// Returns the rate of a product, repeated as often as its number of rows requires.
fn multiply(left: &Tensor<2>, right: &Tensor<2>) -> Value {
    let ([rows, inner], [_, columns]) = (left.dims(), right.dims());
    let count = PRODUCTS * POSITIONS / rows;
    let begun = Instant::now();
    let mut last = None;
    for _ in 0..count {
        last = Some(left.clone().matmul(right.clone()));
    }
    // A GPU is waited for.
    let last = last
        .map(|product| product.slice([rows - 1..rows, columns - 1..columns]).into_scalar::<f32>());
    let operations = count as u64 * operations::product(rows, inner, columns);
    let rate = operations as f64 / begun.elapsed().as_secs_f64();
    json!({ "shape": [rows, inner, columns], "rate": rate, "last": last })
}

/// One text, from loading the files to its label.
pub(crate) fn cold(subject: &Subject, asked: &Path) -> Result<Value> {
    let asked: Asked = rows::read(asked)?;
    let (t5, prompts) = (subject.t5()?, subject.prompts()?);
    let tokenizer = T5Tokenizer::load(&subject.model(), t5.config())?;
    let words: Vec<Vec<u32>> =
        asked.words.iter().map(|word| tokenizer.encode(word)).collect::<Result<_, _>>()?;
    let input_ids = tokenizer.encode(&asked.text)?;
    let row = Row { task: asked.task, input_ids, target_ids: Vec::new() }.example();
    let candidates = Candidates::from_ids(words);
    let prompted = Prompted::new(&t5, prompts.composition())?;
    let scores = prompted.rank(std::slice::from_ref(&row), &candidates, 1);
    Ok(json!({ "label": asked.words[most_probable(&scores[0])], "ids": row.input_ids }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted_for_rows_of_equal_length_only() {
        let config = T5Config::new(11, 3, 2, 5, 1, 1, 2);
        let row = |length| Row { task: 0, input_ids: vec![2; length], target_ids: vec![1] };
        let one = counted(&config, 4, &[vec![row(3)]]).unwrap();
        assert_eq!(one, operations::step(&config, Shape { rows: 1, input: 7, target: 1 }));
        assert_eq!(counted(&config, 4, &[vec![row(3)], vec![row(3), row(3)]]), Some(3 * one));
        assert_eq!(counted(&config, 4, &[vec![row(3)], vec![row(2)]]), None);
        assert_eq!(counted(&config, 4, &[]), None);
    }

    #[test]
    fn the_first_maximum_wins() {
        assert_eq!(most_probable(&[-2.0, -1.0, -3.0, -1.0]), 1);
    }
}
