//! Lists that come in pages, each with a `Link` to the next one ([how]).
//!
//! No number of entries is asked for: a registry refuses one that is above
//! its own limit (`catalog.maxentries`), which nobody can know.
//!
//! [how]: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-tags

use http::Uri;

use crate::Error;
use crate::http::Answer;

/// How many pages a list has at most: at the registry's own hundred a page
/// that is a million entries.
pub(crate) const MOST: usize = 10_000;

/// Path and query of the next page. Only those are taken of a whole URL: a
/// registry behind a proxy does not know by which address it is reached.
///
/// # Errors
/// A link that leads nowhere.
pub(crate) fn next(answer: &Answer) -> Result<Option<String>, Error> {
    let links = answer.headers.get_all(http::header::LINK);
    let Some(target) = links
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(target)
    else {
        return Ok(None);
    };
    let astray = || Error::garbage(&answer.url, format!("its next page is {target:?}"));
    let uri: Uri = target.parse().map_err(|_| astray())?;
    let path = uri.path_and_query().ok_or_else(astray)?.as_str();
    if !path.starts_with("/v2/") {
        return Err(astray());
    }
    Ok(Some(path.to_owned()))
}

/// The target of `<TARGET>; rel="next"`, of several with commas between them.
fn target(value: &str) -> Option<&str> {
    let mut rest = value;
    while let Some((target, after)) = rest.split_once('<').and_then(|(_, at)| at.split_once('>')) {
        let parameters = after.split_once('<').map_or(after, |(before, _)| before);
        let is_next = parameters.split([';', ',']).any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            name.trim().eq_ignore_ascii_case("rel")
                && value.trim().trim_matches('"').eq_ignore_ascii_case("next")
        });
        if is_next {
            return Some(target);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn check(links: &[&str], expected: &str) {
        let mut headers = HeaderMap::new();
        for link in links {
            headers.append(http::header::LINK, link.parse().expect("a header"));
        }
        let answer = Answer {
            url: "http://a:1/v2/_catalog".into(),
            status: StatusCode::OK,
            headers,
            body: Default::default(),
        };
        let found = match next(&answer) {
            Ok(Some(path)) => path,
            Ok(None) => "the end".into(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn the_next_page_is_what_its_link_says() {
        check(&[], "the end");
        check(
            &["</v2/_catalog?last=b&n=2>; rel=\"next\""],
            "/v2/_catalog?last=b&n=2",
        );
        check(&["</v2/a?n=1>;rel=next"], "/v2/a?n=1");
        check(
            &["<https://other:2/v2/_catalog?last=b>; rel=\"next\""],
            "/v2/_catalog?last=b",
        );
        check(
            &["</v2/first>; rel=\"first\", </v2/next>; title=\"a\"; rel=\"next\""],
            "/v2/next",
        );
        check(
            &["</v2/first>; rel=\"first\"", "</v2/next>; rel=\"next\""],
            "/v2/next",
        );
        check(&["</v2/first>; rel=\"first\"", "nonsense"], "the end");
    }

    #[test]
    fn a_link_that_leads_astray_is_an_error() {
        let astray = |target: &str| {
            format!(
                "the answer of http://a:1/v2/_catalog makes no sense: its next page is {target:?}"
            )
        };
        for target in ["/else", "", "http://"] {
            check(&[&format!("<{target}>; rel=\"next\"")], &astray(target));
        }
    }
}
