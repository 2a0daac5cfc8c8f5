//! The known name that is nearest to an unknown one, for suggestions.

/// The candidate that was probably meant; none when nothing comes near.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, candidate)| {
            let length = candidate.chars().count();
            // A slip in three letters of the longer one, and always one.
            let limit = (length.max(name.chars().count()) / 3).max(1);
            *distance <= limit && *distance < length
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Names in backticks, separated by commas.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Names in backticks, the last one after an `or`.
pub(crate) fn either(names: &[String]) -> String {
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => {
            format!("{} or `{last}`", listed(rest.iter().map(String::as_str)))
        }
        _ => listed(names.iter().map(String::as_str)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, candidates: &[&str], expected: Option<&str>) {
        assert_eq!(nearest(name, candidates.iter().copied()), expected);
    }

    #[test]
    fn a_slip_is_found() {
        check("gaopi", &["goapi", "static"], Some("goapi"));
        check("publsh", &["port", "publish"], Some("publish"));
        check("ENV", &["env", "end"], Some("env"));
        check("platfrm", &["platformer", "polykube"], Some("platformer"));
    }

    #[test]
    fn nothing_near_is_nothing() {
        check("postgres", &["goapi", "static"], None);
        check("a", &["b", ""], None);
        check("", &["b"], None);
        check("plat", &["platformer"], None);
        check("web", &["webhook", "worker"], None);
    }

    #[test]
    fn the_first_of_two_equally_near_names_wins_in_any_order() {
        check("cat", &["car", "bat"], Some("bat"));
        check("cat", &["bat", "car"], Some("bat"));
    }
}
