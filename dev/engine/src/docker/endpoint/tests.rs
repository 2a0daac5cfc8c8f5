//! A machine in text to the engine that is meant on it: `NAME=value` is a
//! variable, `hob.toml ADDRESS` what is configured, `PATH: TEXT` a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use snapbox::{IntoData, assert_data_eq, str};

use super::{Look, resolve};

struct Written(BTreeMap<PathBuf, String>);

impl Look for Written {
    fn read(&self, path: &Path) -> Option<String> {
        self.0.get(path).cloned()
    }

    fn list(&self, folder: &Path) -> Vec<PathBuf> {
        let below = self.0.keys().filter_map(|path| {
            let first = path.strip_prefix(folder).ok()?.components().next()?;
            Some(folder.join(first))
        });
        below.collect()
    }

    fn is_there(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}

#[track_caller]
fn check(machine: &str, expected: impl IntoData) {
    let mut environment = BTreeMap::from([("HOME".to_owned(), "/home/me".to_owned())]);
    let mut configured = None;
    let mut files = BTreeMap::new();
    for line in machine.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("hob.toml ") {
            configured = Some(address.parse().expect("an address"));
        } else if line.starts_with('/') {
            let (path, text) = line.split_once(": ").unwrap_or((line, ""));
            files.insert(PathBuf::from(path), text.to_owned());
        } else if let Some((name, value)) = line.split_once('=') {
            environment.insert(name.to_owned(), value.to_owned());
        }
    }
    let told = match resolve(&environment, configured.as_ref(), &Written(files)) {
        Ok(resolved) => format!("{} by {}", resolved.endpoint, resolved.whence),
        Err(refusal) => format!("{refusal}\n{}", refusal.hints.join("\n")),
    };
    assert_data_eq!(told, expected);
}

const CONTEXTS: &str = r#"
    /home/me/.docker/config.json: {"currentContext": "desktop"}
    /home/me/.docker/contexts/meta/0a/meta.json: {"Name": "far", "Endpoints": {"docker": {"Host": "ssh://me@there"}}}
    /home/me/.docker/contexts/meta/0b/meta.json: {"Name": "desktop", "Endpoints": {"docker": {"Host": "unix:///home/me/.docker/desktop/docker.sock"}}}
    /home/me/.docker/contexts/meta/0c/meta.json: not JSON
    /home/me/.docker/contexts/meta/0d/meta.json: {"Name": "bare"}
"#;

#[test]
fn where_nothing_is_said_it_is_the_first_usual_socket_that_is_there() {
    check("", str!["unix:///var/run/docker.sock by the usual socket"]);
    check(
        "/home/me/.docker/run/docker.sock",
        str!["unix:///home/me/.docker/run/docker.sock by the usual socket"],
    );
    check(
        "XDG_RUNTIME_DIR=/run/user/7\n/run/user/7/docker.sock\n/home/me/.docker/run/docker.sock",
        str!["unix:///run/user/7/docker.sock by the usual socket"],
    );
    check(
        "/var/run/docker.sock\nXDG_RUNTIME_DIR=/run/user/7\n/run/user/7/docker.sock",
        str!["unix:///var/run/docker.sock by the usual socket"],
    );
    check(
        "/home/me/.docker/config.json: {\"auths\": {}}",
        str!["unix:///var/run/docker.sock by the usual socket"],
    );
    check(
        "/home/me/.docker/config.json: {\"currentContext\": \"default\"}",
        str!["unix:///var/run/docker.sock by the usual socket"],
    );
}

#[test]
fn the_environment_goes_before_the_files() {
    check(
        &format!(
            "DOCKER_HOST=tcp://127.0.0.1:2375\nDOCKER_CONTEXT=far\nhob.toml /a.sock\n{CONTEXTS}"
        ),
        str!["tcp://127.0.0.1:2375 by `DOCKER_HOST`"],
    );
    check(
        &format!("DOCKER_CONTEXT=desktop\nhob.toml /a.sock\n{CONTEXTS}"),
        str![
            "unix:///home/me/.docker/desktop/docker.sock by the context `desktop` of `DOCKER_CONTEXT`"
        ],
    );
    check(
        &format!("DOCKER_HOST=\nhob.toml /a.sock\n{CONTEXTS}"),
        str!["unix:///a.sock by `docker` of hob.toml"],
    );
    check(
        &format!("DOCKER_CONTEXT=default\n{CONTEXTS}"),
        str!["unix:///var/run/docker.sock by the usual socket"],
    );
    check(
        CONTEXTS,
        str![
            "unix:///home/me/.docker/desktop/docker.sock by the context `desktop` of `/home/me/.docker/config.json`"
        ],
    );
    check(
        &format!("DOCKER_CONFIG=/none\n{CONTEXTS}"),
        str!["unix:///var/run/docker.sock by the usual socket"],
    );
}

#[test]
fn an_engine_that_hob_cannot_speak_to_is_refused_with_the_reason() {
    check(
        "DOCKER_HOST=ssh://me@there",
        str![[r#"
`DOCKER_HOST`: `ssh://me@there` is behind SSH, and that engine sees no file of this machine to mount
run hob on that machine, or use the engine of this one
or name the engine for hob alone: `docker = "…"` in hob.toml
"#]],
    );
    check(
        "DOCKER_HOST=npipe:////./pipe/docker_engine",
        str![[r#"
`DOCKER_HOST`: `npipe:////./pipe/docker_engine` is not a socket of this system
write `unix:///var/run/docker.sock`, `/var/run/docker.sock` or `tcp://127.0.0.1:2375`
or name the engine for hob alone: `docker = "…"` in hob.toml
"#]],
    );
    check(
        "DOCKER_HOST=docker.sock",
        str![[r#"
`DOCKER_HOST`: `docker.sock` is not the address of a Docker engine
write `unix:///var/run/docker.sock`, `/var/run/docker.sock` or `tcp://127.0.0.1:2375`
or name the engine for hob alone: `docker = "…"` in hob.toml
"#]],
    );
    check(
        "DOCKER_HOST=tcp://there:2376",
        str![[r#"
`DOCKER_HOST`: `tcp://there:2376` asks for TLS, which hob does not speak
use a Unix socket of this machine: `unix:///var/run/docker.sock`; or a forwarded plain port: `tcp://127.0.0.1:2375`
or name the engine for hob alone: `docker = "…"` in hob.toml
"#]],
    );
    check(
        "DOCKER_HOST=tcp://there:2375\nDOCKER_TLS_VERIFY=1",
        str![[r#"
`DOCKER_HOST`: `tcp://there:2375` asks for TLS, which hob does not speak
use a Unix socket of this machine: `unix:///var/run/docker.sock`; or a forwarded plain port: `tcp://127.0.0.1:2375`
or name the engine for hob alone: `docker = "…"` in hob.toml
"#]],
    );
    check(
        &format!("DOCKER_CONTEXT=far\n{CONTEXTS}"),
        str![[r#"
the context `far` of `DOCKER_CONTEXT`: `ssh://me@there` is behind SSH, and that engine sees no file of this machine to mount
run hob on that machine, or use the engine of this one
or name the engine for hob alone: `docker = "…"` in hob.toml
"#]],
    );
}

#[test]
fn what_is_configured_stands_in_for_what_is_refused() {
    check(
        "DOCKER_HOST=ssh://me@there\nhob.toml /a.sock",
        str!["unix:///a.sock by `docker` of hob.toml"],
    );
}

#[test]
fn a_socket_is_never_asked_for_tls() {
    check(
        "DOCKER_HOST=unix:///a.sock\nDOCKER_TLS_VERIFY=1",
        str!["unix:///a.sock by `DOCKER_HOST`"],
    );
}

#[test]
fn a_context_that_is_not_there_is_told() {
    check(
        &format!("DOCKER_CONTEXT=gone\n{CONTEXTS}"),
        str![[r#"
`DOCKER_CONTEXT` names the context `gone`, which is not there
`docker context ls` lists those that are there
or name the engine: `docker = "unix:///var/run/docker.sock"` in hob.toml
"#]],
    );
    check(
        &format!("DOCKER_CONTEXT=bare\n{CONTEXTS}"),
        str![[r#"
`DOCKER_CONTEXT` names the context `bare`, which is not there
`docker context ls` lists those that are there
or name the engine: `docker = "unix:///var/run/docker.sock"` in hob.toml
"#]],
    );
    check(
        "/home/me/.docker/config.json: {",
        str![[r#"
`/home/me/.docker/config.json` is not JSON
mend it, or name the engine: `docker = "…"` in hob.toml
"#]],
    );
}
