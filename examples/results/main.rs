//! Runs every method on the same tasks, data and steps and writes the table of
//! `docs/src/results.md`.
//!
//! ```text
//! cargo run --release --example results -- --data ../shared/data --python VENV/bin/python
//! ```
//!
//! Finished runs are stored in `target/results` and not repeated when the program is restarted.

mod method;
mod peft;
mod protocol;
mod records;
mod table;

use std::io::Write;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use mtpt::tasks::{Limit, Split};
use mtpt_examples::spread::mean;
use mtpt_examples::terminal::finish;
use mtpt_examples::{Result, written_table};

use crate::method::{Attempt, Learned, Method};
use crate::protocol::{Protocol, Setting};
use crate::records::{Job, Record, Records, folder, key};

/// Every method on the same tasks, rows and steps.
#[derive(Clone, Parser)]
struct Arguments {
    /// Folder with `glue/` and `text/`
    #[arg(long)]
    data: PathBuf,
    /// Python with `torch`, `transformers` and `peft`; without it, PEFT's rows are omitted
    #[arg(long)]
    python: Option<PathBuf>,
    /// Folder of a T5 in Hugging Face format [default: the one in this repository]
    #[arg(long)]
    model: Option<PathBuf>,
    /// Folder of finished runs
    #[arg(long, default_value = "target/results")]
    work: PathBuf,
    /// File whose table is replaced; the text around the table stays
    #[arg(long, default_value = "docs/src/results.md")]
    output: PathBuf,
    /// Seeds of the initial values and of the example order; the first one selects the learning
    /// rate
    #[arg(long, num_args = 1.., default_values_t = [0, 1, 2])]
    seeds: Vec<u64>,
    /// Training steps
    #[arg(long, default_value_t = 150, value_parser = at_least_1())]
    steps: usize,
    /// Examples per step, over all tasks
    #[arg(long, default_value_t = 24, value_parser = at_least_1())]
    batch_size: usize,
    /// Number of prompt vectors
    #[arg(long, default_value_t = 20, value_parser = at_least_1())]
    length: usize,
    /// Learning rates to try for prompts
    #[arg(long, num_args = 1.., default_values_t = [0.1, 0.3])]
    rates: Vec<f64>,
    /// Learning rates to try for full fine-tuning
    #[arg(long, num_args = 1.., default_values_t = [0.0003, 0.001])]
    model_rates: Vec<f64>,
    /// Train nothing, and write the table from finished runs
    #[arg(long)]
    table: bool,
    /// Methods to run, in this order; the table has every method with finished runs
    #[arg(long, num_args = 1..)]
    only: Vec<String>,
    /// Number of parallel runs [default: number of CPUs]
    #[arg(long, value_parser = at_least_1())]
    jobs: Option<usize>,
    /// Two steps on few rows, to check that everything works
    #[arg(long)]
    quick: bool,
    /// One run, in a process that the program starts
    #[arg(long, hide = true)]
    run: Option<String>,
}

fn at_least_1() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

fn main() -> ExitCode {
    finish(run(&Arguments::parse()))
}

fn protocol(arguments: &Arguments) -> Protocol {
    let limit = Limit { train: Some(1_000), dev: Some(100), test: Some(400), seed: Some(0) };
    let protocol = Protocol {
        steps: arguments.steps,
        batch_size: arguments.batch_size,
        length: arguments.length,
        input: 64,
        every: arguments.steps.div_ceil(2),
        limit,
        rates: arguments.rates.clone(),
        model_rates: arguments.model_rates.clone(),
        seeds: arguments.seeds.clone(),
    };
    if !arguments.quick {
        return protocol;
    }
    Protocol {
        steps: 2,
        batch_size: 4,
        length: 2,
        every: 1,
        limit: Limit { train: Some(16), dev: Some(4), test: Some(8), seed: Some(0) },
        rates: protocol.rates[..1].to_vec(),
        model_rates: protocol.model_rates[..1].to_vec(),
        ..protocol
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let setting = Setting::read(
        arguments.model.as_deref(),
        &arguments.data,
        protocol(arguments),
        &arguments.work,
        arguments.python.as_deref(),
    )?;
    let methods = method::all();
    if let Some(job) = &arguments.run {
        return work(&setting, &methods, &serde_json::from_str(job)?);
    }
    let known = |name: &String| methods.iter().any(|method| method.name == *name);
    if let Some(unknown) = arguments.only.iter().find(|name| !known(name)) {
        let names: Vec<&str> = methods.iter().map(|method| method.name.as_str()).collect();
        return Err(format!("no method `{unknown}`: there are {}", names.join(", ")).into());
    }
    let runs = |method: &&Method| setting.python.is_some() || !method.needs_python();
    let wanted: Vec<Method> = if arguments.only.is_empty() {
        methods.iter().filter(runs).cloned().collect()
    } else {
        // In the requested order.
        let named = arguments.only.iter();
        let named = named.filter_map(|name| methods.iter().find(|method| method.name == *name));
        named.filter(runs).cloned().collect()
    };
    let wanted = if arguments.table { Vec::new() } else { wanted };
    let (records, failures) = run_all(arguments, &setting, &methods, &wanted)?;
    let table = table::markdown(&setting, &methods, &records)?;
    written_table::write(&arguments.output, "results", &table)?;
    let mut output = std::io::stdout().lock();
    writeln!(output, "{table}")?;
    writeln!(output, "wrote the table to `{}`", arguments.output.display())?;
    match failures.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(format!("{} runs failed, the first is {first}", failures.len()).into()),
    }
}

/// State shared by all workers.
struct Shared {
    records: Records,
    running: Vec<Job>,
    failed: Vec<(Job, String)>,
}

/// Runs all missing jobs in parallel processes; failed ones are skipped.
fn run_all(
    arguments: &Arguments,
    setting: &Setting,
    methods: &[Method],
    wanted: &[Method],
) -> Result<(Records, Vec<String>)> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let jobs = arguments.jobs.unwrap_or(cores);
    let threads = (cores / jobs).max(1);
    let records = Records::open(&setting.work)?;
    let shared = Mutex::new(Shared { records, running: Vec::new(), failed: Vec::new() });
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(job) = next(&shared, setting, methods, wanted) {
                    let Some(job) = job else {
                        // All open jobs wait for running ones.
                        thread::sleep(Duration::from_millis(200));
                        continue;
                    };
                    let outcome = start(&job, threads);
                    let mut shared = lock(&shared);
                    shared.running.retain(|running| *running != job);
                    let kept = outcome.and_then(|record| {
                        eprintln!(
                            "{:25} rate {:<6} seed {} {:4} {:5.1} after {:.0} seconds, {} open",
                            job.method,
                            job.rate,
                            job.seed,
                            job.split.as_str(),
                            100.0 * mean(&record.values),
                            record.seconds,
                            shared.records.open_jobs(setting, methods, wanted).len(),
                        );
                        shared.records.push(record).map_err(|error| error.to_string())
                    });
                    if let Err(message) = kept {
                        eprintln!(
                            "{}, rate {}, seed {}: {message}",
                            job.method, job.rate, job.seed
                        );
                        shared.failed.push((job, message));
                    }
                }
            });
        }
    });
    let shared = shared.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let failures = shared.failed.into_iter();
    Ok((
        shared.records,
        failures.map(|(job, message)| format!("{}: {message}", job.method)).collect(),
    ))
}

fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Returns a job that isn't running yet. The inner option is `None` if all open jobs wait for
/// running ones, the outer one if all is done.
fn next(
    shared: &Mutex<Shared>,
    setting: &Setting,
    methods: &[Method],
    wanted: &[Method],
) -> Option<Option<Job>> {
    let mut shared = lock(shared);
    let open = shared.records.open_jobs(setting, methods, wanted);
    let has_failed = |job: &Job| shared.failed.iter().any(|(failed, _)| failed == job);
    let mut free = open.into_iter().filter(|job| !shared.running.contains(job) && !has_failed(job));
    let free = free.next();
    if let Some(job) = free {
        shared.running.push(job.clone());
        return Some(Some(job));
    }
    if shared.running.is_empty() { None } else { Some(None) }
}

/// Starts this program again for one run, and reads the line that it prints.
fn start(job: &Job, threads: usize) -> Result<Record, String> {
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let mut command = Command::new(program);
    // The same arguments, and the job.
    command.args(std::env::args_os().skip(1));
    command.arg("--run").arg(serde_json::to_string(job).map_err(|error| failed(&error))?);
    command.env("RAYON_NUM_THREADS", threads.to_string());
    let outcome = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| failed(&error))?;
    let messages = String::from_utf8_lossy(&outcome.stderr);
    if !outcome.status.success() {
        let message = messages.lines().last().unwrap_or_default();
        return Err(message.trim_start_matches("error: ").to_owned());
    }
    serde_json::from_slice(&outcome.stdout).map_err(|error| failed(&error))
}

/// One run, in the process that was started for it.
fn work(setting: &Setting, methods: &[Method], job: &Job) -> Result<()> {
    let method = methods.iter().find(|method| method.name == job.method);
    let method = method.ok_or_else(|| format!("no method `{}`", job.method))?;
    let folder = folder(setting, method, job);
    let begun = Instant::now();
    let learned = match job.split {
        Split::Test => {
            let dev = method.judge(setting, Split::Test, &folder)?;
            Learned { step: 0, dev, trained: 0, notes: serde_json::Value::Null }
        }
        _ => {
            let records = Records::open(&setting.work)?;
            let teachers = records.teachers(setting, methods, method, job.seed);
            let (rate, seed, teachers) = (job.rate, job.seed, teachers.as_deref());
            let attempt = Attempt { rate, seed, folder: &folder, teachers };
            match method.learn(setting, &attempt) {
                Err(error) if is_too_fast(&error) => Learned {
                    step: 0,
                    dev: vec![0.0; setting.data.len()],
                    trained: 0,
                    notes: serde_json::json!({ "failed": error.to_string() }),
                },
                learned => learned?,
            }
        }
    };
    let record = Record {
        key: key(setting, method, job),
        job: job.clone(),
        values: learned.dev,
        step: learned.step,
        trained: learned.trained,
        seconds: begun.elapsed().as_secs_f64(),
        notes: learned.notes,
    };
    let mut output = std::io::stdout().lock();
    Ok(writeln!(output, "{}", serde_json::to_string(&record)?)?)
}

/// Returns whether the learning rate was so high that losses aren't finite: such a run counts as
/// untrained.
fn is_too_fast(error: &mtpt_examples::Error) -> bool {
    let error = error.downcast_ref::<mtpt::train::Error>();
    matches!(error, Some(mtpt::train::Error::NotFinite { .. }))
}
