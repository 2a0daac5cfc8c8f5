//! One agent in a folder of its own, clients of its socket and of its port.

mod client;
mod processes;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use hob_wire::{
    Duration as Millis, Hello, Limits, Listen, LogLine, LogQuery, Mode, Program, Protocol, Ready,
    Reply, Request, Restart, Spec, Status, Swap,
};
use rustix::process::Signal;

pub use client::{Client, get, session};
use processes::below;
pub use processes::{Guard, children, exists, kill, pid_in, until_gone};

/// The end of every wait; generous, for busy machines.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// How long an agent may take to end when its test has failed.
const FAREWELL: Duration = Duration::from_secs(10);

/// Looks again and again until there is something.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The program of `examples/service.rs`.
pub fn service() -> PathBuf {
    let agent = Path::new(env!("CARGO_BIN_EXE_hob-agent"));
    let path = agent.with_file_name("examples").join("service");
    let hint = "build it: `cargo build -p hob-agent --examples`";
    assert!(path.exists(), "{} is missing; {hint}", path.display());
    path
}

/// A port below those that the kernel and agents choose for themselves.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % 100).unwrap() * 100;
    until("a free port", || {
        let port = 21_000 + (own + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        TcpListener::bind(("127.0.0.1", port)).ok().map(|_| port)
    })
}

/// A shell program. Its `$$` is the shell's, not the agent's for a dollar.
pub fn sh(script: &str, cwd: &Path) -> Program {
    let script = script.replace("$$", "$$$$");
    Program {
        argv: ["sh", "-c", &script].map(String::from).into(),
        cwd: cwd.to_owned(),
        env: BTreeMap::new(),
    }
}

/// An agent; it and its folder end with the value.
pub struct Agent {
    pub folder: tempfile::TempDir,
    child: Child,
    pid: u32,
}

impl Agent {
    pub fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap())
    }

    pub fn start_in(folder: tempfile::TempDir) -> Self {
        Self::start_with(folder, &[])
    }

    /// An agent with further options.
    pub fn start_with(folder: tempfile::TempDir, options: &[&str]) -> Self {
        let child = command(folder.path()).args(options).spawn().unwrap();
        let pid = child.id();
        Self { folder, child, pid }.awake()
    }

    /// An agent that is PID 1 of a namespace of its own, as in a container;
    /// none where this user may not make one.
    pub fn first(options: &[&str]) -> Option<Self> {
        let unshare = || {
            let mut unshare = Command::new("unshare");
            unshare.args(["--pid", "--fork", "--mount-proc", "--kill-child"]);
            if !rustix::process::geteuid().is_root() {
                unshare.args(["--user", "--map-root-user"]);
            }
            unshare
        };
        if !unshare().arg("true").status().is_ok_and(|it| it.success()) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut agent = Self::below(unshare(), folder, options);
        agent.pid = until("the agent's process", || {
            children(agent.child.id()).first().copied()
        });
        Some(agent.awake())
    }

    /// An agent whose program another one takes as its last words.
    pub fn below(mut other: Command, folder: tempfile::TempDir, options: &[&str]) -> Self {
        let agent = command(folder.path());
        other.arg(agent.get_program()).args(agent.get_args());
        let child = other.args(options).stdin(Stdio::null()).spawn().unwrap();
        let pid = child.id();
        Self { folder, child, pid }.awake()
    }

    fn awake(self) -> Self {
        until("the agent's socket", || {
            UnixStream::connect(self.socket()).ok()
        });
        self
    }

    /// An agent whose service is `spec` with changes, serving.
    pub fn ready(change: impl FnOnce(&mut Spec)) -> (Self, Spec) {
        let (agent, spec) = Self::configured(change);
        agent.done(Request::Start);
        agent.done(Request::Await { generation: 1 });
        (agent, spec)
    }

    /// An agent that has its spec and was not told to start.
    pub fn configured(change: impl FnOnce(&mut Spec)) -> (Self, Spec) {
        let agent = Self::start();
        let spec = agent.takes(change);
        (agent, spec)
    }

    /// Gives it a spec, with changes.
    pub fn takes(&self, change: impl FnOnce(&mut Spec)) -> Spec {
        let agent = self;
        let mut spec = agent.spec();
        change(&mut spec);
        agent.write("greeting", "one");
        assert_eq!(agent.configure(&spec), Reply::Done);
        spec
    }

    pub fn configure(&self, spec: &Spec) -> Reply {
        let spec = Box::new(spec.clone());
        let digest = "d".into();
        self.ask(Request::Configure { spec, digest })
    }

    /// An HTTP service whose build copies the file `greeting`.
    pub fn spec(&self) -> Spec {
        let program = |argv: &[&str]| Program {
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            cwd: self.folder.path().to_owned(),
            env: BTreeMap::new(),
        };
        Spec {
            project: "p".into(),
            root: self.folder.path().to_owned(),
            service: "s/web".into(),
            mode: Mode::Dev,
            listen: Some(Listen {
                addr: ([127, 0, 0, 1], free_port()).into(),
                protocol: Protocol::Http,
            }),
            bind: None,
            host: [127, 0, 0, 1].into(),
            build: Some(program(&["sh", "-c", "cp greeting $OUT/greeting"])),
            run: program(&[service().to_str().unwrap(), "http"]),
            env: BTreeMap::from([("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into())]),
            inherit: false,
            user: None,
            secrets: BTreeMap::new(),
            ready: Ready::Tcp,
            swap: Swap::Overlap,
            restart: Restart::Always,
            live_reload: true,
            limits: Limits {
                ready: Millis(60_000),
                ..Limits::default()
            },
            state: self.state(),
        }
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// A file of the service's source folder.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub fn connect(&self) -> Client {
        Client::new(UnixStream::connect(self.socket()).unwrap())
    }

    /// A connection on which a request was made.
    pub fn request(&self, request: &Request) -> Client {
        let mut client = self.connect();
        client.send(&Hello::current());
        client.send(request);
        client
    }

    /// The first reply to a request.
    #[track_caller]
    pub fn ask(&self, request: Request) -> Reply {
        self.request(&request).reply()
    }

    #[track_caller]
    pub fn done(&self, request: Request) {
        let shown = format!("{request:?}");
        assert_eq!(self.ask(request), Reply::Done, "{shown}");
    }

    /// The status and the reason with which a request is refused.
    #[track_caller]
    pub fn refused(&self, request: Request) -> (Status, String) {
        let mut client = self.request(&request);
        match (client.reply(), client.reply()) {
            (Reply::Status(status), Reply::Refused { reason, .. }) => (*status, reason),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[track_caller]
    pub fn status(&self) -> Status {
        match self.ask(Request::Status) {
            Reply::Status(status) => *status,
            other => panic!("no status: {other:?}"),
        }
    }

    /// Waits for a status.
    #[track_caller]
    pub fn until(&self, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
        let mut watch = self.request(&Request::Watch { logs: false });
        watch.find(what, |reply| match reply {
            Reply::Status(status) if wanted(&status) => Some(*status),
            _ => None,
        })
    }

    /// The session that sends changes.
    pub fn attach(&self) -> Client {
        let mut session = self.request(&Request::Attach(session()));
        assert_eq!(session.reply(), Reply::Done);
        session
    }

    /// The stored lines of the log.
    pub fn log(&self) -> Vec<LogLine> {
        let mut client = self.request(&Request::Logs(LogQuery::default()));
        let mut lines = Vec::new();
        loop {
            match client.reply() {
                Reply::Log(line) => lines.push(line),
                Reply::Done => return lines,
                other => panic!("no line of the log: {other:?}"),
            }
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal);
    }

    /// Waits until the agent has ended.
    pub fn ended(&mut self) -> ExitStatus {
        until("the agent's end", || self.child.try_wait().unwrap())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.signal(Signal::TERM);
        if !std::thread::panicking() {
            let status = self.ended();
            return assert!(status.success(), "{status}");
        }
        // The test has failed, and maybe since the agent does not work: what
        // it started goes with it.
        let below = below(self.pid());
        let end = Instant::now() + FAREWELL;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
            below.into_iter().for_each(|pid| kill(pid, Signal::KILL));
        }
    }
}

/// For root: runs its last words with the few rights of a container's agent.
pub fn with_the_rights_of_a_container() -> Command {
    let mut less = Command::new("setpriv");
    let rights = "chown,+dac_override,+fowner,+setuid,+setgid,+kill,+net_bind_service";
    less.arg(format!("--bounding-set=-all,+{rights}"));
    less
}

/// An agent's process for a folder.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hob-agent"));
    command
        .args(["agent", "--project", "p", "--service", "s/web"])
        .args(["--root".as_ref(), folder.as_os_str()])
        .args(["--socket".as_ref(), folder.join("s").as_os_str()])
        .args(["--state".as_ref(), folder.join("state").as_os_str()])
        .env("LEAK", "from the agent's own environment")
        .env("HOB_LEAK", "never")
        .env("LANG", "the agent's")
        .stdin(Stdio::null());
    command
}
