//! The invariant: once nothing happens any more, the last digest told is that
//! of the disk, whatever was done to it.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use common::Bed;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Write(&'static str, u8),
    Append(&'static str, u8),
    Touch(&'static str),
    Mode(&'static str, bool),
    Remove(&'static str),
    Rename(&'static str, &'static str),
    Link(&'static str, &'static str),
    Folder(&'static str),
    Ignore(&'static str, &'static str),
    RemakeRoot,
    Yield,
}

/// Few names, so that steps meet.
fn place() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "b",
        "c",
        "d1",
        "d1/a",
        "d1/b",
        "d1/d2",
        "d1/d2/a",
        "d1/d2/d3/a",
        "e1",
        "e1/a",
        "e1/d2/a",
        "a.log",
        "d1/b.log",
        "x~",
    ])
}

fn step() -> impl Strategy<Value = Step> {
    let ignore = prop::sample::select(vec!["", "*.log\n", "d2/\n", "/a\n", "*\n!.gitignore\n"]);
    let folder = prop::sample::select(vec!["", "d1", "e1"]);
    prop_oneof![
        8 => (place(), 0..4u8).prop_map(|(place, text)| Step::Write(place, text)),
        3 => (place(), 0..4u8).prop_map(|(place, text)| Step::Append(place, text)),
        2 => place().prop_map(Step::Touch),
        2 => (place(), any::<bool>()).prop_map(|(place, mode)| Step::Mode(place, mode)),
        4 => place().prop_map(Step::Remove),
        6 => (place(), place()).prop_map(|(from, to)| Step::Rename(from, to)),
        2 => (place(), place()).prop_map(|(to, at)| Step::Link(to, at)),
        2 => place().prop_map(Step::Folder),
        1 => (folder, ignore).prop_map(|(folder, text)| Step::Ignore(folder, text)),
        1 => Just(Step::RemakeRoot),
        4 => Just(Step::Yield),
    ]
}

/// Does one step; most combinations are impossible, and that is fine.
fn perform(root: &Path, step: &Step) -> std::io::Result<()> {
    let make_room = |place: &str| fs::create_dir_all(root.join(place).parent().unwrap());
    match step {
        Step::Write(place, text) => {
            make_room(place)?;
            fs::write(root.join(place), vec![*text; usize::from(*text)])
        }
        Step::Append(place, text) => OpenOptions::new()
            .append(true)
            .open(root.join(place))?
            .write_all(&[*text]),
        Step::Touch(place) => {
            File::open(root.join(place))?.set_modified(std::time::SystemTime::UNIX_EPOCH)
        }
        Step::Mode(place, executable) => {
            let mode = if *executable { 0o755 } else { 0o644 };
            if root.join(place).is_file() {
                fs::set_permissions(root.join(place), fs::Permissions::from_mode(mode))?;
            }
            Ok(())
        }
        Step::Remove(place) => {
            fs::remove_file(root.join(place)).or_else(|_| fs::remove_dir_all(root.join(place)))
        }
        Step::Rename(from, to) => {
            make_room(to)?;
            fs::rename(root.join(from), root.join(to))
        }
        Step::Link(to, at) => {
            make_room(at)?;
            symlink(root.join(to), root.join(at))
        }
        Step::Folder(place) => fs::create_dir_all(root.join(place)),
        Step::Ignore(folder, text) => {
            fs::create_dir_all(root.join(folder))?;
            fs::write(root.join(folder).join(".gitignore"), text)
        }
        Step::RemakeRoot => {
            fs::remove_dir_all(root)?;
            fs::create_dir_all(root)
        }
        Step::Yield => {
            std::thread::yield_now();
            Ok(())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        // A failing case waits for its time limit.
        max_shrink_iters: 8,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_told_is_what_is_there(
        before in prop::collection::vec(step(), 0..20),
        during in prop::collection::vec(step(), 1..80),
    ) {
        let mut bed = Bed::new();
        let root = bed.path("");
        for step in &before {
            let _ = perform(&root, step);
        }
        bed.watch();
        for step in &during {
            let _ = perform(&root, step);
        }
        bed.wait_for_truth();
        // The end may be what was told long before: then more is on its way.
        bed.sync();
        bed.silent();
    }
}

#[test]
fn several_writers_at_once_end_with_the_truth() {
    let mut bed = Bed::with(&[]);
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let root = bed.path("");
            std::thread::spawn(move || {
                for round in 0..400usize {
                    let folder = root.join(format!("w{writer}/{}", round % 7));
                    let _ = fs::create_dir_all(&folder);
                    let _ = fs::write(folder.join("a"), format!("{round}"));
                    let _ = fs::rename(folder.join("a"), folder.join("b"));
                    if round % 31 == 0 {
                        let _ = fs::remove_dir_all(root.join(format!("w{writer}")));
                    }
                    if round % 17 == 0 {
                        let other = root.join(format!("w{}/moved", (writer + 1) % 4));
                        let _ = fs::rename(&folder, other);
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    bed.wait_for_truth();
    bed.silent();
}
