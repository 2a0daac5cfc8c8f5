//! Lengths of time as people write them.

use crate::shape::Wrong;

/// A length of time of at least a millisecond, as `30s` or `1m 30s`.
pub(crate) fn duration(text: &str) -> Result<hob_wire::Duration, Wrong> {
    let wrong = |reason: String| {
        let hint = "write `\"500ms\"`, `\"30s\"`, `\"10m\"` or `\"1h\"`";
        (reason, Some(hint.to_owned()))
    };
    let none = || wrong(format!("`{text}` is not a length of time"));
    let long = || wrong(format!("`{text}` is longer than any wait"));
    let mut millis: u64 = 0;
    let mut rest = text.trim_matches(' ');
    loop {
        let (number, after) = split(rest, |c| c.is_ascii_digit());
        let (unit, after) = split(after.trim_start_matches(' '), |c| c.is_ascii_alphabetic());
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(none()),
        };
        if number.is_empty() {
            return Err(none());
        }
        let number: u64 = number.parse().map_err(|_| long())?;
        let part = number.checked_mul(factor).ok_or_else(long)?;
        millis = millis.checked_add(part).ok_or_else(long)?;
        rest = after.trim_start_matches(' ');
        if rest.is_empty() {
            break;
        }
    }
    if millis == 0 {
        return Err(wrong("a limit cannot be 0".into()));
    }
    Ok(hob_wire::Duration(millis))
}

/// The characters at the start that belong, and what follows them.
fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(duration(text).ok().map(|d| d.0), expected, "{text:?}");
    }

    #[test]
    fn lengths_of_time() {
        check("1ms", Some(1));
        check("30s", Some(30_000));
        check(" 1h 2m3s  4 ms ", Some(3_723_004));
        check("584942417h", Some(584_942_417 * 3_600_000));
    }

    #[test]
    fn everything_else_is_no_length_of_time() {
        for text in [
            "", " ", "s", "1", "0s", "0h 0ms", "-1s", "1.5s", "1 d", "1min", "1S", "1s,2s", "１s",
        ] {
            check(text, None);
        }
        check("99999999999999999999s", None);
        check("9999999999999999h", None);
        check("18446744073709551615ms 1ms", None);
    }
}
