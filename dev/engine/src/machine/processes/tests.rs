#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hob_wire::lock_mark;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};

use super::{
    Leader, Marks, Process, end, fields, leader, look, marked, name, of_project, process, signal,
    value_in, variable,
};

const LONG: Duration = Duration::from_secs(30);

fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// A child that leads a group. What a test that fails leaves of it, and of
/// what carries its project's mark, is killed.
struct Group {
    child: Child,
    project: String,
}

impl Group {
    fn start(project: &str, command: &mut Command) -> Self {
        Self {
            child: command.spawn().unwrap(),
            project: project.to_owned(),
        }
    }

    fn id(&self) -> u32 {
        self.child.id()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn wait(&mut self) {
        self.child.wait().unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for left in of(&self.project) {
            signal(left, Signal::KILL);
        }
        // Once it was waited for, its number may be somebody else's.
        if !matches!(self.child.try_wait(), Ok(None)) && !std::thread::panicking() {
            return;
        }
        if let Some(group) = Pid::from_raw(self.id().cast_signed()) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// Runs a script by its interpreter with marks of a project.
fn with_marks(project: &str, interpreter: &str, text: &str) -> Group {
    Group::start(
        project,
        Command::new(interpreter)
            .args(["-c", text])
            .process_group(0)
            .env("HOB_PROJECT", project)
            .env("HOB_SERVICE", "s/x")
            .env("HOB_ROOT", "/home/x")
            .stdout(Stdio::piped()),
    )
}

/// Runs a shell script with marks of a project; waits until it says a line.
fn script(project: &str, text: &str) -> Group {
    let mut group = with_marks(project, "/bin/sh", text);
    let mut byte = [0];
    let said = group.child.stdout.as_mut().unwrap();
    said.read_exact(&mut byte).unwrap();
    group
}

/// A project that no earlier run of these tests can have left anything of.
fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

fn of(project: &str) -> Vec<Process> {
    let all = marked(uid()).into_iter();
    let ours = all.filter(|found| found.marks.project == project);
    ours.map(|found| found.process).collect()
}

#[test]
fn a_process_is_known_by_its_marks_until_it_ends() {
    let project = &unique("test-marks");
    let mut child = script(project, "echo; exec sleep 600");
    // In the instant of its `exec` it has no environment.
    let found = loop {
        if let Some(found) = look(child.id(), &[]) {
            break found;
        }
        std::thread::yield_now();
    };
    assert_eq!(&found.marks.project, project);
    assert_eq!(found.marks.service, "s/x");
    assert_eq!(found.marks.root.to_str(), Some("/home/x"));
    while of(project) != [found.process] {
        std::thread::yield_now();
    }
    // Nor has it any in the instant of the next one.
    let known = std::time::Instant::now() + LONG;
    while variable(child.id(), "HOB_SERVICE").as_deref() != Some("s/x") {
        assert!(std::time::Instant::now() < known);
        std::thread::yield_now();
    }
    child.child.kill().unwrap();
    // Not waited for yet, so it is a zombie; that counts as gone.
    let gone = std::time::Instant::now() + LONG;
    while !of(project).is_empty() {
        assert!(std::time::Instant::now() < gone);
        std::thread::yield_now();
    }
    assert_eq!(process(found.process.pid), None);
    child.wait();
    assert_eq!(name(found.process.pid), None);
}

#[tokio::test]
async fn everything_that_carries_the_mark_is_ended_daemons_included() {
    let project = &unique("test-daemons");
    // A grandchild in a session of its own, whose parent is gone.
    let mut child = script(
        project,
        "setsid sh -c 'sleep 600 & echo; exec sleep 600' & exec sleep 600",
    );
    assert!(of(project).len() >= 2);
    assert_eq!(end(|| of(project), LONG, LONG).await, []);
    assert_eq!(of(project), []);
    child.wait();
}

#[tokio::test]
async fn what_ignores_term_is_killed_after_its_grace() {
    let project = &unique("test-stubborn");
    let mut child = script(project, "trap '' TERM; echo; while :; do sleep 600; done");
    assert_eq!(
        end(|| of(project), Duration::from_millis(50), LONG).await,
        []
    );
    child.wait();
}

/// Its memory goes first, which takes long enough to try for its port.
#[tokio::test]
async fn a_process_counts_as_ended_once_its_port_is_free() {
    let project = &unique("test-ending");
    let text = "import socket, time
held = socket.create_server(('127.0.0.1', 0))
memory = bytearray(b'x') * (512 << 20)
print(held.getsockname()[1], flush=True)
time.sleep(600)";
    let mut server = with_marks(project, "python3", text);
    let mut line = String::new();
    let mut said = BufReader::new(server.child.stdout.as_mut().unwrap());
    said.read_line(&mut line).unwrap();
    let port: u16 = line.trim().parse().unwrap();
    assert_eq!(end(|| of(project), Duration::ZERO, LONG).await, []);
    TcpListener::bind(("127.0.0.1", port)).unwrap();
    server.wait();
}

#[tokio::test]
async fn a_number_that_belongs_to_another_process_by_now_is_not_signalled() {
    let project = &unique("test-reuse");
    let mut child = script(project, "echo; exec sleep 600");
    let real = process(child.id()).unwrap();
    let stale = Process {
        start: real.start - 1,
        ..real
    };
    let limit = Duration::from_millis(50);
    assert_eq!(end(|| vec![stale], Duration::ZERO, limit).await, [stale]);
    assert_eq!(process(child.id()), Some(real));
    child.kill();
}

#[test]
fn names_with_brackets_and_spaces_are_read_right() {
    let (name, rest) = fields("12 (a) b (c)) S 1 2 3").unwrap();
    assert_eq!(name, "a) b (c)");
    assert_eq!(rest, ["S", "1", "2", "3"]);
}

#[test]
fn a_variable_is_found_by_its_whole_name() {
    let environment = b"XHOB_PROJECT=no\0HOB_PROJECT_X=no\0HOB_PROJECT=a=b\0";
    assert_eq!(value_in(environment, "HOB_PROJECT").as_deref(), Some("a=b"));
    assert_eq!(value_in(environment, "HOB").as_deref(), None);
}

/// A session whose leader carries marks and whose other process has emptied
/// its environment; the number of the other one.
fn session(project: &str) -> (Group, u32) {
    let text = "env -i sh -c 'echo $$; exec sleep 600' & exec sleep 600";
    let mut leader = Group::start(
        project,
        Command::new("setsid")
            .args(["sh", "-c", text])
            .env("HOB_PROJECT", project)
            .env("HOB_SERVICE", "s/x")
            .env("HOB_ROOT", "/home/x")
            .stdout(Stdio::piped()),
    );
    let mut line = String::new();
    let mut said = BufReader::new(leader.child.stdout.as_mut().unwrap());
    said.read_line(&mut line).unwrap();
    (leader, line.trim().parse().unwrap())
}

/// The marks of a process that may become another program just now: while it
/// does, it has no environment.
fn marks_of(pid: u32) -> Marks {
    let end = std::time::Instant::now() + LONG;
    loop {
        if let Some(found) = look(pid, &[]) {
            return found.marks;
        }
        assert!(std::time::Instant::now() < end, "{pid} has no marks");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_process_without_an_environment_is_known_by_the_session_even_after_its_leader() {
    let project = &unique("test-session");
    let (mut child, bare) = session(project);
    let led = Leader {
        process: leader(child.id()).unwrap(),
        marks: marks_of(child.id()),
    };
    assert_eq!(look(bare, &[]), None);
    let bare = process(bare).unwrap();
    assert!(of(project).contains(&bare), "its leader lives");
    child.kill();
    assert_eq!(of(project), []);
    let left = || {
        let left = of_project(uid(), project, std::slice::from_ref(&led));
        left.into_iter().map(|found| found.process).collect()
    };
    assert_eq!(left(), [bare]);
    assert!(led.is_followed());
    assert_eq!(end(left, Duration::ZERO, LONG).await, []);
    assert!(!led.is_followed());
}

#[test]
fn a_session_whose_number_was_given_again_leads_nobody() {
    let (mut child, bare) = session("test-session-reuse");
    let real = leader(child.id()).unwrap();
    let marks = marks_of(child.id());
    let leads = |start| {
        let led = Leader {
            process: Process { start, ..real },
            marks: marks.clone(),
        };
        look(bare, &[led]).is_some()
    };
    assert!(leads(real.start));
    // The number belongs to a later process.
    assert!(!leads(real.start - 1));
    // It was an earlier process's.
    assert!(!leads(process(bare).unwrap().start + 1));
    assert_eq!(leader(bare), None);
    let bare = process(bare).unwrap();
    signal(bare, Signal::KILL);
    child.kill();
}

#[tokio::test]
async fn a_process_without_an_environment_in_a_session_of_its_own_is_known_by_its_limit() {
    let project = &unique("test-limit");
    let mut gone = script(project, "echo; exec sleep 600");
    let process_gone = process(gone.id()).unwrap();
    let marks = marks_of(gone.id());
    gone.kill();
    let mut child = Group::start(
        project,
        Command::new("setsid")
            .args(["env", "-i", "sh", "-c", "echo; exec sleep 600"])
            .stdout(Stdio::piped()),
    );
    let mut byte = [0];
    let said = child.child.stdout.as_mut().unwrap();
    said.read_exact(&mut byte).unwrap();
    let bare = process(child.id()).unwrap();
    let led_by = |service: &str, start| Leader {
        process: Process {
            start,
            ..process_gone
        },
        marks: Marks {
            service: service.to_owned(),
            ..marks.clone()
        },
    };
    let led = led_by("s/x", process_gone.start);
    assert_eq!(look(bare.pid, std::slice::from_ref(&led)), None);

    let pid = Pid::from_raw(bare.pid.cast_signed());
    let limit = Rlimit {
        current: Some(lock_mark(project, "s/x")),
        maximum: None,
    };
    prlimit(pid, Resource::Locks, limit).unwrap();
    let found = look(bare.pid, std::slice::from_ref(&led)).unwrap();
    assert_eq!(found.marks, marks);
    assert!(led.is_followed());
    assert_eq!(look(bare.pid, &[led_by("s/y", led.process.start)]), None);
    // What is older than the agent does not come from it.
    assert_eq!(look(bare.pid, &[led_by("s/x", bare.start + 1)]), None);
    let left = || {
        let left = of_project(uid(), project, std::slice::from_ref(&led));
        left.into_iter().map(|found| found.process).collect()
    };
    assert_eq!(left(), [bare]);
    assert_eq!(end(left, Duration::ZERO, LONG).await, []);
    assert!(!led.is_followed());
    child.wait();
}

#[test]
fn a_process_in_a_container_is_its_engines_and_no_process_of_this_machines() {
    let project = &unique("test-contained");
    let plain = script(project, "echo; exec sleep 600");
    let contained = script(
        project,
        "export HOB_CONTAINED=1; exec sh -c 'echo; exec sleep 600'",
    );
    let found = std::time::Instant::now() + LONG;
    while of(project).iter().all(|it| it.pid != plain.child.id()) {
        assert!(std::time::Instant::now() < found);
        std::thread::yield_now();
    }
    let all: Vec<u32> = of(project).iter().map(|it| it.pid).collect();
    assert!(!all.contains(&contained.child.id()), "{all:?}");
    assert_eq!(look(contained.child.id(), &[]), None);
}
