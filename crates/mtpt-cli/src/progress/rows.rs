use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::input::source::RowSource;
use crate::number_format::{clock, remaining_time, thousands};
use crate::stdio::message;

/// Time between progress lines if there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Shows how many rows are done: a bar in a terminal, occasional lines elsewhere.
pub(crate) struct RowProgress {
    bar: Option<ProgressBar>,
    /// Whether lines are printed without a terminal.
    has_lines: bool,
    start: Instant,
    last_line: Instant,
    done: usize,
    /// Number of rows that an earlier process answered.
    earlier: usize,
    /// Number of rows of the source, or 0 while it is unknown.
    total: Arc<AtomicUsize>,
}

impl RowProgress {
    /// Creates the progress of a job, which prints lines if there is no terminal, or of rows of a
    /// pipe, which prints none.
    pub(crate) fn new(is_job: bool) -> Self {
        let now = Instant::now();
        Self {
            bar: None,
            has_lines: is_job,
            start: now,
            last_line: now,
            done: 0,
            earlier: 0,
            total: Arc::default(),
        }
    }

    /// Starts the time, and shows the bar.
    pub(crate) fn start(&mut self, source: &RowSource, has_output_file: bool) {
        // In the terminal, a bar would be mixed up with answers or with typed rows.
        let is_free = has_output_file || !io::stdout().is_terminal();
        if io::stderr().is_terminal() && is_free && !source.is_terminal() {
            let bar = ProgressBar::new(0);
            bar.enable_steady_tick(Duration::from_millis(500));
            self.bar = Some(bar);
        }
        if (self.bar.is_some() || self.has_lines) && source.path().is_some() && source.is_complete()
        {
            count(source.clone(), Arc::clone(&self.total));
        }
        (self.start, self.last_line) = (Instant::now(), Instant::now());
    }

    /// Returns the time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Adds rows that an earlier process answered.
    pub(crate) fn add_earlier(&mut self, rows: usize) {
        self.earlier += rows;
        self.add(rows);
    }

    /// Adds rows.
    pub(crate) fn add(&mut self, rows: usize) {
        self.done += rows;
        if let Some(bar) = &self.bar {
            let total = self.total.load(Ordering::Relaxed);
            let known = if total > 0 { "[{bar:30}] " } else { "" };
            if let Ok(style) = ProgressStyle::with_template(&format!("{known}{{msg}}")) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_length(total as u64);
            bar.set_position(self.done as u64);
            bar.set_message(self.text(self.elapsed(), clock));
        } else if self.has_lines && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            message(&self.text(self.elapsed(), remaining_time));
        }
    }

    /// Prints a line.
    pub(crate) fn message(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| message(text)),
            None => message(text),
        }
    }

    /// Returns the number of rows, their rate, and the remaining time if it is known.
    fn text(&self, elapsed: Duration, show: impl Fn(Duration) -> String) -> String {
        let seconds = elapsed.as_secs_f64().max(1e-3);
        let rate = (self.done - self.earlier) as f64 / seconds;
        let done = thousands(self.done);
        match self.total.load(Ordering::Relaxed) {
            0 => format!("{done} rows, {rate:.0} rows/s, {} elapsed", show(elapsed)),
            total => {
                let left = total.saturating_sub(self.done) as f64 / rate.max(1e-3);
                let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
                let percent = 100 * self.done / total.max(1);
                let total = thousands(total);
                format!("{done}/{total} rows, {percent} %, {rate:.0} rows/s, {} left", show(left))
            }
        }
    }
}

/// Clears the bar, so that the final messages start on a free line.
impl Drop for RowProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Counts the rows of a file in the background.
fn count(source: RowSource, total: Arc<AtomicUsize>) {
    thread::spawn(move || {
        if let Ok(Some(mut rows)) = source.open() {
            // A row that can't be read ends the count, which then stays unknown.
            let rows = rows.try_fold(0, |count, row| row.map(|_| count + 1));
            total.store(rows.unwrap_or(0), Ordering::Relaxed);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(done: usize, earlier: usize, total: usize) -> RowProgress {
        let now = Instant::now();
        let (bar, has_lines, total) = (None, false, Arc::new(AtomicUsize::new(total)));
        RowProgress { bar, has_lines, start: now, last_line: now, done, earlier, total }
    }

    #[test]
    fn text_has_the_rate_and_the_remaining_time() {
        let second = Duration::from_secs(1);
        let text = |progress: RowProgress| progress.text(10 * second, clock);
        let expected = "5,000/20,000 rows, 25 %, 500 rows/s, 00:30 left";
        assert_eq!(text(progress(5000, 0, 20_000)), expected);
        assert_eq!(text(progress(5000, 0, 0)), "5,000 rows, 500 rows/s, 00:10 elapsed");
        // Rows of an earlier process don't count for the rate.
        let expected = "6,000/20,000 rows, 30 %, 100 rows/s, 02:20 left";
        assert_eq!(text(progress(6000, 5000, 20_000)), expected);
    }
}
