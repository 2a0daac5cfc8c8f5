//! The real stack of this repository in its production images, whatever
//! toolchains this machine has.

use hob_e2e::{Poller, Polykube, World, http, until};

#[test]
fn the_whole_stack_comes_up_and_goes() {
    let Polykube {
        world,
        site,
        goapi,
        vnextapi,
    } = Polykube::copied();
    world.hob(["up"]).good();
    let page = http::get(site, "/").unwrap();
    assert!(
        page.status == 200 && page.body.contains("<html"),
        "{page:?}"
    );
    for port in [goapi, vnextapi] {
        let answer = http::get(port, "/").unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    for service in ["static", "goapi", "vnextapi"] {
        // No user of this machine's, nothing to write to, and no right of root's.
        let id = world.hob(["exec", service, "id", "-u"]).good();
        assert_eq!(id.out.trim(), "65532", "{service}: {id:?}");
        let container = world.container(&format!("polykube/{service}"));
        let host = &container.inspected["HostConfig"];
        assert_eq!(host["ReadonlyRootfs"], true, "{service}");
        assert_eq!(host["SecurityOpt"][0], "no-new-privileges", "{service}");
        let pid = world.serving(service).unwrap();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let rights = status.lines().find(|line| line.starts_with("CapEff:"));
        assert_eq!(rights, Some("CapEff:\t0000000000000000"), "{service}");
        let compiler = "command -v go mcs gcc cc; true";
        let found = world.hob(["exec", service, "sh", "-c", compiler]).good();
        assert_eq!(found.out, "", "{service} has a compiler");
        until("its health check", || {
            let container = world.container(&format!("polykube/{service}"));
            container.inspected["State"]["Health"]["Status"] == "healthy"
        });
    }
    let again = world.hob(["up"]).good();
    assert!(again.err.contains("everything is up already"), "{again:?}");
    world.assert_nothing_kept();
}

/// Puts other words into a file of the project.
#[track_caller]
fn edit(world: &World, path: &str, before: &str, after: &str) {
    let text = world.read(path);
    assert!(text.contains(before), "{path}: {text}");
    world.write(path, &text.replace(before, after));
}

#[test]
fn an_edit_in_each_language_is_live_without_a_failed_request() {
    let Polykube {
        world,
        site,
        goapi,
        vnextapi,
    } = Polykube::copied();
    let mut session = world.dev_ready(&[]);
    let pollers = [site, goapi, vnextapi].map(Poller::start);
    let edits = [
        (vnextapi, "vnextapi/Program.cs", "hello from vnextapi"),
        (goapi, "goapi/main.go", "hello from goapi"),
        (site, "static/public/index.html", "<title>polykube</title>"),
    ];
    for (port, path, before) in edits {
        let after = before
            .replace("polykube", "edited")
            .replace("hello", "edited");
        edit(&world, &format!("stacks/polykube/{path}"), before, &after);
        until(&format!("{after:?} on port {port}"), || {
            http::get(port, "/").is_ok_and(|answer| answer.body.contains(&after))
        });
    }
    for polled in pollers.map(Poller::end) {
        assert!(polled.good > 0 && !polled.went_back, "{polled:?}");
        assert_eq!(polled.bad, Vec::<String>::new());
    }
    assert_eq!(session.stop(), 130);
    world.hob(["down", "--volumes"]).good();
    world.assert_nothing_left();
}
