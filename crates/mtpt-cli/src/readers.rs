//! Readers of files and texts that only the command reads, for the fuzzer. This is no interface for
//! other programs.

use std::error::Error;
use std::path::Path;

use clap::Parser;
use mtpt::train::StagedRunConfig;

use crate::args::{Arguments, Command};
use crate::config::read_with_settings;
use crate::fields::Fields;
use crate::output::journal::Journal;
use crate::report::data::session_time;
use crate::run_files::record::RunRecord;
use crate::sweep::variants::variants;

/// The error of a reader.
pub type ReaderError = Box<dyn Error + Send + Sync>;

/// Reads a configuration with settings, as in `mtpt train CONFIG --set SETTING`, and each
/// combination of their values. Returns the number of combinations, at least one.
///
/// # Errors
///
/// When a setting is malformed, or the configuration is invalid with it.
pub fn read_settings(config: &Path, settings: &[String]) -> Result<usize, ReaderError> {
    let mut arguments = vec!["mtpt".into(), "train".into(), config.as_os_str().to_owned()];
    for setting in settings {
        arguments.push(format!("--set={setting}").into());
    }
    let Some(Command::Train(train)) = Arguments::try_parse_from(arguments)?.command else {
        return Err("expected the command `train`".into());
    };
    let variants = variants(&train.run)?;
    let parse = |settings: &[String]| {
        read_with_settings(config, settings, |text| StagedRunConfig::parse(text, config))
    };
    if variants.is_empty() {
        parse(&train.run.set)?;
    }
    // A sweep of thousands of runs parses the configuration as often.
    for variant in variants.iter().take(10) {
        parse(&variant.arguments.set)?;
    }
    Ok(variants.len().max(1))
}

/// Reads the record of a run, as `inspect` and `report` do. Returns the number of sessions.
///
/// # Errors
///
/// When it can't be read.
pub fn read_run_record(run: &Path) -> Result<usize, ReaderError> {
    let record = RunRecord::read(run)?;
    for session in &record.sessions {
        let _ = (session.line(), session.failure(), session_time::duration(session));
        let _ = session_time::time(&session.started).map(session_time::as_text);
    }
    Ok(record.sessions.len())
}

/// Continues the job of an output file from its journal, with all its rows. Returns their number.
///
/// # Errors
///
/// When the journal is damaged, or that of other settings.
pub fn read_journal(output: &Path, settings: &str) -> Result<usize, ReaderError> {
    let settings: Fields = serde_json::from_str(settings)?;
    let mut journal = Journal::open(output, settings, true)?;
    let rows = journal.entries()?.collect::<Result<Vec<_>, _>>()?;
    for row in &rows {
        journal.has_answered(row)?;
    }
    journal.check_end()?;
    Ok(rows.len())
}
