//! Whether a page's Content-Security-Policy lets a script of its own origin
//! run and connect back.
//!
//! Reads just enough of [CSP Level 3](https://www.w3.org/TR/CSP3/) to be sure
//! of a yes; whatever it does not understand is a no, and the page is left
//! alone. A policy that works with nonces, hashes or `'strict-dynamic'` is
//! always a no: its author decides about each script.

/// Whether every policy in these header values allows it. `host` is the
/// request's `Host`.
pub(crate) fn allows<'a>(values: impl IntoIterator<Item = &'a str>, host: Option<&str>) -> bool {
    values
        .into_iter()
        .flat_map(|value| value.split(','))
        .all(|policy| Policy::parse(policy).allows(host))
}

/// Directives in order; the first of a name counts.
struct Policy<'a>(Vec<(String, Vec<&'a str>)>);

impl<'a> Policy<'a> {
    fn parse(policy: &'a str) -> Self {
        let directives = policy.split(';').filter_map(|directive| {
            let mut words = directive.split_ascii_whitespace();
            let name = words.next()?.to_ascii_lowercase();
            Some((name, words.collect()))
        });
        Self(directives.collect())
    }

    fn sources(&self, names: &[&str]) -> Option<&[&'a str]> {
        names.iter().find_map(|wanted| {
            let found = self.0.iter().find(|(name, _)| name == wanted);
            found.map(|(_, sources)| sources.as_slice())
        })
    }

    fn allows(&self, host: Option<&str>) -> bool {
        if let Some(flags) = self.sources(&["sandbox"]) {
            let has = |flag: &str| flags.iter().any(|it| it.eq_ignore_ascii_case(flag));
            if !has("allow-scripts") || !has("allow-same-origin") {
                return false;
            }
        }
        if self.sources(&["require-sri-for"]).is_some() {
            return false;
        }
        let script = self.sources(&["script-src-elem", "script-src", "default-src"]);
        let connect = self.sources(&["connect-src", "default-src"]);
        script.is_none_or(|sources| !individual(sources) && own(sources, host))
            && connect.is_none_or(|sources| own(sources, host))
    }
}

/// Whether the policy decides script by script.
fn individual(sources: &[&str]) -> bool {
    sources.iter().any(|source| {
        let source = source.to_ascii_lowercase();
        source == "'strict-dynamic'"
            || ["'nonce-", "'sha256-", "'sha384-", "'sha512-"]
                .iter()
                .any(|prefix| source.starts_with(prefix))
    })
}

/// Whether a source is surely the page's own origin.
fn own(sources: &[&str], host: Option<&str>) -> bool {
    sources.iter().any(|source| {
        let source = source.to_ascii_lowercase();
        let bare = source.strip_prefix("http://").unwrap_or(&source);
        matches!(&*source, "'self'" | "*" | "http:")
            || host.is_some_and(|host| bare.eq_ignore_ascii_case(host))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sure_yes_is_a_yes() {
        let table = [
            ("", true),
            ("img-src 'none'", true),
            ("default-src 'self'", true),
            ("DEFAULT-SRC 'SELF'", true),
            ("default-src *", true),
            ("default-src http:", true),
            ("default-src https:", false),
            ("default-src 'none'", false),
            ("default-src", false),
            ("default-src 'self'; script-src 'none'", false),
            (
                "default-src 'none'; script-src 'self'; connect-src 'self'",
                true,
            ),
            ("default-src 'none'; script-src 'self'", false),
            (
                "default-src 'none'; script-src-elem 'self'; connect-src *",
                true,
            ),
            ("script-src 'self'; script-src-elem 'none'", false),
            ("script-src 'none'; script-src-elem 'self'", true),
            ("script-src 'self'", true),
            ("script-src 'self' 'unsafe-inline'", true),
            ("script-src 'unsafe-inline'", false),
            ("script-src 'self' 'strict-dynamic'", false),
            ("script-src 'self' 'nonce-abc'", false),
            ("script-src 'self' 'sha256-abc='", false),
            ("script-src 'nonce-abc'", false),
            ("script-src cdn.example.org", false),
            ("script-src localhost:20010", true),
            ("script-src http://localhost:20010", true),
            ("script-src https://localhost:20010", false),
            ("script-src http://localhost:20010/js/", false),
            ("script-src localhost", false),
            ("connect-src 'none'", false),
            ("connect-src api.example.org", false),
            ("connect-src 'self' api.example.org", true),
            ("script-src 'none'; script-src 'self'", false),
            ("sandbox", false),
            ("sandbox allow-scripts", false),
            ("sandbox allow-scripts allow-same-origin", true),
            ("require-sri-for script", false),
            ("default-src 'self', script-src 'none'", false),
            ("default-src 'self', default-src *", true),
            (";;  ; default-src   'self' ;", true),
        ];
        for (policy, expected) in table {
            assert_eq!(
                allows([policy], Some("localhost:20010")),
                expected,
                "{policy}"
            );
        }
    }

    #[test]
    fn every_header_has_to_allow_it() {
        assert!(!allows(["default-src *", "script-src 'none'"], None));
        assert!(allows(["default-src *", "script-src 'self'"], None));
    }

    proptest::proptest! {
        /// No header text makes the parser panic, and none without `'none'`
        /// lifted is mistaken for a yes.
        #[test]
        fn a_closed_policy_stays_closed(tail in "[ -~]{0,60}") {
            let policy = format!("script-src 'none'; {tail}");
            let opened = tail.to_ascii_lowercase().contains("script-src-elem");
            proptest::prop_assert!(opened || !allows([policy.as_str()], Some("a")));
        }
    }
}
