//! nginx as the server: its configuration and its start.
//!
//! Owns what nginx is told; never looks for the program and never watches it.
//! Start with [`nginx_conf`]. All that nginx writes goes into one state folder,
//! so that it needs no rights of its own; `-p` makes that folder nginx's
//! prefix, and the configuration names what is in it relative to that.

#![expect(
    clippy::disallowed_methods,
    reason = "it writes nginx's configuration and becomes nginx"
)]

use std::fmt::Write as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{ENV_PATH, Error, HTML, MISSING, Options, TEXT, WRONG_METHOD, content_type};

/// The configuration's name in the state folder.
const CONF: &str = "nginx.conf";

/// The name in the state folder of what [`ENV_PATH`] answers.
const ENV_FILE: &str = "env.json";

/// The whole configuration.
///
/// One process and no master: a master's workers outlive a `kill -9` of it and
/// keep the port, and a single process keeps the rights that it was started
/// with, root's as well as a user's, so it reads what its user reads.
/// `TERM` then ends it at once; whatever stands before it drains first.
///
/// # Errors
/// If a path is not UTF-8.
pub fn nginx_conf(options: &Options, state: &Path) -> Result<String, Error> {
    let mut types = String::new();
    for (mime, extensions) in content_type::all() {
        let _ = write!(types, "\n        {}", quote(&mime));
        for extension in extensions {
            let _ = write!(types, " {}", quote(extension));
        }
        types.push(';');
    }
    Ok(format!(
        r#"daemon off;
master_process off;
pid nginx.pid;
error_log stderr error;
events {{
    worker_connections 512;
}}
http {{
    # A dollar begins a variable everywhere but here.
    geo $dollar {{
        default "$";
    }}
    client_body_temp_path client_body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    log_format hob "$request_method $request_uri $status";
    map $http_user_agent $is_logged {{
        default 1;
        {ready_agent} 0;
    }}
    access_log /dev/stdout hob if=$is_logged;
    server_tokens off;
    absolute_redirect off;
    etag off;
    if_modified_since off;
    add_header Last-Modified "";
    add_header Cache-Control no-store always;
    max_ranges 1;
    types_hash_max_size 16384;
    types_hash_bucket_size 128;
    default_type {unknown};
    types {{{types}
    }}
    server {{
        listen {listen};
        root {root};
        index index.html;
        error_page 403 404 = @missing;
        error_page 405 = @method;
        if ($request_method !~ "^(GET|HEAD)$") {{
            return 405;
        }}
        location / {{
        }}
        location ~ "/\.(?!well-known(/|$))" {{
            return 404;
        }}
        location = {env_path} {{
            max_ranges 0;
            alias {env_file};
        }}
        location @missing {{
            types {{
            }}
            default_type {html};
            return 404 {missing};
        }}
        location @method {{
            types {{
            }}
            default_type {text};
            add_header Cache-Control no-store always;
            add_header Allow "GET, HEAD" always;
            return 405 {wrong_method};
        }}
    }}
}}
"#,
        ready_agent = hob_wire::READY_AGENT,
        unknown = content_type::UNKNOWN,
        listen = options.listen,
        root = quote(text(&options.root)?),
        env_path = ENV_PATH,
        env_file = quote(text(&state.join(ENV_FILE))?),
        html = quote(HTML),
        missing = quote(MISSING),
        text = quote(TEXT),
        wrong_method = quote(WRONG_METHOD),
    ))
}

/// Writes the configuration into the state folder, which is made if it is not
/// there, and gives the command that serves with it in the foreground: its
/// access log on standard output, its errors on standard error (`-e` is of
/// nginx 1.19.5). Two at once need two folders.
///
/// # Errors
/// If there is no folder to serve, or the state folder cannot be written.
pub fn nginx_command(options: &Options, nginx: &Path, state: &Path) -> Result<Command, Error> {
    options.check_root()?;
    let conf = nginx_conf(options, state)?;
    let failed = |path: PathBuf| move |source| Error::State { path, source };
    std::fs::create_dir_all(state).map_err(failed(state.to_owned()))?;
    for (name, content) in [(CONF, conf), (ENV_FILE, options.addresses.to_json())] {
        let path = state.join(name);
        std::fs::write(&path, content).map_err(failed(path))?;
    }
    let mut command = Command::new(nginx);
    command
        .args(["-e", "stderr", "-p"])
        .arg(state)
        .args(["-c", CONF]);
    Ok(command)
}

/// Becomes nginx: see [`nginx_command`]. Returns only if that fails.
pub fn exec_nginx(options: &Options, nginx: &Path, state: &Path) -> Error {
    match nginx_command(options, nginx, state) {
        Ok(mut command) => Error::Exec {
            program: nginx.to_owned(),
            source: command.exec(),
        },
        Err(error) => error,
    }
}

fn text(path: &Path) -> Result<&str, Error> {
    path.to_str().ok_or_else(|| Error::NotText {
        path: path.to_owned(),
    })
}

/// A word of nginx's configuration. The escapes are those of its lexer
/// (`ngx_conf_read_token`); it has none for the dollar, hence the variable.
fn quote(word: &str) -> String {
    let mut quoted = String::with_capacity(word.len() + 2);
    quoted.push('"');
    for c in word.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '$' => quoted.push_str("${dollar}"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use super::{exec_nginx, nginx_conf, quote};
    use crate::{Addresses, Error, Options};

    fn options(root: &Path) -> Options {
        Options {
            root: root.to_owned(),
            listen: "127.0.0.1:20000".parse().unwrap(),
            addresses: Addresses::default(),
        }
    }

    #[test]
    fn a_word_keeps_every_character() {
        assert_eq!(
            quote("a \"b\" 'c' \\n $d {e}; # f\n\r\t"),
            r#""a \"b\" 'c' \\n ${dollar}d {e}; # f\n\r\t""#
        );
    }

    #[test]
    fn the_address_and_the_folder_are_named() {
        let conf = nginx_conf(&options(Path::new("/srv/my pages")), Path::new("/state")).unwrap();
        for line in [
            "listen 127.0.0.1:20000;",
            "root \"/srv/my pages\";",
            "alias \"/state/env.json\";",
        ] {
            assert!(conf.contains(line), "{line} is missing in\n{conf}");
        }
    }

    #[test]
    fn a_path_that_is_no_text_is_refused() {
        let root = Path::new(OsStr::from_bytes(b"/srv/\xff"));
        let error = nginx_conf(&options(root), Path::new("/state")).unwrap_err();
        assert!(matches!(error, Error::NotText { .. }), "{error}");
    }

    #[test]
    fn a_missing_nginx_is_named_with_its_package() {
        let folder = tempfile::tempdir().unwrap();
        let error = exec_nginx(
            &options(folder.path()),
            Path::new("/nowhere/nginx"),
            &folder.path().join("state"),
        );
        assert_eq!(
            error.to_string(),
            "cannot run /nowhere/nginx (`apt-get install nginx-light` installs nginx)"
        );
    }

    #[test]
    fn a_missing_folder_is_named_before_nginx_runs() {
        let folder = tempfile::tempdir().unwrap();
        let error = exec_nginx(
            &options(&folder.path().join("gone")),
            Path::new("/nowhere/nginx"),
            &folder.path().join("state"),
        );
        assert!(matches!(error, Error::Root { .. }), "{error}");
    }
}
