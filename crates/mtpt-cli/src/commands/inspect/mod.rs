//! What a file or folder holds, as text or as one JSON object.

mod distribution;
mod model;
mod prompts;
mod rows;
mod run;
mod tasks;
mod tensors;

use std::path::Path;

use mtpt::infer::PromptFormat;
#[cfg(feature = "t5x")]
use mtpt::io::t5x::Error::NoPrompt;
use serde::Serialize;
use serde_json::Value;

use crate::args::Inspect;
use crate::error::{Error, Result};
use crate::output::Output;

/// The same thing for machines and for people.
struct Report {
    json: Value,
    text: String,
}

impl Report {
    fn new(path: &Path, json: &impl Serialize, text: String) -> Result<Self> {
        let json = serde_json::to_value(json).map_err(|error| Error::Inspected {
            path: path.to_owned(),
            problem: error.to_string(),
        })?;
        Ok(Self { json, text })
    }
}

pub(crate) fn run(arguments: &Inspect) -> Result<()> {
    let path = &arguments.path;
    let report = look_at(path, arguments)?;
    let mut output = Output::new();
    if arguments.json {
        output.row(&report.json)?;
    } else {
        output.bytes(report.text.as_bytes())?;
    }
    output.flush()
}

fn look_at(path: &Path, arguments: &Inspect) -> Result<Report> {
    if path.is_dir() {
        let has = |name: &str| path.join(name).is_file();
        if has("config.toml") {
            return run::folder(path);
        }
        return match PromptFormat::of(path) {
            Ok(Some(PromptFormat::Peft)) => prompts::adapter(path),
            // The same files hold models, prompts, or both.
            #[cfg(feature = "t5x")]
            Ok(Some(PromptFormat::T5x)) => match prompts::arrays(path) {
                Err(Error::Train(mtpt::train::Error::T5x(NoPrompt { .. }))) => model::folder(path),
                report => report,
            },
            Ok(Some(_)) => prompts::arrays(path),
            // Whatever else there is: what is missing of a model is told.
            Ok(None) | Err(_) => model::folder(path),
        };
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => tasks::file(path, arguments.model.as_deref()),
        Some("safetensors") => match tensors::read(path)? {
            file if file.is_prompt_file() => prompts::file(path),
            file => file.report(path),
        },
        _ => match PromptFormat::of(path)? {
            Some(_) => prompts::arrays(path),
            None => rows::file(path),
        },
    }
}

/// A number with commas between its thousands.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `2 rows`.
pub(crate) fn counted(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", thousands(number))
}

/// A share of a whole in percent.
fn percent(part: usize, whole: usize) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(12_345_678), "12,345,678");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(0, 0), "0.0 %");
    }
}
