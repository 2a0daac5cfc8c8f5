//! The other verbs, and which project and service they mean.

use std::process::Stdio;

use hob_e2e::{Engine, Service, World, http, stack, until};
use snapbox::{assert_data_eq, str};

use crate::{Web, web, web_of};

#[test]
fn check_shows_every_mistake_with_its_place() {
    let world = World::with_stack(
        "demo",
        "version = 1\nname = \"other\"\n\n[services.web]\nsource = \"web\"\nport = 80\n\
         publish = 12001\nneeds = [\"apii\"]\nbulid = [\"make\"]\nrun = [\"x\"]\n\
         env = { A = \"${NO_SUCH_VARIABLE}\" }\n\n[services.api]\nsource = \"nowhere\"\n\
         port = 80\npublish = 12001\nrun = [\"x\"]\nneeds = [\"web\"]\n",
    );
    world.page("demo/web", "one\n");
    let check = world.hob(["check"]).code(2);
    assert_data_eq!(
        world.words(&check.err),
        str![[r#"
error: the stack `other` lies in a folder called `demo`
 --> stacks/demo/stack.toml:2:8
  |
2 | name = "other"
  |        ^^^^^^^
  |
  = help: write `name = "demo"` or rename the folder to `other`

error: `api` and `web` publish the same port 12001
  --> stacks/demo/stack.toml:7:11
   |
 7 | publish = 12001
   |           ^^^^^
...
16 | publish = 12001
   |           ----- `api` has it
   |
   = help: give one of them another port, or `publish = "auto"`

error: `needs` names `apii`, which is no service of this stack
 --> stacks/demo/stack.toml:8:10
  |
8 | needs = ["apii"]
  |          ^^^^^^
  |
  = help: did you mean `api`?

error: unknown key `bulid` in `web`
 --> stacks/demo/stack.toml:9:1
  |
9 | bulid = ["make"]
  | ^^^^^
  |
  = help: did you mean `build`?

error: nothing sets the variable `NO_SUCH_VARIABLE`
  --> stacks/demo/stack.toml:11:14
   |
11 | env = { A = "${NO_SUCH_VARIABLE}" }
   |              ^^^^^^^^^^^^^^^^^^^
   |
   = help: set it in the environment or in `.env`, or give a default: `${NO_SUCH_VARIABLE:-…}`

error: the source folder `stacks/demo/nowhere` is not there
  --> stacks/demo/stack.toml:14:10
   |
14 | source = "nowhere"
   |          ^^^^^^^^^

"#]]
    );
    assert_eq!(check.out, "");
}

#[test]
fn check_lists_what_is_good() {
    let Web { world, .. } = web();
    assert_data_eq!(
        world.hob(["check"]).good().out,
        str![[r#"
demo: web

"#]]
    );
    let effective = world.hob(["check", "--effective"]).good();
    assert_data_eq!(
        world.words(&effective.out),
        str![[r#"
version = 1

[services.web]
source = "web"
port = 80
publish = [PORT1]
ready = { http = "/healthz" }
build = ["sh", "-c", """if grep -q BROKEN page.txt; then echo 'page.txt:1: syntax error near BROKEN' >&2; exit 1; fi; cp page.txt "$0"""", "$OUT/page.txt"]
run = ["[SERVICE]", "$OUT/page.txt"]

"#]]
    );
    let schema = world.hob(["schema"]).good();
    let schema: serde_json::Value = serde_json::from_str(&schema.out).unwrap();
    assert!(schema["properties"]["services"].is_object(), "{schema}");
}

#[test]
fn run_is_the_production_command_in_the_foreground() {
    let Web { world, port } = web();
    let mut run = world.background(["run", "web"]);
    World::answers(port, "one");
    run.wait("serving one");
    let _ = http::get(port, "/crash");
    assert_eq!(run.end(), 3);
    let mut run = world.background(["run", "web"]);
    World::answers(port, "one");
    // The process itself had the signal; a container is taken down for it.
    let interrupted = match world.engine() {
        Engine::Host => 128 + 15,
        Engine::Docker => 130,
    };
    assert_eq!(run.stop(), interrupted);
    assert_eq!(world.marked(), []);
}

#[test]
fn exec_runs_in_the_services_folder_with_its_environment() {
    let Web { world, port } = web_of(|it| it.with("env = { COLOUR = \"red\" }"));
    let exec = world
        .hob(["exec", "web", "sh", "-c", "echo $COLOUR $PORT; pwd; exit 7"])
        .code(7);
    assert_eq!(
        exec.out,
        format!(
            "red {}\n{}\n",
            world.engine().inner_port(port),
            world.root().join("stacks/demo/web").display()
        )
    );
    world.hob(["up"]).good();
    assert_eq!(
        world.hob(["exec", "web", "cat", "page.txt"]).good().out,
        "one\n"
    );
    let unknown = match world.engine() {
        Engine::Host => 1,
        Engine::Docker => 127,
    };
    world.hob(["exec", "web", "no-such-program"]).code(unknown);
    world.assert_nothing_left();
}

#[test]
fn sh_is_a_shell_at_the_terminal() {
    let Web { mut world, .. } = web_of(|it| it.with("env = { COLOUR = \"red\" }"));
    world.set("SHELL", "/bin/sh");
    let mut terminal = world.terminal(["sh", "web"]);
    terminal.press("echo it is $COLOUR\n");
    terminal.wait("it is red");
    terminal.press("exit 5\n");
    assert_eq!(terminal.end(), 5);
}

#[test]
fn logs_are_cut_by_number_and_by_time() {
    let Web { world, .. } = web();
    world.page("demo/web", "one\nlines 50\n");
    world.hob(["up"]).good();
    let tail = world.hob(["logs", "--tail", "3"]).good();
    assert_data_eq!(
        world.words(&tail.out),
        str![[r#"
[CLOCK] web | line 49
[CLOCK] web | serving one
[CLOCK] web · save 1 serves

"#]]
    );
    assert_eq!(
        world
            .hob(["logs", "--since", "10m"])
            .good()
            .out
            .lines()
            .count(),
        52
    );
    let future = world
        .hob(["logs", "--since", "2999-01-01T00:00:00Z"])
        .good();
    assert_eq!(future.out, "");
    world.hob(["logs", "--since", "yesterday"]).code(2);
    let json = world.hob(["logs", "--json", "-n", "1"]).good();
    let line: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(line["service"], "demo/web");
    assert_eq!(line["protocol"], hob_e2e::PROTOCOL);
}

#[test]
fn logs_follow_through_a_restart_and_end_with_ctrl_c() {
    let Web { world, .. } = web();
    world.hob(["up"]).good();
    let mut logs = world.background(["logs", "-f", "web"]);
    logs.wait("serving one");
    let mark = logs.mark();
    world.hob(["restart"]).good();
    logs.wait_from(mark, "serving one");
    assert_eq!(logs.stop(), 130);
    let out = logs.out();
    let mut times: Vec<&str> = out.lines().collect();
    times.dedup();
    assert_eq!(times.len(), out.lines().count(), "a line came twice: {out}");
}

#[test]
fn status_watch_shows_changes_as_they_come() {
    let Web { world, .. } = web();
    let mut watch = world.background(["status", "--watch"]);
    watch.wait("down");
    let mark = watch.mark();
    world.hob(["up"]).good();
    watch.wait_from(mark, "ready (run)");
    let mark = watch.mark();
    world.hob(["down"]).good();
    watch.wait_from(mark, "down");
    assert_eq!(watch.stop(), 130);
}

#[test]
fn a_name_in_two_stacks_asks_which_one_is_meant() {
    let mut world = World::new();
    let (one, two) = (world.port(), world.port());
    for (name, port) in [("one", one), ("two", two)] {
        world.stack(name, &stack(&[Service::new("web", port)]));
        world.page(&format!("{name}/web"), name);
    }
    let up = world.hob(["up", "web"]).code(2);
    assert_data_eq!(
        up.err,
        str![[r#"
error: `web` can mean `one/web` or `two/web`
hint: write `one/web` or `two/web`

"#]]
    );
    world.hob(["up", "two/web"]).good();
    assert_eq!(http::get(two, "/").unwrap().body, "two");
    assert!(http::get(one, "/").is_err());
    world.hob(["up", "one"]).good();
    assert_eq!(http::get(one, "/").unwrap().body, "one");
    world.hob(["down", "one"]).good();
    assert!(http::get(one, "/").is_err());
    assert_eq!(http::get(two, "/").unwrap().body, "two");
}

#[test]
fn the_project_is_found_from_below_and_by_option() {
    let Web { world, port } = web();
    let inside = world.root().join("stacks/demo/web");
    let mut up = hob_e2e::Session::start(world.command_in(&inside, ["up"]));
    assert_eq!(up.end(), 0, "{}", up.transcript());
    let root = world.root().to_str().unwrap();
    let elsewhere = ["--project", root, "status"];
    let mut status = hob_e2e::Session::start(world.command_in("/".as_ref(), elsewhere));
    assert_eq!(status.end(), 0);
    assert!(
        status.out().contains(&format!("http://127.0.0.1:{port}")),
        "{}",
        status.out()
    );
    let mut lost = hob_e2e::Session::start(world.command_in("/".as_ref(), ["status"]));
    assert_eq!(lost.end(), 2);
}

#[test]
fn completions_are_a_script_that_the_shell_takes() {
    let world = World::new();
    let script = world.hob(["completions", "bash"]).good().out;
    assert!(script.contains("restart"), "{script}");
    let mut bash = std::process::Command::new("bash")
        .args(["-n"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut bash.stdin.take().unwrap(), script.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn wait_gives_up_after_its_time() {
    let Web { world, .. } = web();
    let mut session = world.dev_ready(&[]);
    world.page("demo/web", "two\nslow 3600000\n");
    let waited = world.hob(["wait", "web", "--timeout", "300ms"]).code(3);
    assert!(waited.err.contains("within 300ms"), "{waited:?}");
    let starts = || {
        world
            .status("web")
            .is_some_and(|it| it["phase"] == "updating")
    };
    until("the start", starts);
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}
