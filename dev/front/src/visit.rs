//! [`Visit`]: what kind of client asks, as far as it decides the form of an
//! answer that the front itself gives or extends.

use http::header::{ACCEPT, HeaderName, RANGE};
use http::{HeaderMap, Method, Request};

static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
static REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
static HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");

/// The parts of a request that its answer's form depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visit {
    /// A browser loads a page, in a tab or a frame.
    pub(crate) navigation: bool,
    /// The page can be loaded again without asking anybody.
    pub(crate) reloadable: bool,
    /// The whole document is wanted, with its body.
    pub(crate) whole: bool,
    /// JSON is what the client reads.
    json: bool,
}

/// The form of an answer of the front itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Html,
    Json,
    Text,
}

impl Visit {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let headers = request.headers();
        Self {
            navigation: navigates(headers),
            reloadable: matches!(*request.method(), Method::GET | Method::HEAD),
            whole: *request.method() != Method::HEAD && !headers.contains_key(RANGE),
            json: accepts(headers, "application/json"),
        }
    }

    pub(crate) fn form(self) -> Form {
        match (self.navigation, self.json) {
            (true, _) => Form::Html,
            (false, true) => Form::Json,
            (false, false) => Form::Text,
        }
    }
}

/// Browsers say what a request is for; others are believed to load a page when
/// they accept HTML by name and do not say that a script asks.
fn navigates(headers: &HeaderMap) -> bool {
    match headers.get(&SEC_FETCH_DEST) {
        Some(dest) => matches!(dest.as_bytes(), b"document" | b"iframe" | b"frame"),
        None => {
            accepts(headers, "text/html")
                && !headers.contains_key(&REQUESTED_WITH)
                && !headers.contains_key(&HX_REQUEST)
        }
    }
}

fn accepts(headers: &HeaderMap, media: &str) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| range.trim().eq_ignore_ascii_case(media))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_form_follows_what_the_client_says() {
        let table = [
            ("", Form::Text),
            ("accept: */*", Form::Text),
            ("accept: application/json", Form::Json),
            (
                "accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
                Form::Html,
            ),
            ("sec-fetch-dest: document | accept: */*", Form::Html),
            ("sec-fetch-dest: iframe", Form::Html),
            ("sec-fetch-dest: empty | accept: text/html", Form::Text),
            (
                "sec-fetch-dest: empty | accept: application/json;q=1",
                Form::Json,
            ),
            ("sec-fetch-dest: image", Form::Text),
            ("accept: text/html | hx-request: true", Form::Text),
            (
                "accept: text/html | x-requested-with: XMLHttpRequest",
                Form::Text,
            ),
        ];
        for (headers, form) in table {
            let mut request = Request::builder();
            for line in headers.split(" | ").filter(|line| !line.is_empty()) {
                let (name, value) = line.split_once(": ").unwrap();
                request = request.header(name, value);
            }
            let visit = Visit::of(&request.body(()).unwrap());
            assert_eq!(visit.form(), form, "{headers}");
        }
    }
}
