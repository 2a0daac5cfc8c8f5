//! The real platform of this repository: a repository, a load balancer, apps
//! that fetch what they are, and names.

use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::process::Command;

use hob_e2e::dns::{Answer, ask};
use hob_e2e::{Platformer, Poller, World, http, until};

const CONFIG: &str = "stacks/platformer/config/hello-world/hello-world.config";

/// What the load balancer answers for a path; none unless it is good.
fn good(door: u16, path: &str) -> Option<String> {
    let answer = http::get(door, path).ok()?;
    (answer.status == 200).then_some(answer.body)
}

#[track_caller]
fn says(door: u16, path: &str, words: &str) {
    until(&format!("{words:?} at {path}"), || {
        good(door, path).is_some_and(|body| body.contains(words))
    });
}

#[test]
fn it_comes_up_in_order_and_answers_at_its_port_and_by_name() {
    let Platformer {
        world,
        door,
        http,
        dns,
    } = Platformer::copied();
    let up = world.hob(["up", "platformer"]).good();
    let at = |words: &str| {
        up.err
            .find(words)
            .unwrap_or_else(|| panic!("{words}: {up:?}"))
    };
    let order = [
        at("hob/ingress is ready"),
        at("platformer/repository is ready"),
        at("platformer/hello-world is ready"),
    ];
    assert!(order.is_sorted(), "{up:?}");
    assert!(at("hob/dns is ready") < order[1], "{up:?}");
    assert!(at(&format!("http://localhost:{door}/greeting")) > order[2]);
    let greeting = good(door, "/greeting").unwrap();
    assert!(greeting.contains("Hello, World!"), "{greeting}");
    let farewell = good(door, "/farewell?name=Hob").unwrap();
    assert!(farewell.contains("Goodbye, Hob!"), "{farewell}");
    let host = "hello-world.platformer.test";
    let named = http::get_from(http, host, "/greeting").unwrap();
    assert_eq!(named.status, 200, "{named:?}");
    let here = Answer::Addresses(vec![Ipv4Addr::LOCALHOST]);
    until("a name", || ask(dns, host).as_ref() == Some(&here));
    // What the repository has is for the apps, not for the load balancer.
    let config = http::get(door, "/config/hello-world/hello-world.config").unwrap();
    assert_eq!(config.status, 404, "{config:?}");
    let again = world.hob(["up", "platformer"]).good();
    assert!(again.err.contains("everything is up already"), "{again:?}");
    // What the stack stands on serves others, and goes with all there is.
    world.hob(["down", "platformer"]).good();
    let status = world.hob(["ingress", "status"]).good();
    assert!(status.out.contains("ready"), "{status:?}");
    let all = ["down", "--all", "--yes", "--volumes", "--prove"];
    assert_eq!(world.hob(all).good().out, "");
    world.assert_gone(true);
}

#[test]
fn the_repository_serves_configs_and_artefacts_and_nothing_else() {
    let Platformer { world, http, .. } = Platformer::copied();
    world.hob(["up", "repository"]).good();
    let host = "repository.platformer.test";
    let status = |path: &str| http::get_from(http, host, path).unwrap().status;
    assert_eq!(status("/config/hello-world/hello-world.config"), 200);
    assert_eq!(status("/artefacts/farewell/farewell.py"), 200);
    for path in [
        "/",
        "/serve.sh",
        "/etc/passwd",
        "/config/gone",
        "/stack.toml",
    ] {
        assert_eq!(status(path), 404, "{path}");
    }
    // No list of what there is.
    assert_eq!(status("/config/"), 403);
    let file = "stacks/platformer/artefacts/farewell/farewell.py";
    let served = http::get_from(http, host, "/artefacts/farewell/farewell.py").unwrap();
    assert_eq!(served.body, world.read(file));
}

/// An app whose config and artefact are put into the repository.
fn publish(world: &World, app: &str, artefact: &str) {
    let folder = "stacks/platformer";
    let file = format!("{folder}/artefacts/{app}/app.py");
    world.write(&file, artefact);
    let sum = Command::new("sha256sum")
        .arg(world.root().join(file))
        .output();
    let sum = String::from_utf8(sum.unwrap().stdout).unwrap();
    let sum = sum.split(' ').next().unwrap();
    world.write(
        &format!("{folder}/config/{app}/{app}.config"),
        &format!("ARTEFACT=app.py\nARTEFACT_SHA256={sum}\nSTARTUP_COMMAND=python3 app.py\n"),
    );
}

#[test]
fn a_new_app_is_one_table_and_two_files_and_fails_no_request_of_the_others() {
    let Platformer { world, door, .. } = Platformer::copied();
    world.hob(["up", "platformer"]).good();
    let pollers = ["/greeting", "/farewell"].map(|path| Poller::start_at(door, path));
    let farewell = world.read("stacks/platformer/artefacts/farewell/farewell.py");
    let artefact = farewell
        .replace("/farewell", "/count")
        .replace("Goodbye", "One");
    publish(&world, "counter", &artefact);
    let stack = world.read("stacks/platformer/stack.toml");
    world.stack(
        "platformer",
        &format!(
            "{stack}\n[services.counter]\nsource = \"app-base\"\nport = 8080\npublish = \"auto\"\n\
             needs = [\"repository\"]\nroutes = [\"/count\"]\nready = {{ http = \"/healthz\" }}\n\
             env = {{ APP = \"counter\" }}\nrun = [\"sh\", \"startup.sh\"]\nimage = {{}}\n"
        ),
    );
    let up = world.hob(["up", "platformer"]).good();
    assert!(up.err.contains("platformer/counter is ready"), "{up:?}");
    for other in ["hello-world", "farewell", "repository"] {
        assert!(
            !up.err.contains(&format!("platformer/{other} is ready")),
            "{up:?}"
        );
    }
    says(door, "/count", "One, World!");
    for polled in pollers.map(Poller::end) {
        assert!(polled.good > 0);
        assert_eq!(polled.bad, Vec::<String>::new());
    }
}

#[test]
fn an_edit_of_a_config_restarts_its_app_alone_and_fails_no_request() {
    let Platformer { world, door, .. } = Platformer::copied();
    let mut session = world.dev_ready(&["platformer"]);
    says(door, "/greeting", "Hello, World!");
    let serving = |service: &str| world.serving(&format!("platformer/{service}"));
    let others = || ["farewell", "repository"].map(serving);
    let (before, own) = (others(), serving("hello-world"));
    assert!(before.iter().all(Option::is_some) && own.is_some());
    let pollers = ["/greeting", "/farewell"].map(|path| Poller::start_at(door, path));
    let config = world.read(CONFIG);
    world.write(CONFIG, &config.replace("Hello", "Good morning"));
    world.hob(["wait", "hello-world"]).good();
    says(door, "/greeting", "Good morning, World!");
    for polled in pollers.map(Poller::end) {
        assert!(polled.good > 0);
        assert_eq!(polled.bad, Vec::<String>::new());
    }
    assert_eq!(others(), before);
    assert_ne!(serving("hello-world"), own);
    // What is wrong with a config is said, and the old one goes on.
    world.write(CONFIG, &format!("{config}foo bar\n"));
    let line = config.lines().count() + 1;
    let waited = world.hob(["wait", "hello-world"]).code(3);
    let words = format!("config/hello-world/hello-world.config:{line}: no `NAME=value`: foo bar");
    assert!(waited.err.contains(&words), "{waited:?}");
    says(door, "/greeting", "Good morning, World!");
    world.write(CONFIG, &config);
    world.hob(["wait", "hello-world"]).good();
    says(door, "/greeting", "Hello, World!");
    assert_eq!(session.stop(), 130);
}

#[test]
fn an_app_ends_with_its_requests_answered() {
    let Platformer { world, .. } = Platformer::copied();
    let config = world.read(CONFIG);
    world.write(CONFIG, &format!("{config}PAUSE_MS=1500\n"));
    world.hob(["up", "platformer"]).good();
    let status = world.status("platformer/hello-world").unwrap();
    let address = status["listen"]["addr"].as_str().unwrap();
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    let mut asking = http::connect(port).unwrap();
    let request = "GET /greeting HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    asking.write_all(request.as_bytes()).unwrap();
    world.hob(["down", "hello-world"]).good();
    let mut answer = String::new();
    asking.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
    assert!(answer.contains("Hello, World!"), "{answer:?}");
}

#[test]
fn a_release_takes_over_without_a_failed_request_and_the_one_before_comes_back_as_it_was() {
    let Platformer { world, door, .. } = Platformer::copied();
    world.hob(["up", "platformer"]).good();
    let poller = Poller::start_at(door, "/greeting");
    let config = world.read(CONFIG).replace("Hello", "Good evening");
    let folder = "stacks/platformer/config/hello-world";
    world.write(&format!("{folder}/hello-world-2.config"), &config);
    let stack = world.read("stacks/platformer/stack.toml");
    let app = r#"APP = "hello-world""#;
    let released = format!(r#"{app}, RELEASE = "2""#);
    world.write(
        "stacks/platformer/stack.toml",
        &stack.replace(app, &released),
    );
    let roll = ["roll", "hello-world", "--strategy", "blue-green"];
    world.hob(roll).good();
    says(door, "/greeting", "Good evening, World!");
    world.hob(["roll", "hello-world", "--back"]).good();
    says(door, "/greeting", "Hello, World!");
    assert_eq!(poller.end().bad, Vec::<String>::new());
}
