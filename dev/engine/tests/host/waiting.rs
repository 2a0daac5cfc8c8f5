//! How a wait for a service ends when the service does not stay.

use hob_engine::{Applied, Failure, FailureKind};

use crate::ground::{Ground, LONG};

/// Brings one service up, which has to come to an end long before a build
/// would have to.
async fn up(name: &str, lines: &str) -> (Ground, Applied) {
    let ground = Ground::new(&[(name, lines)]);
    let want = ground.up(&[name]);
    let ending = tokio::time::timeout(LONG, ground.bring(&want));
    let (_, applied) = ending.await.expect("the wait has an end");
    (ground, applied)
}

fn failure(applied: &Applied) -> &Failure {
    let (_, failure) = applied.failures().next().unwrap();
    failure
}

fn check(failure: &Failure, name: &str) {
    assert_eq!(failure.kind, FailureKind::Service);
    assert_eq!(failure.message, "exited with code 1 before it was ready");
    assert_eq!(failure.output, ["no roof"]);
    let hint = format!("`hob logs s/{name}` shows all of it");
    assert_eq!(failure.hints, [hint]);
}

#[tokio::test]
async fn a_service_that_crashes_on_start_over_and_over_is_told_with_its_words() {
    // Its limit alone would take longer than the test does.
    let (ground, applied) = up("crashes", "limits = { ready = \"10m\" }").await;
    check(failure(&applied), "crashes");
    ground.down().await;
}

#[tokio::test]
async fn a_service_whose_next_try_is_far_off_is_waited_for_as_long_as_it_may_take() {
    let (ground, applied) = up("waits", "limits = { ready = \"1s\" }").await;
    check(failure(&applied), "waits");
    ground.down().await;
}

#[tokio::test]
async fn a_job_that_is_done_is_where_it_was_to_come_to() {
    for restart in ["never", "on-failure"] {
        let (ground, applied) = up("job", &format!("restart = \"{restart}\"")).await;
        assert!(applied.is_done(), "{applied:?}");
        let plan = ground.preview(&ground.up(&["job"])).await;
        assert!(plan.is_empty(), "{}", plan.to_text());
        ground.down().await;
    }
}

#[tokio::test]
async fn a_service_that_is_always_started_again_does_not_count_as_done() {
    let (ground, applied) = up("job", "").await;
    assert_eq!(failure(&applied).message, "it ended");
    assert!(!ground.preview(&ground.up(&["job"])).await.is_empty());
    ground.down().await;
}
