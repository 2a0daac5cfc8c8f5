//! A service from nothing to ready and back, and what goes wrong on the way.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixListener;

use hob_engine::{FailureKind, LeftoverKind, Outcome, Scope, Verdict, Want};
use snapbox::{IntoData as _, assert_data_eq, str};

use crate::ground::{Ground, free_port, id, kill};

#[tokio::test]
async fn up_makes_a_service_ready_and_again_does_nothing_and_down_leaves_nothing() {
    let port = free_port();
    let ground = Ground::new(&[
        (
            "a",
            &format!("port = 80\npublish = {port}\nneeds = [\"b\"]"),
        ),
        ("b", "volumes = { data = \"/data\" }"),
    ]);
    let want = ground.up(&["a", "b"]);
    let (text, applied) = ground.bring(&want).await;
    assert!(applied.is_done(), "{applied:?}");
    assert_data_eq!(
        text,
        str![[r#"
create folder s/a       because it is not there
create agent s/a        because it is not there
configure agent s/a     because it is new
create folder s/b       because it is not there
create volume s/b/data  because it is not there
create agent s/b        because it is not there
configure agent s/b     because it is new
start agent s/b         because it is to run
await agent s/b         because others may rely on it only then
start agent s/a         because it is to run
await agent s/a         because others may rely on it only then

"#]]
        .raw()
    );
    assert!(ground.preview(&want).await.is_empty());
    assert!(ground.bring(&want).await.0.is_empty());
    let agent = ground.engine.agent(&id("a")).unwrap();
    let status = agent.status(crate::ground::LONG).await.unwrap();
    assert_eq!(status.listen.unwrap().addr.port(), port);
    assert_eq!(ground.count(LeftoverKind::Port), 1);
    ground.down().await;
}

#[tokio::test]
async fn folders_and_sockets_are_closed_to_others() {
    let ground = Ground::new(&[("a", "volumes = { data = \"/data\" }")]);
    ground.bring(&ground.up(&["a"])).await;
    let paths = ground.engine.paths();
    let folders = [
        paths.state.clone(),
        paths.runtime.clone(),
        paths.service("s", "a"),
        paths.volume("s", "a", "data"),
    ];
    for folder in folders {
        let mode = fs::metadata(&folder).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", folder.display());
    }
    ground.down().await;
}

#[tokio::test]
async fn down_keeps_volumes_and_down_with_volumes_does_not() {
    let ground = Ground::new(&[("a", "volumes = { data = \"/data\" }")]);
    ground.bring(&ground.up(&["a"])).await;
    let volume = ground.engine.paths().volume("s", "a", "data");
    fs::create_dir_all(volume.join("read-only")).unwrap();
    fs::write(volume.join("read-only/kept"), "data").unwrap();
    let mut closed = fs::metadata(volume.join("read-only"))
        .unwrap()
        .permissions();
    closed.set_readonly(true);
    fs::set_permissions(volume.join("read-only"), closed).unwrap();
    let (_, applied) = ground.bring(&Want::down(Scope::Project)).await;
    assert!(applied.is_done());
    let left: Vec<LeftoverKind> = ground.engine.prove_here().iter().map(|l| l.kind).collect();
    assert_eq!(left, [LeftoverKind::Volume]);
    assert!(volume.join("read-only/kept").exists());
    ground.down().await;
}

#[tokio::test]
async fn down_keeps_the_log_of_the_newest_run_and_names_it_until_it_is_removed() {
    let ground = Ground::new(&[("a", "")]);
    let log = ground.engine.paths().service("s", "a").join("log");
    for run in ["one", "two"] {
        let want = ground.up(&["a"]);
        ground.bring(&want).await;
        fs::create_dir_all(&log).unwrap();
        fs::write(log.join("current.log"), run).unwrap();
        assert!(ground.preview(&want).await.is_empty());
        let (_, applied) = ground.bring(&Want::down(Scope::Project)).await;
        assert!(applied.is_done());
        let left = ground.engine.prove_here();
        let left: Vec<String> = left.iter().map(ToString::to_string).collect();
        assert_eq!(left, ["log s/a"]);
        let (kept, is_last) = ground.engine.logs_folder(&id("a"));
        assert!(is_last);
        assert_eq!(fs::read_to_string(kept.join("current.log")).unwrap(), run);
    }
    ground.down().await;
}

#[tokio::test]
async fn a_service_that_left_the_file_goes_with_its_stack_and_not_with_others() {
    let ground = Ground::new(&[("a", ""), ("b", "")]);
    ground.bring(&ground.up(&["a", "b"])).await;
    // As if `b` had left the file: it is not asked for any more.
    let mut want = ground.up(&["a"]);
    assert!(ground.preview(&want).await.is_empty());
    want.scope = Scope::Stacks(["s".to_owned()].into());
    let (text, _) = ground.bring(&want).await;
    assert_data_eq!(
        text,
        str![[r#"
remove agent s/b   because it is not asked for
remove folder s/b  because it is not asked for

"#]]
        .raw()
    );
    ground.down().await;
}

#[tokio::test]
async fn an_agent_that_dies_is_told_with_its_own_words() {
    let ground = Ground::new(&[("dies", "")]);
    let (_, applied) = ground.bring(&ground.up(&["dies"])).await;
    let (_, failure) = applied.failures().next().unwrap();
    let message = "the agent does not run: it ended at once (exit status: 7)";
    assert_eq!(failure.message, message);
    assert!(failure.output.contains(&"the roof is on fire".to_owned()));
    ground.down().await;
}

#[tokio::test]
async fn a_build_that_fails_is_the_services_fault_and_stops_only_what_needs_it() {
    let ground = Ground::new(&[
        ("fails", ""),
        ("needs-it", "needs = [\"fails\"]"),
        ("c", ""),
    ]);
    let want = ground.up(&["fails", "needs-it", "c"]);
    let prepared = ground.prepare(&want).await;
    let plan = prepared.plan.clone();
    let (progress, _told) = tokio::sync::mpsc::unbounded_channel();
    let applied = prepared.apply(&progress, std::future::pending()).await;
    let mut ends = String::new();
    for (step, outcome) in plan.steps.iter().zip(&applied.outcomes) {
        match outcome {
            Outcome::Done { .. } => {}
            Outcome::Failed(failure) => {
                assert_eq!(failure.kind, FailureKind::Service);
                let output = failure.output.join("|");
                ends += &format!("{}: {failure} ({output})\n", step.title());
            }
            Outcome::Skipped { because } => ends += &format!("{}: {because}\n", step.title()),
            Outcome::Interrupted => ends += "interrupted\n",
        }
    }
    assert_data_eq!(
        ends,
        str![[r#"
await agent s/fails: go build failed with exit code 1 (main.go:1:1: expected package)
start agent s/needs-it: s/fails did not become ready
await agent s/needs-it: `start agent s/needs-it` was not done

"#]]
        .raw()
    );
    ground.down().await;
}

#[tokio::test]
async fn a_refused_spec_is_a_failure_with_the_agents_reason() {
    let ground = Ground::new(&[("refuses", "")]);
    let (_, applied) = ground.bring(&ground.up(&["refuses"])).await;
    let (_, failure) = applied.failures().next().unwrap();
    assert_eq!(failure.message, "cannot listen on 127.0.0.1:1");
    ground.down().await;
}

#[tokio::test]
async fn what_an_agent_leaves_running_is_ended_with_it() {
    let ground = Ground::new(&[("leaves", "")]);
    ground.bring(&ground.up(&["leaves"])).await;
    assert!(ground.marked().len() >= 2);
    ground.down().await;
}

#[tokio::test]
async fn after_kill_9_of_an_agent_its_orphans_are_swept_before_a_new_one_comes() {
    let port = free_port();
    let ground = Ground::new(&[("a", &format!("port = 80\npublish = {port}"))]);
    let want = ground.up(&["a"]);
    ground.bring(&want).await;
    let agents = ground.agents();
    assert_eq!(agents.len(), 1);
    kill(agents[0]);
    let orphans = ground.marked();
    assert_eq!(orphans.len(), 1);
    let states = ground.engine.services(&want.services).await.unwrap();
    assert!(matches!(states[0].verdict, Verdict::Remains(1)));
    let (text, applied) = ground.bring(&want).await;
    assert_data_eq!(
        text,
        str![[r#"
remove remains s/a   because its agent is gone and left 1 process and a socket
create agent s/a     because it is not there
configure agent s/a  because it is new
start agent s/a      because it is to run
await agent s/a      because others may rely on it only then

"#]]
        .raw()
    );
    assert!(applied.is_done());
    assert_eq!(ground.agents().len(), 1);
    assert!(!ground.marked().contains(&orphans[0]));
    ground.down().await;
}

#[tokio::test]
async fn what_a_killed_agent_leaves_is_found_even_when_it_shows_no_environment() {
    let ground = Ground::new(&[("bare", "")]);
    let want = ground.up(&["bare"]);
    ground.bring(&want).await;
    assert_eq!(ground.count(LeftoverKind::Process), 2);
    kill(ground.agents()[0]);
    assert_eq!(ground.marked(), [], "nothing carries marks");
    assert_eq!(ground.count(LeftoverKind::Process), 1);
    let states = ground.engine.services(&want.services).await.unwrap();
    assert!(matches!(states[0].verdict, Verdict::Remains(1)));
    // Its next agent does not take it for its own.
    let (text, applied) = ground.bring(&want).await;
    let cause = "because its agent is gone and left 1 process and a socket";
    assert!(text.contains(cause), "{text}");
    assert!(applied.is_done());
    assert_eq!(ground.count(LeftoverKind::Process), 2);
    kill(ground.agents()[0]);
    ground.down().await;
}

#[tokio::test]
async fn a_service_is_killed_with_what_shows_no_environment() {
    let ground = Ground::new(&[("bare", "")]);
    let want = ground.up(&["bare"]);
    ground.bring(&want).await;
    kill(ground.agents()[0]);
    assert_eq!(ground.count(LeftoverKind::Process), 1);
    ground.engine.kill(&want.services).await;
    assert_eq!(ground.count(LeftoverKind::Process), 0);
    ground.down().await;
}

#[tokio::test]
async fn a_socket_without_an_agent_is_taken_away() {
    let ground = Ground::new(&[("a", "")]);
    let paths = ground.engine.paths();
    paths
        .make(&ground.project.root, crate::ground::uid())
        .unwrap();
    drop(UnixListener::bind(ground.socket("a")).unwrap());
    // A dead session's one, too, although it is no service's.
    let session = paths.runtime.join("session.sock");
    drop(UnixListener::bind(&session).unwrap());
    assert!(fs::metadata(&session).unwrap().file_type().is_socket());
    ground.down().await;
}

#[tokio::test]
async fn what_a_dead_session_said_is_taken_away_and_what_is_read_still_is_not() {
    let ground = Ground::new(&[("a", "")]);
    let paths = ground.engine.paths();
    paths
        .make(&ground.project.root, crate::ground::uid())
        .unwrap();
    let mut gone = std::process::Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let of = |pid| paths.runtime.join(format!("detached-{pid}.log"));
    let (dead, read) = (of(gone.id()), of(std::process::id()));
    for file in [&dead, &read] {
        fs::write(file, "words").unwrap();
    }
    assert!(ground.bring(&Want::down(Scope::Project)).await.1.is_done());
    assert!(!dead.exists());
    assert!(read.exists());
    fs::remove_file(read).unwrap();
    ground.down().await;
}

#[tokio::test]
async fn an_agent_of_another_version_is_made_anew() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let ground = Ground::new(&[("a", "")]);
    let paths = ground.engine.paths();
    paths
        .make(&ground.project.root, crate::ground::uid())
        .unwrap();
    let listener = UnixListener::bind(ground.socket("a")).unwrap();
    let old = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(stream.try_clone().unwrap())
            .read_line(&mut line)
            .unwrap();
        let version = b"{\"version\":{\"protocol\":99}}\n";
        stream.write_all(version).unwrap();
    });
    let plan = ground.preview(&ground.up(&["a"])).await;
    old.join().unwrap();
    let reason = format!(
        "because its protocol is 99 and has to be {}",
        hob_wire::PROTOCOL
    );
    let line = format!("remove agent s/a     {reason}\n");
    assert!(plan.to_text().starts_with(&line));
    ground.down().await;
}

#[tokio::test]
async fn another_mode_makes_a_service_anew_and_changed_sources_only_tell_it() {
    let ground = Ground::new(&[("a", "source = \"src\"")]);
    let mut want = ground.up(&["a"]);
    ground.bring(&want).await;
    want.mode = hob_wire::Mode::Run;
    let (text, _) = ground.bring(&want).await;
    assert_data_eq!(
        text,
        str![[r#"
remove agent s/a     because its mode is dev and has to be run
create agent s/a     because it is made anew
configure agent s/a  because it is new
start agent s/a      because it is to run
await agent s/a      because others may rely on it only then

"#]]
        .raw()
    );
    assert!(ground.preview(&want).await.is_empty());
    fs::write(ground.project.root.join("stacks/s/src/main"), "new").unwrap();
    let (text, _) = ground.bring(&want).await;
    assert_data_eq!(
        text,
        str![[r#"
configure agent s/a  because its configuration changed
await agent s/a      because it has to be ready with that

"#]]
        .raw()
    );
    assert!(ground.preview(&want).await.is_empty());
    ground.down().await;
}

#[tokio::test]
async fn an_automatic_port_stays_the_same_while_a_service_is_up_and_after() {
    let ground = Ground::new(&[("a", "port = 80\npublish = \"auto\"")]);
    let want = ground.up(&["a"]);
    let port = || async {
        let agent = ground.engine.agent(&id("a")).unwrap();
        let status = agent.status(crate::ground::LONG).await.unwrap();
        status.listen.unwrap().addr.port()
    };
    ground.bring(&want).await;
    let first = port().await;
    assert!(ground.preview(&want).await.is_empty());
    kill(ground.agents()[0]);
    ground.bring(&want).await;
    assert_eq!(port().await, first);
    ground.down().await;
}

#[tokio::test]
async fn a_connection_to_an_agent_comes_from_the_engine() {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let ground = Ground::new(&[("a", "")]);
    let nobody = ground.engine.connect(&id("a")).await.err().unwrap();
    assert_eq!(nobody.kind(), std::io::ErrorKind::NotFound);
    ground.bring(&ground.up(&["a"])).await;
    let mut wire = ground.engine.connect(&id("a")).await.unwrap();
    let greeting = hob_wire::encode(&hob_wire::Hello::current());
    wire.write.write_all(&greeting).await.unwrap();
    let request = hob_wire::encode(&hob_wire::Request::Status);
    wire.write.write_all(&request).await.unwrap();
    let mut line = Vec::new();
    let mut read = BufReader::new(wire.read);
    read.read_until(b'\n', &mut line).await.unwrap();
    let reply = hob_wire::decode(&line).unwrap();
    assert!(matches!(reply, hob_wire::Reply::Status(status) if status.service == "s/a"));
    ground.down().await;
}
