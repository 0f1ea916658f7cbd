//! Spans of time, as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// A span of time in whole seconds, written as `90s`, `10m`, `24h` or `30d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(i64);

impl Seconds {
    /// A span of `seconds`.
    pub const fn new(seconds: i64) -> Self {
        Self(seconds)
    }

    /// The number of seconds.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The span for waiting; a negative one is nothing.
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::try_from(self.0).unwrap_or(0))
    }
}

/// The text is not a span of time.
#[derive(Debug, PartialEq, Eq)]
pub struct NotADuration;

impl fmt::Display for NotADuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write a duration such as `90s`, `10m`, `24h` or `30d`")
    }
}

impl std::error::Error for NotADuration {}

/// Units, the longest first.
const UNITS: [(char, i64); 4] = [('d', DAY), ('h', HOUR), ('m', MINUTE), ('s', 1)];

impl FromStr for Seconds {
    type Err = NotADuration;

    fn from_str(text: &str) -> Result<Self, NotADuration> {
        let unit =
            text.chars().next_back().and_then(|last| UNITS.into_iter().find(|(unit, _)| *unit == last));
        let (unit, seconds) = unit.ok_or(NotADuration)?;
        let count = text.trim_end_matches(unit);
        // `parse` alone would also take a sign.
        if count.len() + 1 != text.len() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotADuration);
        }
        let count: i64 = count.parse().map_err(|_| NotADuration)?;
        count.checked_mul(seconds).map(Self).ok_or(NotADuration)
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.into_iter().find(|(_, seconds)| self.0 != 0 && self.0 % seconds == 0);
        let (unit, seconds) = whole.unwrap_or(('s', 1));
        write!(f, "{}{unit}", self.0 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_duration_reads_back_as_it_was_written(seconds in 0..i64::MAX) {
            prop_assert_eq!(Seconds(seconds).to_string().parse(), Ok(Seconds(seconds)));
        }

        #[test]
        fn any_text_is_a_duration_or_a_refusal(text in "[0-9dhms+. -]{0,24}") {
            if let Ok(span) = text.parse::<Seconds>() {
                prop_assert!(span.get() >= 0);
            }
        }
    }

    #[test]
    fn durations_are_written_in_their_largest_whole_unit() {
        let written = [0, 90, 600, 86_400, 2_592_000].map(|seconds| Seconds(seconds).to_string());
        assert_eq!(written, ["0s", "90s", "10m", "1d", "30d"]);
    }

    #[test]
    fn malformed_durations_are_refused() {
        for text in
            ["", "s", "10", "+1s", "-1s", "1.5h", "1 m", "10ms", "1M", "ten minutes", "9223372036854775807d"]
        {
            assert_eq!(text.parse::<Seconds>(), Err(NotADuration), "{text:?}");
        }
    }
}
