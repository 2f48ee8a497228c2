//! Recording a session, one process that works on a run, in the run folder.

use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, path};

use mtpt::train::{self, Observer, ReadyEvent, StepEvent, error_line};

use crate::error::{Error, Result};
use crate::run_files::record::{COMPLETE, FAILED, INTERRUPTED, RunRecord, SessionRecord, utc};

/// Writes the record of a session when its first run is ready, and again at its end.
pub(crate) struct Session {
    run: PathBuf,
    record: RunRecord,
    started: bool,
}

impl Session {
    /// Prepares the record of a session. With `continues`, it is added to those of earlier
    /// sessions.
    ///
    /// # Errors
    ///
    /// When these can't be read.
    pub(crate) fn new(run: &Path, device: &str, model: &Path, continues: bool) -> Result<Self> {
        let mut record = if continues { RunRecord::read(run)? } else { RunRecord::default() };
        let directory = env::current_dir().unwrap_or_default();
        let model = match path::absolute(model) {
            Ok(path) if path.exists() => path,
            // An id on the hub.
            _ => model.to_owned(),
        };
        record.sessions.push(SessionRecord {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
            directory: directory.to_string_lossy().into_owned(),
            device: device.to_owned(),
            model: Some(model.to_string_lossy().into_owned()),
            started: utc(SystemTime::now()),
            ended: None,
            first_step: 0,
            last_step: None,
            end: None,
        });
        Ok(Self { run: run.to_owned(), record, started: false })
    }

    /// Records the end of the session, if it started.
    ///
    /// # Errors
    ///
    /// The error of the session, or else the one from writing the record.
    pub(crate) fn end<T>(mut self, result: Result<T>) -> Result<T> {
        let end = match &result {
            Ok(_) => COMPLETE.to_owned(),
            Err(Error::Interrupted { .. }) => INTERRUPTED.to_owned(),
            Err(error) => format!("{FAILED}{}", error_line(error)),
        };
        let started = self.started;
        let session = self.current();
        session.last_step = session.last_step.or(Some(session.first_step));
        session.ended = Some(utc(SystemTime::now()));
        session.end = Some(end);
        let written = if started { self.record.write(&self.run) } else { Ok(()) };
        let value = result?;
        written?;
        Ok(value)
    }

    /// Returns whether the session before this one was complete.
    fn is_complete_before(&self) -> bool {
        let earlier = self.record.sessions.iter().rev().nth(1);
        earlier.is_some_and(|session| session.end.as_deref() == Some(COMPLETE))
    }

    fn current(&mut self) -> &mut SessionRecord {
        self.record.sessions.last_mut().expect("invariant: `new` adds a session")
    }
}

impl Observer for Session {
    fn ready(&mut self, event: &ReadyEvent<'_>) -> train::Result<()> {
        let session = self.current();
        session.first_step += event.steps_done;
        if let Some(last) = &mut session.last_step {
            *last += event.steps_done;
        }
        // A session that finds everything complete adds nothing to the record.
        let nothing_to_do = event.is_complete && self.is_complete_before();
        if !self.started && !nothing_to_do {
            self.started = true;
            self.record.write(&self.run)?;
        }
        Ok(())
    }

    fn step(&mut self, _event: &StepEvent<'_>) -> train::Result<()> {
        let session = self.current();
        *session.last_step.get_or_insert(session.first_step) += 1;
        Ok(())
    }
}
