//! [`Registry`]: one that is not hob's, for pushing elsewhere: Debian's
//! `docker-registry` as a process of the tests' own.

use std::fs;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::http;
use crate::ports::Port;
use crate::wait::until;

/// Who may push to one that asks.
pub const USER: &str = "somebody";
/// With which password.
pub const PASSWORD: &str = "a-secret-word";

/// The same for the registry (bcrypt, of the lowest cost).
const HASH: &str = "$2b$04$nrptE1mToQ7ggopxnLHxm.ucKX9kSfL0G6cWnScsFF5RmxQL.Gg5G";

const CONFIG: &str = "version: 0.1\nstorage: { filesystem: { rootdirectory: /nowhere } }\n";

/// A registry that is up. Ended when it is dropped.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    port: Port,
    _folder: TempDir,
}

impl Registry {
    /// One that asks nobody, or one that [`USER`] alone may use.
    ///
    /// # Panics
    /// It does not come up.
    #[must_use]
    pub fn start(asks: bool) -> Self {
        let folder = TempDir::with_prefix("hob-registry-").unwrap();
        let place = |name: &str| folder.path().join(name);
        let port = Port::reserve();
        fs::write(place("config.yml"), CONFIG).unwrap();
        fs::write(place("htpasswd"), format!("{USER}:{HASH}\n")).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(place("config.yml"));
        let address = format!("127.0.0.1:{}", port.number());
        command.env("REGISTRY_HTTP_ADDR", address);
        command.env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", place("data"));
        if asks {
            command.env("REGISTRY_AUTH", "htpasswd");
            command.env("REGISTRY_AUTH_HTPASSWD_REALM", "tests");
            command.env("REGISTRY_AUTH_HTPASSWD_PATH", place("htpasswd"));
        }
        let output = fs::File::create(place("log")).unwrap();
        command.stdout(output.try_clone().unwrap()).stderr(output);
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        let registry = Self {
            child,
            port,
            _folder: folder,
        };
        let wanted = if asks { 401 } else { 200 };
        until("a registry", || {
            http::get(registry.port.number(), "/v2/").is_ok_and(|it| it.status == wanted)
        });
        registry
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port.number())
    }

    /// The repositories that were pushed to one that asks nobody.
    ///
    /// # Panics
    /// It does not answer.
    #[must_use]
    pub fn catalog(&self) -> String {
        let answer = http::get(self.port.number(), "/v2/_catalog").unwrap();
        answer.body.trim().to_owned()
    }

    /// The same, asked with a password, [`USER`]'s in base64.
    ///
    /// # Panics
    /// It does not answer.
    #[must_use]
    pub fn catalog_for(&self, login: &str) -> String {
        let field = format!("Authorization: Basic {login}");
        let answer = http::request(self.port.number(), "/v2/_catalog", &[&field]).unwrap();
        answer.body.trim().to_owned()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
