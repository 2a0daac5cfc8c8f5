#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use super::{LOCK_FILE, LockError, ProjectLock, holds, stands_at};

/// Long enough for a busy machine; only a failing test waits for it.
const LONG: Duration = Duration::from_secs(30);

async fn acquire(folder: &Path, limit: Duration) -> Result<ProjectLock, LockError> {
    ProjectLock::acquire(folder, LOCK_FILE, limit, |_| {}).await
}

#[tokio::test]
async fn a_held_lock_names_its_holder_and_ends_the_wait_at_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let held = acquire(folder.path(), LONG).await.unwrap();
    let mut told = Vec::new();
    let limit = Duration::from_millis(60);
    let error = ProjectLock::acquire(folder.path(), LOCK_FILE, limit, |holder| {
        told.push(holder.pid)
    })
    .await
    .unwrap_err();
    assert_eq!(told, [Some(std::process::id())], "told once");
    let expected = format!(
        "another hob (process {}) changes this project; it was not done within 0.06 s",
        std::process::id()
    );
    assert_eq!(error.to_string(), expected);
    drop(held);
}

#[tokio::test]
async fn a_waiting_one_gets_the_lock_once_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let held = acquire(folder.path(), LONG).await.unwrap();
    let (waits, waiting) = tokio::sync::oneshot::channel();
    let mut waits = Some(waits);
    let second = ProjectLock::acquire(folder.path(), LOCK_FILE, LONG, move |_| {
        waits.take().unwrap().send(()).unwrap();
    });
    let free = async {
        waiting.await.unwrap();
        drop(held);
    };
    let (second, ()) = tokio::join!(second, free);
    second.unwrap();
}

#[test]
fn an_opened_file_is_the_one_of_its_name_only_until_another_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(LOCK_FILE);
    let opened = std::fs::File::create(&path).unwrap();
    assert!(stands_at(&opened, &path));
    std::fs::remove_file(&path).unwrap();
    assert!(!stands_at(&opened, &path));
    std::fs::write(&path, "").unwrap();
    assert!(!stands_at(&opened, &path));
}

#[tokio::test]
async fn a_lock_whose_file_was_taken_away_is_made_anew_by_who_waits() {
    let folder = tempfile::tempdir().unwrap();
    let held = acquire(folder.path(), LONG).await.unwrap();
    let (waits, waiting) = tokio::sync::oneshot::channel();
    let mut waits = Some(waits);
    let second = ProjectLock::acquire(folder.path(), LOCK_FILE, LONG, move |_| {
        waits.take().unwrap().send(()).unwrap();
    });
    let free = async {
        waiting.await.unwrap();
        held.remove();
    };
    let (second, ()) = tokio::join!(second, free);
    let second = second.unwrap();
    assert!(folder.path().join(LOCK_FILE).exists());
    // It is the one of the name, so a third one has to wait.
    let third = acquire(folder.path(), Duration::ZERO).await;
    assert!(matches!(third, Err(LockError::Held { .. })));
    drop(second);
}

#[tokio::test]
async fn a_number_that_is_not_the_holders_names_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let held = acquire(folder.path(), LONG).await.unwrap();
    let own = std::process::id();
    assert!(holds(folder.path(), LOCK_FILE, own));
    let mut stranger = std::process::Command::new("sleep")
        .arg("1000")
        .spawn()
        .unwrap();
    let path = folder.path().join(LOCK_FILE);
    std::fs::write(&path, stranger.id().to_string()).unwrap();
    let error = acquire(folder.path(), Duration::ZERO).await.unwrap_err();
    let stranger_holds = holds(folder.path(), LOCK_FILE, stranger.id());
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert!(!stranger_holds);
    let said = error.to_string();
    assert!(said.starts_with("another hob changes"), "{said}");
    // Whoever has the file open and no lock does not hold it either.
    drop(held);
    let _open = std::fs::File::open(&path).unwrap();
    assert!(!holds(folder.path(), LOCK_FILE, own));
}
