use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::run_files::record::SessionRecord;

/// Returns the seconds between the start and the end of a session; none if the clock was set back
/// in between.
pub(crate) fn duration(session: &SessionRecord) -> Option<f64> {
    let (start, end) = (time(&session.started)?, time(session.ended.as_deref()?)?);
    Some((end - start).as_seconds_f64()).filter(|seconds| *seconds >= 0.0)
}

/// Parses a time of `run.json`.
pub(crate) fn time(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// Formats a time for people: `27 Nov 2026, 23:45 UTC`.
pub(crate) fn as_text(time: OffsetDateTime) -> String {
    let month: String = time.month().to_string().chars().take(3).collect();
    let (hour, minute) = (time.hour(), time.minute());
    format!("{} {month} {}, {hour:02}:{minute:02} UTC", time.day(), time.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_for_people() {
        let text = time("2026-11-07T03:05:59Z").map(as_text);
        assert_eq!(text.as_deref(), Some("7 Nov 2026, 03:05 UTC"));
        assert_eq!(time("yesterday"), None);
    }
}
