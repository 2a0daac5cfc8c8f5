//! Static files for services with `serve = "DIR"`: nginx where it is
//! installed, else a server of hob's own, and the same answers from both.
//!
//! Owns the rules of what is answered: which file a path names ([`path`] and
//! [`ENV_PATH`]), its content type, and that nothing is cached. Never decides
//! which of the two servers runs, never looks for nginx, never reads the
//! process's environment: the caller hands all of that in. Start with
//! [`Options`], then [`Server`] for the built-in one and [`exec_nginx`] for
//! the other; `tests/same_answers.rs` holds them to one table.
//!
//! # What a request gets
//! - `GET` and `HEAD` only; anything else is 405.
//! - A folder's `index.html`; a folder without its slash is redirected (301)
//!   to the path with it, relative, so that it holds behind any front.
//! - One byte range (206, 416); several at once are answered whole.
//! - A content type by extension, text in UTF-8.
//! - Symbolic links are followed, also to outside: they are the developer's
//!   own. Names that begin with a dot are not there (404), but for
//!   `.well-known` ([RFC 8615]); neither are sockets, pipes and devices.
//! - No validators and `Cache-Control: no-store`. nginx makes its `ETag` of
//!   whole seconds and the size, so of two saves within a second (an editor
//!   that formats on save) a browser would be told 304 for the second one and
//!   go on showing the first. A save must never be lost, and over loopback a
//!   whole answer costs nothing.
//!
//! # How a page finds its APIs
//! A page is code, and code holds no address, yet a browser has no environment
//! to read. So the server answers [`ENV_PATH`] with the `NAME_URL` variables of
//! the services that this one needs or wants ([`Addresses`]), and nothing else
//! of its environment. A page asks for it once:
//! `const env = await (await fetch("/.hob/env.json")).json()`.
//!
//! The other way would be to forward `/goapi/` to goapi. It would make a proxy
//! of a file server, put a second one behind the front, and show the page's
//! own generation where the page wants to show goapi's. With addresses the
//! browser asks each service itself, and an engine whose services are known to
//! browsers by other addresses than to each other says so with
//! `NAME_PUBLIC_URL`, a URL or a path of the page's own origin.
//!
//! # The library
//! [`tower_http`] serves the files, compared in November 2026 with
//! `hyper-staticfile` 0.10: 10 crates and 1.7 s of compile time (of one core,
//! cold, debug) over what the workspace has, against 48 crates and 9 s; ranges
//! on `HEAD`, a content type on 206 and a `Content-Range` on 416, which the
//! other one leaves out; and several releases in its last year. Neither hides
//! dot files, and each has path rules that differ from nginx's, so those are
//! here in [`path`] and the library is handed one file at a time.
//!
//! [RFC 8615]: https://www.rfc-editor.org/rfc/rfc8615

mod addresses;
mod content_type;
mod nginx;
pub mod path;
mod server;
mod whole;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use addresses::Addresses;
pub use nginx::{exec_nginx, nginx_command, nginx_conf};
pub use server::{DRAIN_LIMIT, Server, serve};

/// The path that answers with the addresses. No file can be hidden by it: its
/// folder begins with a dot.
pub const ENV_PATH: &str = "/.hob/env.json";

/// What is served where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder, absolute.
    pub root: PathBuf,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// What [`ENV_PATH`] answers.
    pub addresses: Addresses,
}

/// The page of an answer that is no file. It is HTML so that live reload gets
/// into it: a page that was missing shows itself once it is saved.
const MISSING: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>404 not found</title><p>404: there is no such file.</p></html>\n";

/// The body of an answer to a method that files do not have.
const WRONG_METHOD: &str = "only GET and HEAD\n";

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Why files are not served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to serve.
    #[error(
        "the folder to serve, {}, cannot be read (`serve` in stack.toml names it)",
        .root.display()
    )]
    Root {
        /// The folder.
        root: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The address is not to be had.
    #[error("cannot listen on {listen}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// nginx's configuration is text, and this path is not.
    #[error(
        "{} is not UTF-8, which nginx's configuration cannot name; rename it or serve it without nginx",
        .path.display()
    )]
    NotText {
        /// The path.
        path: PathBuf,
    },
    /// nginx's configuration could not be written.
    #[error("cannot write {}", .path.display())]
    State {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// nginx could not be started.
    #[error("cannot run {} (`apt-get install nginx-light` installs nginx)", .program.display())]
    Exec {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Options {
    /// Checks that there is a folder to serve, before a server says that it
    /// is ready.
    fn check_root(&self) -> Result<(), Error> {
        std::fs::read_dir(&self.root)
            .map(drop)
            .map_err(|source| Error::Root {
                root: self.root.clone(),
                source,
            })
    }
}
