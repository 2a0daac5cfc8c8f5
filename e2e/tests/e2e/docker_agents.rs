//! Agents that are spoken to over a port, and agents that the engine builds.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use hob_e2e::{PROTOCOL, World, engine, http, processes, until_within};

use crate::{Web, web};

/// How long it may take to install compilers, fetch crates and build them.
const COLD: Duration = Duration::from_secs(15 * 60);

/// The port of an agent in its container.
const AGENT_PORT: u64 = 61_999;

/// A project whose agents are so, besides what the tests' projects say.
fn with_agents(line: &str) -> Web {
    let web = web();
    let text = format!("base = \"{}\"\n{line}\n", engine::base());
    web.world.write("hob.toml", &text);
    web
}

/// Where the agent of `web` is reached on this machine.
#[track_caller]
fn agent_port(world: &World) -> u16 {
    let container = world.container("demo/web");
    let ports = &container.inspected["NetworkSettings"]["Ports"];
    let bound = &ports[format!("{AGENT_PORT}/tcp")][0];
    assert_eq!(bound["HostIp"], "127.0.0.1", "{ports}");
    bound["HostPort"].as_str().unwrap().parse().unwrap()
}

/// All that the agent says to somebody who begins with this line and asks for
/// its status.
fn said_to(port: u16, first: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let hello = format!("{{\"protocol\":{PROTOCOL}}}\n\"status\"\n");
    // It may be gone before all of it is written.
    let _ = stream.write_all(format!("{first}\n{hello}").as_bytes());
    let mut said = [0; 4096];
    let length = match stream.read(&mut said) {
        Ok(length) => length,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
        Err(error) => panic!("neither an answer nor an end: {error}"),
    };
    String::from_utf8_lossy(&said[..length]).into_owned()
}

/// The token of the agent of `web`.
fn token(world: &World) -> String {
    let folder = world.state().join("hob").join(world.project());
    fs::read_to_string(folder.join("containers/demo/web/token")).unwrap()
}

#[test]
fn an_agent_over_a_port_does_all_that_one_over_a_socket_does() {
    let Web { world, port } = with_agents("agents_over = \"tcp\"");
    world.hob(["up"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    let mut session = world.dev_ready(&[]);
    assert!(
        !session.transcript().contains("died"),
        "{}",
        session.transcript()
    );
    world.page("demo/web", "two\n");
    world.hob(["wait", "web"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "two");
    let exec = world.hob(["exec", "web", "--", "echo", "inside"]).good();
    assert_eq!(exec.out, "inside\n");
    let logs = world.hob(["logs", "web"]).good();
    assert!(logs.out.contains("save 2 serves"), "{logs:?}");
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn an_agent_on_a_port_answers_its_token_alone() {
    let Web { world, .. } = with_agents("agents_over = \"tcp\"");
    world.hob(["up"]).good();
    let port = agent_port(&world);
    let token = token(&world);
    let mut wrong = token.clone();
    wrong.replace_range(..1, if token.starts_with('0') { "1" } else { "0" });
    let first = |token: &str| format!("{{\"token\":\"{token}\"}}");
    assert!(
        said_to(port, &first(&token)).contains("demo/web"),
        "the right token is heard"
    );
    for line in [
        first(&wrong),
        first(""),
        format!("{{\"protocol\":{PROTOCOL}}}"),
    ] {
        assert_eq!(said_to(port, &line), "", "{line}");
    }
    // It is still there for whoever knows it.
    assert!(said_to(port, &first(&token)).contains("demo/web"));
    world.assert_nothing_left();
}

#[test]
fn agents_change_between_a_port_and_a_socket() {
    let Web { world, port } = with_agents("agents_over = \"tcp\"");
    for over in ["tcp", "socket", "tcp"] {
        let text = format!("base = \"{}\"\nagents_over = \"{over}\"\n", engine::base());
        world.write("hob.toml", &text);
        world.hob(["up"]).good();
        assert_eq!(http::get(port, "/").unwrap().body, "one");
        let again = world.hob(["up"]).good();
        assert!(again.err.contains("everything is up already"), "{again:?}");
    }
    world.assert_nothing_left();
}

/// Takes minutes where the engine never built one: compilers are installed and
/// crates fetched.
#[test]
fn a_built_agent_runs_services_and_is_built_once() {
    let Web { world, port } = with_agents("agent = \"built\"");
    let plan = world.hob(["plan", "--for", "up"]).good();
    for line in ["create image demo/agent-", "create agent program demo/"] {
        assert!(plan.out.contains(line), "{line}: {plan:?}");
    }
    let mut up = world.background(["up"]);
    until_within(COLD, "the agent is built", || {
        !processes::is_alive(up.pid())
    });
    assert_eq!(up.end(), 0, "{}", up.transcript());
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    let project = world.project();
    let images = world.client().images_of(&project);
    assert_eq!(images.len(), 1, "{images:?}");
    // No loader of this machine's: it is static.
    let argv = &world.container("demo/web").inspected["Args"];
    assert_eq!(argv[0], "agent", "{argv}");
    let exec = world.hob(["exec", "web", "--", "echo", "inside"]).good();
    assert_eq!(exec.out, "inside\n");
    let again = world.hob(["up"]).good();
    assert!(again.err.contains("everything is up already"), "{again:?}");
    world.hob(["down", "--prove"]).good();
    // The image stays, so nothing is compiled for the next one.
    let plan = world.hob(["plan", "--for", "up"]).good();
    assert!(!plan.out.contains("create image"), "{plan:?}");
    world.hob(["up"]).good();
    assert_eq!(world.client().images_of(&project), images);
    world.hob(["down", "--volumes", "--prove"]).good();
    world.assert_gone(true);
}
