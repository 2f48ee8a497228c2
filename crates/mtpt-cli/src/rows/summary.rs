use std::path::Path;
use std::time::Duration;

use crate::number_format::{counted, measured_time, thousands};

/// Result of a job.
pub(crate) struct Summary<'a> {
    /// Number of rows, including those that were rejected.
    pub(crate) rows: usize,
    /// Number of rows that an earlier process answered.
    pub(crate) earlier: usize,
    pub(crate) rejected: usize,
    pub(crate) time: Duration,
    pub(crate) output: Option<&'a Path>,
    pub(crate) rejected_file: Option<&'a Path>,
}

impl Summary<'_> {
    /// Returns one line.
    pub(crate) fn line(&self) -> String {
        let computed = self.rows - self.earlier;
        let seconds = self.time.as_secs_f64();
        let rate = computed as f64 / seconds.max(1e-3);
        // Slow models answer less than a row per second.
        let rate = if rate < 10.0 { format!("{rate:.1}") } else { thousands(rate as usize) };
        let mut line =
            format!("{} in {} ({rate} rows/s)", counted(computed, "row"), measured_time(seconds));
        if self.earlier > 0 {
            line.push_str(&format!(", {} answered before", counted(self.earlier, "row")));
        }
        if self.rejected > 0 {
            line.push_str(&format!(", {} rejected", thousands(self.rejected)));
            if let Some(file) = self.rejected_file {
                line.push_str(&format!(" (`{}`)", file.display()));
            }
        }
        if let Some(output) = self.output {
            line.push_str(&format!(": `{}`", output.display()));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_is_one_line() {
        let mut summary = Summary {
            rows: 20_000,
            earlier: 0,
            rejected: 0,
            time: Duration::from_secs(85),
            output: None,
            rejected_file: None,
        };
        assert_eq!(summary.line(), "20,000 rows in 85.0 s (235 rows/s)");
        summary.rejected = 3;
        summary.earlier = 19_900;
        summary.output = Some(Path::new("a.csv"));
        summary.rejected_file = Some(Path::new("a.csv.rejected.jsonl"));
        assert_eq!(
            summary.line(),
            "100 rows in 85.0 s (1.2 rows/s), 19,900 rows answered before, 3 rejected \
             (`a.csv.rejected.jsonl`): `a.csv`"
        );
    }
}
