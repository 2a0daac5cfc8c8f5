//! Versions of a service take each other's place at the ingress: under load,
//! with mistakes, with a hob that is killed on the way.

use std::time::Duration;

use hob_e2e::{Engine, Load, Run, Service, World, http, stack, until, until_within};

mod others;
mod refusals;

const HOST: &str = "web.demo.test";

/// A project whose `web` is up behind an ingress, and the port of that.
fn rolled() -> (World, u16) {
    rolled_of(&[Service::auto("web")])
}

fn rolled_of(services: &[Service]) -> (World, u16) {
    let mut world = World::new();
    let door = world.port();
    world.stack("demo", &stack(services));
    for name in ["web", "api"] {
        world.page(&format!("demo/{name}"), "one\n");
    }
    world
        .hob(["ingress", "up", "--port", &door.to_string()])
        .good();
    world.hob(["up"]).good();
    until("the door", || asked(door) == "one");
    (world, door)
}

/// What the service answers at the door.
fn asked(door: u16) -> String {
    body(door, HOST)
}

fn body(door: u16, host: &str) -> String {
    match http::get_from(door, host, "/") {
        Ok(answer) if answer.status == 200 => answer.body,
        Ok(answer) => format!("{} {}", answer.status, answer.body),
        Err(error) => error.to_string(),
    }
}

/// The version that answers at the door.
fn version(door: u16) -> String {
    let answer = http::get_from(door, HOST, "/").unwrap();
    answer.header("hob-version").unwrap_or_default().to_owned()
}

/// The step that an update of `web` has come to, by hob's own notes.
fn step(world: &World) -> Option<String> {
    step_of(world, "web")
}

fn step_of(world: &World, service: &str) -> Option<String> {
    let folders = std::fs::read_dir(world.state().join("hob")).unwrap();
    let files = folders.map(|folder| folder.unwrap().path());
    let files = files.map(|folder| {
        let engine = Engine::of_this_run().name();
        folder.join(format!("versions-{engine}.json"))
    });
    let texts = files.filter_map(|file| std::fs::read_to_string(file).ok());
    let mut steps = texts.filter_map(|text| {
        let all: serde_json::Value = serde_json::from_str(&text).unwrap();
        let step = &all[format!("demo/{service}")]["step"];
        Some(step.as_object()?.keys().next()?.clone())
    });
    steps.next()
}

/// Kills an update as soon as it has come to this step.
fn killed_at(world: &World, wanted: &str, args: &[&str]) {
    let mut hob = world.background(args);
    until(wanted, || step(world).as_deref() == Some(wanted));
    hob.kill();
    assert_eq!(step(world).as_deref(), Some(wanted), "it went on");
}

/// The phase of a version that is up.
fn phase(world: &World, service: &str) -> Option<String> {
    let status = world.hob(["status", "--json", "web"]);
    status.out.lines().find_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let status = &line["status"];
        let is_it = status["service"] == format!("demo/{service}");
        Some(status["phase"].as_str().filter(|_| is_it)?.to_owned())
    })
}

fn resting() -> Option<String> {
    Some("resting".to_owned())
}

/// Takes everything down, the ingress with it, and nothing is left.
fn leaves_nothing(world: &World) {
    world
        .hob(["down", "--all", "--volumes", "--prove", "--yes"])
        .good();
    world.assert_nothing_kept();
}

#[test]
fn twenty_updates_of_each_strategy_fail_no_request_and_neither_do_killed_ones() {
    let (world, door) = rolled();
    let load = Load::start(door, HOST, 200);
    let mut serves = "1".to_owned();
    for strategy in ["rolling", "blue-green"] {
        let args = ["roll", "web", "--strategy", strategy, "--pause", "200ms"];
        for update in 1..=20 {
            if update % 5 == 0 {
                let steps = ["starting", "leaving", "starting", "leaving"];
                let wanted = match (strategy, update) {
                    ("rolling", 15) => "moving",
                    _ => steps[update / 5 - 1],
                };
                killed_at(&world, wanted, &args);
            }
            world.hob(args).good();
            let now = version(door);
            assert_ne!(now, serves, "{strategy}, update {update}");
            serves = now;
        }
    }
    let loaded = load.end();
    assert_eq!(loaded.bad, Vec::<String>::new());
    assert!(loaded.good.len() > 40, "{:?}", loaded.good);
    assert!(
        loaded.per_second() > 150,
        "{} a second",
        loaded.per_second()
    );
    leaves_nothing(&world);
}

#[test]
fn the_version_before_is_back_at_once_and_rests_without_a_process() {
    let (world, door) = rolled();
    world.page("demo/web", "two\n");
    let Run { err, .. } = world.hob(["roll", "web"]).good();
    assert!(err.contains("demo/web rests"), "{err}");
    assert_eq!((asked(door).as_str(), version(door).as_str()), ("two", "2"));
    assert_eq!(phase(&world, "web"), resting());
    let status = world.hob(["status", "web"]).good();
    let led = "requests for demo/web go to demo/web-2\n";
    assert!(status.err.ends_with(led), "{}", status.err);
    world.hob(["roll", "web", "--back"]).good();
    assert_eq!((asked(door).as_str(), version(door).as_str()), ("one", "1"));
    assert_eq!(phase(&world, "web-2"), resting());
    // Nothing of the files was looked at.
    world.page("demo/web", "BROKEN\n");
    world.hob(["roll", "web", "--to", "2"]).good();
    assert_eq!((asked(door).as_str(), version(door).as_str()), ("two", "2"));
    world.page("demo/web", "three\n");
    world.hob(["roll", "web", "--to", "green"]).good();
    assert_eq!(
        (asked(door).as_str(), version(door).as_str()),
        ("three", "green")
    );
    // The one before the one before is gone with all that was kept of it.
    assert_eq!(phase(&world, "web"), None);
    // A version has a host of its own, too.
    assert_eq!(body(door, "web-green.demo.test"), "three");
}

#[test]
fn requests_move_by_weight_and_a_version_that_dies_meanwhile_is_undone() {
    let (world, door) = rolled();
    world.page("demo/web", "two\n");
    let weighed = ["roll", "web", "--weights", "25", "--pause", "60s"];
    let mut hob = world.background(weighed);
    hob.wait("25 of 100 requests go to demo/web-2");
    let answers: Vec<String> = (0..40).map(|_| asked(door)).collect();
    let two = answers.iter().filter(|it| *it == "two").count();
    assert_eq!((two, answers.len()), (10, 40), "{answers:?}");
    let load = Load::start(door, HOST, 50);
    let _ = http::get_from(door, "web-2.demo.test", "/crash");
    hob.wait("demo/web goes on; demo/web-2 is undone");
    assert_eq!(hob.end(), 3);
    let words = hob.err();
    assert!(words.contains("it does not answer any more"), "{words}");
    until("the old one alone", || (0..8).all(|_| asked(door) == "one"));
    // What fails is the one that died, and for as long as nobody has seen it.
    let _ = load.end();
    assert_eq!(step(&world), None);
}

#[test]
fn a_version_that_does_not_become_ready_is_undone_and_explained() {
    let (world, door) = rolled();
    let load = Load::start(door, HOST, 100);
    for (page, why) in [
        ("two\nexit 7\n", "giving up at once"),
        ("BROKEN\n", "page.txt:1: syntax error near BROKEN"),
    ] {
        world.page("demo/web", page);
        let failed = world.hob(["roll", "web"]).code(3);
        assert!(failed.err.contains(why), "{}", failed.err);
        assert!(failed.err.contains("demo/web goes on"), "{}", failed.err);
    }
    assert_eq!((asked(door).as_str(), version(door).as_str()), ("one", "1"));
    // Its log tells afterwards, until the next one.
    let log = world.hob(["logs", "web-3"]);
    assert!(log.out.contains("syntax error"), "{log:?}");
    world.page("demo/web", "four\n");
    world.hob(["roll", "web"]).good();
    assert_eq!(
        (asked(door).as_str(), version(door).as_str()),
        ("four", "4")
    );
    assert_eq!(load.end().bad, Vec::<String>::new());
    leaves_nothing(&world);
}

const UNDOES: &str = "an update of demo/web is under way: `hob roll web --abort` undoes it; or it \
                      was killed: the next `hob up` or `hob roll` undoes it, too";
const FINISHES: &str = "an update of demo/web is about to end, or was killed: the next `hob up` or \
                        `hob roll` finishes it";

/// What `status` says of the update of `web`.
fn told(world: &World) -> String {
    let status = world.hob(["status", "web"]).good();
    let mut lines = status.err.lines();
    let told = lines.find_map(|it| it.find("an update of").map(|at| &it[at..]));
    told.unwrap_or_default().to_owned()
}

#[test]
fn an_update_that_was_killed_is_undone_or_finished_by_the_next_command() {
    let (world, door) = rolled();
    world.page("demo/web", "two\n");
    let args = ["roll", "web", "--pause", "1s"];
    for undone in ["starting", "moving"] {
        killed_at(&world, undone, &args);
        assert_eq!(told(&world), UNDOES);
        let up = world.hob(["up"]).good();
        assert!(up.err.contains("is undone"), "{}", up.err);
        assert_eq!(step(&world), None);
        assert_eq!(version(door), "1");
    }
    killed_at(&world, "leaving", &args);
    assert_eq!(told(&world), FINISHES);
    let up = world.hob(["up"]).good();
    assert!(
        up.err.contains("was not finished; finishing it"),
        "{}",
        up.err
    );
    assert_eq!(version(door), "4");
    assert_eq!(phase(&world, "web"), resting());
    killed_at(&world, "moving", &args);
    let abort = world.hob(["roll", "web", "--abort"]).good();
    assert!(abort.err.contains("is undone"), "{}", abort.err);
    assert_eq!(version(door), "4");
    killed_at(&world, "leaving", &args);
    let abort = world.hob(["roll", "web", "--abort"]).good();
    let finished = "the update was finished, since all requests had moved: \
                    `hob roll web --back` returns to the version before";
    assert!(abort.err.contains(finished), "{}", abort.err);
    assert_eq!((version(door).as_str(), step(&world)), ("6", None));
    world.hob(["roll", "web", "--back"]).good();
    assert_eq!(version(door), "4");
    killed_at(&world, "starting", &args);
    leaves_nothing(&world);
}

#[test]
fn an_update_ends_by_ctrl_c_by_abort_and_by_down() {
    let (world, door) = rolled();
    world.page("demo/web", "two\n");
    let slow = ["roll", "web", "--pause", "60s"];
    let moving = "50 of 100 requests go to";
    let mut hob = world.background(slow);
    hob.wait(moving);
    assert_eq!(hob.stop(), 130);
    assert_eq!((asked(door).as_str(), step(&world)), ("one", None));

    let mut hob = world.background(slow);
    hob.wait(moving);
    let other = world.background(["roll", "web"]);
    other.wait("updates a service of this project; waiting for it");
    world.hob(["roll", "web", "--abort"]).good();
    assert_eq!(hob.end(), 130);
    drop(other);
    until_within(Duration::from_secs(120), "no update", || {
        step(&world).is_none()
    });

    let mut hob = world.background(slow);
    hob.wait(moving);
    world.hob(["down", "--volumes", "--prove"]).good();
    assert_eq!(hob.end(), 130);
    leaves_nothing(&world);
}

#[test]
fn the_service_is_meant_whichever_version_of_it_serves() {
    let (world, door) = rolled();
    world.page("demo/web", "two\n");
    world.hob(["roll", "web"]).good();
    let said = world.hob(["logs", "web"]).good();
    assert!(said.out.contains("serving two"), "{}", said.out);
    let env = world
        .hob(["exec", "web", "--", "sh", "-c", "echo $PORT"])
        .good();
    assert!(env.out.trim().parse::<u16>().is_ok(), "{env:?}");
    world.hob(["restart", "web"]).good();
    assert_eq!(version(door), "2");
    // What is up is up, and a change of it is one of that version.
    let again = world.hob(["up"]).good();
    assert!(
        again.err.contains("everything is up already"),
        "{}",
        again.err
    );
    world.page("demo/web", "three\n");
    world.hob(["up"]).good();
    until("the change", || asked(door) == "three");
    assert_eq!(version(door), "2");
    // From its sources it is the service itself again.
    let mut session = world.dev_ready(&[]);
    until("the session", || {
        asked(door) == "three" && version(door) == "dev"
    });
    assert_eq!(phase(&world, "web-2"), None);
    assert_eq!(session.stop(), 130);
    world.hob(["up"]).good();
    until("the first", || {
        asked(door) == "three" && version(door) == "1"
    });
    world.page("demo/web", "four\n");
    world.hob(["roll", "web"]).good();
    let down = world.hob(["down", "web", "--prove"]).good();
    assert!(down.err.contains("demo/web-2 is down"), "{}", down.err);
    assert!(down.err.contains("demo/web is down"), "{}", down.err);
}
