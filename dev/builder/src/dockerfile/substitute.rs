//! Words with quotes, and `$VAR` in them, as `FROM` and `ARG` read them.

/// The words of a line, quotes and escapes left in.
pub(crate) fn words(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match quote {
            None if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            None if matches!(c, '"' | '\'') => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
        word.push(c);
        if c == escape && quote != Some('\'') {
            word.extend(chars.next());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// A word with its variables replaced and its quotes taken away. An error
/// says what cannot be read.
pub(crate) fn substitute(
    word: &str,
    escape: char,
    value: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut text = String::new();
    let mut chars = word.chars().peekable();
    let mut quote = None;
    while let Some(c) = chars.next() {
        match c {
            c if quote.is_none() && matches!(c, '"' | '\'') => quote = Some(c),
            c if quote == Some(c) => quote = None,
            c if c == escape && quote != Some('\'') => text.extend(chars.next()),
            '$' if quote != Some('\'') => match chars.next_if_eq(&'{') {
                None => {
                    let mut name = String::new();
                    while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                        name.push(c);
                    }
                    if name.is_empty() {
                        text.push('$');
                    }
                    text.push_str(&value(&name).unwrap_or_default());
                }
                Some(_) => {
                    let mut inner = String::new();
                    let mut depth = 1;
                    loop {
                        let c = chars
                            .next()
                            .ok_or_else(|| format!("`{word}` has a `${{` without its `}}`"))?;
                        depth += i32::from(c == '{') - i32::from(c == '}');
                        if depth == 0 {
                            break;
                        }
                        inner.push(c);
                    }
                    text.push_str(&braced(&inner, escape, value)?);
                }
            },
            c => text.push(c),
        }
    }
    Ok(text)
}

/// What stands between `${` and `}`.
fn braced(
    inner: &str,
    escape: char,
    value: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let end = inner
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(inner.len());
    let (name, rule) = inner.split_at(end);
    let set = value(name);
    // With a colon an empty value is as good as none.
    let (filled, rule) = match rule.strip_prefix(':') {
        Some(rule) => (set.clone().filter(|value| !value.is_empty()), rule),
        None => (set.clone(), rule),
    };
    let other = |rule: &str| substitute(rule, escape, value);
    match rule.chars().next() {
        None => Ok(set.unwrap_or_default()),
        Some('-') => filled.map_or_else(|| other(&rule[1..]), Ok),
        Some('+') => filled.map_or(Ok(String::new()), |_| other(&rule[1..])),
        Some('?') => filled.ok_or_else(|| match &rule[1..] {
            "" => format!("`{name}` has no value"),
            words => format!("`{name}` has no value: {words}"),
        }),
        Some(_) => Err(format!("`${{{inner}}}` is not understood")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, expected: Result<&str, &str>) {
        let value = |name: &str| match name {
            "SET" => Some("s".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let read = substitute(word, '\\', &value);
        assert_eq!(read.as_deref().map_err(String::as_str), expected, "{word}");
    }

    #[test]
    fn variables_plain_and_in_braces() {
        check("a:$SET-x", Ok("a:s-x"));
        check("${SET}${NONE}", Ok("s"));
        check("$", Ok("$"));
    }

    #[test]
    fn values_in_place_of_what_is_not_set() {
        check("${NONE:-x}${EMPTY:-y}${EMPTY-z}${SET:-no}", Ok("xys"));
        check("${NONE:-${SET}}", Ok("s"));
        check("${SET:+x}${EMPTY:+no}${EMPTY+y}", Ok("xy"));
        check("${NONE:?give one}", Err("`NONE` has no value: give one"));
    }

    #[test]
    fn quotes_and_escapes() {
        check("\"$SET\"'$SET'", Ok("s$SET"));
        check("\\$SET", Ok("$SET"));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        check("${SET", Err("`${SET` has a `${` without its `}`"));
        check("${SET/a/b}", Err("`${SET/a/b}` is not understood"));
    }

    #[test]
    fn words_keep_what_is_in_quotes_together() {
        assert_eq!(
            words("a=\"b c\"  d\\ e 'f\\'", '\\'),
            ["a=\"b c\"", "d\\ e", "'f\\'"]
        );
    }
}
