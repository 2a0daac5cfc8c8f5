//! [`Addresses`]: what a page may know of its server's environment.
//!
//! Owns the choice of the variables, which is a matter of secrecy: an
//! environment also holds `DATABASE_URL` with its password, so a name that
//! ends in `_URL` is not enough. Never reads the environment itself.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// The addresses of the services that a service needs or wants, by the names
/// of their variables (`GOAPI_URL`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses(BTreeMap<String, String>);

impl Addresses {
    /// Picks the addresses from an environment.
    ///
    /// `NAME_URL` is one if `NAME_HOST` and `NAME_PORT` are there too and it
    /// says `http://HOST:PORT` or `https://HOST:PORT` and nothing more: what
    /// hob gives each service, and what nobody writes for a secret. Its value
    /// is `NAME_PUBLIC_URL` if that is there: where browsers find the service
    /// when its neighbours find it elsewhere, an `http` URL without a user, a
    /// query or a fragment, or a path of the page's own origin.
    pub fn from_vars(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let vars: BTreeMap<String, String> = vars
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let mut addresses = BTreeMap::new();
        for (name, url) in &vars {
            let Some(service) = name.strip_suffix("_URL") else {
                continue;
            };
            if service.is_empty() || !is_address(&vars, service, url) {
                continue;
            }
            let public = vars
                .get(&format!("{service}_PUBLIC_URL"))
                // A service that is itself called `NAME_PUBLIC` is not meant.
                .filter(|_| !vars.contains_key(&format!("{service}_PUBLIC_HOST")))
                .filter(|public| is_public(public));
            addresses.insert(name.clone(), public.unwrap_or(url).clone());
        }
        Self(addresses)
    }

    /// The answer to [`ENV_PATH`](crate::ENV_PATH): one JSON object, sorted,
    /// and a line break.
    #[must_use]
    pub fn to_json(&self) -> String {
        let members: serde_json::Map<String, serde_json::Value> = self
            .0
            .iter()
            .map(|(name, url)| (name.clone(), url.clone().into()))
            .collect();
        let mut json = serde_json::Value::Object(members).to_string();
        json.push('\n');
        json
    }
}

/// Whether the URL is nothing but the service's host and port.
fn is_address(vars: &BTreeMap<String, String>, service: &str, url: &str) -> bool {
    let (Some(host), Some(port)) = (
        vars.get(&format!("{service}_HOST")),
        vars.get(&format!("{service}_PORT")),
    ) else {
        return false;
    };
    let is_host = !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte));
    if !is_host || port.parse::<u16>().is_err() {
        return false;
    }
    let authority = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    strip_scheme(url).is_some_and(|rest| rest.strip_suffix('/').unwrap_or(rest) == authority)
}

/// Whether a browser may be sent there.
fn is_public(url: &str) -> bool {
    let plain = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\@?#".contains(&byte))
    };
    match strip_scheme(url) {
        Some(rest) => plain(rest) && rest.starts_with(|first: char| first != '/'),
        None => plain(url) && url.starts_with('/') && !url.starts_with("//"),
    }
}

fn strip_scheme(url: &str) -> Option<&str> {
    url.strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))
}

#[cfg(test)]
mod tests {
    use snapbox::prelude::*;
    use snapbox::str;

    use super::Addresses;

    /// An environment, one variable a line, and what a page learns of it.
    fn check(env: &str, expected: impl IntoData) {
        let vars = env.lines().filter_map(|line| {
            let (name, value) = line.trim().split_once('=')?;
            Some((name.into(), value.into()))
        });
        snapbox::assert_data_eq!(Addresses::from_vars(vars).to_json(), expected);
    }

    #[test]
    fn the_urls_of_services_are_addresses() {
        check(
            "GOAPI_HOST=127.0.0.1
             GOAPI_PORT=20010
             GOAPI_URL=http://127.0.0.1:20010
             MY_API_HOST=::1
             MY_API_PORT=20020
             MY_API_URL=https://[::1]:20020/",
            str![[r#"
{"GOAPI_URL":"http://127.0.0.1:20010","MY_API_URL":"https://[::1]:20020/"}

"#]],
        );
    }

    #[test]
    fn whatever_might_hold_a_secret_is_none() {
        check(
            "DATABASE_HOST=127.0.0.1
             DATABASE_PORT=5432
             DATABASE_URL=http://admin:secret@127.0.0.1:5432
             HOOK_URL=http://127.0.0.1:1/token
             LONG_HOST=127.0.0.1
             LONG_PORT=1
             LONG_URL=http://127.0.0.1:1/token
             USER_HOST=admin:secret@h
             USER_PORT=1
             USER_URL=http://[admin:secret@h]:1
             TCP_HOST=127.0.0.1
             TCP_PORT=2
             TCP_URL=tcp://127.0.0.1:2
             API_KEY=secret
             HOST=127.0.0.1
             PORT=80
             _HOST=h
             _PORT=1
             _URL=http://h:1",
            str![[r#"
{}

"#]],
        );
    }

    #[test]
    fn browsers_are_told_the_public_address() {
        check(
            "GOAPI_HOST=goapi
             GOAPI_PORT=80
             GOAPI_URL=http://goapi:80
             GOAPI_PUBLIC_URL=/goapi/
             SHOP_HOST=shop
             SHOP_PORT=80
             SHOP_URL=http://shop:80
             SHOP_PUBLIC_URL=https://shop.example/v1",
            str![[r#"
{"GOAPI_URL":"/goapi/","SHOP_URL":"https://shop.example/v1"}

"#]],
        );
    }

    #[test]
    fn a_public_address_with_more_than_a_place_is_left_out() {
        for public in [
            "http://user:secret@shop.example",
            "https://shop.example/?token=1",
            "https://shop.example/#1",
            "//elsewhere.example/",
            "http:///",
            "javascript:alert(1)",
            "",
        ] {
            check(
                &format!("A_HOST=a\nA_PORT=1\nA_URL=http://a:1\nA_PUBLIC_URL={public}"),
                "{\"A_URL\":\"http://a:1\"}\n",
            );
        }
    }

    #[test]
    fn a_service_called_public_is_one_of_its_own() {
        check(
            "A_HOST=a
             A_PORT=1
             A_URL=http://a:1
             A_PUBLIC_HOST=p
             A_PUBLIC_PORT=2
             A_PUBLIC_URL=http://p:2",
            str![[r#"
{"A_PUBLIC_URL":"http://p:2","A_URL":"http://a:1"}

"#]],
        );
    }
}
