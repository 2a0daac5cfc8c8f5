//! Projects to work on, each with its own state and runtime folders.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hob_engine::machine::processes;
use hob_engine::{
    Applied, Engine, LeftoverKind, Plan, Prepared, ProjectRef, Scope, Surroundings, Want,
};
use hob_stack::{EngineChoice, Project, ServiceId};
use hob_wire::Mode;
use tokio::sync::mpsc;

/// Long enough for a busy machine; only a failing test waits for it.
pub const LONG: Duration = Duration::from_secs(60);

pub struct Ground {
    _folder: tempfile::TempDir,
    pub project: Arc<Project>,
    pub engine: Engine,
    pub surroundings: Surroundings,
}

pub fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// A port that nothing listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Ground {
    /// A project of these services, each a name and further lines.
    pub fn new(services: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("project");
        let stack = root.join("stacks/s");
        fs::create_dir_all(stack.join("src")).unwrap();
        let mut text = "version = 1\nname = \"s\"\n".to_owned();
        for (name, lines) in services {
            writeln!(text, "[services.{name}]\n{lines}").unwrap();
            if !lines.contains("run =") {
                writeln!(text, "run = [\"true\"]").unwrap();
            }
        }
        fs::write(stack.join("stack.toml"), text).unwrap();
        let loaded = Project::load(&root, &BTreeMap::new());
        let project = loaded.project.unwrap();
        assert!(!project.stacks.is_empty(), "{:?}", loaded.diagnostics);
        let folder_of = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(&path).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let environment = BTreeMap::from([
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            ("HOME".to_owned(), folder_of("home")),
            ("XDG_RUNTIME_DIR".to_owned(), folder_of("run")),
        ]);
        let surroundings = Surroundings {
            environment,
            uid: uid(),
            executable: crate::agent::executable(),
            gid: rustix::process::getgid().as_raw(),
            images: false,
            docker: None,
        };
        Self {
            engine: Engine::choose(
                EngineChoice::Host,
                ProjectRef::from(&project),
                surroundings.clone(),
            )
            .unwrap(),
            project: Arc::new(project),
            surroundings,
            _folder: folder,
        }
    }

    pub fn up(&self, names: &[&str]) -> Want {
        let services: BTreeSet<ServiceId> = names.iter().map(|name| id(name)).collect();
        Want::up(Arc::clone(&self.project), services, Mode::Dev)
    }

    pub async fn prepare(&self, want: &Want) -> Prepared {
        self.engine.prepare(want, LONG, |_| {}).await.unwrap()
    }

    /// Plans and applies; returns what was planned, as text, and its end.
    pub async fn bring(&self, want: &Want) -> (String, Applied) {
        let prepared = self.prepare(want).await;
        let text = prepared.plan.to_text();
        let (progress, _told) = mpsc::unbounded_channel();
        let applied = prepared.apply(&progress, std::future::pending()).await;
        (text, applied)
    }

    pub async fn preview(&self, want: &Want) -> Plan<()> {
        self.engine.preview(want).await.unwrap()
    }

    /// Takes everything down, volumes included, and proves it.
    pub async fn down(&self) {
        let mut want = Want::down(Scope::Project);
        want.volumes = true;
        let (text, applied) = self.bring(&want).await;
        assert!(applied.is_done(), "{text}{applied:?}");
        self.assert_nothing_left();
    }

    pub fn assert_nothing_left(&self) {
        assert_eq!(self.engine.prove_here(), []);
        let paths = self.engine.paths();
        for folder in [&paths.state, &paths.runtime] {
            assert!(!folder.exists(), "{} is left", folder.display());
        }
    }

    /// The processes that carry this project's mark.
    pub fn marked(&self) -> Vec<processes::Marked> {
        marked(self.project.id.as_str())
    }

    /// The processes of agents.
    pub fn agents(&self) -> Vec<u32> {
        let pids = self.marked().into_iter().map(|found| found.process.pid);
        pids.filter(|pid| is_agent(*pid)).collect()
    }

    pub fn socket(&self, name: &str) -> PathBuf {
        self.engine.paths().socket("s", name)
    }

    pub fn count(&self, kind: LeftoverKind) -> usize {
        let left = self.engine.prove_here();
        left.iter().filter(|left| left.kind == kind).count()
    }
}

/// A test that failed half way leaves no process behind.
impl Drop for Ground {
    fn drop(&mut self) {
        let left = self.engine.prove_here().into_iter();
        for left in left.filter(|left| left.kind == LeftoverKind::Process) {
            let pid = left.what.split(' ').next().unwrap();
            kill(pid.parse().unwrap());
        }
    }
}

/// The processes that carry this project's mark.
pub fn marked(project: &str) -> Vec<processes::Marked> {
    let mut marked = processes::marked(uid());
    marked.retain(|found| found.marks.project == project);
    marked
}

/// Whether it is the process of an agent.
pub fn is_agent(pid: u32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.windows(8).any(|part| part == b"as_agent")
}

pub fn id(name: &str) -> ServiceId {
    format!("s/{name}").parse().unwrap()
}

/// `kill -9`, and waits until it is gone.
pub fn kill(pid: u32) {
    let raw = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    // It may be gone already.
    let _ = rustix::process::kill_process(raw, rustix::process::Signal::KILL);
    let end = std::time::Instant::now() + LONG;
    while processes::process(pid).is_some() {
        assert!(
            std::time::Instant::now() < end,
            "process {pid} does not end"
        );
        std::thread::yield_now();
    }
}
