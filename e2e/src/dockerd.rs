//! [`Dockerd`]: a Docker engine of the tests' own, on a machine where none
//! answers and beside any that does.
//!
//! It has its own containerd, folders, bridge and address range, and leaves
//! iptables' chains to others: a second engine that programs them empties
//! those of the first. Whatever a run that was killed left behind is ended,
//! unmounted and removed before the next start; only the images are kept.

mod network;

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

pub use self::network::{Network, Turn};
use crate::containers::{BASE, Client};
use crate::default_bridge::DefaultBridge;
use crate::{processes, remains};

/// How long the engine may take until it answers.
const START: Duration = Duration::from_secs(60);

/// How long it may take to end its containers and itself.
const END: Duration = Duration::from_secs(40);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// The images that stay from one run to the next: making them takes a mirror.
const KEPT: [&str; 2] = ["debian:", BASE];

/// A running engine. It is ended when this value is dropped.
#[derive(Debug)]
pub struct Dockerd {
    folder: PathBuf,
    network: Network,
    running: Option<(Child, Child)>,
    abandoned: bool,
    _turn: Turn,
}

impl Dockerd {
    /// Starts an engine that keeps its images below `folder`. Waits for
    /// whoever has that folder or these addresses.
    ///
    /// # Errors
    /// In words: what is missing for it, or the last lines of its log.
    pub fn start(folder: &Path, network: Network) -> Result<Self, String> {
        Self::start_in(folder, network, network.turn()?)
    }

    /// The same for whoever has had their turn already.
    ///
    /// # Errors
    /// Like [`start`](Self::start).
    pub fn start_in(folder: &Path, network: Network, turn: Turn) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(failed)?;
        let folder = folder.canonicalize().map_err(failed)?;
        remains::sweep(&folder, &network.prefix());
        let mut engine = Self {
            folder,
            network,
            running: None,
            abandoned: false,
            _turn: turn,
        };
        if let Err(first) = engine.bring_up() {
            // Its data may have been cut off in the middle of a write.
            eprintln!("{first}\nonce more, with nothing kept");
            engine.end();
            let _ = fs::remove_dir_all(engine.folder.join("data"));
            engine.bring_up()?;
        }
        engine.client().clear(&KEPT);
        Ok(engine)
    }

    /// The folder of the engine that all test runs of this user share.
    #[must_use]
    pub fn shared_folder() -> PathBuf {
        Self::folder("test-engine")
    }

    /// The folder of the engine that a test restarts.
    #[must_use]
    pub fn second_folder() -> PathBuf {
        Self::folder("test-engine-2")
    }

    fn folder(name: &str) -> PathBuf {
        let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/root".into()));
        let cache = std::env::var_os("XDG_CACHE_HOME").filter(|it| !it.is_empty());
        let cache = cache.map_or_else(|| home().join(".cache"), PathBuf::from);
        cache.join("hob").join(name)
    }

    /// A client of it.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::at(&self.run().join("docker.sock"))
    }

    /// Stops it as an update of its package does: it ends all containers.
    pub fn stop(&mut self) {
        let Some((mut dockerd, mut containerd)) = self.running.take() else {
            return;
        };
        for child in [&mut dockerd, &mut containerd] {
            processes::signal(child.id(), Signal::TERM);
            wait_for(child, END);
        }
    }

    /// Kills it at once: its containers go on without it.
    pub fn kill(&mut self) {
        for mut child in self.running.take().into_iter().flat_map(|(a, b)| [a, b]) {
            // It may be gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Kills it and forgets it, as when these tests are killed: everything
    /// that it made stays where it is.
    pub fn abandon(mut self) {
        self.kill();
        self.abandoned = true;
    }

    /// Starts it again with all that it had.
    ///
    /// # Errors
    /// The last lines of its log.
    pub fn bring_up(&mut self) -> Result<(), String> {
        let run = self.run();
        let failed = |error: std::io::Error| error.to_string();
        fs::create_dir_all(&run).map_err(failed)?;
        self.network.make()?;
        // An engine that was killed leaves the number of its process here,
        // and refuses to start while another process has that number.
        let _ = fs::remove_file(run.join("docker.pid"));
        let address = run.join("containerd.sock");
        let config = run.join("containerd.toml");
        fs::write(&config, self.containerd_config()).map_err(failed)?;
        // The machine's own file may say what the arguments say otherwise.
        fs::write(run.join("docker.json"), "{}").map_err(failed)?;
        let mut containerd = Command::new("containerd");
        containerd.arg("--config").arg(&config);
        let mut containerd = self.spawn(containerd, "containerd")?;
        let began = Instant::now();
        while std::os::unix::net::UnixStream::connect(&address).is_err() {
            if began.elapsed() > START || matches!(containerd.try_wait(), Ok(Some(_))) {
                let _ = containerd.kill();
                let _ = containerd.wait();
                return Err(self.last_words("containerd"));
            }
            std::thread::sleep(LOOK);
        }
        let default = DefaultBridge::seen();
        let dockerd = self.spawn(self.dockerd(&address), "dockerd");
        let mut dockerd = match dockerd {
            Ok(dockerd) => dockerd,
            Err(error) => {
                let _ = containerd.kill();
                let _ = containerd.wait();
                return Err(error);
            }
        };
        let began = Instant::now();
        loop {
            let over = matches!(dockerd.try_wait(), Ok(Some(_)));
            let answers = !over && self.client().answers();
            let kept = default.keep();
            if answers {
                self.running = Some((dockerd, containerd));
                return kept;
            }
            if over || began.elapsed() > START {
                self.running = Some((dockerd, containerd));
                self.kill();
                return Err(self.last_words("dockerd"));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Ends it and removes everything but its images.
    fn end(&mut self) {
        self.client().remove_containers();
        self.stop();
        remains::sweep(&self.folder, &self.network.prefix());
        self.network.unmake();
    }

    fn run(&self) -> PathBuf {
        self.folder.join("run")
    }

    fn containerd_config(&self) -> String {
        let (folder, run) = (self.folder.display(), self.run());
        let run = run.display();
        format!(
            "version = 2\nroot = \"{folder}/containerd\"\nstate = \"{run}/containerd\"\n\
             disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             [grpc]\naddress = \"{run}/containerd.sock\"\n"
        )
    }

    fn dockerd(&self, containerd: &Path) -> Command {
        let run = self.run();
        let mut dockerd = Command::new("dockerd");
        dockerd
            .arg(format!(
                "--host=unix://{}",
                run.join("docker.sock").display()
            ))
            .arg("--config-file")
            .arg(run.join("docker.json"))
            .arg("--containerd")
            .arg(containerd)
            .arg("--data-root")
            .arg(self.folder.join("data"))
            .arg("--exec-root")
            .arg(run.join("docker"))
            .arg("--pidfile")
            .arg(run.join("docker.pid"))
            .arg(format!("--bridge={}", self.network.bridge()))
            .args(["--iptables=false", "--ip6tables=false"])
            .arg("--shutdown-timeout=3")
            .arg(format!(
                "--default-address-pool=base={}128.0/17,size=24",
                self.network.prefix()
            ));
        dockerd
    }

    /// A program in a group of its own: Ctrl-C is for the tests.
    fn spawn(&self, mut command: Command, name: &str) -> Result<Child, String> {
        let log = File::create(self.log(name)).map_err(|error| error.to_string())?;
        let again = log.try_clone().map_err(|error| error.to_string())?;
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env("PATH", format!("{path}:/usr/sbin:/sbin"))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(again);
        let program = command.get_program().to_string_lossy().into_owned();
        command.spawn().map_err(|error| {
            format!("{program}: {error}; `apt-get install docker.io` installs the engine")
        })
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    fn last_words(&self, name: &str) -> String {
        let log = self.log(name);
        let text = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(15)..].join("\n");
        format!(
            "{name} ended or did not answer within {} s; its log ({}) ends with:\n{last}",
            START.as_secs(),
            log.display()
        )
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        if !self.abandoned {
            self.end();
        }
    }
}

/// Runs a program of the system; what it says when it fails.
pub(crate) fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(program)
        .args(args)
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {}: {}", args.join(" "), said.trim()))
}

/// Waits until it ends, and kills it when its time is over.
fn wait_for(child: &mut Child, limit: Duration) {
    let began = Instant::now();
    while matches!(child.try_wait(), Ok(None)) {
        if began.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            return;
        }
        std::thread::sleep(LOOK);
    }
}
