//! `serve-files`: the program behind `serve = "…"` on the host engine.

#![expect(
    clippy::disallowed_methods,
    reason = "the agent says in the environment where to listen"
)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use hob_files::{Addresses, Options, exec_nginx, serve};

use crate::cli::ServeFilesArgs;
use crate::context::{block_on, interrupted};
use crate::error::{Error, Result};

pub fn serve_files(args: ServeFilesArgs) -> Result {
    let variable = |name: &str| std::env::var(name).ok();
    let port = variable("PORT").and_then(|port| port.parse().ok());
    let Some(port) = port else {
        return Err(
            Error::usage("`serve-files` listens on `PORT`, which is not set")
                .hint("say `serve = \"DIR\"` in stack.toml instead"),
        );
    };
    let host = variable("HOST").and_then(|host| host.parse().ok());
    let host: IpAddr = host.unwrap_or(Ipv4Addr::LOCALHOST.into());
    let options = Options {
        root: args.root,
        listen: SocketAddr::new(host, port),
        addresses: Addresses::from_vars(std::env::vars_os()),
    };
    if args.with == "nginx" {
        let state = variable("OUT")
            .map_or_else(std::env::temp_dir, PathBuf::from)
            .join(format!("nginx-{port}"));
        let nginx = which::which("nginx").unwrap_or_else(|_| "nginx".into());
        return Err(Error::from(anyhow::Error::from(exec_nginx(
            &options, &nginx, &state,
        ))));
    }
    block_on(async {
        serve(options, interrupted())
            .await
            .map_err(|error| anyhow::Error::from(error).into())
    })
}
