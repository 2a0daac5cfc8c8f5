//! What runs can be named, asked and taken down whatever became of the files
//! that it was brought up from.

use std::collections::BTreeSet;
use std::fs;

use hob_e2e::{Service, Session, World, http, processes, stack, until};
use rustix::process::Signal;
use snapbox::{assert_data_eq, str};

use crate::{Web, web, web_of};

/// The value of one key of each JSON line, for lines that have it.
pub(crate) fn values(out: &str, key: &str) -> Vec<serde_json::Value> {
    let line = |text: &str| {
        let line: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(line["protocol"], hob_e2e::PROTOCOL, "{text}");
        line.get(key).cloned()
    };
    out.lines().filter_map(line).collect()
}

#[test]
fn a_mistake_in_a_stack_file_stops_nobody_from_asking_what_runs() {
    let Web { world, port } = web();
    world.hob(["up"]).good();
    let file = "stacks/demo/stack.toml";
    let good = world.read(file);
    world.write(file, &format!("{good}\nno-such-key = 1\n"));
    let warning = "warning: the stack `demo` has mistakes: `hob check demo`; \
                   this is about what runs";
    for args in [
        &["status"][..],
        &["status", "web"],
        &["logs"],
        &["logs", "web"],
        &["wait", "web"],
        &["restart", "web"],
        &["exec", "web", "true"],
    ] {
        let run = world.hob(args).good();
        assert_eq!(run.err.matches(warning).count(), 1, "{args:?}: {run:?}");
        assert!(!run.err.contains("no-such-key"), "{args:?}: {run:?}");
    }
    let url = format!("http://127.0.0.1:{port}");
    assert!(world.hob(["status"]).good().out.contains(&url));
    // What brings something up needs the file.
    for verb in ["up", "dev", "plan", "check", "build"] {
        let run = world.hob([verb]).code(2);
        assert!(run.err.contains("no-such-key"), "{verb}: {run:?}");
    }
    world.hob(["run", "web"]).code(2);
    world.hob(["down", "demo/web"]).good();
    assert!(http::get(port, "/").is_err());
    world.hob(["exec", "web", "true"]).code(2);
    world.write(file, &good);
}

#[test]
fn what_runs_is_reached_when_its_stack_or_all_stacks_are_gone() {
    let Web { world, port } = web();
    let stacks = world.root().join("stacks");
    for gone in [stacks.join("demo"), stacks.clone()] {
        world.hob(["up"]).good();
        let away = world.outside().join("away");
        fs::rename(&gone, &away).unwrap();
        let status = world.hob(["status"]).good();
        assert!(status.out.contains("ready (run)"), "{status:?}");
        let logs = world.hob(["logs", "web"]).good();
        assert!(logs.out.contains("serving one"), "{logs:?}");
        assert!(logs.err.contains("this is about what runs"), "{logs:?}");
        world.hob(["up", "web"]).code(2);
        let down = world.hob(["down", "--prove"]).good();
        assert!(down.err.contains("demo/web is down"), "{down:?}");
        assert!(http::get(port, "/").is_err());
        fs::rename(&away, &gone).unwrap();
    }
}

#[test]
fn a_project_folder_that_is_gone_is_named_and_taken_down() {
    let Web { world, port } = web();
    world.hob(["up"]).good();
    let away = world.outside().join("away");
    fs::rename(world.root(), &away).unwrap();
    let root = world.root().to_str().unwrap();
    let hob = |args: &[&str]| {
        let args = [&["--project", root], args].concat();
        let mut session = Session::start(world.command_in("/".as_ref(), args));
        (session.end(), session.out(), session.err())
    };
    let (code, out, err) = hob(&["status"]);
    assert!(code == 0 && out.contains("ready (run)"), "{out}{err}");
    let (code, out, err) = hob(&["logs", "demo/web"]);
    assert!(code == 0 && out.contains("serving one"), "{out}{err}");
    // As `hob` prints it where another project wants the port.
    let (code, out, err) = hob(&["down", "demo/web", "--volumes"]);
    assert!(code == 0 && err.contains("demo/web is down"), "{out}{err}");
    assert!(http::get(port, "/").is_err());
    let (code, _, err) = hob(&["status"]);
    assert!(code == 2 && err.contains("no folder `stacks`"), "{err}");
    fs::rename(&away, world.root()).unwrap();
}

#[test]
fn a_slow_agent_is_waited_for_and_not_taken_for_none() {
    let Web { world, .. } = web();
    world.hob(["up"]).good();
    let agent = world.agent("demo/web").unwrap();
    processes::signal(agent, Signal::STOP);
    let waited = world.hob(["wait", "web", "--timeout", "3s"]).code(1);
    assert!(waited.err.contains("does not answer"), "{waited:?}");
    assert!(!waited.err.contains("not up"), "{waited:?}");
    let restarted = world.hob(["restart", "web"]).code(1);
    assert!(restarted.err.contains("does not answer"), "{restarted:?}");
    let mut waiting = world.background(["wait", "web"]);
    waiting.wait("the agent of demo/web does not answer; waiting for it");
    processes::signal(agent, Signal::CONT);
    assert_eq!(waiting.end(), 0, "{}", waiting.transcript());
    world.hob(["down"]).good();
    let waited = world.hob(["wait", "web"]).code(1);
    assert_data_eq!(
        waited.err,
        str![[r#"
error: demo/web is not up
hint: `hob up demo/web` or `hob dev demo/web`

"#]]
    );
}

#[test]
fn every_verb_about_services_has_one_shape_of_lines() {
    let Web { world, port } = web();
    let keys = |value: &serde_json::Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let always = ["service", "phase", "url", "note"].map(str::to_owned);
    let down = world.hob(["status", "--json"]).good();
    let status = &values(&down.out, "status")[0];
    assert_eq!(keys(status), BTreeSet::from(always.clone()), "{down:?}");
    assert_eq!(status["phase"], "down");
    let up = world.hob(["up", "--json"]).good();
    let result = &values(&up.out, "result")[0];
    let of_result = keys(result);
    assert_eq!(result["service"], "demo/web");
    assert_eq!(result["outcome"], "done");
    let status = &values(&up.out, "status")[0];
    assert!(keys(status).is_superset(&always.into()), "{up:?}");
    assert_eq!(status["phase"], "ready");
    assert_eq!(status["url"], format!("http://127.0.0.1:{port}"));
    for args in [&["restart"][..], &["wait", "web"], &["down"]] {
        let run = world.hob([args, &["--json"]].concat()).good();
        let results = values(&run.out, "result");
        assert_eq!(results.len(), 1, "{args:?}: {run:?}");
        assert_eq!(keys(&results[0]), of_result, "{args:?}: {run:?}");
        assert_eq!(results[0]["outcome"], "done", "{args:?}: {run:?}");
    }
    world.page("demo/web", "BROKEN\n");
    let failed = world.hob(["up", "--json"]).code(3);
    let results = values(&failed.out, "result");
    assert_eq!(results[0]["outcome"], "failed", "{failed:?}");
    assert!(results[0]["message"].is_string(), "{failed:?}");
}

#[test]
fn exec_shows_the_environment_of_the_process_that_runs() {
    let Web { world, port } = web_of(|it| it.with("env = { COLOUR = \"red\" }"));
    // What `sh` sets itself, and what is of the terminal alone.
    let own = ["_=", "PWD=", "SHLVL=", "OLDPWD=", "TERM=", "HOB_"];
    let plain = |text: &str| -> BTreeSet<String> {
        let lines = text.lines().map(str::to_owned);
        lines
            .filter(|it| !own.iter().any(|own| it.starts_with(own)))
            .collect()
    };
    let own_port = world.engine().inner_port(port);
    let mut session = world.dev_ready(&["--keep"]);
    for save in ["one\n", "two\n"] {
        world.page("demo/web", save);
        world.hob(["wait", "web"]).good();
        until("the new process", || {
            http::get(port, "/").is_ok_and(|it| it.body == save.trim())
        });
        let process = http::get(port, "/env").unwrap().body;
        let exec = world.hob(["exec", "web", "env"]).good();
        assert_eq!(plain(&exec.out), plain(&process));
        assert!(exec.out.contains("\nOUT="), "{exec:?}");
        // Behind the front the process has a port of its own.
        assert!(
            !exec.out.contains(&format!("\nPORT={own_port}\n")),
            "{exec:?}"
        );
        assert!(!exec.out.contains("HOB_"), "{exec:?}");
    }
    session.stop();
    world.hob(["down"]).good();
    let exec = world.hob(["exec", "web", "env"]).good();
    assert!(exec.out.contains(&format!("PORT={own_port}\n")), "{exec:?}");
    assert!(!exec.out.contains("\nOUT="), "{exec:?}");
}

#[test]
fn down_tells_of_a_sessions_services_once_whether_it_took_them_down_or_kept_them() {
    for keep in [&[][..], &["--keep"]] {
        let Web { world, .. } = web();
        world.hob([&["dev", "--detach"], keep].concat()).good();
        let down = world.hob(["down", "--json"]).good();
        assert_eq!(down.err.matches("demo/web is down").count(), 1, "{down:?}");
        let results = values(&down.out, "result");
        assert_eq!(results.len(), 1, "{down:?}");
        assert_eq!(results[0]["service"], "demo/web");
        assert_eq!(results[0]["outcome"], "done");
        world.assert_nothing_left();
    }
}

#[test]
fn up_leaves_a_sessions_service_to_it_and_brings_up_the_rest() {
    let mut world = World::new();
    let (web, api) = (world.port(), world.port());
    let services = [Service::new("web", web), Service::new("api", api)];
    world.stack("demo", &stack(&services));
    world.page("demo/web", "web\n");
    world.page("demo/api", "api\n");
    let mut session = world.dev_ready(&["web"]);
    let up = world.hob(["up", "--json"]).code(1);
    assert_eq!(http::get(api, "/").unwrap().body, "api");
    let results: Vec<_> = values(&up.out, "result")
        .iter()
        .map(|it| format!("{} {}", it["service"], it["outcome"]))
        .collect();
    let expected = [r#""demo/api" "done""#, r#""demo/web" "blocked""#];
    assert_eq!(results, expected, "{up:?}");
    assert_eq!(world.status("web").unwrap()["mode"], "dev");
    assert_eq!(world.status("api").unwrap()["mode"], "run");
    // Nothing of it is the session's.
    world.hob(["up", "api"]).good();
    assert_eq!(session.stop(), 130);
    assert_eq!(http::get(api, "/").unwrap().body, "api");
    world.hob(["down"]).good();
    world.assert_nothing_left();
}

#[test]
fn a_proof_lists_what_is_left_for_programs_too() {
    let Web { world, .. } = web();
    world.hob(["up"]).good();
    let homes = fs::read_dir(world.state().join("hob")).unwrap();
    let home = homes.map(|it| it.unwrap().path()).next().unwrap();
    let stray = home.join("stray");
    fs::write(&stray, "").unwrap();
    let down = world.hob(["down", "--prove", "--json"]).code(1);
    let left = values(&down.out, "leftover");
    assert_eq!(left.len(), 1, "{down:?}");
    assert_eq!(left[0]["kind"], "file");
    assert_eq!(left[0]["what"], stray.to_str().unwrap());
    assert!(down.err.contains("one thing is left"), "{down:?}");
    fs::remove_file(&stray).unwrap();
    let down = world.hob(["down", "--prove", "--json"]).good();
    assert_eq!(values(&down.out, "leftover").len(), 0, "{down:?}");
    world.assert_nothing_left();
}

#[test]
fn what_a_file_name_would_do_to_a_terminal_is_shown() {
    use std::os::unix::fs::PermissionsExt as _;
    let build = "build = [\"./b\\u001b]0;x\\u0007\"]";
    let Web { world, .. } = web_of(|it| it.instead(build));
    let program = world.root().join("stacks/demo/web/b\u{1b}]0;x\u{7}");
    fs::write(&program, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let dev = world.hob(["dev", "--detach"]).code(3);
    let status = world.hob(["status"]).good();
    for said in [&dev.err, &status.out] {
        assert!(said.contains("b␛]0;x␇"), "{said}");
        assert!(!said.contains(['\u{1b}', '\u{7}']), "{said}");
    }
    world.hob(["down"]).good();
    world.assert_nothing_left();
}
