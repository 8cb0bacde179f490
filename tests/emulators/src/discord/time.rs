//! Snowflakes, and times as texts.

use std::time::{SystemTime, UNIX_EPOCH};

/// The first second of 2015, from which snowflakes count their milliseconds.
const EPOCH: u64 = 1_420_070_400_000;

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_millis() as u64)
}

/// The first snowflake of a millisecond.
pub fn snowflake(at: u64) -> u64 {
    at.saturating_sub(EPOCH) << 22
}

pub fn of_snowflake(id: u64) -> u64 {
    (id >> 22) + EPOCH
}

/// ISO 8601 as the platform writes it, from milliseconds since the Unix epoch.
pub fn iso(at: u64) -> String {
    let (days, ms) = (at / 86_400_000, at % 86_400_000);
    // Days to a date of the proleptic Gregorian calendar, with years that begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second, rest) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:03}000+00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_iso_8601() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000000+00:00");
        assert_eq!(iso(951_782_400_123), "2000-02-29T00:00:00.123000+00:00");
        assert_eq!(of_snowflake(snowflake(1_700_000_000_000)), 1_700_000_000_000);
    }
}
