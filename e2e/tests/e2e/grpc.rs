//! Calls of gRPC through the ingress, by a real nginx and `curl`.

use std::process::Command;

use hob_e2e::{Service, World, grpc, stack, until};

/// A project with a service of gRPC and a page, behind an ingress with HTTPS at
/// this port.
fn greeted() -> (World, u16) {
    let mut world = World::new();
    let (http, https) = (world.port(), world.port());
    let greeter = Service::auto("greeter")
        .with("protocol = \"grpc\"")
        .with("routes = [\"/hello.Greeter\"]")
        .instead("ready = \"tcp\"");
    let web = Service::auto("web").with("routes = [\"/\"]");
    world.stack("demo", &stack(&[greeter, web]));
    world.page("demo/greeter", "one\ngrpc\n");
    world.page("demo/web", "web\n");
    let ports = [http.to_string(), https.to_string()];
    let up = [
        "ingress",
        "up",
        "--port",
        &ports[0],
        "--https-port",
        &ports[1],
    ];
    world.hob(up).good();
    (world, https)
}

/// What curl shows of a call: headers, the message of the answer, trailers.
fn call(world: &World, https: u16, host: &str) -> String {
    let asked = world.platform().join("asked");
    std::fs::write(&asked, grpc::message("hello")).unwrap();
    let authority = world.platform().join("authority/ca.pem");
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "20", "--http2"]);
    curl.arg("--cacert").arg(authority);
    let here = format!("{host}:{https}:127.0.0.1");
    curl.args(["--resolve", &here, "--dump-header", "-"]);
    curl.args(["--header", "content-type: application/grpc"]);
    curl.args(["--header", "te: trailers", "--data-binary"]);
    curl.arg(format!("@{}", asked.display()));
    curl.arg(format!("https://{host}:{https}/hello.Greeter/Hello"));
    let output = curl.output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn answers(world: &World, https: u16, host: &str, words: &str) -> bool {
    let shown = call(world, https, host);
    let message = format!("{words}: hello");
    let parts = ["HTTP/2 200", &message, "grpc-status: 0"];
    parts.iter().all(|part| shown.contains(part))
}

/// Whether nginx has read the routes to all that is up.
fn has_read(world: &World) -> bool {
    let text = |path: &str| std::fs::read_to_string(world.platform().join(path)).unwrap();
    let routes = text("stacks/hob/routes/nginx.conf");
    routes.contains("web.demo.test") && routes == text("began/routes")
}

#[test]
fn calls_reach_a_service_by_its_name_and_by_path_and_then_its_next_version() {
    let (world, https) = greeted();
    world.hob(["up"]).good();
    for host in ["greeter.demo.test", "demo.test"] {
        until(host, || answers(&world, https, host, "one"));
    }
    let status = world.hob(["ingress", "status"]).good();
    let url = format!("https://greeter.demo.test:{https}/");
    assert!(status.out.contains(&url), "{status:?}");
    assert!(!status.out.contains("http://greeter"), "{status:?}");
    world.page("demo/greeter", "two\ngrpc\n");
    world.hob(["roll", "greeter"]).good();
    until("the next version", || {
        answers(&world, https, "greeter.demo.test", "two")
    });
    world.hob(["ingress", "up", "--no-https"]).good();
    let status = world.hob(["ingress", "status"]).good();
    let told = "speaks gRPC, which the ingress has by HTTPS alone";
    assert!(status.err.contains(told), "{status:?}");
}

#[test]
fn a_save_of_a_session_fails_no_call() {
    let (world, https) = greeted();
    let session = world.dev_ready(&[]);
    let host = "greeter.demo.test";
    until("one", || answers(&world, https, host, "one"));
    // curl is not one of the clients that try a call again which came just when
    // nginx reads its routes, and is told so.
    until("all routes", || has_read(&world));
    world.page("demo/greeter", "two\ngrpc\n");
    until("two", || {
        let shown = call(&world, https, host);
        assert!(shown.contains("grpc-status: 0"), "{shown}");
        shown.contains("two: hello")
    });
    drop(session);
}
