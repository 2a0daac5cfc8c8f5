//! What git does to a work tree.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod common;

use std::fs;
use std::time::Duration;

use common::Bed;
use hob_watch::Kind::{Created, Modified};
use hob_watch::{Event, Note, Options};

/// A repository with `count` files that differ between `one` and `two`.
fn repository(count: usize) -> Bed {
    let bed = Bed::new();
    bed.git(&["init", "-q", "-b", "one"]);
    for branch in ["one", "two"] {
        for nth in 0..count {
            bed.write(
                &format!("d{}/{nth}.go", nth % 30),
                &format!("{branch} {nth}"),
            );
        }
        if branch == "two" {
            bed.git(&["checkout", "-q", "-b", "two"]);
            bed.write("only/on/two.go", "two");
        }
        bed.git(&["add", "-A"]);
        bed.git(&["commit", "-q", "-m", branch]);
    }
    bed
}

#[test]
fn a_checkout_of_three_thousand_files_and_back_makes_few_batches() {
    let mut bed = repository(3000);
    bed.watch();
    for branch in ["one", "two", "one"] {
        let before = bed.batches();
        bed.git(&["checkout", "-q", branch]);
        bed.wait_for_truth();
        bed.silent();
        let batches = bed.batches() - before;
        // One or two; a stalled machine may need more.
        assert!(batches <= 10, "{batches} batches");
    }
}

#[test]
fn stash_and_pop_end_with_the_truth() {
    let mut bed = repository(100);
    bed.watch();
    for nth in 0..50 {
        bed.write(&format!("d{}/{nth}.go", nth % 30), "changed");
    }
    bed.wait_for_truth();
    for verb in ["push", "pop"] {
        bed.git(&["stash", verb, "-q"]);
        bed.wait_for_truth();
        bed.silent();
    }
}

#[test]
fn a_rebase_ends_with_the_truth() {
    let mut bed = repository(60);
    bed.git(&["checkout", "-q", "-b", "topic"]);
    for nth in 0..10 {
        bed.write(&format!("topic/{nth}.go"), "topic");
        bed.git(&["add", "-A"]);
        bed.git(&["commit", "-q", "-m", "topic"]);
    }
    bed.git(&["checkout", "-q", "one"]);
    bed.write("base.go", "base");
    bed.git(&["add", "-A"]);
    bed.git(&["commit", "-q", "-m", "base"]);
    bed.git(&["checkout", "-q", "topic"]);
    bed.watch();
    bed.git(&["rebase", "-q", "--onto", "one", "two"]);
    bed.wait_for_truth();
    bed.silent();
}

#[test]
fn nothing_is_told_while_git_holds_its_lock() {
    let mut bed = repository(5);
    bed.watch();
    let lock = bed.path(".git/index.lock");
    fs::write(&lock, "").unwrap();
    bed.write("main.go", "new");
    let note = bed.note();
    assert_eq!(note, Note::GitBusy { lock: lock.clone() });
    assert_eq!(bed.batches(), 0);
    bed.write("other.go", "new");
    fs::remove_file(&lock).unwrap();
    let batch = bed.batch();
    assert_eq!(batch.changed.len(), 2, "{batch:#?}");
    bed.silent();
    assert_eq!(bed.batches(), 1);
}

#[test]
fn a_sync_waits_for_git_too() {
    let mut bed = repository(5);
    bed.watch();
    let lock = bed.path(".git/index.lock");
    fs::write(&lock, "").unwrap();
    bed.write("main.go", "new");
    let mut asked = bed.ask();
    // Told once it has been waited for.
    assert_eq!(bed.note(), Note::GitBusy { lock: lock.clone() });
    assert!(asked.try_recv().is_err(), "git was not waited for");
    fs::remove_file(lock).unwrap();
    let synced = bed.synced(asked);
    assert!(synced.changed);
    bed.truth();
}

#[test]
fn a_lock_that_a_crash_left_is_named_and_no_longer_respected() {
    let mut bed = repository(5);
    bed.watch_with(Options {
        git_lock_limit: Duration::from_millis(300),
        ..Options::default()
    });
    let lock = bed.path(".git/index.lock");
    fs::write(&lock, "").unwrap();
    bed.write("main.go", "new");
    assert_eq!(bed.note(), Note::GitLockIgnored { lock });
    bed.expect(&[("main.go", Created)]);
    // From now on it holds nothing back.
    let notes = |bed: &Bed| {
        let told = bed.told.iter();
        told.filter(|event| matches!(event, Event::Note { .. }))
            .count()
    };
    bed.write("main.go", "newer");
    bed.expect(&[("main.go", Modified)]);
    assert_eq!(notes(&bed), 1);
}

#[test]
fn the_lock_of_a_worktree_is_found() {
    let mut bed = repository(5);
    let tree = bed.outside("worktree");
    bed.git(&["worktree", "add", "-q", tree.to_str().unwrap(), "one"]);
    let lock = bed.path(".git/worktrees/worktree/index.lock");
    bed.root().path = tree;
    bed.watch_with(Options {
        git_lock_limit: Duration::from_millis(300),
        ..Options::default()
    });
    fs::write(&lock, "").unwrap();
    bed.write("main.go", "new");
    assert_eq!(bed.note(), Note::GitLockIgnored { lock });
    bed.expect(&[("main.go", Created)]);
}

#[test]
fn what_git_does_for_itself_is_silent() {
    let mut bed = repository(5);
    bed.watch();
    bed.git(&["status"]);
    bed.git(&["branch", "three"]);
    bed.git(&["commit", "-q", "--allow-empty", "-m", "empty"]);
    bed.silent();
    assert_eq!(bed.batches(), 0);
}
