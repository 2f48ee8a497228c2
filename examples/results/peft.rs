//! PEFT's multitask prompt tuning, run by PEFT: it gets tokens and returns the log-probabilities of
//! the candidates, which are evaluated here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mtpt::core::Backbone;
use mtpt::infer::{Prompted, Prompts};
use mtpt::tasks::{Split, TokenizedExample};
use mtpt_examples::Result;
use mtpt_examples::spread::mean;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::method::Learned;
use crate::protocol::{JUDGED_AT_A_TIME, MICRO_BATCH, Setting};

/// Initialization of PEFT's shared prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Random values, PEFT's default.
    Random,
    /// Embeddings of a text.
    Text,
}

impl Start {
    /// PEFT's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "RANDOM",
            Self::Text => "TEXT",
        }
    }

    /// The text, if it is initialized from one.
    pub fn text(self) -> Option<&'static str> {
        match self {
            Self::Random => None,
            Self::Text => Some(
                "classify the text: is it good or bad, what does it ask for, is it acceptable, do two sentences mean the same",
            ),
        }
    }
}

/// Output of the script after training.
#[derive(Deserialize)]
struct Answer {
    evaluations: Vec<Judged>,
    trained: usize,
    versions: Value,
}

/// Scores of a step on a split.
#[derive(Deserialize)]
struct Judged {
    step: usize,
    /// Log-probability of each candidate of each row of each task.
    scores: Vec<Vec<Vec<f64>>>,
}

const ANSWER: &str = "answer.json";

/// Trains and stores every evaluated adapter.
pub fn learn(
    setting: &Setting,
    start: Start,
    rate: f64,
    seed: u64,
    folder: &Path,
) -> Result<Learned> {
    let config = setting.protocol.config(&setting.model, rate, seed);
    let mixture = setting.mixture(seed)?;
    let steps: Vec<Value> = (0..setting.protocol.steps)
        .map(|step| {
            let rows = setting.rows(&mixture, step).into_iter();
            rows.map(|row| json!([row.task, row.input_ids, row.target_ids])).collect()
        })
        .collect();
    let rates: Vec<f64> =
        (0..setting.protocol.steps).map(|step| config.schedule().rate(step)).collect();
    let job = json!({
        "mode": "learn",
        "start": start.name(),
        "text": start.text(),
        "length": setting.protocol.length,
        "seed": seed,
        "rates": rates,
        "optimizer": config.training.optimizer,
        "micro_batch": MICRO_BATCH,
        "steps": steps,
        "evaluations": setting.protocol.evaluations(),
        "tasks": tasks(setting, Split::Dev),
    });
    run(setting, &job, folder)?;
    let answer: Answer = serde_json::from_str(&fs::read_to_string(folder.join(ANSWER))?)?;
    let mut best: Option<(&Judged, Vec<f64>)> = None;
    for judged in &answer.evaluations {
        let dev = setting.judge(Split::Dev, &judged.scores)?;
        if best.as_ref().is_none_or(|(_, best)| mean(&dev) > mean(best)) {
            best = Some((judged, dev));
        }
    }
    let (judged, dev) = best.ok_or("PEFT's run was evaluated at no step")?;
    fs::write(folder.join("best"), adapter(judged.step))?;
    let difference = difference(setting, &folder.join(adapter(judged.step)), &judged.scores)?;
    let notes = json!({ "largest_difference": difference, "versions": answer.versions });
    Ok(Learned { step: judged.step, dev, trained: answer.trained, notes })
}

/// Evaluates the best adapter with the scores computed in Python.
pub fn judge(setting: &Setting, split: Split, folder: &Path) -> Result<Vec<f64>> {
    let adapter = folder.join(fs::read_to_string(folder.join("best"))?);
    let job = json!({ "mode": "judge", "adapter": adapter, "tasks": tasks(setting, split) });
    run(setting, &job, folder)?;
    let scores: Vec<Vec<Vec<f64>>> =
        serde_json::from_str(&fs::read_to_string(folder.join(ANSWER))?)?;
    setting.judge(split, &scores)
}

fn adapter(step: usize) -> String {
    format!("step-{step}")
}

/// Returns each task's rows of a split and the tokens of its label words.
fn tasks(setting: &Setting, split: Split) -> Value {
    let inputs = |row: &TokenizedExample| json!(row.input_ids);
    let task = |task: &mtpt::infer::TaskData| {
        json!({
            "candidates": task.candidates().ids(),
            "rows": task.rows(split).iter().map(inputs).collect::<Vec<Value>>(),
        })
    };
    setting.data.iter().map(task).collect()
}

/// Runs the script with a job.
fn run(setting: &Setting, job: &Value, folder: &Path) -> Result<()> {
    let python = setting.python.as_ref().ok_or("PEFT needs `--python`")?;
    let path = folder.join("job.json");
    fs::write(&path, serde_json::to_vec(job)?)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/peft_mpt.py");
    let threads = std::env::var("RAYON_NUM_THREADS").unwrap_or_else(|_| "1".into());
    let outcome = Command::new(python)
        .arg(script)
        .arg("--model")
        .arg(absolute(&setting.model.folder)?)
        .arg("--job")
        .arg(&path)
        .arg("--output")
        .arg(folder)
        .env("OMP_NUM_THREADS", threads)
        .output()
        .map_err(|error| format!("cannot run `{}`: {error}", python.display()))?;
    if outcome.status.success() {
        return Ok(());
    }
    let messages = String::from_utf8_lossy(&outcome.stderr);
    let last = messages.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("PEFT's run failed, see `{}`: {last}", path.display()).into())
}

fn absolute(path: &Path) -> Result<PathBuf> {
    Ok(path.canonicalize()?)
}

/// Returns the largest difference between the log-probabilities of PEFT's prompts in Python and of
/// the same adapter here, over all candidates of all dev rows, in nats.
fn difference(setting: &Setting, adapter: &Path, scores: &[Vec<Vec<f64>>]) -> Result<f64> {
    let t5 = &setting.model.t5;
    let prompts = Prompts::read(adapter, &t5.device())?;
    let prompted = Prompted::new(t5, prompts.composition())?;
    let mut largest: f64 = 0.0;
    for (task, theirs) in setting.data.iter().zip(scores) {
        let rows = task.rows(Split::Dev);
        let ours = prompted.rank(rows, task.candidates(), JUDGED_AT_A_TIME);
        for (ours, theirs) in ours.iter().flatten().zip(theirs.iter().flatten()) {
            largest = largest.max((ours - theirs).abs());
        }
    }
    Ok(largest)
}
