//! An agent by script. What it does follows from its service's name: `dies`,
//! `fails`, `refuses`, `leaves` a stubborn process, has one that `crashes` on
//! start or `waits` for its next try, one that is `bare` of its environment, a
//! `job` that is done, or all as it should be.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use hob_engine::Executable;
use hob_wire::{
    Event, EventKind, Hello, LogLine, Phase, Problem, Reply, Request, Spec, Stage, Status, Stream,
    decode, encode,
};

/// How this program is called so that it plays an agent.
pub fn executable() -> Executable {
    let args = ["--exact", "--ignored", "as_agent", "--nocapture", "--"];
    Executable {
        program: std::env::current_exe().unwrap(),
        args: args.map(str::to_owned).to_vec(),
        sources: None,
    }
}

struct Agent {
    options: BTreeMap<String, String>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    spec: Option<Spec>,
    digest: String,
    started: bool,
    phase: Phase,
    problem: Option<Problem>,
    child: Option<Child>,
    _port: Option<TcpListener>,
}

pub fn play() {
    rustix::process::setsid().unwrap();
    let args: Vec<String> = std::env::args().collect();
    let at = args.iter().position(|arg| arg == "agent").unwrap();
    let pairs = args[at + 1..].chunks_exact(2);
    let options = pairs.map(|pair| (pair[0].clone(), pair[1].clone()));
    let agent = Arc::new(Agent {
        options: options.collect(),
        state: Mutex::new(State {
            spec: None,
            digest: String::new(),
            started: false,
            phase: Phase::Waiting,
            problem: None,
            child: None,
            _port: None,
        }),
        changed: Condvar::new(),
    });
    if agent.is("dies") {
        eprintln!("the roof is on fire");
        std::process::exit(7);
    }
    let listener = UnixListener::bind(&agent.options["--socket"]).unwrap();
    for stream in listener.incoming() {
        let agent = Arc::clone(&agent);
        // A client that is gone ends its thread with a panic, which is fine.
        std::thread::spawn(move || agent.answer(stream.unwrap()));
    }
}

impl Agent {
    fn is(&self, part: &str) -> bool {
        self.options["--service"].ends_with(part)
    }

    fn answer(&self, mut stream: UnixStream) {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let hello: Hello = decode(lines.next().unwrap().unwrap().as_bytes()).unwrap();
        assert_eq!(hello, Hello::current());
        let request: Request = decode(lines.next().unwrap().unwrap().as_bytes()).unwrap();
        let mut say = |reply: &Reply| stream.write_all(&encode(reply)).unwrap();
        match request {
            Request::Status => say(&self.status()),
            Request::Configure { .. } if self.is("refuses") => say(&Reply::Refused {
                reason: "cannot listen on 127.0.0.1:1".to_owned(),
                session: None,
            }),
            Request::Configure { spec, digest } => {
                self.change(|state| {
                    let listen = spec.listen.filter(|_| state.spec.is_none());
                    if let Some(listen) = listen {
                        state._port = Some(TcpListener::bind(listen.addr).unwrap());
                    }
                    state.spec = Some(*spec);
                    state.digest = digest;
                });
                say(&Reply::Done);
            }
            Request::Start => {
                self.start();
                say(&Reply::Done);
            }
            Request::Watch { .. } => loop {
                say(&self.status());
                if self.is("crashes") {
                    say(&self.ended());
                }
                let state = self.state.lock().unwrap();
                drop(self.changed.wait_timeout(state, Duration::from_millis(300)));
            },
            Request::Shutdown => {
                if let Some(child) = self.state.lock().unwrap().child.as_mut()
                    && !self.is("leaves")
                {
                    child.kill().unwrap();
                    child.wait().unwrap();
                }
                std::fs::remove_file(&self.options["--socket"]).unwrap();
                say(&Reply::Done);
                std::process::exit(0);
            }
            other => panic!("nobody asked for {other:?} in these tests"),
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn start(&self) {
        let script = if self.is("leaves") {
            "trap '' TERM; echo; while :; do sleep 600; done"
        } else if self.is("bare") {
            "exec env -i sh -c 'echo; exec sleep 600'"
        } else {
            "echo; exec sleep 600"
        };
        let problem = if self.is("fails") {
            let words = "main.go:1:1: expected package";
            let message = "go build failed with exit code 1";
            Some((Phase::Failed, problem(Stage::Build, message, words)))
        } else if self.is("crashes") || self.is("waits") {
            let message = "exited with code 1 before it was ready";
            Some((Phase::Backoff, problem(Stage::Start, message, "no roof")))
        } else {
            None
        };
        let done = self.is("job");
        self.change(|state| {
            state.started = true;
            if let Some((phase, problem)) = problem {
                state.phase = phase;
                state.problem = Some(problem);
                return;
            }
            if done {
                state.phase = Phase::Stopped;
                return;
            }
            state.phase = Phase::Ready;
            if state.child.is_none() {
                let mut child = Command::new("/bin/sh")
                    .args(["-c", script])
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap();
                // Once it has said a line, it is what it is to be.
                let mut line = String::new();
                let mut said = BufReader::new(child.stdout.as_mut().unwrap());
                said.read_line(&mut line).unwrap();
                state.child = Some(child);
            }
        });
    }

    /// The process ended before it was ready.
    fn ended(&self) -> Reply {
        Reply::Event(Event {
            at: 0,
            service: self.options["--service"].clone(),
            kind: EventKind::Failed {
                generation: 1,
                stage: Stage::Start,
                message: "exited with code 1 before it was ready".to_owned(),
                output: Vec::new(),
                serving: None,
            },
        })
    }

    fn status(&self) -> Reply {
        let state = self.state.lock().unwrap();
        let spec = state.spec.as_ref();
        // What is always started again is never done.
        let again = spec.is_some_and(|spec| spec.restart == hob_wire::Restart::Always);
        let done = state.phase == Phase::Stopped && !again;
        Reply::Status(Box::new(Status {
            agent_pid: std::process::id(),
            project: self.options["--project"].clone(),
            service: self.options["--service"].clone(),
            mode: spec.map_or(hob_wire::Mode::Dev, |spec| spec.mode),
            listen: spec.and_then(|spec| spec.listen),
            spec_digest: state.digest.clone(),
            started: state.started,
            phase: state.phase,
            accepted: 1,
            building: None,
            serving: None,
            built: None,
            problem: state.problem.clone(),
            done: done.then_some(1),
            writes_files: false,
            leaving: false,
            returns: false,
            crashes: 0,
            session: None,
            since: 0,
        }))
    }
}

fn problem(stage: Stage, message: &str, words: &str) -> Problem {
    Problem {
        generation: 1,
        stage,
        message: message.to_owned(),
        output: vec![LogLine {
            at: 0,
            stream: Stream::Build,
            generation: 1,
            text: words.to_owned(),
        }],
    }
}
