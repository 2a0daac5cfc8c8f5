//! `serve-files`: the program behind `serve = "…"` where hob itself is not.
//! It says the same words and gives the same answers as hob's own verb.

#![expect(
    clippy::disallowed_methods,
    reason = "the agent says in the environment where to listen"
)]

use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use hob_files::{Addresses, Options, exec_nginx, serve};
use tokio::signal::unix::{SignalKind, signal};

/// How [`run`] wants to be called.
pub const USAGE: &str = "--root DIR --with built-in|nginx";

/// Serves until TERM or INT; what is missing is said in one line.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Result<(), String> {
    let (root, nginx) = parse(args).ok_or_else(|| format!("usage: serve-files {USAGE}"))?;
    let variable = |name: &str| std::env::var(name).ok();
    let port: Option<u16> = variable("PORT").and_then(|port| port.parse().ok());
    let port = port.ok_or("`serve-files` listens on `PORT`, which is not set")?;
    let host: Option<IpAddr> = variable("HOST").and_then(|host| host.parse().ok());
    let options = Options {
        root,
        listen: SocketAddr::new(host.unwrap_or(Ipv4Addr::LOCALHOST.into()), port),
        addresses: Addresses::from_vars(std::env::vars_os()),
    };
    if nginx {
        let out = variable("OUT").map_or_else(std::env::temp_dir, PathBuf::from);
        let state = out.join(format!("nginx-{port}"));
        return Err(told(&exec_nginx(&options, Path::new("nginx"), &state)));
    }
    let explain = |error: io::Error| format!("cannot wait for clients: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(explain)?;
    runtime.block_on(async {
        let mut term = signal(SignalKind::terminate()).map_err(explain)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(explain)?;
        let end = async {
            tokio::select! {
                _ = term.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        serve(options, end).await.map_err(|error| told(&error))
    })
}

/// An error with all that it came from, in one line.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

/// The folder, and whether it is nginx that serves it.
fn parse(args: impl IntoIterator<Item = OsString>) -> Option<(PathBuf, bool)> {
    let (mut root, mut nginx) = (None, None);
    let mut args = args.into_iter();
    while let Some(name) = args.next() {
        let value = args.next()?;
        match (name.to_str()?, value.to_str()) {
            ("--root", _) => root = Some(PathBuf::from(value)),
            ("--with", Some("built-in")) => nginx = Some(false),
            ("--with", Some("nginx")) => nginx = Some(true),
            _ => return None,
        }
    }
    Some((root?, nginx?))
}
