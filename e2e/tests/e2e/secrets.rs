//! Secrets stay where they are.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use hob_e2e::http;

use crate::{Web, web_of};

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
        } else if folder.ends_with("secret") {
            // Where the agent in a container takes it from, and nobody else.
            let closed = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(closed & 0o777, 0o600, "{}", path.display());
            let home = fs::metadata(folder).unwrap().permissions().mode();
            assert_eq!(home & 0o777, 0o700, "{}", folder.display());
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
