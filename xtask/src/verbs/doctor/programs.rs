//! Looks for programs and asks those that are known for their version.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use hob_engine::machine::tools;
use hob_stack::Service;
use hob_wire::Mode;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::task::JoinSet;

use super::facts::Program;

/// How long a program may take to say its version.
const LIMIT: Duration = Duration::from_secs(3);

/// The most of a version that is shown, in characters.
const LENGTH: usize = 60;

/// The programs that these services call, those that everybody has a use for,
/// and those that build hob itself when it runs from its sources.
pub async fn programs(
    services: &[&Service],
    environment: &BTreeMap<String, String>,
    from_sources: bool,
) -> Vec<Program> {
    let mut found: BTreeMap<String, Program> = BTreeMap::new();
    let path = environment.get("PATH");
    // Scripts may look where Debian keeps servers.
    let further = tools::path_with_system(path).or_else(|| path.cloned());
    let mut add = |name: &str, package, folder: &Path, user: Option<String>, path| {
        let program = found.entry(name.to_owned()).or_insert_with(|| Program {
            name: name.to_owned(),
            path: which::which_in(name, path, folder).ok(),
            ..Program::default()
        });
        program.package = program.package.take().or(package);
        program.users.extend(user);
    };
    let known = |name: &str| tools::package(name, &BTreeMap::new());
    let root = Path::new("/");
    add("git", known("git"), root, None, path);
    if from_sources {
        for name in ["cargo", "rustc"] {
            add(name, known(name), root, Some("hob itself".to_owned()), path);
        }
    }
    for service in services {
        let called = called(service).into_iter().map(|name| (name, path));
        let of_scripts = tools::of_scripts(service).map(|name| (name, further.as_ref()));
        for (name, path) in called.chain(of_scripts) {
            let package = tools::package(name, &service.packages);
            let user = Some(service.id.to_string());
            add(name, package, &service.source, user, path);
        }
    }
    ask(found, environment).await
}

/// What a service calls in either mode.
fn called(service: &Service) -> BTreeSet<&str> {
    let modes = [Mode::Dev, Mode::Run].into_iter();
    modes
        .flat_map(|mode| tools::programs(service, mode))
        .collect()
}

/// Adds what the programs say of their version. One that no table knows is
/// not run: nobody knows what it does when it is.
async fn ask(
    mut found: BTreeMap<String, Program>,
    environment: &BTreeMap<String, String>,
) -> Vec<Program> {
    let mut asking = JoinSet::new();
    for program in found.values().filter(|program| program.package.is_some()) {
        if let Some(path) = program.path.clone() {
            let name = program.name.clone();
            let environment = environment.clone();
            asking.spawn(async move {
                let version = version(&path, &[question(&name)], &environment).await;
                (name, version)
            });
        }
    }
    for (name, version) in asking.join_all().await {
        if let Some(program) = found.get_mut(&name) {
            program.version = version;
        }
    }
    found.into_values().collect()
}

/// How a program is asked for its version.
fn question(program: &str) -> &'static str {
    match program {
        "go" => "version",
        "lua" | "nginx" => "-v",
        "java" | "javac" | "erl" => "-version",
        _ => "--version",
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a question to a program, with an end"
)]
async fn version(
    program: &Path,
    question: &[&str],
    environment: &BTreeMap<String, String>,
) -> Option<String> {
    let mut command = Command::new(program);
    command
        .args(question)
        // A folder's own files may send a program for another version.
        .current_dir("/")
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let child = command.spawn().ok()?;
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    match tokio::time::timeout(LIMIT, child.wait_with_output()).await {
        Ok(output) => {
            let output = output.ok().filter(|output| output.status.success())?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            line(&text(&output.stdout)).or_else(|| line(&text(&output.stderr)))
        }
        Err(_) => {
            if let Some(group) = group.and_then(Pid::from_raw) {
                // ESRCH: it has just ended.
                let _ = kill_process_group(group, Signal::KILL);
            }
            None
        }
    }
}

/// The first line that says a number, without the remarks behind it.
fn line(said: &str) -> Option<String> {
    let said = console::strip_ansi_codes(said);
    let line = said
        .lines()
        .find(|line| line.contains(|char: char| char.is_ascii_digit()))?;
    let line = line.trim();
    let short = line.split_once(" (").map_or(line, |(version, _)| version);
    // Some put the number into the remark.
    let short = if short.contains(|char: char| char.is_ascii_digit()) {
        short
    } else {
        line
    };
    let clean: String = short.chars().filter(|char| !char.is_control()).collect();
    Some(match clean.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &str, expected: Option<&str>) {
        assert_eq!(line(said).as_deref(), expected);
    }

    #[test]
    fn a_version_is_the_first_line_with_a_number_without_its_remarks() {
        check(
            "go version go1.22.4 linux/amd64\n",
            Some("go version go1.22.4 linux/amd64"),
        );
        check("\n---\nGradle 8.7\n---\n", Some("Gradle 8.7"));
        check(
            "Mono JIT compiler version 6.8.0.105 (Debian 6.8)\n",
            Some("Mono JIT compiler version 6.8.0.105"),
        );
        check(
            "This is perl (v5.36.0) built for x86_64",
            Some("This is perl (v5.36.0) built for x86_64"),
        );
        check("\u{1b}[1mv20.1\u{1b}[0m\r\n", Some("v20.1"));
        check("usage: tool FILE\n", None);
        check(&"9".repeat(100), Some(&format!("{}…", "9".repeat(60))));
    }

    async fn of_script(script: &str) -> Option<String> {
        version(Path::new("/bin/sh"), &["-c", script], &BTreeMap::new()).await
    }

    #[tokio::test]
    async fn a_version_is_taken_from_either_stream_and_only_from_success() {
        assert_eq!(
            of_script("echo tool 1.2").await.as_deref(),
            Some("tool 1.2")
        );
        assert_eq!(
            of_script("echo tool 1.2 >&2").await.as_deref(),
            Some("tool 1.2")
        );
        assert_eq!(of_script("echo tool 1.2; exit 1").await, None);
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_given_up_with_all_that_it_started() {
        let begun = tokio::time::Instant::now();
        let folder = tempfile::tempdir().expect("a folder");
        let pid = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid.display());
        assert_eq!(of_script(&script).await, None);
        assert!(begun.elapsed() < Duration::from_secs(60));
        let text = std::fs::read_to_string(&pid).expect("it wrote its number");
        let child: u32 = text.trim().parse().expect("a number");
        let end = begun + Duration::from_secs(60);
        while hob_engine::machine::processes::process(child).is_some() {
            assert!(
                tokio::time::Instant::now() < end,
                "process {child} is still there"
            );
            tokio::task::yield_now().await;
        }
    }
}
