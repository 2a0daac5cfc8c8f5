//! Numbers on the command line: what is none is answered in words.

use std::str::FromStr;

/// A port of this machine.
pub fn port(text: &str) -> Result<u16, String> {
    let why = "a port is a number from 1 to 65535";
    within(text, 1, u16::MAX).ok_or_else(|| why.to_owned())
}

/// What is added to ports.
pub fn offset(text: &str) -> Result<u16, String> {
    let why = "what is added to ports is a number from 0 to 65535";
    within(text, 0, u16::MAX).ok_or_else(|| why.to_owned())
}

/// A part of all requests that is neither none nor all.
pub fn percent(text: &str) -> Result<u8, String> {
    let why = "a weight is a percentage: a number from 1 to 99";
    within(text, 1, 99).ok_or_else(|| why.to_owned())
}

/// How many of something there are to be.
pub fn count<N: FromStr>(text: &str) -> Result<N, String> {
    let number = text.parse();
    number.map_err(|_| "a whole number says how many: 0, 1, 2 and so on".to_owned())
}

fn within<N: FromStr + PartialOrd>(text: &str, least: N, most: N) -> Option<N> {
    let number = text.parse().ok()?;
    (least <= number && number <= most).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_where_they_are_said_to() {
        let ports = ["0", "1", "65535", "65536", "-1", "x", ""].map(|it| port(it).ok());
        assert_eq!(ports, [None, Some(1), Some(65535), None, None, None, None]);
        let percents = ["0", "1", "99", "100", "5%"].map(|it| percent(it).ok());
        assert_eq!(percents, [None, Some(1), Some(99), None, None]);
        assert_eq!([offset("0"), offset("65535")], [Ok(0), Ok(65535)]);
        assert!(offset("65536").is_err());
        assert_eq!(count::<u32>("4294967295"), Ok(u32::MAX));
        assert!(count::<u32>("4294967296").is_err());
    }
}
