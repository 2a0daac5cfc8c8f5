//! `doctor` and `setup` as a person runs them, with programs that stand in
//! for those that change a machine: what they were called with is what counts.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start hob and lay out its machine"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A busy machine may take this long for anything.
const LIMIT: Duration = Duration::from_secs(60);

const STACK: &str = r#"
version = 1
name = "shop"

[services.api]
run = ["frob", "--serve"]
packages = { frob = "frob-tools" }
"#;

/// What apt does, in its place: puts the package's program on the path.
const INSTALLS: &str = r#"for last; do :; done; [ "$last" = update ] || printf '#!/bin/sh\necho frob 1.0\n' > "$BIN/frob"; chmod +x "$BIN/frob" 2>/dev/null; true"#;

struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// One where `apt-get` does this.
    fn new(apt: &str) -> Self {
        let machine = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        for folder in ["bin", "home", "project/stacks/shop"] {
            fs::create_dir_all(machine.path(folder)).expect("a folder");
        }
        fs::write(machine.path("project/stacks/shop/stack.toml"), STACK).expect("a file");
        machine.program("apt-get", apt);
        machine.program("git", "echo git version 2.0");
        // Limits of the machine that runs the tests are its own affair.
        machine.program("sysctl", "true");
        machine.program("tee", "cat > /dev/null");
        machine.program("sudo", r#"[ "$1" = --validate ] || exec "$@""#);
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where this machine's Docker engine listens once it runs.
    fn docker(&self) -> String {
        format!("unix://{}", self.path("docker.sock").display())
    }

    /// A program that notes its call, then does this. It is written by another
    /// process: a file that any thread here has open cannot be run.
    fn program(&self, name: &str, body: &str) {
        let text = format!("#!/bin/sh\necho \"{name} $*\" >> \"$BIN/../log\"\n{body}\n");
        let script = "printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"";
        let path = self.path("bin").join(name);
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, "sh"]).arg(path).arg(text);
        assert!(command.status().expect("a shell").success());
    }

    fn hob(&self, args: &[&str]) -> Command {
        let bin = self.path("bin");
        let mut command = Command::new(env!("CARGO_BIN_EXE_hob"));
        command
            .args(args)
            .current_dir(self.path("project"))
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .env("BIN", &bin)
            .env("HOME", self.path("home"))
            // The engine of the machine that runs the tests is its own affair.
            .env("DOCKER_HOST", self.docker())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        let output = self.hob(args).output().expect("hob starts");
        Run::from(output)
    }

    /// The stand-ins that run, by their command lines.
    fn stand_ins(&self) -> Vec<String> {
        let bin = self.path("bin").display().to_string();
        let entries = fs::read_dir("/proc").expect("/proc").flatten();
        let commands = entries.filter_map(|it| fs::read(it.path().join("cmdline")).ok());
        commands
            .map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "))
            .filter(|command| command.contains(&bin))
            .collect()
    }

    /// How `apt-get` was called to install.
    fn installs(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        let lines = log.lines().filter(|line| line.starts_with("apt-get "));
        lines
            .filter(|line| line.contains(" install "))
            .map(str::to_owned)
            .collect()
    }
}

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}

#[track_caller]
fn contains(text: &str, part: &str) {
    assert!(text.contains(part), "no `{part}` in:\n{text}");
}

#[test]
fn setup_installs_what_doctor_misses_and_then_has_nothing_to_do() {
    let machine = Machine::new(INSTALLS);
    let doctor = machine.run(&["doctor"]);
    assert_eq!(doctor.code, Some(4), "{}", doctor.err);
    contains(&doctor.out, "not installed; shop/api calls it");
    contains(&doctor.out, "apt-get install frob-tools`");
    contains(
        &doctor.err,
        "1 thing is missing; `hob setup` installs what it can",
    );

    let setup = machine.run(&["setup", "--yes"]);
    assert_eq!(setup.code, Some(0), "{}{}", setup.out, setup.err);
    contains(&setup.err, "✓ install frob-tools");
    let installs = machine.installs();
    assert_eq!(
        installs,
        ["apt-get -o DPkg::Lock::Timeout=120 install --yes frob-tools"]
    );

    let doctor = machine.run(&["doctor", "api"]);
    assert_eq!(doctor.code, Some(0), "{}", doctor.out);
    contains(&doctor.out, "bin/frob: frob 1.0");

    machine.run(&["setup", "--yes"]);
    assert_eq!(machine.installs().len(), 1);
}

#[test]
fn without_a_terminal_or_a_yes_setup_says_what_it_would_do() {
    let machine = Machine::new(INSTALLS);
    let setup = machine.run(&["setup", "api"]);
    assert_eq!(setup.code, Some(4));
    contains(&setup.out, "install --yes frob-tools`");
    contains(&setup.err, "`hob setup api --yes` does it");
    assert_eq!(machine.installs(), [""; 0]);
}

#[test]
fn what_apt_says_of_its_failure_is_shown() {
    let machine = Machine::new("echo E: Unable to locate package >&2; exit 100");
    let setup = machine.run(&["setup", "--yes"]);
    assert_eq!(setup.code, Some(4));
    contains(&setup.err, "E: Unable to locate package");
    contains(&setup.out, "not installed; shop/api calls it");
}

#[test]
fn doctor_says_each_check_as_json() {
    let machine = Machine::new(INSTALLS);
    let doctor = machine.run(&["doctor", "--json"]);
    assert_eq!(doctor.code, Some(4));
    let check = |line: &str| -> Option<serde_json::Value> {
        let mut line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(line["protocol"].is_u64());
        let check = line["check"].take();
        (check["name"] == "frob").then_some(check)
    };
    let frob = doctor.out.lines().find_map(check).expect("a check of it");
    assert_eq!(frob["state"], "missing");
    assert!(
        frob["fix"]
            .as_str()
            .is_some_and(|fix| fix.ends_with("apt-get install frob-tools"))
    );
}

#[test]
fn doctor_without_a_project_looks_at_the_machine() {
    let machine = Machine::new(INSTALLS);
    let doctor = machine
        .hob(&["doctor"])
        .current_dir(machine.path("home"))
        .output();
    let doctor = Run::from(doctor.expect("hob starts"));
    assert_eq!(doctor.code, Some(0), "{}", doctor.err);
    contains(&doctor.out, "✓ git ");
    contains(&doctor.out, "only this machine was checked");
    let doctor = machine.run(&["doctor", "nobody"]);
    assert_eq!(doctor.code, Some(2), "{}", doctor.err);
}

/// Listens as a Docker engine does and says its version to all who ask, for as
/// long as the test process lives.
fn engine(socket: &Path) {
    let listener = UnixListener::bind(socket).expect("a socket");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut line = String::new();
            // Whoever does not ask or does not listen is not served.
            let _ = BufReader::new(&mut stream).read_line(&mut line);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n{\"Version\":\"27.5\"}");
        }
    });
}

#[test]
fn setup_starts_the_docker_engine_and_waits_until_it_answers() {
    let machine = Machine::new(INSTALLS);
    machine.program("frob", "echo frob 1.0");
    machine.program("dockerd", "true");
    machine.program("setsid", "echo > \"$BIN/../begun\"");
    machine.program("usermod", "true");
    let asked = ["--engine", "docker"];
    let doctor = machine.run(&[&["doctor"], &asked[..]].concat());
    assert_eq!(doctor.code, Some(4), "{}", doctor.out);
    contains(&doctor.out, "installed, and nothing answers at unix://");
    contains(
        &doctor.err,
        "1 thing is missing; `hob setup --engine docker` installs",
    );
    let doctor = machine.run(&["doctor", "--engine", "host"]);
    assert_eq!(doctor.code, Some(0), "{}", doctor.out);
    assert!(!doctor.out.contains("Docker"), "{}", doctor.out);

    let mut hob = machine.hob(&[&["setup", "--yes"], &asked[..]].concat());
    let mut hob = Started(Some(hob.spawn().expect("hob starts")));
    let child = hob.0.as_mut().expect("it was started");
    until(child, || machine.path("begun").exists());
    engine(&machine.path("docker.sock"));
    let child = hob.0.take().expect("it was started");
    let run = Run::from(child.wait_with_output().expect("its end"));
    assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
    contains(&run.err, "✓ start the Docker engine");
    let log = fs::read_to_string(machine.path("log")).expect("a log");
    let host = format!("dockerd --host {}", machine.docker());
    contains(&log, &format!("setsid --fork sh -c exec {host} >>"));
    assert_eq!(machine.installs(), [""; 0]);

    let doctor = machine.run(&[&["doctor"], &asked[..]].concat());
    assert_eq!(doctor.code, Some(0), "{}", doctor.out);
    contains(&doctor.out, "27.5 at unix://");
}

#[test]
fn an_engine_behind_ssh_is_refused_with_the_reason() {
    let machine = Machine::new(INSTALLS);
    machine.program("frob", "echo frob 1.0");
    let mut hob = machine.hob(&["doctor"]);
    hob.env("DOCKER_HOST", "ssh://me@there")
        .env("HOB_ENGINE", "docker");
    let doctor = Run::from(hob.output().expect("hob starts"));
    assert_eq!(doctor.code, Some(4), "{}", doctor.out);
    contains(&doctor.out, "`ssh://me@there` is behind SSH");
}

#[test]
fn a_signal_ends_an_installation_in_good_order() {
    let machine = Machine::new(
        "trap 'echo ended > \"$BIN/../ended\"; exit 1' TERM
         case \"$*\" in *install*) ;; *) exit 0;; esac
         hob=$PPID; left=1200; echo > \"$BIN/../begun\"
         # Whatever becomes of the test, it outlives neither hob nor a minute.
         while [ $left -gt 0 ] && [ -d \"$BIN\" ] && kill -0 $hob; do
             sleep 0.05; left=$((left - 1))
         done 2> /dev/null",
    );
    let mut hob = Started(Some(
        machine
            .hob(&["setup", "--yes"])
            .spawn()
            .expect("hob starts"),
    ));
    let child = hob.0.as_mut().expect("it was started");
    until(child, || machine.path("begun").exists());
    assert!(!machine.stand_ins().is_empty(), "no apt-get is seen");
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    let pid = pid.expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it lives");
    let child = hob.0.take().expect("it was started");
    let run = Run::from(child.wait_with_output().expect("its end"));
    assert_eq!(run.code, Some(130), "{}", run.err);
    assert!(Path::exists(&machine.path("ended")));
    assert_eq!(machine.stand_ins(), [""; 0]);
}

/// A hob that does not outlive its test, however that ends.
struct Started(Option<Child>);

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn until(hob: &mut Child, condition: impl Fn() -> bool) {
    let end = Instant::now() + LIMIT;
    while !condition() {
        let ended = hob.try_wait().expect("its state");
        assert!(ended.is_none() && Instant::now() < end, "{ended:?}");
        std::thread::yield_now();
    }
}
