use std::path::Path;
use std::time::Duration;

use mtpt::tasks::data::DataError;
use mtpt::tasks::{self, Example};

use crate::args::inference::PromptedRows;
use crate::args::rows::OnError;
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::input::row::Row;
use crate::input::row_stream::{Arrival, Next, RowStream};
use crate::input::source::RowSource;
use crate::output::answers::Answers;
use crate::output::entry::Entry;
use crate::output::rejection::Rejection;
use crate::progress::rows::RowProgress;
use crate::rows::command::RowCommand;
use crate::rows::summary::Summary;
use crate::rows::window::{Batching, Item, State, answer};
use crate::signals::Signals;
use crate::stdio::message;

/// Time without a new row after which the rows that have arrived are answered. The rows of a fast
/// writer arrive within it.
const IDLE: Duration = Duration::from_millis(1);
/// Time between looks for a signal while there is no row.
const WAIT: Duration = Duration::from_millis(50);
/// Number of rejected rows that are reported one by one.
const REPORTED: usize = 10;

/// Advice on a row that ended a job.
const ROW_ADVICE: &str =
    "correct the row and continue with `--resume`, or start with `--on-error skip`";

/// A job that answers the rows of a source in their order.
pub(crate) struct RowJob {
    source: RowSource,
    answers: Answers,
    on_error: OnError,
    batching: Batching,
    has_output_file: bool,
    progress: RowProgress,
    /// Whether a summary is printed at the end.
    is_job: bool,
    signals: Signals,
    /// Number of rows that were read.
    rows: usize,
    /// Number of rows that an earlier process answered.
    earlier: usize,
    /// The error of the first rejected row.
    first_problem: Option<String>,
}

/// Reason why no more rows are collected.
enum End {
    /// A window is complete; there may be more rows.
    Window,
    Rows,
    Error(Error),
    Signal,
}

impl RowJob {
    /// Opens the source and the target before a large model is loaded; none if the output file is
    /// complete already, which is reported. `settings` returns everything that determines the
    /// answers.
    ///
    /// # Errors
    ///
    /// When the source doesn't exist or an output file must not be overwritten.
    pub(crate) fn open(
        arguments: &PromptedRows,
        settings: impl FnOnce() -> Fields,
        prefix: &'static str,
    ) -> Result<Option<Self>> {
        let rows = &arguments.rows;
        let source = RowSource::new(rows)?;
        let Some(answers) = Answers::open(rows, settings, prefix)? else {
            let path = rows.output.as_deref().unwrap_or(Path::new(""));
            message(&format!(
                "`{}` is complete already; to answer the rows again, pass `--force` instead of \
                 `--resume`",
                path.display()
            ));
            return Ok(None);
        };
        let is_job = source.path().is_some() || rows.output.is_some();
        Ok(Some(Self {
            progress: RowProgress::new(is_job),
            has_output_file: rows.output.is_some(),
            source,
            answers,
            on_error: rows.on_error,
            batching: Batching::new(arguments.batch_size),
            is_job,
            signals: Signals::default(),
            rows: 0,
            earlier: 0,
            first_problem: None,
        }))
    }

    /// Answers all rows.
    ///
    /// # Errors
    ///
    /// When a row can't be answered and ends the job, a file can't be read or written, or the
    /// command fails. The rows before it are answered.
    pub(crate) fn run(mut self, command: &impl RowCommand) -> Result<()> {
        if self.source.is_terminal() {
            message("reading rows as JSON objects, one per line; Ctrl-D ends them");
        }
        self.signals.start()?;
        self.progress.start(&self.source, self.has_output_file);
        let outcome = self.answer_all(command);
        for note in command.new_notes() {
            self.progress.message(&note);
        }
        let outcome = outcome.and_then(|()| self.answers.finish(&command.columns()));
        let (time, rejected) = (self.progress.elapsed(), self.answers.rejections);
        let Self { progress, answers, first_problem, .. } = self;
        drop(progress);
        command.report();
        if let Err(error) = outcome {
            explain(&error, &answers);
            return Err(error);
        }
        if self.is_job || rejected > 0 {
            let (output, rejected_file) = answers.files();
            let (rows, earlier) = (answers.rows + self.earlier, self.earlier);
            let summary = Summary { rows, earlier, rejected, time, output, rejected_file };
            message(&summary.line());
            // A service on a pipe is not a job: its client has all errors.
            let is_job = self.is_job || self.on_error == OnError::Skip;
            if is_job && rejected > 0 && rejected == rows {
                return Err(Error::AllRejected { rows, first: first_problem });
            }
        }
        Ok(())
    }

    fn answer_all<C: RowCommand>(&mut self, command: &C) -> Result<()> {
        let mut stream = RowStream::start(self.source.clone());
        loop {
            let mut window = Vec::new();
            let end = self.collect(&mut stream, command, &mut window);
            let is_complete = self.answer_window(command, window);
            self.answers.flush()?;
            for note in command.new_notes() {
                self.progress.message(&note);
            }
            let is_complete = is_complete?;
            match end {
                _ if !is_complete => return Err(self.interruption()),
                End::Window => self.batching = self.batching.next(),
                End::Rows => return Ok(()),
                End::Error(error) => return Err(error),
                End::Signal => return Err(self.interruption()),
            }
        }
    }

    /// Collects the rows of a window.
    fn collect<C: RowCommand>(
        &mut self,
        stream: &mut RowStream,
        command: &C,
        window: &mut Vec<Item<C::Input>>,
    ) -> End {
        let mut tokens = 0;
        let is_complete = self.source.is_complete();
        while !self.batching.is_full(window.len(), tokens) {
            let is_idle = !window.is_empty() && !is_complete;
            let arrival = match stream.next(if is_idle { IDLE } else { WAIT }) {
                Next::Arrived(Arrival::Failed(error)) => return End::Error(unreadable(error)),
                Next::Arrived(arrival) => arrival,
                Next::End => return End::Rows,
                Next::Pending if self.signals.received().is_some() => return End::Signal,
                Next::Pending if is_idle => return End::Window,
                Next::Pending => continue,
            };
            match self.item(command, arrival) {
                Ok(None) => {}
                Ok(Some(item)) => {
                    let is_last =
                        matches!(item.state, State::Rejected(_)) && self.on_error == OnError::Stop;
                    if let State::Ready(input) = &item.state {
                        tokens += command.shape(input).1;
                    }
                    window.push(item);
                    if is_last {
                        return End::Window;
                    }
                }
                Err(error) => return End::Error(error),
            }
        }
        End::Window
    }

    /// Prepares a row, unless it was answered before.
    fn item<C: RowCommand>(
        &mut self,
        command: &C,
        arrival: Arrival,
    ) -> Result<Option<Item<C::Input>>> {
        let entry = || match &arrival {
            Arrival::Row(row) => Entry::new(Some(row.location()), Some(row.to_json())),
            Arrival::Invalid(error) | Arrival::Failed(error) => Entry::new(error.location(), None),
        };
        let position = self.rows;
        self.rows += 1;
        if self.answers.has_answered(entry)? {
            self.earlier += 1;
            self.progress.add_earlier(1);
            return Ok(None);
        }
        Ok(Some(match arrival {
            Arrival::Row(row) => prepared(command, position, row),
            Arrival::Invalid(error) | Arrival::Failed(error) => {
                Item { position, row: None, state: State::Rejected(error.into()) }
            }
        }))
    }

    /// Answers the rows of a window and writes the answers in their order. Returns whether all are
    /// answered, which they are unless a signal was received.
    fn answer_window<C: RowCommand>(
        &mut self,
        command: &C,
        mut window: Vec<Item<C::Input>>,
    ) -> Result<bool> {
        let Self { progress, signals, batching, .. } = self;
        let outcome = answer(command, &mut window, *batching, |rows| {
            progress.add(rows);
            signals.received().is_none()
        });
        for Item { row, state, .. } in window {
            match (state, row) {
                (State::Answered(answers), Some(row)) => self.answers.answer(&row, answers)?,
                (State::Rejected(error), row) => self.reject(error, row.as_ref())?,
                // The rows after it stay in their order for the next process.
                _ => {
                    outcome?;
                    return Ok(false);
                }
            }
        }
        outcome.map(|()| true)
    }

    fn reject(&mut self, error: Error, row: Option<&Row>) -> Result<()> {
        let rejections = self.answers.rejections;
        self.first_problem.get_or_insert_with(|| error.to_string());
        if self.on_error == OnError::Skip && rejections <= REPORTED {
            self.progress.message(&match rejections {
                REPORTED => "warning: more rows are rejected; they are only counted".to_owned(),
                _ => format!("warning: rejected: {error}"),
            });
        }
        let (location, columns) = (row.map(Row::location), row.map(Row::columns));
        self.answers.reject(Rejection::new(error, location, columns))
    }

    fn interruption(&self) -> Error {
        let code = self.signals.exit_code();
        let partial = self.answers.partial().map(ToOwned::to_owned);
        Error::InterruptedJob { code, rows: self.answers.rows + self.earlier, partial }
    }
}

fn prepared<C: RowCommand>(command: &C, position: usize, row: Example) -> Item<C::Input> {
    let row = Row::new(row);
    let state = match command.prepare(&row) {
        Ok(input) => State::Ready(input),
        Err(error) => State::Rejected(error),
    };
    Item { position, row: Some(row), state }
}

/// Adds advice to the error about a source whose format isn't recognized.
fn unreadable(error: tasks::Error) -> Error {
    match &error {
        tasks::Error::Data(DataError::UnknownFormat { path }) => {
            let problem = error.to_string();
            let problem = problem.strip_prefix(&format!("{}: ", path.display()));
            let advice = "if it is a table with one column, pass `--input-format csv`";
            let problem = format!("{}; {advice}", problem.unwrap_or_default());
            Error::Data { path: path.clone(), problem }
        }
        _ => error.into(),
    }
}

/// Reports where the answers are that a job has written before an error.
fn explain(error: &Error, answers: &Answers) {
    let Some(partial) = answers.partial() else { return };
    let advice = match error {
        Error::Row { .. } => ROW_ADVICE,
        Error::Tasks(error) if error.unreadable_row().is_some() => ROW_ADVICE,
        Error::Tasks(_) => "correct the input and continue with `--resume`",
        _ => return,
    };
    message(&format!("note: the answers so far are in `{}`; {advice}", partial.display()));
}
