//! Content types by extension, the same for both servers.
//!
//! Owns the charset: a developer's text is UTF-8. The table itself is
//! `mime_guess`'s; nginx's own `mime.types` differs from release to release
//! and is never read.

use std::collections::{BTreeMap, BTreeSet};

/// What has no known extension.
pub(crate) const UNKNOWN: &str = "application/octet-stream";

/// The content type of a file, by its name.
pub(crate) fn of(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((_, extension)) => of_extension(extension),
        None => UNKNOWN.to_owned(),
    }
}

/// Every known content type with its extensions, in lower case.
pub(crate) fn all() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut types: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for extension in mime_guess::get_extensions("*", "*").unwrap_or_default() {
        // Only what follows the last dot is ever looked up.
        if !extension.contains('.') {
            types
                .entry(of_extension(extension))
                .or_default()
                .insert(extension);
        }
    }
    types
}

fn of_extension(extension: &str) -> String {
    match mime_guess::from_ext(extension).first_raw() {
        // The table has modules under the name that RFC 9239 made obsolete.
        Some("application/javascript") => "text/javascript; charset=utf-8".to_owned(),
        Some(mime) if mime.starts_with("text/") => format!("{mime}; charset=utf-8"),
        mime => mime.unwrap_or(UNKNOWN).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{all, of};

    #[test]
    fn the_web_s_files_have_the_types_that_browsers_ask_for() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a.b.CSS", "text/css; charset=utf-8"),
            ("app.mjs", "text/javascript; charset=utf-8"),
            ("data.json", "application/json"),
            ("logo.svg", "image/svg+xml"),
            ("module.wasm", "application/wasm"),
            ("font.woff2", "font/woff2"),
            ("LICENSE", "application/octet-stream"),
            ("dot.", "application/octet-stream"),
        ] {
            assert_eq!(of(name), expected, "{name}");
        }
    }

    #[test]
    fn the_list_says_what_the_look_up_says() {
        let types = all();
        assert!(types.len() > 500, "{}", types.len());
        for (mime, extensions) in types {
            for extension in extensions {
                assert_eq!(of(&format!("x.{extension}")), mime);
            }
        }
    }
}
