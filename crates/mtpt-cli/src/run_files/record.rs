use std::path::Path;
use std::time::SystemTime;

use mtpt::io::IoError;
use mtpt::io::fs::write_atomic;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::Result;
use crate::run_files::config::read_if_exists;
use crate::shell_word::in_quotes;

/// File name of the record in the run folder.
pub(crate) const RECORD: &str = "run.json";

/// The end of a session whose runs are complete.
pub(crate) const COMPLETE: &str = "complete";
/// The end of a session that a signal ended.
pub(crate) const INTERRUPTED: &str = "interrupted";
/// Start of the end of a session that an error ended. The message follows.
pub(crate) const FAILED: &str = "failed: ";

/// The record of a run, `run.json`: which program ran it, how and when.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    /// The processes that worked on the run, in order.
    #[serde(default)]
    pub(crate) sessions: Vec<SessionRecord>,
}

/// A process that worked on a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SessionRecord {
    /// Version of `mtpt`.
    pub(crate) version: String,
    pub(crate) command: Vec<String>,
    /// The working directory, absolute.
    pub(crate) directory: String,
    pub(crate) device: String,
    /// The folder of the model, absolute; or its id on the hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// Start in UTC, as in RFC 3339.
    pub(crate) started: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<String>,
    /// Steps done before. The steps of all runs of a pipeline are added up.
    pub(crate) first_step: usize,
    /// Steps done at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_step: Option<usize>,
    /// `complete`, `interrupted` or `failed: MESSAGE`; `None` while the process runs, or after it
    /// was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<String>,
}

impl RunRecord {
    /// Reads the record of a run. A run of an earlier version or of another program has none, and
    /// a malformed one is of no use: the result is then empty.
    ///
    /// # Errors
    ///
    /// When the file exists but can't be read. Then it must not be replaced.
    pub(crate) fn read(run: &Path) -> Result<Self> {
        let text = read_if_exists(&run.join(RECORD))?.unwrap_or_default();
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Writes the record of a run.
    pub(crate) fn write(&self, run: &Path) -> Result<(), IoError> {
        let path = run.join(RECORD);
        let text = serde_json::to_string(self).map_err(IoError::with("write", &path))?;
        write_atomic(&path, format!("{text}\n").as_bytes())
    }
}

impl SessionRecord {
    /// Returns a line of text about the session.
    pub(crate) fn line(&self) -> String {
        let Self { version, device, first_step, .. } = self;
        let started = minutes(&self.started);
        let end = match (&self.last_step, &self.end) {
            (Some(last), Some(end)) => format!("steps {first_step} to {last}, {end}"),
            _ => format!("from step {first_step}, running or killed"),
        };
        let command = self.command_line();
        format!("session {started}: {end}; mtpt {version} on {device}: {command}\n")
    }

    /// Returns the message of the error that ended the session.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.end.as_deref()?.strip_prefix(FAILED)
    }

    /// Returns the command for a shell.
    pub(crate) fn command_line(&self) -> String {
        let words = self.command.iter().map(|word| in_quotes(word));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Formats a time in UTC with whole seconds, as in RFC 3339. A time that has no such text, as
/// after the year 9999, is empty.
pub(crate) fn utc(time: SystemTime) -> String {
    let seconds = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |it| -it),
    };
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

/// Formats a time of [`utc`] for people: `2026-11-27 23:55 UTC`.
pub(crate) fn minutes(utc: &str) -> String {
    let text: String = utc.chars().take("2026-11-27T23:55".len()).collect();
    format!("{} UTC", text.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn command_lines_can_be_copied() {
        let arguments = ["mtpt", "train", "my run.toml", "--set", "a=[1]", "it's", ""];
        let session = SessionRecord {
            version: String::new(),
            command: arguments.map(str::to_owned).to_vec(),
            directory: String::new(),
            device: String::new(),
            model: None,
            started: String::new(),
            ended: None,
            first_step: 0,
            last_step: None,
            end: None,
        };
        assert_eq!(session.command_line(), "mtpt train 'my run.toml' --set 'a=[1]' 'it'\\''s' ''");
    }

    #[test]
    fn times_are_in_utc() {
        // `date -u -d @1795823703 +%FT%TZ`
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_823_703_400);
        assert_eq!(utc(time), "2026-11-27T23:55:03Z");
        assert_eq!(minutes(&utc(time)), "2026-11-27 23:55 UTC");
        assert_eq!(utc(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), "1969-12-31T23:59:59Z");
        // A file may have any time.
        assert_eq!(utc(SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40)), "");
    }
}
