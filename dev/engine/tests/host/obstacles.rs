//! What stands in the way is named and left alone.

use std::net::TcpListener;

use hob_engine::ObstacleKind;

use crate::ground::{Ground, free_port};

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
    assert_eq!(ours.engine.prove(), [], "a preview leaves nothing");
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
