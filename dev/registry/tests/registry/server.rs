//! A registry of the test's own: Debian's, on a free port of loopback, with
//! its storage in a folder that goes with it.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hob_registry::Client;
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(60);

/// Between two looks at a condition that is waited for.
const POLL: Duration = Duration::from_millis(2);

/// It ends when it is dropped, and with the test's thread if that is killed.
pub(crate) struct Server {
    child: Child,
    addr: SocketAddr,
    folder: TempDir,
}

/// What differs between registries.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) delete: bool,
    pub(crate) login: bool,
    /// Entries of a page of the catalog.
    pub(crate) page: usize,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            delete: true,
            login: false,
            page: 100,
        }
    }
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(Setting::default())
    }

    pub(crate) fn with(setting: Setting) -> Self {
        let Ok(program) = which::which("docker-registry") else {
            panic!(
                "docker-registry is not installed; `apt-get install -y docker-registry` installs it"
            );
        };
        // Another process may take the free port before the registry does.
        for _ in 0..10 {
            let folder = tempfile::tempdir().unwrap();
            let addr = free_port();
            let config = folder.path().join("config.yml");
            std::fs::write(&config, text(&folder, addr, setting)).unwrap();
            let log = File::create(folder.path().join("log")).unwrap();
            let child = Command::new("setpriv")
                .args(["--pdeathsig", "KILL"])
                .arg(&program)
                .arg("serve")
                .arg(&config)
                .env_clear()
                .env("PATH", std::env::var_os("PATH").unwrap_or_default())
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .unwrap();
            let mut server = Self {
                child,
                addr,
                folder,
            };
            match server.wait() {
                Ok(()) => return server,
                Err(log) if log.contains("address already in use") => {}
                Err(log) => panic!("the registry did not start:\n{log}"),
            }
        }
        panic!("no port stayed free");
    }

    fn wait(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + LIMIT;
        loop {
            if self.child.try_wait().unwrap().is_some() {
                return Err(std::fs::read_to_string(self.folder.path().join("log")).unwrap());
            }
            if TcpStream::connect(self.addr).is_ok() {
                return Ok(());
            }
            assert!(Instant::now() < deadline, "the registry does not answer");
            std::thread::sleep(POLL);
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.addr.to_string().parse().unwrap())
    }

    /// A file of the registry's, by its path below its folder of repositories.
    pub(crate) fn file(&self, path: &str) -> std::path::PathBuf {
        let all = "storage/docker/registry/v2/repositories";
        self.folder.path().join(all).join(path)
    }

    /// Ends the registry, of which nothing answers then.
    pub(crate) fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn text(folder: &TempDir, addr: SocketAddr, setting: Setting) -> String {
    let folder = folder.path();
    let mut text = format!(
        "version: 0.1
log:
  level: error
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: {}
  delete:
    enabled: {}
http:
  addr: {addr}
catalog:
  maxentries: {}
",
        folder.join("storage").display(),
        setting.delete,
        setting.page,
    );
    if setting.login {
        let users = folder.join("users");
        // Some user; nobody logs in.
        std::fs::write(
            &users,
            "hob:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n",
        )
        .unwrap();
        text.push_str(&format!(
            "auth:\n  htpasswd:\n    realm: hob\n    path: {}\n",
            users.display()
        ));
    }
    text
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}
