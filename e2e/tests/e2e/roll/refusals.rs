//! What cannot be updated so, and what to type instead.

use hob_e2e::{Service, World, stack};

use super::rolled_of;

fn refused(world: &World, args: &[&str], code: i32, words: &[&str]) {
    let refused = world.hob(args).code(code);
    for word in words {
        assert!(refused.err.contains(word), "{word}: {}", refused.err);
    }
}

#[test]
fn a_service_that_cannot_run_twice_is_not_updated() {
    let mut world = World::new();
    let port = world.port();
    let services = [
        Service::new("fixed", port),
        Service::auto("kept").with("volumes = { data = \"/data\" }"),
        Service::auto("bytes")
            .with("protocol = \"tcp\"")
            .instead("ready = \"tcp\""),
        Service::auto("web"),
    ];
    world.stack("demo", &stack(&services));
    for name in ["fixed", "kept", "bytes", "web"] {
        world.page(&format!("demo/{name}"), "one\n");
    }
    let fixed = format!("both would have the port {port}");
    refused(
        &world,
        &["roll", "fixed"],
        2,
        &[&fixed, "`publish = \"auto\"`"],
    );
    refused(
        &world,
        &["roll", "kept"],
        2,
        &["its volume `data`", "`hob restart`"],
    );
    refused(&world, &["roll", "bytes"], 2, &["no requests of HTTP"]);
    refused(
        &world,
        &["roll", "web"],
        1,
        &["web is not up on the engine", "`hob up web --engine"],
    );
    let contradict = ["roll", "web", "--strategy", "blue-green", "--weights", "10"];
    refused(&world, &contradict, 2, &["`--weights`", "all at once"]);
    let falls = ["roll", "web", "--weights", "50,25"];
    refused(&world, &falls, 2, &["25 after 50", "`--weights 25,50`"]);
    refused(&world, &["roll", "wbe"], 2, &["did you mean `web`?"]);
    refused(&world, &["roll", "web", "--to", "Big"], 2, &["--to"]);
    refused(
        &world,
        &["roll", "web", "--back", "--abort"],
        2,
        &["--abort"],
    );
    refused(
        &world,
        &["roll", "web", "--weights", "100"],
        2,
        &["--weights"],
    );
    refused(
        &world,
        &["roll", "web", "--abort"],
        1,
        &["no update of demo/web is under way"],
    );
}

#[test]
fn what_there_is_no_way_to_is_said_with_what_to_type() {
    let (mut world, _door) = rolled_of(&[Service::auto("web"), Service::auto("api")]);
    let none = ["there is no version of demo/web before 1", "`hob roll web`"];
    refused(&world, &["roll", "web", "--back"], 1, &none);
    let serves = ["version 1 of demo/web is the one that serves"];
    refused(&world, &["roll", "web", "--to", "1"], 2, &serves);
    // Its file gives the next number's name to another one.
    let more = [
        Service::auto("web"),
        Service::auto("api"),
        Service::auto("web-2"),
    ];
    world.stack("demo", &stack(&more));
    world.page("demo/web-2", "another\n");
    let taken = ["demo/web-2 is a service of its own", "`--to VERSION`"];
    refused(&world, &["roll", "web", "--to", "2"], 2, &taken);
    world.hob(["roll", "web"]).good();
    assert!(world.status("web-3").is_some());
    let three = [more.as_slice(), &[Service::auto("web-3")]].concat();
    world.stack("demo", &stack(&three));
    world.page("demo/web-3", "a third\n");
    let taken = [
        "a version of another one goes by that name",
        "`hob down demo/`",
    ];
    refused(&world, &["up"], 2, &taken);
    world.hob(["down", "demo/"]).good();
    world.stack("demo", &stack(&[Service::auto("web")]));
    world.hob(["ingress", "down"]).good();
    world.hob(["up"]).good();
    refused(
        &world,
        &["roll", "web"],
        1,
        &["which is not up", "`hob ingress up`"],
    );
    let mut session = world.dev_ready(&[]);
    refused(
        &world,
        &["roll", "web"],
        2,
        &["runs from its sources", "`hob up web`"],
    );
    assert_eq!(session.stop(), 130);
    let _ = world.port();
}
