//! A registry's own words, out of the body of an answer that says no.

/// How much of a body is shown that is no registry's.
const SHOWN: usize = 160;

#[derive(serde::Deserialize)]
struct Refusal {
    errors: Vec<Said>,
}

#[derive(serde::Deserialize)]
struct Said {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    detail: serde_json::Value,
}

impl Said {
    /// The call that failed beneath a registry that knows no better words than
    /// `unknown error`: what the distribution's drivers give as detail.
    fn beneath(&self) -> Option<String> {
        let call = self.detail.get("Enclosed")?;
        let text = |key: &str| call.get(key)?.as_str();
        let number = call.get("Err")?.as_i64()?;
        let why = std::io::Error::from_raw_os_error(i32::try_from(number).ok()?);
        Some(format!("{} {}: {why}", text("Op")?, text("Path")?))
    }
}

/// What a registry says with `{"errors": [{"code", "message", "detail"}]}`
/// ([its form]); `None` if the body is anything else.
///
/// [its form]: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes
pub(crate) fn said(body: &[u8]) -> Option<String> {
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    let words: Vec<String> = refusal
        .errors
        .into_iter()
        .map(|said| match (said.beneath(), said.message.trim()) {
            (Some(call), _) => call,
            (None, "") => said.code,
            (None, message) => message.to_owned(),
        })
        .filter(|words| !words.is_empty())
        .collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// The registry's words, else how the body begins.
pub(crate) fn of(body: &[u8]) -> String {
    said(body).unwrap_or_else(|| beginning(body))
}

/// The first line that says something, without control characters.
pub(crate) fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(8 * SHOWN)]);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    let Some(line) = line else {
        return "it says nothing".to_owned();
    };
    let mut shown: String = line
        .chars()
        .filter(|c| !c.is_control())
        .take(SHOWN)
        .collect();
    if line.chars().count() > SHOWN {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    fn check(body: &str, expected: &str) {
        assert_eq!(super::of(body.as_bytes()), expected);
    }

    #[test]
    fn messages_are_told_and_codes_where_there_is_none() {
        check(
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"x"}}]}"#,
            "manifest unknown",
        );
        check(
            r#"{"errors":[{"code":"A","message":"a "},{"code":"B"}]}"#,
            "a; B",
        );
    }

    #[test]
    fn the_call_that_failed_says_more_than_an_unknown_error() {
        check(
            r#"{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{"DriverName":"filesystem","Enclosed":{"Op":"open","Path":"/data/v2","Err":13}}}]}"#,
            "open /data/v2: Permission denied (os error 13)",
        );
        check(
            r#"{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{}}]}"#,
            "unknown error",
        );
    }

    #[test]
    fn other_bodies_are_shown_by_their_beginning() {
        check("", "it says nothing");
        check("\n  <html>\u{1b}[1m\n<p>", "<html>[1m");
        check(r#"{"errors":[]}"#, r#"{"errors":[]}"#);
        check(r#"{"errors":"no"}"#, r#"{"errors":"no"}"#);
        check(&"é".repeat(200), &format!("{}…", "é".repeat(160)));
    }
}
