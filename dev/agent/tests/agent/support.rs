//! One agent in a folder of its own, clients of its socket and of its port.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use hob_wire::{
    Change, ChangeAction, Duration as Millis, EventKind, Hello, LINE_LIMIT, Limits, Listen,
    LogLine, LogQuery, Mode, Program, Protocol, Ready, Reply, Request, Restart, SessionInfo, Spec,
    Status, Swap, decode, encode,
};
use rustix::process::{Pid, Signal, kill_process};

/// The end of every wait; generous, for busy machines.
pub const PATIENCE: Duration = Duration::from_secs(90);

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
}

impl Agent {
    pub fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap())
    }

    pub fn start_in(folder: tempfile::TempDir) -> Self {
        let child = command(folder.path()).spawn().unwrap();
        let agent = Self { folder, child };
        until("the agent's socket", || {
            UnixStream::connect(agent.socket()).ok()
        });
        agent
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
        let mut spec = agent.spec();
        change(&mut spec);
        agent.write("greeting", "one");
        assert_eq!(agent.configure(&spec), Reply::Done);
        (agent, spec)
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
            host: [127, 0, 0, 1].into(),
            build: Some(program(&["sh", "-c", "cp greeting $OUT/greeting"])),
            run: program(&[service().to_str().unwrap(), "http"]),
            env: BTreeMap::from([("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into())]),
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
        self.child.id()
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
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::TERM);
            let status = self.ended();
            assert!(std::thread::panicking() || status.success(), "{status}");
        }
    }
}

/// An agent's process for a folder.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hob-agent"));
    command
        .args(["--project", "p", "--service", "s/web"])
        .args(["--root".as_ref(), folder.as_os_str()])
        .args(["--socket".as_ref(), folder.join("s").as_os_str()])
        .args(["--state".as_ref(), folder.join("state").as_os_str()])
        .env("LEAK", "from the agent's own environment")
        .stdin(Stdio::null());
    command
}

pub fn session() -> SessionInfo {
    SessionInfo {
        pid: std::process::id(),
        socket: "/tmp/session".into(),
    }
}

/// A connection to the agent.
pub struct Client {
    read: BufReader<UnixStream>,
}

impl Client {
    fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            read: BufReader::new(stream),
        }
    }

    pub fn send<T: serde::Serialize>(&mut self, value: &T) {
        self.raw(&encode(value));
    }

    /// Bytes; the agent may have closed already.
    pub fn raw(&mut self, bytes: &[u8]) {
        let _ = self.read.get_mut().write_all(bytes);
    }

    pub fn change(&mut self, generation: u64, action: ChangeAction) {
        self.send(&Request::Change(Change {
            generation,
            action,
            noticed: hob_agent::log::now(),
            digest: None,
            paths: Vec::new(),
        }));
    }

    pub fn save(&mut self, generation: u64) {
        self.change(generation, ChangeAction::Rebuild);
    }

    #[track_caller]
    pub fn reply(&mut self) -> Reply {
        self.next().expect("a reply")
    }

    /// The next reply; none when the agent has closed.
    #[track_caller]
    pub fn next(&mut self) -> Option<Reply> {
        let mut line = Vec::new();
        self.read.read_until(b'\n', &mut line).expect("a line");
        assert!(line.len() <= LINE_LIMIT, "{} bytes in a line", line.len());
        (!line.is_empty()).then(|| decode(&line).unwrap())
    }

    #[track_caller]
    pub fn find<T>(&mut self, what: &str, mut wanted: impl FnMut(Reply) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            let reply = self.next();
            let reply = reply.unwrap_or_else(|| panic!("{what}: the agent has closed"));
            if let Some(found) = wanted(reply) {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "{what}: not in time");
        }
    }

    /// The next event that is wanted.
    #[track_caller]
    pub fn event<T>(&mut self, what: &str, mut wanted: impl FnMut(EventKind) -> Option<T>) -> T {
        self.find(what, |reply| match reply {
            Reply::Event(event) => wanted(event.kind),
            _ => None,
        })
    }
}

/// An answer of the service's port.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn generation(&self) -> Option<u64> {
        let line = self
            .head
            .lines()
            .find(|line| line.starts_with("hob-generation"))?;
        line.split(' ').nth(1)?.parse().ok()
    }
}

#[track_caller]
pub fn get(spec: &Spec, path: &str) -> Answer {
    let addr = spec.listen.unwrap().addr;
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no answer: {text:?}")),
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}

/// The process whose number the file holds.
pub fn pid_in(agent: &Agent, name: &str) -> u32 {
    let path = agent.folder.path().join(name);
    until(name, || {
        let text = fs::read_to_string(&path).ok()?;
        text.strip_suffix('\n')?.parse().ok()
    })
}

pub fn kill(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // It may be gone.
    let _ = kill_process(pid, signal);
}

/// Whether a process is there at all, as a zombie too.
pub fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[track_caller]
pub fn until_gone(pid: u32) {
    until(&format!("the end of process {pid}"), || {
        (!exists(pid)).then_some(())
    });
}

/// The children of a process, zombies too.
pub fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let list = list.unwrap_or_default();
    list.split_whitespace()
        .map(|it| it.parse().unwrap())
        .collect()
}
