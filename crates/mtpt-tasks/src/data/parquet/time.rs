use ::time::{Date, OffsetDateTime};

use crate::data::parquet::meaning::Meaning;
use crate::data::parquet::metadata::Unit;

/// Julian day of 1 January 1970.
const EPOCH: i32 = 2_440_588;
const NANOSECONDS_PER_DAY: i128 = 86_400_000_000_000;

/// Returns the text of a date, a time of the day or a point in time, unless it is not in the years
/// -9999 to 9999.
pub(super) fn time(meaning: Meaning, bytes: &[u8]) -> Option<String> {
    match meaning {
        Meaning::Date => {
            let day = i32::from_le_bytes(bytes.try_into().ok()?).checked_add(EPOCH)?;
            Some(Date::from_julian_day(day).ok()?.to_string())
        }
        Meaning::Time(Unit::Milliseconds) => {
            Some(of_day(i32::from_le_bytes(bytes.try_into().ok()?).into(), 1000, 3))
        }
        Meaning::Time(_) => Some(of_day(i64::from_le_bytes(bytes.try_into().ok()?), 1_000_000, 6)),
        Meaning::Timestamp(unit) => {
            let count = i128::from(i64::from_le_bytes(bytes.try_into().ok()?));
            match unit {
                Unit::Milliseconds => point(count * 1_000_000, 3),
                _ => point(count * 1000, 6),
            }
        }
        Meaning::Int96 => {
            let (time, day) = bytes.split_first_chunk::<8>()?;
            let day = i32::from_le_bytes(day.try_into().ok()?);
            let days = i128::from(day) - i128::from(EPOCH);
            point(days * NANOSECONDS_PER_DAY + i128::from(i64::from_le_bytes(*time)), 3)
        }
        _ => None,
    }
}

/// Returns the text of a time of the day in fractions of a second.
fn of_day(count: i64, per_second: i64, digits: usize) -> String {
    let (seconds, fraction) = (count.div_euclid(per_second), count.rem_euclid(per_second));
    let (hours, minutes) = (seconds.div_euclid(3600), seconds.div_euclid(60).rem_euclid(60));
    format!("{hours:02}:{minutes:02}:{:02}.{fraction:0digits$}", seconds.rem_euclid(60))
}

/// Returns the text of a point in time in nanoseconds since 1970, in UTC.
fn point(nanoseconds: i128, digits: usize) -> Option<String> {
    let found = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?;
    let (hour, minute, second) = found.to_hms();
    let fraction = &format!("{:09}", found.nanosecond())[..digits];
    Some(format!("{} {hour:02}:{minute:02}:{second:02}.{fraction} +00:00", found.date()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc() {
        let day = 18_262_i32;
        assert_eq!(time(Meaning::Date, &day.to_le_bytes()).as_deref(), Some("2020-01-01"));
        let hour = time(Meaning::Time(Unit::Milliseconds), &3_600_007_i32.to_le_bytes());
        assert_eq!(hour.as_deref(), Some("01:00:00.007"));
        let milliseconds = i64::from(day) * 86_400_000 + 61_001;
        let found = time(Meaning::Timestamp(Unit::Milliseconds), &milliseconds.to_le_bytes());
        assert_eq!(found.as_deref(), Some("2020-01-01 00:01:01.001 +00:00"));
        let before = time(Meaning::Timestamp(Unit::Microseconds), &(-1_i64).to_le_bytes());
        assert_eq!(before.as_deref(), Some("1969-12-31 23:59:59.999999 +00:00"));
        let parts = [&1_000_000_i64.to_le_bytes()[..], &(EPOCH + 1).to_le_bytes()].concat();
        let found = time(Meaning::Int96, &parts);
        assert_eq!(found.as_deref(), Some("1970-01-02 00:00:00.001 +00:00"));
    }

    #[test]
    fn times_that_no_calendar_has_are_not_shown() {
        assert_eq!(time(Meaning::Date, &i32::MAX.to_le_bytes()), None);
        for unit in [Unit::Milliseconds, Unit::Microseconds] {
            assert_eq!(time(Meaning::Timestamp(unit), &i64::MIN.to_le_bytes()), None);
            time(Meaning::Time(unit), &[0x80; 8]);
        }
        let last = [&i64::MAX.to_le_bytes()[..], &i32::MAX.to_le_bytes()].concat();
        assert_eq!(time(Meaning::Int96, &last), None);
    }
}
