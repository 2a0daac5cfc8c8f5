//! What stands in the way is named and left alone.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;

use hob_engine::{Engine, ObstacleKind, ProjectRef};
use hob_stack::{EngineChoice, Project};
use hob_wire::{Mode, Reply, SessionState, encode};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use crate::ground::{Ground, LONG, free_port};

fn published(port: u16) -> String {
    format!("port = 80\npublish = {port}")
}

#[tokio::test]
async fn a_port_of_another_process_names_it_and_the_rest_comes_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ground = Ground::new(&[("a", &published(port)), ("b", "")]);
    let want = ground.up(&["a", "b"]);
    let (text, applied) = ground.bring(&want).await;
    assert!(applied.is_done());
    assert!(text.contains("s/b") && !text.contains("s/a"), "{text}");
    let plan = ground.preview(&want).await;
    let name = std::fs::read_to_string("/proc/self/comm").unwrap();
    let expected = format!(
        "s/a: 127.0.0.1:{port} is taken: {} (process {}) has it\n  \
         hint: `--port-offset 100` moves this project's ports, `publish = \"auto\"` picks a free one",
        name.trim(),
        std::process::id()
    );
    assert_eq!(plan.obstacles[0].to_string(), expected);
    assert_eq!(plan.obstacles[0].kind, ObstacleKind::Taken);
    drop(listener);
    ground.down().await;
}

#[tokio::test]
async fn a_port_of_another_project_names_its_folder_and_its_service() {
    let port = free_port();
    let theirs = Ground::new(&[("web", &published(port))]);
    theirs.bring(&theirs.up(&["web"])).await;
    let ours = Ground::new(&[("a", &published(port))]);
    let plan = ours.preview(&ours.up(&["a"])).await;
    let root = theirs.project.root.display();
    let text = plan.obstacles[0].to_string();
    let expected = format!(
        "s/a: 127.0.0.1:{port} is taken: s/web of the project {root} has it\n  \
         hint: `hob down --project {root} s/web` ends it\n"
    );
    assert!(text.starts_with(&expected), "{text}");
    // With an offset both run side by side.
    let mut want = ours.up(&["a"]);
    want.port_offset = 1;
    if TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
        assert!(ours.preview(&want).await.obstacles.is_empty());
    }
    theirs.down().await;
    assert!(ours.preview(&ours.up(&["a"])).await.obstacles.is_empty());
    assert_eq!(ours.engine.prove_here(), [], "a preview leaves nothing");
}

#[tokio::test]
async fn a_service_that_is_to_listen_everywhere_is_told_of_all_who_listen_already() {
    // Which of the two the kernel lists first is its own affair.
    for theirs_first in [true, false] {
        let port = free_port();
        let ground = Ground::new(&[("a", &published(port))]);
        let theirs = || TcpListener::bind(("127.0.0.2", port)).unwrap();
        let early = theirs_first.then(theirs);
        let want = ground.up(&["a"]);
        assert!(ground.bring(&want).await.1.is_done());
        let late = (!theirs_first).then(theirs);
        assert!(ground.preview(&want).await.is_empty());
        let file = ground.project.root.join("stacks/s/stack.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text + "address = \"0.0.0.0\"\n").unwrap();
        let loaded = Project::load(&ground.project.root, &BTreeMap::new());
        let mut everywhere = want.clone();
        everywhere.project = loaded.project.map(Arc::new);
        let plan = ground.preview(&everywhere).await;
        assert!(plan.steps.is_empty(), "{}", plan.to_text());
        let start = format!("0.0.0.0:{port} is taken: ");
        assert!(plan.obstacles[0].reason.starts_with(&start));
        drop((early, late));
        let plan = ground.preview(&everywhere).await;
        assert!(plan.obstacles.is_empty(), "ours is in nobody's way");
        assert!(!plan.steps.is_empty());
        ground.down().await;
    }
}

#[tokio::test]
async fn a_missing_program_stops_its_service_and_what_needs_it() {
    let ground = Ground::new(&[
        ("a", "run = [\"no-such-program-7\"]"),
        ("b", "needs = [\"a\"]"),
        ("c", "wants = [\"a\"]"),
    ]);
    let want = ground.up(&["a", "b", "c"]);
    let (text, applied) = ground.bring(&want).await;
    assert!(applied.is_done());
    assert!(text.contains("s/c") && !text.contains("s/b"), "{text}");
    let plan = ground.preview(&want).await;
    assert!(plan.steps.is_empty());
    let words: Vec<String> = plan.obstacles.iter().map(|o| o.reason.clone()).collect();
    assert_eq!(
        words,
        [
            "no-such-program-7 is not installed",
            "it needs s/a, which cannot come up"
        ]
    );
    ground.down().await;
}

#[tokio::test]
async fn two_checkouts_run_side_by_side_on_automatic_ports() {
    let services = [("a", "port = 80\npublish = \"auto\"")];
    let (one, two) = (Ground::new(&services), Ground::new(&services));
    assert!(one.bring(&one.up(&["a"])).await.1.is_done());
    assert!(two.bring(&two.up(&["a"])).await.1.is_done());
    one.down().await;
    assert_eq!(two.agents().len(), 1);
    two.down().await;
}

#[tokio::test]
async fn a_secret_of_the_environment_has_to_be_set_once_and_its_change_is_noticed() {
    let ground = Ground::new(&[("a", "secrets = { T = { env = \"TOKEN\" } }")]);
    let want = ground.up(&["a"]);
    let of = |token: Option<&str>| {
        let mut surroundings = ground.surroundings.clone();
        let pair = token.map(|token| ("TOKEN".to_owned(), token.to_owned()));
        surroundings.environment.extend(pair);
        let project = ProjectRef::from(&*ground.project);
        Engine::choose(EngineChoice::Host, project, surroundings).unwrap()
    };
    let planned = |token| {
        let (engine, want) = (of(token), want.clone());
        async move { engine.preview(&want).await.unwrap() }
    };
    let unset = planned(None).await;
    assert_eq!(
        unset.obstacles[0].to_string(),
        "s/a: its secrets come from TOKEN, not set here\n  hint: `export TOKEN=…`"
    );
    let prepared = of(Some("alpha"))
        .prepare(&want, LONG, |_| {})
        .await
        .unwrap();
    let (progress, _told) = tokio::sync::mpsc::unbounded_channel();
    let applied = prepared.apply(&progress, std::future::pending()).await;
    assert!(applied.is_done());
    assert!(planned(Some("alpha")).await.is_empty());
    assert!(planned(None).await.is_empty());
    let other = planned(Some("beta")).await.to_text();
    assert!(other.starts_with("remove agent s/a"), "{other}");
    assert!(
        !other.contains("alpha") && !other.contains("beta"),
        "{other}"
    );
    ground.down().await;
}

/// A dev session that says of itself that it works with these services, for
/// as long as the result lives.
fn session_of(ground: &Ground, pid: u32, services: &[&str]) -> tokio::task::JoinHandle<()> {
    ground.engine.make_folders().unwrap();
    let socket = ground.engine.paths().session_socket(pid);
    let listener = tokio::net::UnixListener::bind(socket).unwrap();
    let state = SessionState {
        services: services.iter().map(|it| (*it).to_owned()).collect(),
        notes: Vec::new(),
    };
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut asking = BufReader::new(stream).lines();
            while let Ok(Some(line)) = asking.next_line().await {
                if line.contains("describe") {
                    let answer = encode(&Reply::Session(state.clone()));
                    // Who only looks whether anybody is there reads nothing.
                    let _ = asking.get_mut().write_all(&answer).await;
                }
            }
        }
    })
}

#[tokio::test]
async fn a_service_of_a_dev_session_is_busy_to_who_wants_it_for_good_and_the_rest_comes_up() {
    let ground = Ground::new(&[("a", ""), ("b", ""), ("c", "needs = [\"a\"]")]);
    let session = session_of(&ground, u32::MAX, &["s/a"]);
    let mut want = ground.up(&["a", "b", "c"]);
    // Sessions settle it among themselves.
    assert!(ground.preview(&want).await.obstacles.is_empty());
    want.mode = Mode::Run;
    let (text, applied) = ground.bring(&want).await;
    assert!(applied.is_done());
    assert!(text.contains("s/b") && !text.contains(" s/a "), "{text}");
    let plan = ground.preview(&want).await;
    let told: Vec<String> = plan.obstacles.iter().map(ToString::to_string).collect();
    let hint = "`hob status` shows where it answers, `hob down` ends the session";
    let busy = format!(
        "s/a: the dev session of process {} works with it\n  hint: {hint}",
        u32::MAX
    );
    let blocked = "s/c: it needs s/a, which cannot come up".to_owned();
    assert_eq!(told, [busy, blocked]);
    assert_eq!(plan.obstacles[0].kind, ObstacleKind::Busy);
    session.abort();
    assert!(session.await.unwrap_err().is_cancelled());
    assert!(ground.preview(&want).await.obstacles.is_empty());
    ground.down().await;
}
