//! The real nginx, in a folder of its own, ended with what it started.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use hob_ingress::{Certificate, Settings, nginx_conf};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use tempfile::TempDir;

use crate::{LIMIT, POLL, samples, until};

pub(crate) struct Nginx {
    child: Child,
    folder: TempDir,
    settings: Settings,
    pair: Option<Certificate>,
}

/// The program, or how to get it.
pub(crate) fn program() -> PathBuf {
    // A user's PATH may lack the folders of daemons.
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{path}:/usr/sbin:/usr/local/sbin");
    let Ok(program) = which::which_in("nginx", Some(path), "/") else {
        panic!("nginx is not installed; `apt-get install -y nginx-light` installs it");
    };
    program
}

impl Nginx {
    pub(crate) async fn start(routes: &str) -> Self {
        Self::start_with(routes, None, |_| {}).await
    }

    /// Starts it with changed settings or as somebody else, and waits until
    /// it accepts connections.
    pub(crate) async fn start_with(
        routes: &str,
        pair: Option<&Certificate>,
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = samples::settings(folder.path());
        Self::start_in(folder, settings, routes, pair, change).await
    }

    pub(crate) async fn start_in(
        folder: TempDir,
        settings: Settings,
        routes: &str,
        pair: Option<&Certificate>,
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let ingress = samples::ingress(routes, pair).unwrap();
        let conf = folder.path().join("nginx.conf");
        std::fs::write(&conf, nginx_conf(&ingress, &settings)).unwrap();
        let mut command = Command::new(program());
        command
            .args(["-e", "stderr", "-c"])
            .arg(&conf)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(File::create(folder.path().join("stdout")).unwrap())
            .stderr(File::create(folder.path().join("stderr")).unwrap())
            // Workers of nginx that is ended by KILL are found by it.
            .process_group(0);
        change(&mut command);
        let mut nginx = Self {
            child: command.spawn().unwrap(),
            folder,
            settings,
            pair: pair.cloned(),
        };
        for listener in ingress.listeners() {
            nginx.wait_for(listener.addr.socket_addr());
        }
        // It listens before it has any.
        until("workers", || async {
            (!nginx.workers().is_empty()).then_some(())
        })
        .await;
        nginx
    }

    fn wait_for(&mut self, addr: SocketAddr) {
        let deadline = Instant::now() + LIMIT;
        while TcpStream::connect(addr).is_err() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("nginx ended ({status}):\n{}", self.errors());
            }
            assert!(
                Instant::now() < deadline,
                "nginx does not listen on {addr}:\n{}",
                self.errors()
            );
            std::thread::sleep(POLL);
        }
    }

    /// Gives it other routes; returns at once.
    pub(crate) fn reload(&self, routes: &str) {
        let ingress = samples::ingress(routes, self.pair.as_ref()).unwrap();
        let text = nginx_conf(&ingress, &self.settings);
        std::fs::write(self.folder.path().join("nginx.conf"), text).unwrap();
        kill_process(self.pid(), Signal::HUP).unwrap();
    }

    /// The ids of its workers, as the kernel has them.
    pub(crate) fn workers(&self) -> Vec<u32> {
        let pid = self.child.id();
        std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
            .unwrap()
            .split_whitespace()
            .map(|id| id.parse().unwrap())
            .collect()
    }

    /// Waits until none of these workers is there.
    pub(crate) async fn wait_for_end_of(&self, workers: &[u32]) {
        until("the end of old workers", || async {
            let now = self.workers();
            (!now.is_empty() && !workers.iter().any(|id| now.contains(id))).then_some(())
        })
        .await;
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it says is wrong, but for the old way to ask for HTTP/2, which is
    /// the only one before nginx 1.25.1.
    pub(crate) fn errors(&self) -> String {
        ["stderr", "error.log"]
            .map(|name| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default())
            .iter()
            .flat_map(|text| text.split_inclusive('\n'))
            .filter(|line| !line.contains("the \"listen ... http2\" directive is deprecated"))
            .collect()
    }

    /// The lines of the access log, once there are so many.
    pub(crate) async fn log(&self, count: usize) -> Vec<Value> {
        until("the access log", || async {
            let text = std::fs::read_to_string(self.folder.path().join("access.log")).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            (lines.len() >= count && text.ends_with('\n')).then(|| {
                lines
                    .iter()
                    .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
                    .collect()
            })
        })
        .await
    }

    /// Asks it to end once all requests have, and waits for that.
    pub(crate) async fn end(mut self) -> ExitStatus {
        kill_process(self.pid(), Signal::QUIT).unwrap();
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "nginx does not end on QUIT");
            tokio::time::sleep(POLL).await;
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Once it was waited for, its number may be somebody else's.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill_process_group(self.pid(), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
