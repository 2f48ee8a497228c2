//! Finished runs, one line each, and the jobs that remain.

use std::fs::{self, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use mtpt::tasks::Split;
use mtpt_examples::Result;
use mtpt_examples::spread::mean;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::method::Method;
use crate::protocol::Setting;

/// A run of a method, or a test evaluation of its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub method: String,
    pub rate: f64,
    pub seed: u64,
    /// [`Split::Dev`] trains and selects, [`Split::Test`] evaluates the result.
    pub split: Split,
}

impl Job {
    /// Returns the job of a method.
    pub fn new(method: &Method, rate: f64, seed: u64, split: Split) -> Self {
        Self { method: method.name.clone(), rate, seed, split }
    }
}

/// A line of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Everything that determines the result.
    pub key: Value,
    pub job: Job,
    /// Metric of each task, as a fraction.
    pub values: Vec<f64>,
    /// Selected step.
    pub step: usize,
    /// Number of trainable parameters.
    pub trained: usize,
    pub seconds: f64,
    pub notes: Value,
}

/// The file of runs.
pub struct Records {
    path: PathBuf,
    lines: Vec<Record>,
}

impl Records {
    /// Reads the file.
    pub fn open(work: &Path) -> Result<Self> {
        fs::create_dir_all(work)?;
        let path = work.join("runs.jsonl");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error.into()),
        };
        // An incomplete last line is from an interrupted run: the next run starts a new line.
        if !text.is_empty() && !text.ends_with('\n') {
            OpenOptions::new().append(true).open(&path)?.write_all(b"\n")?;
        }
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok(Self { path, lines })
    }

    /// Adds a run.
    pub fn push(&mut self, record: Record) -> Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        file.write_all((serde_json::to_string(&record)? + "\n").as_bytes())?;
        self.lines.push(record);
        Ok(())
    }

    /// Returns the run of a method with a learning rate and a seed.
    pub fn find(&self, setting: &Setting, method: &Method, job: &Job) -> Option<&Record> {
        let key = key(setting, method, job);
        self.lines.iter().find(|record| record.key == key)
    }

    /// Returns the learning rate with the best dev result for the first seed, once all were tried.
    pub fn chosen(&self, setting: &Setting, method: &Method) -> Option<f64> {
        let seed = setting.protocol.seeds[0];
        let mut best: Option<(f64, f64)> = None;
        for &rate in method.rates(setting) {
            let score = mean(
                &self.find(setting, method, &Job::new(method, rate, seed, Split::Dev))?.values,
            );
            if best.is_none_or(|(_, best)| score > best) {
                best = Some((rate, score));
            }
        }
        best.map(|(rate, _)| rate)
    }

    /// Returns the runs with the selected learning rate for all seeds, once all are done.
    pub fn runs(&self, setting: &Setting, method: &Method, split: Split) -> Option<Vec<&Record>> {
        let rate = self.chosen(setting, method)?;
        let seeds = setting.protocol.seeds.iter();
        seeds
            .map(|&seed| self.find(setting, method, &Job::new(method, rate, seed, split)))
            .collect()
    }

    /// Returns the folder of a run's teachers, once they are trained.
    pub fn teachers(
        &self,
        setting: &Setting,
        methods: &[Method],
        method: &Method,
        seed: u64,
    ) -> Option<PathBuf> {
        let name = method.teacher()?;
        let teacher = methods.iter().find(|method| method.name == name)?;
        let rate = self.chosen(setting, teacher)?;
        let record = self.find(setting, teacher, &Job::new(teacher, rate, seed, Split::Dev))?;
        Some(folder(setting, teacher, &record.job))
    }

    /// Returns the jobs that can run now: all learning rates with the first seed, the selected one
    /// with the others, then one test evaluation each.
    pub fn open_jobs(&self, setting: &Setting, methods: &[Method], wanted: &[Method]) -> Vec<Job> {
        let seeds = &setting.protocol.seeds;
        let mut jobs = Vec::new();
        for method in wanted {
            let job = |rate, seed, split| Job { method: method.name.clone(), rate, seed, split };
            let is_open = |job: &Job| self.find(setting, method, job).is_none();
            let wanted: Vec<Job> = match self.chosen(setting, method) {
                None => method
                    .rates(setting)
                    .iter()
                    .map(|&rate| job(rate, seeds[0], Split::Dev))
                    .collect(),
                Some(rate) => seeds
                    .iter()
                    .map(|&seed| {
                        let learn = job(rate, seed, Split::Dev);
                        if is_open(&learn) { learn } else { job(rate, seed, Split::Test) }
                    })
                    .collect(),
            };
            let is_ready = |job: &Job| {
                method.teacher().is_none()
                    || self.teachers(setting, methods, method, job.seed).is_some()
            };
            jobs.extend(wanted.into_iter().filter(is_open).filter(is_ready));
        }
        jobs
    }
}

/// Returns everything that determines the result of a job.
pub fn key(setting: &Setting, method: &Method, job: &Job) -> Value {
    let protocol = &setting.protocol;
    // Teachers use the learning rate selected for them.
    let teacher = method.teacher().map(|name| json!([name, protocol.rates, protocol.seeds[0]]));
    json!({
        "setting": setting.identity,
        "method": method.identity(),
        "teacher": teacher,
        "rate": job.rate,
        "seed": job.seed,
        "split": job.split,
    })
}

/// Returns the folder of a run's result, the same for training and evaluation.
pub fn folder(setting: &Setting, method: &Method, job: &Job) -> PathBuf {
    let key = key(setting, method, &Job { split: Split::Dev, ..job.clone() });
    let mut hasher = DefaultHasher::new();
    key.to_string().hash(&mut hasher);
    setting.work.join("learned").join(format!("{}-{:016x}", method.name, hasher.finish()))
}
