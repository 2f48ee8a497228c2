//! Numbers as text for people.

use std::time::Duration;

use serde_json::Value;

/// Formats a number with commas between thousands.
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

/// Formats a number of things: `1 row`, `2 rows`.
pub(crate) fn counted(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", thousands(number))
}

/// Formats a part of a whole in percent.
pub(crate) fn percent(part: usize, whole: usize) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}

/// Rounds a number to three significant digits.
pub(crate) fn three_digits(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// Returns a number as JSON with the fewest digits that identify it in single precision.
pub(crate) fn json_number(value: f32) -> Value {
    value.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

/// Formats a learning rate with three significant digits.
pub(crate) fn learning_rate(rate: f64) -> String {
    let rounded = three_digits(rate);
    if rounded != 0.0 && rounded.abs() < 1e-3 {
        format!("{rounded:e}")
    } else {
        rounded.to_string()
    }
}

/// Formats a remaining time, in whole seconds, minutes or hours.
pub(crate) fn remaining_time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round() as u64;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Formats a time as `mm:ss` or `h:mm:ss`.
pub(crate) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Formats a measured time with one decimal.
pub(crate) fn measured_time(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.1} s"),
        120.0..7200.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_percentages() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(12_345_678), "12,345,678");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(0, 0), "0.0 %");
    }

    #[test]
    fn learning_rates_and_times_are_short() {
        let rates = [0.3, 0.123_456, 3e-5, 0.0, 1.0 / 3.0, 0.000_123_456];
        assert_eq!(rates.map(learning_rate), ["0.3", "0.123", "3e-5", "0", "0.333", "1.23e-4"]);
        assert_eq!(
            [8, 3600, 36_061].map(Duration::from_secs).map(clock),
            ["00:08", "1:00:00", "10:01:01"]
        );
        let times = [0, 119, 120, 7199, 7200, 90_000].map(Duration::from_secs).map(remaining_time);
        assert_eq!(times, ["0 s", "119 s", "2 min", "120 min", "2 h 0 min", "25 h 0 min"]);
    }
}
