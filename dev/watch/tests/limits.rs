//! The system's limits of file watches, and many files.
//!
//! The limits are lowered in a user namespace of their own, in which this
//! program runs itself again.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod common;

use std::fs;
use std::process::Command;
use std::time::Duration;

use common::Bed;
use hob_watch::Kind::{Created, Modified};
use hob_watch::{Event, Note, Options};

/// Runs the ignored test `inner` of this program where `setting` is `value`.
#[track_caller]
fn within_limit(setting: &str, value: u32, inner: &str) {
    let program = std::env::current_exe().unwrap();
    let script = format!(
        "echo {value} > /proc/sys/user/{setting} && exec \"$0\" --exact {inner} --ignored --nocapture"
    );
    let output = Command::new("unshare")
        .args(["-U", "-r", "sh", "-c", &script])
        .arg(program)
        .output()
        .expect("`unshare` of util-linux is installed");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        said.contains("running 1 test"),
        "this test needs a user namespace (unshare -U -r), and the system refused: {said}"
    );
    assert!(output.status.success(), "{said}");
}

fn degraded(bed: &mut Bed) -> String {
    bed.wait("Degraded", |event| match event {
        Event::Degraded { message, root: 7 } => Some(message.clone()),
        _ => None,
    })
}

fn often() -> Options {
    Options {
        poll: (Duration::from_millis(50), Duration::from_millis(500)),
        ..Options::default()
    }
}

#[test]
fn past_the_limit_of_watches_the_rest_is_polled() {
    within_limit("max_inotify_watches", 50, "inner_watches");
}

#[test]
#[ignore = "run by past_the_limit_of_watches_the_rest_is_polled"]
fn inner_watches() {
    let mut bed = Bed::new();
    for nth in 0..200 {
        bed.write(&format!("d{nth}/sub/a.go"), "1");
    }
    bed.start(often());
    let message = degraded(&mut bed);
    assert!(
        message.contains("of 402 folders")
            && message.contains("fs.inotify.max_user_watches=524288"),
        "{message}"
    );
    for nth in [0, 77, 199] {
        let path = format!("d{nth}/sub/a.go");
        bed.write(&path, "2");
        bed.expect(&[(&path, Modified)]);
        bed.write(&format!("d{nth}/new/er/b.go"), "1");
        bed.wait_for_truth();
        fs::remove_dir_all(bed.path(&format!("d{nth}/sub"))).unwrap();
        bed.wait_for_truth();
    }
    bed.silent();
    // Once the limit is raised, everything is watched again.
    fs::write("/proc/sys/user/max_inotify_watches", "5000").unwrap();
    assert_eq!(bed.note(), Note::Recovered);
    bed.write("d150/sub/a.go", "3");
    bed.wait_for_truth();
    bed.silent();
}

#[test]
fn a_limit_reached_later_is_told_then() {
    within_limit("max_inotify_watches", 50, "inner_later");
}

#[test]
#[ignore = "run by a_limit_reached_later_is_told_then"]
fn inner_later() {
    let mut bed = Bed::new();
    bed.write("a.go", "1");
    bed.watch_with(often());
    for nth in 0..100 {
        bed.write(&format!("d{nth}/a.go"), "1");
    }
    degraded(&mut bed);
    bed.wait_for_truth();
    bed.write("d99/a.go", "2");
    bed.expect(&[("d99/a.go", Modified)]);
    bed.silent();
}

#[test]
fn without_any_watcher_everything_is_polled() {
    within_limit("max_inotify_instances", 0, "inner_instances");
}

#[test]
#[ignore = "run by without_any_watcher_everything_is_polled"]
fn inner_instances() {
    let mut bed = Bed::new();
    bed.write("d/a.go", "1");
    bed.start(often());
    let message = degraded(&mut bed);
    assert!(
        message.contains("sudo sysctl fs.inotify.max_user_instances=1024"),
        "{message}"
    );
    bed.wait_for_truth();
    bed.write("d/a.go", "2");
    bed.expect(&[("d/a.go", Modified)]);
    bed.silent();
}

#[test]
fn polling_on_request_says_nothing_of_limits() {
    let mut bed = Bed::new();
    bed.write("d/a.go", "1");
    bed.watch_with(Options {
        poll_only: true,
        ..often()
    });
    bed.write("d/a.go", "2");
    bed.expect(&[("d/a.go", Modified)]);
    bed.write("e/f/a.go", "2");
    bed.expect(&[("e/f/a.go", Created)]);
    fs::remove_dir_all(bed.path("")).unwrap();
    bed.write("d/a.go", "3");
    bed.wait_for_truth();
    bed.silent();
    let mut told = bed.told.iter();
    assert!(!told.any(|event| matches!(event, Event::Degraded { .. })));
}

#[test]
fn saves_are_heard_while_twenty_thousand_files_are_hashed() {
    let mut bed = Bed::new();
    for folder in 0..200 {
        for file in 0..100 {
            bed.write(&format!("d{folder}/{file}.go"), &format!("{folder} {file}"));
        }
    }
    bed.start(Options::default());
    bed.write("d100/50.go", "new");
    bed.write("d7/new.go", "new");
    bed.expect(&[("d100/50.go", Modified), ("d7/new.go", Created)]);
    bed.wait_for_truth();
    bed.write("d199/99.go", "new");
    bed.expect(&[("d199/99.go", Modified)]);
    bed.silent();
}

#[test]
fn a_dropped_watcher_leaves_no_watch_behind() {
    let instances = || {
        let files = fs::read_dir("/proc/self/fd").unwrap().flatten();
        files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .filter(|target| target.to_string_lossy().contains("inotify"))
            .count()
    };
    // Other tests of this program have instances, too: wait for a moment in
    // which the number is what it was, many times more than they could hold.
    let mut bed = Bed::with(&[("a.go", "1")]);
    for _ in 0..100 {
        bed.stop();
        bed.watch();
    }
    bed.stop();
    let end = std::time::Instant::now() + Duration::from_secs(30);
    while instances() > 20 {
        assert!(std::time::Instant::now() < end, "{} left", instances());
        std::thread::yield_now();
    }
}
