//! Secrets stay where they are, and nobody else reaches what runs.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use hob_e2e::{Service, World, http, processes, stack, until};

use crate::{Web, web, web_of};

const FROM_FILE: &str = "file-secret-4711";
const FROM_ENV: &str = "env-secret-4712";

fn secretive() -> Web {
    let mut web = web_of(|it| {
        it.with(
            "secrets = { DB_PASSWORD = { file = \".secrets/db\" }, API_KEY = { env = \"MY_KEY\" } }",
        )
    });
    web.world
        .write("stacks/demo/.secrets/db", &format!("{FROM_FILE}\n"));
    web.world.set("MY_KEY", FROM_ENV);
    web
}

#[track_caller]
fn assert_no_secret(what: &str, text: &str) {
    for secret in [FROM_FILE, FROM_ENV] {
        assert!(!text.contains(secret), "{what} has a secret in it: {text}");
    }
}

/// Every file of hob's, but for the process's own outputs.
#[track_caller]
fn assert_no_secret_below(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            assert_no_secret_below(&path);
        } else if let Ok(bytes) = fs::read(&path) {
            assert_no_secret(
                &path.display().to_string(),
                &String::from_utf8_lossy(&bytes),
            );
        }
    }
}

#[test]
fn secrets_reach_the_process_and_nothing_else() {
    let Web { world, port } = secretive();
    let mut said = String::new();
    for args in [
        &["check", "--effective"][..],
        &["plan"],
        &["plan", "--json"],
        &["up", "--json"],
    ] {
        let run = world.hob(args).good();
        said += &run.out;
        said += &run.err;
    }
    let env = http::get(port, "/env").unwrap().body;
    assert!(env.contains(&format!("DB_PASSWORD={FROM_FILE}\n")), "{env}");
    assert!(env.contains(&format!("API_KEY={FROM_ENV}\n")), "{env}");
    let mut session = world.dev_ready(&["--keep"]);
    world.page("demo/web", "two\n");
    world.hob(["wait", "web"]).good();
    for process in world.marked() {
        assert_no_secret("a command line", &process.command);
    }
    for args in [&["status", "--json"][..], &["logs", "--json"], &["logs"]] {
        said += &world.hob(args).good().out;
    }
    session.stop();
    assert_no_secret("what hob said", &(said + &session.transcript()));
    assert_no_secret_below(&world.state());
    assert_no_secret_below(&world.runtime());
}

#[test]
fn a_build_does_not_get_the_secrets_of_the_process() {
    let Web { world, .. } = web_of(|it| {
        it.with("secrets = { DB_PASSWORD = { file = \".secrets/db\" } }")
            .instead("build = [\"sh\", \"-c\", \"env; cp page.txt $OUT/\"]")
    });
    world.write("stacks/demo/.secrets/db", FROM_FILE);
    world.hob(["up"]).good();
    let logs = world.hob(["logs"]).good();
    assert!(logs.out.contains("HOB_SERVICE=demo/web"), "{logs:?}");
    assert_no_secret("the build", &logs.out);
}

#[test]
fn a_changed_secret_reaches_a_new_process() {
    let Web { mut world, port } = secretive();
    world.hob(["up"]).good();
    world.set("MY_KEY", "another");
    world.hob(["up"]).good();
    assert!(
        http::get(port, "/env")
            .unwrap()
            .body
            .contains("API_KEY=another\n")
    );
}

#[test]
fn a_secret_that_is_not_there_is_named_with_what_to_type() {
    let Web { world, .. } = web_of(|it| it.with("secrets = { K = { env = \"NOT_SET_HERE\" } }"));
    let up = world.hob(["up"]).code(4);
    assert!(up.err.contains("NOT_SET_HERE"), "{up:?}");
    assert!(up.err.contains("export NOT_SET_HERE="), "{up:?}");
}

#[test]
fn a_process_gets_a_clean_environment() {
    let Web { mut world, port } = web_of(|it| it.with("pass_env = [\"WANTED\"]"));
    world.set("WANTED", "yes");
    world.set("UNWANTED", "no");
    world.hob(["up"]).good();
    let env = http::get(port, "/env").unwrap().body;
    assert!(env.contains("WANTED=yes\n"), "{env}");
    assert!(!env.contains("UNWANTED"), "{env}");
    let names: Vec<&str> = env.lines().filter_map(|it| it.split('=').next()).collect();
    for name in [
        "HOST",
        "PORT",
        "OUT",
        "PATH",
        "HOME",
        "HOB_PROJECT",
        "HOB_SERVICE",
        "HOB_ROOT",
    ] {
        assert!(names.contains(&name), "{name} is missing in {env}");
    }
}

#[test]
fn sockets_and_folders_are_closed_to_everybody_else() {
    let Web { world, .. } = web();
    let mut session = world.dev_ready(&[]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let home = world.runtime().join("hob");
    assert_eq!(mode(&home), 0o700);
    assert_eq!(mode(&world.state().join("hob")), 0o700);
    let mut sockets = 0;
    for project in fs::read_dir(&home).unwrap().flatten() {
        assert_eq!(mode(&project.path()), 0o700);
        for socket in fs::read_dir(project.path()).unwrap().flatten() {
            assert_eq!(mode(&socket.path()), 0o600, "{:?}", socket.path());
            sockets += 1;
        }
    }
    // The agent's and the session's.
    assert_eq!(sockets, 2);
    session.stop();
}

#[test]
fn nothing_listens_beyond_loopback() {
    let mut world = World::new();
    let (web, raw) = (world.port(), world.port());
    let services = [
        Service::new("web", web),
        Service::new("raw", raw)
            .with("protocol = \"tcp\"")
            .instead("ready = \"tcp\""),
        Service::auto("auto"),
    ];
    world.stack("demo", &stack(&services));
    for name in ["web", "raw", "auto"] {
        world.page(&format!("demo/{name}"), "one\n");
    }
    let check = |world: &World, least: usize| {
        let pids: Vec<u32> = world.marked().into_iter().map(|it| it.pid).collect();
        let listening = processes::listening(&pids);
        assert!(listening.len() >= least, "{listening:?}");
        let beyond: Vec<&SocketAddr> = listening
            .iter()
            .filter(|addr| !addr.ip().is_loopback())
            .collect();
        assert!(beyond.is_empty(), "{beyond:?}");
    };
    let mut session = world.dev_ready(&[]);
    // A front and a process each.
    check(&world, 6);
    session.stop();
    world.hob(["up"]).good();
    check(&world, 3);
}

#[test]
fn a_service_that_listens_beyond_loopback_is_told_of() {
    let Web { world, .. } = web_of(|it| {
        let program = "[\"sh\", \"-c\", \"HOST=0.0.0.0 exec $0 $1\", ";
        let run = format!("run = {program}{}", service_args());
        it.instead(&run)
    });
    let session = world.dev(&[]);
    session.wait("ready; every save");
    session.wait("beyond loopback; bind to $HOST");
    drop(session);
    until("its end", || world.hob(["down"]).code == 0);
}

/// The rest of the arguments of a command that runs the test service.
fn service_args() -> String {
    let text = stack(&[Service::auto("x")]);
    let line = text.lines().find(|it| it.starts_with("run = ")).unwrap();
    line.trim_start_matches("run = [").to_owned()
}
