//! `config.json` as far as it is about logins. It is Docker's file and has
//! many more keys, which are passed over.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::Credentials;

/// The file, as it is written.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    auths: Option<BTreeMap<String, Auth>>,
    cred_helpers: Option<BTreeMap<String, String>>,
    creds_store: Option<String>,
}

/// One login in it. `auth` is `USER:PASSWORD` in base64; older files and other
/// programs write the two out.
#[derive(Deserialize, Default)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// Who keeps a login.
pub(super) enum Keeper<'a> {
    Nobody,
    File(Credentials),
    /// `docker-credential-NAME`.
    Helper(&'a str),
}

/// The name by which a registry is logged in to. That of Docker's own is one
/// that no image has in front of it.
pub(super) fn server(registry: &str) -> &str {
    match registry {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => "https://index.docker.io/v1/",
        registry => registry,
    }
}

impl Config {
    /// Reads the file. What is wrong is told by its place alone: serde's own
    /// words may repeat a value, and values here are secrets.
    pub(super) fn read(text: &[u8]) -> Result<Self, String> {
        if text.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(text).map_err(|error| {
            format!(
                "line {}, column {} is not as Docker writes it",
                error.line(),
                error.column()
            )
        })
    }

    /// Who keeps the login for a registry, by the name in front of images and
    /// the one that is logged in to.
    pub(super) fn keeper(&self, registry: &str, server: &str) -> Result<Keeper<'_>, String> {
        let own = self.cred_helpers.as_ref();
        let own = own.and_then(|helpers| helpers.get(registry).or_else(|| helpers.get(server)));
        // A registry with an empty helper is in the file in spite of the store.
        match own.or(self.creds_store.as_ref()) {
            Some(helper) if helper.contains('/') => {
                Err(format!("{helper:?} is no name of a helper"))
            }
            Some(helper) if !helper.is_empty() => Ok(Keeper::Helper(helper)),
            _ => self.file(server),
        }
    }

    fn file(&self, server: &str) -> Result<Keeper<'_>, String> {
        let Some(auths) = &self.auths else {
            return Ok(Keeper::Nobody);
        };
        // Old files have URLs where newer ones have hosts.
        let auth = auths.get(server).or_else(|| {
            let of_host = auths.iter().find(|(key, _)| host(key) == server);
            of_host.map(|(_, auth)| auth)
        });
        match auth {
            None => Ok(Keeper::Nobody),
            Some(auth) => auth.credentials(server).map(Keeper::File),
        }
    }
}

impl Auth {
    fn credentials(&self, server: &str) -> Result<Credentials, String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let mut credentials = Credentials {
            username: text(&self.username),
            password: text(&self.password),
            identity_token: text(&self.identitytoken),
            registry_token: text(&self.registrytoken),
            server: server.to_owned(),
        };
        if let Some(auth) = self.auth.as_deref().filter(|auth| !auth.is_empty()) {
            let (username, password) = decode(auth)
                .ok_or_else(|| format!("`auth` of {server} is not `USER:PASSWORD` in base64"))?;
            credentials.username = username;
            credentials.password = password;
        }
        Ok(credentials)
    }
}

/// User and password. Docker pads the password with zeros in some versions,
/// and other programs leave the padding of base64 out.
fn decode(auth: &str) -> Option<(String, String)> {
    const EITHER: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = GeneralPurpose::new(&STANDARD, EITHER).decode(auth).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some((username.to_owned(), password.trim_matches('\0').to_owned()))
}

/// The host of a key, which may be a URL.
fn host(key: &str) -> &str {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split_once('/').map_or(rest, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who keeps the login for `registry`, in words.
    fn check(file: &str, registry: &str, expected: &str) {
        let kept = Config::read(file.as_bytes()).and_then(|config| {
            Ok(match config.keeper(registry, server(registry))? {
                Keeper::Nobody => "nobody".to_owned(),
                Keeper::Helper(name) => format!("helper {name}"),
                Keeper::File(it) => format!(
                    "{} {} {} {} at {}",
                    it.username, it.password, it.identity_token, it.registry_token, it.server
                ),
            })
        });
        assert_eq!(kept.unwrap_or_else(|reason| reason), expected, "{file}");
    }

    #[test]
    fn a_login_of_the_file_is_found_by_its_host() {
        // user:pass:word
        let auth = r#"{"auth": "dXNlcjpwYXNzOndvcmQ="}"#;
        for key in ["a:1", "http://a:1", "https://a:1/v2/"] {
            let file = format!(r#"{{"auths": {{"{key}": {auth}}}, "detachKeys": "x"}}"#);
            check(&file, "a:1", "user pass:word   at a:1");
            check(&file, "a:2", "nobody");
            check(&file, "a", "nobody");
        }
        check("{}", "a:1", "nobody");
        check("", "a:1", "nobody");
        check(r#"{"auths": {"a:1": {}}}"#, "a:1", "    at a:1");
    }

    #[test]
    fn a_login_has_several_forms() {
        let of = |auth: &str| format!(r#"{{"auths": {{"a:1": {auth}}}}}"#);
        check(
            &of(r#"{"auth": "dXNlcjpwYXNzOndvcmQ"}"#),
            "a:1",
            "user pass:word   at a:1",
        );
        check(&of(r#"{"auth": "dTpwAAA="}"#), "a:1", "u p   at a:1");
        check(
            &of(r#"{"username": "u", "password": "p"}"#),
            "a:1",
            "u p   at a:1",
        );
        check(
            &of(r#"{"auth": "dTo=", "identitytoken": "t"}"#),
            "a:1",
            "u  t  at a:1",
        );
        check(&of(r#"{"registrytoken": "r"}"#), "a:1", "   r at a:1");
    }

    #[test]
    fn a_helper_of_the_registry_goes_before_the_store_and_that_before_the_file() {
        let file = r#"{
            "auths": {"a:1": {"auth": "dTpw"}, "b:1": {"auth": "dTpw"}},
            "credsStore": "store",
            "credHelpers": {"a:1": "own", "b:1": ""}
        }"#;
        check(file, "a:1", "helper own");
        check(file, "b:1", "u p   at b:1");
        check(file, "c:1", "helper store");
    }

    #[test]
    fn what_is_wrong_is_told_without_what_stands_there() {
        let base64 = "`auth` of a:1 is not `USER:PASSWORD` in base64";
        check(r#"{"auths": {"a:1": {"auth": "hunter2!"}}}"#, "a:1", base64);
        check(
            r#"{"auths": {"a:1": {"auth": "aHVudGVyMg=="}}}"#,
            "a:1",
            base64,
        );
        check(
            "{\"auths\":\n{\"a:1\": \"hunter2\"}}",
            "a:1",
            "line 2, column 17 is not as Docker writes it",
        );
        check("{", "a:1", "line 1, column 1 is not as Docker writes it");
        check(
            r#"{"credsStore": "../x"}"#,
            "a:1",
            "\"../x\" is no name of a helper",
        );
    }
}
