use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use mtpt::io::IoError;
use mtpt::io::fs::{create_parent, remove_file, remove_temporary_files};
use serde_json::json;

use crate::args::rows::{OnError, RowArgs};
use crate::destination::{check_output, with_suffix};
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::input::row::Row;
use crate::json_line::write_json_line;
use crate::output::columns::{Columns, free_prefix};
use crate::output::entry::Entry;
use crate::output::format::OutputFormat;
use crate::output::journal::{Journal, journal_path};
use crate::output::rejection::{Rejection, rejected_row};
use crate::output::table::{joined, write_table};
use crate::stdio::Output;

/// The output of a job: its answers, and the rows that it rejects.
pub(crate) struct Answers {
    target: Target,
    on_error: OnError,
    /// Text in front of the names of an answer next to the columns of its row.
    prefix: &'static str,
    /// File for rejected rows.
    rejected: Option<PathBuf>,
    /// Number of rows that were answered or rejected.
    pub(crate) rows: usize,
    pub(crate) rejections: usize,
}

enum Target {
    Lines {
        output: Output,
        keep_columns: bool,
        /// File for rejected rows, if there is one and a row was rejected.
        rejected: Option<BufWriter<File>>,
    },
    File {
        path: PathBuf,
        journal: Journal,
    },
}

impl Answers {
    /// Opens standard output or the output file; none if an earlier process has completed the
    /// resumed job. `settings` returns everything that determines the answers.
    ///
    /// # Errors
    ///
    /// When a file exists that must not be overwritten or can't be continued.
    pub(crate) fn open(
        arguments: &RowArgs,
        settings: impl FnOnce() -> Fields,
        prefix: &'static str,
    ) -> Result<Option<Self>> {
        let default =
            arguments.output.as_deref().map(|output| with_suffix(output, ".rejected.jsonl"));
        let rejected = arguments.rejected.clone().or(default);
        // A journal exists only if the files did not, could be overwritten, or were written by this
        // job, which then was killed before it removed the journal.
        let has_journal = |output: &PathBuf| journal_path(output).exists();
        let continues = arguments.resume && arguments.output.as_ref().is_some_and(has_journal);
        let target = match &arguments.output {
            None => Target::Lines {
                output: Output::new(),
                keep_columns: arguments.keep_columns,
                rejected: None,
            },
            Some(path) => {
                OutputFormat::of_path(path)?;
                create_parent(path)?;
                if arguments.resume && path.exists() && !continues {
                    return Ok(None);
                }
                check_output(path, arguments.input.as_deref(), arguments.force || continues)?;
                check_journal(path, arguments)?;
                remove_temporary_files(path)?;
                let journal = Journal::open(path, settings(), arguments.resume)?;
                Target::File { path: path.clone(), journal }
            }
        };
        if let Some(rejected) = &rejected {
            if !continues {
                check_rejected(rejected, arguments)?;
            }
            remove_temporary_files(rejected)?;
            remove_file(rejected)?;
        }
        let on_error = arguments.on_error;
        Ok(Some(Self { target, on_error, prefix, rejected, rows: 0, rejections: 0 }))
    }

    /// Returns the file that an interrupted job continues from.
    pub(crate) fn partial(&self) -> Option<&Path> {
        match &self.target {
            Target::File { journal, .. } => Some(journal.path()),
            _ => None,
        }
    }

    /// Returns the output file and the file of rejected rows, if there are any.
    pub(crate) fn files(&self) -> (Option<&Path>, Option<&Path>) {
        let output = match &self.target {
            Target::File { path, .. } => Some(path.as_path()),
            Target::Lines { .. } => None,
        };
        let has_rejected = self.rejections > 0 && self.on_error == OnError::Skip;
        (output, self.rejected.as_deref().filter(|_| has_rejected))
    }

    /// Returns whether an earlier process has answered a row.
    ///
    /// # Errors
    ///
    /// When it has answered another row at this place.
    pub(crate) fn has_answered(&mut self, row: impl FnOnce() -> Entry) -> Result<bool> {
        match &mut self.target {
            Target::File { journal, .. } if journal.is_resumed() => journal.has_answered(&row()),
            _ => Ok(false),
        }
    }

    /// Adds the answers of a row.
    pub(crate) fn answer(&mut self, row: &Row, answers: Vec<Fields>) -> Result<()> {
        self.rows += 1;
        match &mut self.target {
            Target::Lines { output, keep_columns: true, .. } => {
                let columns = row.columns();
                let names = answers.iter().flat_map(Fields::keys).map(String::as_str);
                let prefix = free_prefix(self.prefix, names, |name| columns.contains_key(name));
                answers
                    .iter()
                    .try_for_each(|answer| output.row(&joined(Some(&columns), answer, &prefix)))
            }
            Target::Lines { output, .. } => answers.into_iter().try_for_each(|answer| {
                let mut line = row.identity();
                line.extend(answer);
                output.row(&line)
            }),
            Target::File { journal, .. } => {
                let entry = Entry::new(Some(row.location()), Some(row.columns()));
                journal.add(&Entry { answers, ..entry })
            }
        }
    }

    /// Adds a rejected row.
    ///
    /// # Errors
    ///
    /// The error of the row, if it ends the job.
    pub(crate) fn reject(&mut self, rejection: Rejection) -> Result<()> {
        if self.on_error == OnError::Stop {
            return Err(rejection.error);
        }
        self.rows += 1;
        self.rejections += 1;
        let Rejection { entry, problem, .. } = rejection;
        let entry = Entry { error: Some(problem), ..entry };
        match &mut self.target {
            Target::Lines { output, .. } if self.on_error == OnError::Report => {
                let id = entry.columns.as_ref().and_then(|columns| columns.get("id").cloned());
                let mut row = Fields::new();
                row.extend(id.map(|id| ("id".to_owned(), id)));
                row.extend(rejected_row(&Entry { columns: None, ..entry }));
                output.row(&row)
            }
            Target::Lines { rejected, .. } => {
                let Some(path) = &self.rejected else { return Ok(()) };
                let failed = IoError::with("write", path);
                let file = match rejected {
                    Some(file) => file,
                    None => rejected.insert(BufWriter::new(File::create(path).map_err(failed)?)),
                };
                Ok(write_json_line(file, &rejected_row(&entry)).map_err(failed)?)
            }
            Target::File { journal, .. } if self.on_error == OnError::Report => {
                let mut answer = Fields::new();
                answer.insert("error".to_owned(), json!(entry.error));
                journal.add(&Entry { answers: vec![answer], error: None, ..entry })
            }
            Target::File { journal, .. } => journal.add(&entry),
        }
    }

    /// Writes everything, so that the reader of a pipe receives it.
    pub(crate) fn flush(&mut self) -> Result<()> {
        match &mut self.target {
            Target::Lines { output, rejected, .. } => {
                if let (Some(file), Some(path)) = (rejected, &self.rejected) {
                    file.flush().map_err(IoError::with("write", path))?;
                }
                output.flush()
            }
            Target::File { journal, .. } => journal.flush(),
        }
    }

    /// Writes the output file and the file of rejected rows from all entries. A table has the
    /// given columns of answers, whether or not a row has a value.
    pub(crate) fn finish(&mut self, names: &[&str]) -> Result<()> {
        self.flush()?;
        let Target::File { path, journal } = &mut self.target else { return Ok(()) };
        journal.check_end()?;
        let mut columns = Columns::of_answers(names);
        if self.on_error == OnError::Report {
            columns.answers.extend(Columns::of_answers(&["error"]).answers);
        }
        let mut rejected = 0;
        for entry in journal.entries()? {
            let entry = entry?;
            rejected += usize::from(entry.error.is_some());
            columns.add(&entry);
        }
        let prefix = columns.free_prefix(self.prefix);
        write_table(path, journal.entries()?, &columns, &prefix)?;
        // Rows that an earlier process rejected count as well.
        self.rejections = self.rejections.max(rejected);
        if let Some(file) = self.rejected.as_ref().filter(|_| rejected > 0) {
            let rows = journal.entries()?.filter_map(|entry| match entry {
                Ok(entry) if entry.error.is_none() => None,
                Ok(entry) => Some(Ok(Entry {
                    answers: vec![rejected_row(&entry)],
                    columns: None,
                    error: None,
                    ..entry
                })),
                Err(error) => Some(Err(error)),
            });
            write_table(file, rows, &Columns::default(), "")?;
        }
        journal.remove()
    }
}

/// Rejects a file of rejected rows that would be overwritten.
fn check_rejected(path: &Path, arguments: &RowArgs) -> Result<()> {
    if path.exists() && !arguments.force {
        let problem = "already exists; choose another path with `--rejected`, or overwrite it with \
                       `--force`";
        return Err(Error::File { path: path.to_owned(), problem: problem.to_owned() });
    }
    Ok(())
}

/// Rejects the rows of an interrupted job that would be overwritten.
fn check_journal(output: &Path, arguments: &RowArgs) -> Result<()> {
    let path = journal_path(output);
    if path.exists() && !arguments.resume && !arguments.force {
        let problem = "this file has the answers of an interrupted job; continue it with \
                       `--resume`, or start over with `--force`";
        return Err(Error::File { path, problem: problem.to_owned() });
    }
    Ok(())
}
