//! The registry where there is no Docker engine: Debian's `docker-registry` as
//! a process of this machine.

use std::fs;

use hob_e2e::{World, http, processes, until};

use crate::docker_registry_removal::kill_collection;

/// A registry that is up on a machine without containers.
fn registered() -> (World, u16) {
    let mut world = World::new();
    world.unset("HOB_ENGINE");
    world.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let port = world.port();
    let up = ["registry", "up", "--port", &port.to_string()];
    world.hob(up).good();
    (world, port)
}

/// Puts the smallest image there is into it, as a client does.
fn put_image(port: u16, tag: &str) {
    const CONFIG: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let bytes = "application/octet-stream";
    let begun = http::send(port, "POST /v2/demo/web/blobs/uploads/", bytes, "").unwrap();
    let place = begun.header("location").unwrap();
    let path = &place[place.find("/v2/").unwrap()..];
    let line = format!("PUT {path}&digest={CONFIG}");
    assert_eq!(http::send(port, &line, bytes, "{}").unwrap().status, 201);
    let kind = "application/vnd.docker.distribution.manifest.v2+json";
    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{kind}\",\"config\":{{\"mediaType\":\
         \"application/vnd.docker.container.image.v1+json\",\"size\":2,\"digest\":\"{CONFIG}\"}},\
         \"layers\":[]}}"
    );
    let line = format!("PUT /v2/demo/web/manifests/{tag}");
    let put = http::send(port, &line, kind, &manifest).unwrap();
    assert_eq!(put.status, 201, "{put:?}");
}

#[test]
fn it_serves_and_what_it_has_goes_when_it_is_to_go() {
    let (world, port) = registered();
    assert_eq!(http::get(port, "/v2/").unwrap().status, 200);
    let pid = world.platform_serving("registry").unwrap();
    assert!(processes::command(pid).starts_with("docker-registry serve "));
    // Nothing else of it listens, and nobody beyond this machine reaches it.
    let listening: Vec<String> = processes::listening(&[pid])
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(listening, [format!("127.0.0.1:{port}")]);
    let status = world.hob(["registry", "status"]).good();
    assert!(status.out.contains(&port.to_string()), "{status:?}");
    assert_eq!(status.err, "", "{status:?}");
    put_image(port, "one");
    let list = world.hob(["registry", "ls"]).good();
    assert!(list.out.contains("demo/web"), "{list:?}");
    let freed = world.hob(["registry", "gc"]).good();
    assert!(freed.err.contains("are free again"), "{freed:?}");
    world.hob(["registry", "down"]).good();
    assert!(http::get(port, "/v2/").is_err());
    assert!(!processes::is_alive(pid));
    let gone = world.hob(["registry", "ls"]).code(1);
    assert!(gone.err.contains("`hob registry up`"), "{gone:?}");
    let platform = world.platform();
    let platform = ["--project", platform.to_str().unwrap()];
    let proved = [&platform[..], &["down", "--prove"]].concat();
    let proved = world.hob(proved).good();
    assert_eq!(proved.out, "", "{proved:?}");
    world.hob(["registry", "up"]).good();
    let list = world.hob(["registry", "ls"]).good();
    assert!(list.out.contains("demo/web"), "{list:?}");
    world.hob(["registry", "rm", "demo/web:one"]).good();
    put_image(port, "two");
    world.hob(["registry", "down", "--volumes"]).good();
    let proved = [&platform[..], &["down", "--volumes", "--prove"]].concat();
    let proved = world.hob(proved).good();
    assert_eq!(proved.out, "", "{proved:?}");
    world.hob(["registry", "up"]).good();
    let list = world.hob(["registry", "ls"]).good();
    assert_eq!(list.out, "", "{list:?}");
}

#[test]
fn what_is_kept_is_named_with_commands_that_do_what_they_say() {
    let (mut world, port) = registered();
    put_image(port, "one");
    let [http, https] = [world.port().to_string(), world.port().to_string()];
    let up = ["ingress", "up", "--https", "--port", &http];
    let up = [&up[..], &["--https-port", &https]].concat();
    world.hob(up).good();
    let down = world.hob(["down", "--all", "--yes", "--prove"]).good();
    let platform = world.platform().display().to_string();
    let removes = format!("`hob down --volumes --project {platform}` removes it");
    let shows = format!("`hob logs hob/registry --project {platform}` shows it");
    let authority = format!("{platform}/authority");
    let kept = [
        format!("/volumes/hob/registry/data ({removes})"),
        format!("kept: the last log of hob/registry ({shows}, {removes})"),
        format!("authority of HTTPS and its key, {authority} (`rm -r {authority}` removes it)"),
        "kept: the settings of registry, ingress and resolver".to_owned(),
        format!("{platform} (`rm -r {platform}` removes it)"),
    ];
    for part in &kept {
        assert!(down.err.contains(part), "{part}: {down:?}");
    }
    // Nothing is up that would have sockets.
    assert!(!world.runtime().join("hob").exists());
    let whose = ["--project", &platform];
    let logs = [&["logs", "hob/registry"][..], &whose].concat();
    let logs = world.hob(logs).good();
    assert!(logs.out.contains("registry |"), "{logs:?}");
    let removed = [&["down", "--volumes"][..], &whose].concat();
    world.hob(removed).good();
    let again = ["down", "--all", "--yes", "--volumes", "--prove"];
    let again = world.hob(again).good();
    assert!(!again.err.contains("volume "), "{again:?}");
    assert!(!again.err.contains("last log"), "{again:?}");
    for part in &kept[2..] {
        assert!(again.err.contains(part), "{part}: {again:?}");
    }
    for folder in [&authority, &platform] {
        fs::remove_dir_all(folder).unwrap();
    }
    let none = world.hob(["down", "--all", "--yes", "--prove"]).good();
    assert!(!none.err.contains("kept"), "{none:?}");
}

#[test]
fn one_that_is_killed_comes_back_with_what_it_had() {
    let (world, port) = registered();
    put_image(port, "one");
    let pid = world.platform_serving("registry").unwrap();
    processes::kill(pid);
    until("another one", || {
        let now = world.platform_serving("registry");
        now.is_some_and(|now| now != pid)
    });
    let list = world.hob(["registry", "ls"]).good();
    assert!(list.out.contains("demo/web"), "{list:?}");
}

#[test]
fn a_collection_that_is_killed_ends_before_anybody_pushes() {
    let (world, port) = registered();
    put_image(port, "one");
    let script = world.platform().join("stacks/hob/registry/serve.sh");
    let text = fs::read_to_string(&script).unwrap();
    // No other test's sleep is as long.
    let endless = format!("exec sleep {port}");
    let endless = text.replace("exec docker-registry \"$1\" \"$here/config.yml\"", &endless);
    assert_ne!(endless, text);
    fs::write(&script, endless).unwrap();
    let command = format!("sleep {port}");
    let collecting = || processes::all().find(|pid| processes::command(*pid) == command);
    let collection = || {
        let gc = world.background(["registry", "gc"]);
        until("a collection", || collecting().is_some());
        let exec = processes::children(gc.pid());
        let [exec] = exec[..] else { panic!("{exec:?}") };
        (gc, exec)
    };
    let (mut gc, exec) = collection();
    let mut enders = Vec::new();
    until("what looks whether somebody waits", || {
        enders = processes::children(exec);
        enders.retain(|pid| Some(*pid) != collecting());
        !enders.is_empty()
    });
    kill_collection(&world, &mut gc, &enders, collecting);
    // Neither goes it on without what has it run there.
    let (mut gc, exec) = collection();
    processes::kill(exec);
    assert_eq!(gc.end(), 1, "{}", gc.err());
    until("its end", || collecting().is_none());
}

#[test]
fn who_only_looks_writes_nothing() {
    let mut world = World::new();
    world.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let none = "no registry was asked for yet";
    let status = world.hob(["registry", "status"]).good();
    assert_eq!(status.out, "");
    assert_eq!(status.err, format!("{none}; `hob registry up`\n"));
    let verbs: [&[&str]; 3] = [&["ls"], &["gc"], &["rm", "demo/web"]];
    for verb in verbs {
        let run = world.hob([&["registry"], verb].concat()).code(1);
        for part in [none, "`hob registry up`"] {
            assert!(run.err.contains(part), "{part}: {run:?}");
        }
    }
    let endpoint = ["--endpoint", "registry:5000"];
    let hosting = [&["registry", "hosting", "kind"][..], &endpoint].concat();
    let told = world.hob(&hosting).good();
    // Standard output is the manifest, and nothing else.
    assert!(told.out.starts_with("apiVersion: v1\n"), "{told:?}");
    assert!(told.out.contains("host: \"127.0.0.1:5000\""), "{told:?}");
    assert!(!told.out.contains("registry:5000"), "{told:?}");
    let other = "`hob registry hosting kind --endpoint registry:5000 --part node`";
    assert!(told.err.contains(other), "{told:?}");
    let node = world.hob([&hosting[..], &["--part", "node"]].concat());
    let node = node.good();
    assert!(
        node.out.contains("[host.\"http://registry:5000\"]"),
        "{node:?}"
    );
    assert!(!node.out.contains("apiVersion"), "{node:?}");
    assert!(node.err.contains("hosts.toml"), "{node:?}");
    assert!(!world.platform().exists());
    let port = world.port();
    world
        .hob(["registry", "up", "--port", &port.to_string()])
        .good();
    // Not even what somebody changed there is put right.
    let file = world.platform().join("stacks/hob/stack.toml");
    let text = fs::read_to_string(&file).unwrap() + "# by hand\n";
    fs::write(&file, &text).unwrap();
    for verb in ["status", "ls"] {
        world.hob(["registry", verb]).good();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}
