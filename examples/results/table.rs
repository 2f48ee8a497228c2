//! The results table in Markdown, and the sentences that follow from it.

use std::fmt::Write as _;

use mtpt::tasks::Split;
use mtpt_examples::Result;
use mtpt_examples::spread::{deviation, mean, spread};
use mtpt_examples::terminal::grouped;

use crate::method::{Kind, Method};
use crate::protocol::{Setting, first};
use crate::records::{Record, Records};

/// Target lead of the best composition over PEFT's MPT, in points.
const LEAD: f64 = 3.0;

/// Results of a method.
struct Row<'a> {
    method: &'a Method,
    rate: f64,
    /// Dev results, one per seed.
    dev: Vec<&'a Record>,
    /// Test results, one per seed.
    test: Vec<&'a Record>,
}

impl Row<'_> {
    fn of(records: &[&Record], value: impl Fn(&[f64]) -> f64) -> Vec<f64> {
        records.iter().map(|record| 100.0 * value(&record.values)).collect()
    }

    fn score(&self) -> f64 {
        mean(&Self::of(&self.test, mean))
    }

    fn chosen_by(&self) -> f64 {
        mean(&Self::of(&self.dev, mean))
    }
}

/// Returns the table and the sentences that follow from it.
pub fn markdown(setting: &Setting, methods: &[Method], records: &Records) -> Result<String> {
    let mut rows = Vec::new();
    let mut missing = Vec::new();
    for method in methods {
        let runs = |split| records.runs(setting, method, split);
        match (records.chosen(setting, method), runs(Split::Dev), runs(Split::Test)) {
            (Some(rate), Some(dev), Some(test)) => rows.push(Row { method, rate, dev, test }),
            _ => missing.push(format!("`{}`", method.name)),
        }
    }
    let mut text = String::new();
    let names: Vec<&str> = setting.data.iter().map(|data| data.task().id().leaf()).collect();
    let metrics = setting.data.iter().map(|data| data.task().metrics()[0].name());
    let heads: Vec<String> =
        names.iter().zip(metrics).map(|(name, metric)| format!("{name}, {metric}")).collect();
    writeln!(
        text,
        "| method | {} | average | average on dev | learning rate | selected step | parameters per task |\n|---|{}",
        heads.join(" | "),
        "---|".repeat(heads.len() + 5)
    )?;
    let majority = setting.data.iter().map(|data| Ok(first(&data.majority(Split::Test)?)));
    let majority = majority.collect::<Result<Vec<f64>>>()?;
    let cells: Vec<String> = majority.iter().map(|value| format!("{:.1}", 100.0 * value)).collect();
    writeln!(
        text,
        "| majority label | {} | {:.1} | | | | 0 |",
        cells.join(" | "),
        100.0 * mean(&majority)
    )?;
    for row in &rows {
        let tasks: Vec<String> = (0..names.len())
            .map(|task| spread(&Row::of(&row.test, |values| values[task])))
            .collect();
        let steps: Vec<String> = row.dev.iter().map(|record| record.step.to_string()).collect();
        writeln!(
            text,
            "| `{}` | {} | **{}** | {} | {} | {} | {} |",
            row.method.name,
            tasks.join(" | "),
            spread(&Row::of(&row.test, mean)),
            spread(&Row::of(&row.dev, mean)),
            row.rate,
            steps.join(", "),
            grouped(row.dev[0].trained.div_ceil(names.len())),
        )?;
    }
    writeln!(text)?;
    said(setting, &rows, &missing, &mut text)?;
    Ok(text)
}

/// Writes a description of each row and the comparisons.
fn said(setting: &Setting, rows: &[Row<'_>], missing: &[String], text: &mut String) -> Result<()> {
    let protocol = &setting.protocol;
    let list = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
    let seeds: Vec<String> = protocol.seeds.iter().map(u64::to_string).collect();
    writeln!(
        text,
        "Test results in hundredths: means over the seeds {} and their sample standard deviations. Every run: {} steps of {} rows from all tasks, \
         prompts of {} vectors, inputs of at most {} tokens; learning rates of prompts {}, of full fine-tuning {}, tried with seed {}; \
         the best of the steps {} on dev is selected.\n",
        seeds.join(", "),
        protocol.steps,
        protocol.batch_size,
        protocol.length,
        protocol.input,
        list(&protocol.rates),
        list(&protocol.model_rates),
        seeds[0],
        protocol.evaluations().iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    )?;
    writeln!(text, "| task | train rows | dev | test |\n|---|---|---|---|")?;
    for data in &setting.data {
        let count = |split| grouped(data.count(split));
        let counts = Split::ALL.map(count).join(" | ");
        writeln!(text, "| {} | {counts} |", data.task().id())?;
    }
    let [train, ..] = Split::ALL;
    let read = protocol.steps * protocol.batch_size;
    writeln!(
        text,
        "\nA run uses {} rows, about {} per task: at most as many different ones as its `{train}` column shows.\n",
        grouped(read),
        grouped(read / setting.data.len()),
    )?;
    for row in rows {
        let seconds: f64 = row.dev.iter().map(|record| record.seconds).sum();
        let seconds = seconds / row.dev.len() as f64;
        let about = if row.method.about.is_empty() { "" } else { ": " };
        let teachers = match row.method.teacher() {
            Some(teacher) => {
                format!("; its teachers are those of `{teacher}`, {} steps more", protocol.steps)
            }
            None => String::new(),
        };
        let Method { name, about: words, .. } = row.method;
        writeln!(text, "- `{name}`{about}{words}{teachers}; {seconds:.0} seconds per run")?;
    }
    writeln!(
        text,
        "\nSeconds were measured on one core shared with other work and include evaluations on dev; they only give an order of magnitude.\n"
    )?;
    if !missing.is_empty() {
        let why = if setting.python.is_none() { " (PEFT's need `--python`)" } else { "" };
        writeln!(text, "Not run: {}{why}.\n", missing.join(", "))?;
    }
    let is_peft = |row: &&Row<'_>| matches!(row.method.kind, Kind::Peft(_));
    let best = |wanted: &dyn Fn(&&Row<'_>) -> bool| {
        let wanted = rows.iter().filter(|row| wanted(row));
        wanted.max_by(|a, b| a.chosen_by().total_cmp(&b.chosen_by()))
    };
    let named = |name: &str| rows.iter().find(|row| row.method.name == name);
    let composed = best(&|row| row.method.is_composition());
    let (plain, peft) = (named("separate"), best(&is_peft));
    for (what, one) in [
        ("Of the compositions, the one with the highest dev average", composed),
        ("The full MPT method", named("mpt")),
    ] {
        let Some(one) = one else { continue };
        writeln!(text, "{what}, `{}`, scores {:.1} on test.", one.method.name, one.score())?;
        if let Some(other) = plain {
            writeln!(
                text,
                "Target: above plain prompts, `{}` at {:.1}: {}.",
                other.method.name,
                other.score(),
                ahead(one, other, 0.0),
            )?;
        }
        if let Some(other) = peft {
            writeln!(
                text,
                "Target: at least {LEAD:.0} points above PEFT's MPT, `{}` at {:.1}, the better of its two initializations on dev: {}.",
                other.method.name,
                other.score(),
                ahead(one, other, LEAD),
            )?;
            let others = rows.iter().filter(is_peft);
            for start in others.filter(|start| start.method.name != other.method.name) {
                let (name, score) = (&start.method.name, start.score());
                writeln!(
                    text,
                    "Compared with its other initialization, `{name}` at {score:.1}: {}.",
                    ahead(one, start, LEAD)
                )?;
            }
        }
        if let Some(whole) = named("full_fine_tuning") {
            let (lead, seeds) = leads(one, whole);
            let score = whole.score();
            writeln!(
                text,
                "Compared with full fine-tuning at {score:.1}: {} points ({seeds} per seed).",
                spread(&lead)
            )?;
        }
        writeln!(text)?;
    }
    let differences = rows.iter().filter(is_peft).flat_map(|row| &row.dev);
    let differences = differences.filter_map(|record| record.notes["largest_difference"].as_f64());
    if let Some(largest) = differences.reduce(f64::max) {
        writeln!(
            text,
            "PEFT's adapters, read here, yield the log-probabilities of Python for all candidates of all dev rows within {largest:.1e}."
        )?;
    }
    let versions = rows.iter().filter(is_peft).map(|row| &row.dev[0].notes["versions"]).next();
    if let Some(versions) = versions {
        let version = |name: &str| format!("{name} {}", versions[name].as_str().unwrap_or("?"));
        let versions = ["peft", "transformers", "torch"].map(version).join(", ");
        writeln!(text, "Versions: {versions}.")?;
    }
    Ok(())
}

/// Returns the lead of one method over another per seed, as numbers and text.
fn leads(one: &Row<'_>, other: &Row<'_>) -> (Vec<f64>, String) {
    let pairs = Row::of(&one.test, mean).into_iter().zip(Row::of(&other.test, mean));
    let leads: Vec<f64> = pairs.map(|(one, other)| one - other).collect();
    let words = leads.iter().map(|lead| format!("{lead:+.1}")).collect::<Vec<_>>().join(", ");
    (leads, words)
}

/// Describes the lead of one method over another and whether it reaches the target.
fn ahead(one: &Row<'_>, other: &Row<'_>, aim: f64) -> String {
    let (leads, words) = leads(one, other);
    let (lead, deviation) = (mean(&leads), deviation(&leads));
    let verdict = match lead > aim {
        false => "not reached",
        true if lead - aim > deviation => "reached",
        true => "reached, but within the variation between seeds",
    };
    format!("{} points ({words} per seed), {verdict}", spread(&leads))
}
