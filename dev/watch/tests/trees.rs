//! Folders that come, go and move, links, ignore files, and extras.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use common::Bed;
use hob_watch::Kind::{Created, Modified, Removed};
use hob_watch::{Changed, Event, Note, Options};

#[test]
fn a_nested_folder_written_at_once_is_found_every_time() {
    let mut bed = Bed::with(&[]);
    for round in 0..200 {
        bed.write(&format!("n{round}/a/b/c/file.go"), "new");
        bed.write(&format!("n{round}/top.go"), "new");
        bed.wait_for_truth();
    }
    bed.silent();
}

#[test]
fn files_in_a_new_folder_are_watched_from_then_on() {
    let mut bed = Bed::with(&[]);
    bed.write("a/b/c/file.go", "1");
    bed.expect(&[("a/b/c/file.go", Created)]);
    bed.write("a/b/c/file.go", "2");
    bed.expect(&[("a/b/c/file.go", Modified)]);
    bed.silent();
    assert_eq!(bed.batches(), 2);
}

#[test]
fn a_folder_moved_in_around_and_out() {
    let mut bed = Bed::with(&[("keep.go", "")]);
    fs::create_dir_all(bed.outside("lib/deep/er")).unwrap();
    fs::write(bed.outside("lib/one.go"), "1").unwrap();
    fs::write(bed.outside("lib/deep/er/two.go"), "2").unwrap();
    fs::rename(bed.outside("lib"), bed.path("lib")).unwrap();
    bed.expect(&[("lib/one.go", Created), ("lib/deep/er/two.go", Created)]);
    fs::rename(bed.path("lib"), bed.path("lab")).unwrap();
    bed.expect(&[
        ("lib/one.go", Removed),
        ("lib/deep/er/two.go", Removed),
        ("lab/one.go", Created),
        ("lab/deep/er/two.go", Created),
    ]);
    bed.write("lab/deep/er/two.go", "3");
    bed.expect(&[("lab/deep/er/two.go", Modified)]);
    fs::rename(bed.path("lab/deep"), bed.path("deep")).unwrap();
    bed.expect(&[("lab/deep/er/two.go", Removed), ("deep/er/two.go", Created)]);
    bed.write("deep/er/two.go", "4");
    bed.expect(&[("deep/er/two.go", Modified)]);
    fs::rename(bed.path("deep"), bed.outside("gone")).unwrap();
    bed.expect(&[("deep/er/two.go", Removed)]);
    // What happens there now concerns nobody.
    fs::write(bed.outside("gone/er/two.go"), "5").unwrap();
    bed.silent();
}

#[test]
fn a_folder_replaced_by_another_of_the_same_name() {
    let mut bed = Bed::with(&[("lib/old.go", "1"), ("lib/sub/same.go", "1")]);
    for round in 0..30 {
        fs::rename(bed.path("lib"), bed.outside(&format!("away{round}"))).unwrap();
        bed.write("lib/sub/same.go", &format!("{round}"));
        bed.wait_for_truth();
        fs::remove_dir_all(bed.path("lib")).unwrap();
        bed.write("lib/new.go", &format!("{round}"));
        bed.wait_for_truth();
        bed.write("lib/new.go", &format!("{round} more"));
        bed.wait_for_truth();
    }
    bed.silent();
}

#[test]
fn a_file_becomes_a_folder_and_a_folder_a_file() {
    let mut bed = Bed::with(&[("a", "file"), ("b/c", "file")]);
    fs::remove_file(bed.path("a")).unwrap();
    bed.write("a/x", "new");
    bed.wait_for_truth();
    fs::remove_dir_all(bed.path("b")).unwrap();
    bed.write("b", "new");
    bed.wait_for_truth();
    bed.write("a/x", "newer");
    bed.wait_for_truth();
    bed.silent();
}

#[test]
fn a_folder_replaced_by_one_in_which_files_and_folders_changed_places() {
    let mut bed = Bed::with(&[("e/a", "file"), ("e/b/c", "file")]);
    for round in 0..20 {
        fs::rename(bed.path("e"), bed.outside(&format!("away{round}"))).unwrap();
        let (file, folder) = if round % 2 == 0 {
            ("b", "a")
        } else {
            ("a", "b")
        };
        fs::create_dir_all(bed.path("e").join(folder)).unwrap();
        bed.write(&format!("e/{file}"), &format!("{round}"));
        bed.wait_for_truth();
    }
    bed.silent();
}

#[test]
fn a_renamed_file_is_one_batch() {
    let mut bed = Bed::with(&[("a.go", "1")]);
    fs::rename(bed.path("a.go"), bed.path("b.go")).unwrap();
    let batch = bed.batch();
    assert_eq!(batch.changed.len(), 2, "{batch:#?}");
    bed.silent();
}

#[test]
fn a_link_to_a_file_inside_changes_with_its_text_and_its_file() {
    let mut bed = Bed::with(&[("one", "1"), ("two", "2")]);
    symlink("one", bed.path("link")).unwrap();
    bed.expect(&[("link", Created)]);
    bed.write("one", "1 more");
    bed.expect(&[("one", Modified), ("link", Modified)]);
    fs::remove_file(bed.path("link")).unwrap();
    symlink("two", bed.path("link")).unwrap();
    bed.wait_for_truth();
    bed.silent();
}

#[test]
fn a_link_to_a_file_outside_changes_with_that_file() {
    let mut bed = Bed::new();
    fs::create_dir(bed.outside("etc")).unwrap();
    fs::write(bed.outside("etc/conf"), "1").unwrap();
    symlink("../etc/conf", bed.path("link")).unwrap();
    bed.watch();
    fs::write(bed.outside("etc/conf"), "2").unwrap();
    bed.expect(&[("link", Modified)]);
    // Saved by rename, as an editor does it.
    fs::write(bed.outside("etc/conf.new"), "3").unwrap();
    fs::rename(bed.outside("etc/conf.new"), bed.outside("etc/conf")).unwrap();
    bed.expect(&[("link", Modified)]);
    fs::write(bed.outside("etc/other"), "x").unwrap();
    bed.silent();
    fs::remove_file(bed.outside("etc/conf")).unwrap();
    bed.expect(&[("link", Modified)]);
    fs::write(bed.outside("etc/conf"), "4").unwrap();
    bed.expect(&[("link", Modified)]);
    bed.silent();
}

#[test]
fn broken_links_cycles_and_links_to_folders_count_by_their_text() {
    let mut bed = Bed::with(&[("dir/file", "1")]);
    fs::create_dir(bed.outside("far")).unwrap();
    symlink("nowhere", bed.path("broken")).unwrap();
    symlink("self", bed.path("self")).unwrap();
    symlink("..", bed.path("dir/up")).unwrap();
    symlink("../far", bed.path("far")).unwrap();
    bed.expect(&[
        ("broken", Created),
        ("self", Created),
        ("dir/up", Created),
        ("far", Created),
    ]);
    fs::write(bed.outside("far/file"), "not followed").unwrap();
    bed.silent();
    bed.write("nowhere", "no longer");
    bed.expect(&[("nowhere", Created), ("broken", Modified)]);
    bed.silent();
}

#[test]
fn a_root_deleted_and_made_again_is_found() {
    let mut bed = Bed::with(&[("a.go", "1"), ("sub/b.go", "1"), ("sub/deep/c.go", "1")]);
    for round in 0..5 {
        fs::remove_dir_all(bed.path("")).unwrap();
        // The note and the removals come in either order.
        let mut removed = 0;
        let mut missing = false;
        while removed < 3 || !missing {
            removed += bed.wait("removals", |event| match event {
                Event::Batch(batch) => Some(batch.changed.len()),
                Event::Note { note, .. } => {
                    missing |= *note == Note::RootMissing;
                    Some(0)
                }
                _ => None,
            });
        }
        assert_eq!(removed, 3, "told: {:#?}", bed.told);
        bed.write("a.go", &format!("2 {round}"));
        assert_eq!(bed.note(), Note::RootBack);
        bed.wait_for_truth();
        bed.write("sub/b.go", "2");
        bed.write("sub/deep/c.go", "2");
        bed.wait_for_truth();
    }
    bed.silent();
}

#[test]
fn a_root_remade_in_an_instant_is_watched_again() {
    let mut bed = Bed::with(&[("a.go", "1"), ("sub/b.go", "1")]);
    for round in 0..20 {
        fs::remove_dir_all(bed.path("")).unwrap();
        bed.write("a.go", &format!("{round}"));
        bed.wait_for_truth();
        bed.write("a.go", &format!("{round} more"));
        bed.wait_for_truth();
    }
    bed.silent();
}

#[test]
fn a_root_whose_parents_come_and_go_is_found() {
    let mut bed = Bed::new();
    fs::remove_dir_all(bed.outside("")).unwrap();
    bed.start(Options::default());
    assert_eq!(bed.note(), Note::RootMissing);
    bed.write("sub/a.go", "1");
    assert_eq!(bed.note(), Note::RootBack);
    bed.wait_for_truth();
    let (old, new) = (bed.outside(""), bed.outside("").with_file_name("moved"));
    fs::rename(&old, &new).unwrap();
    assert_eq!(bed.note(), Note::RootMissing);
    fs::rename(&new, &old).unwrap();
    assert_eq!(bed.note(), Note::RootBack);
    bed.wait_for_truth();
    bed.write("sub/a.go", "2");
    bed.wait_for_truth();
    bed.silent();
}

#[test]
fn a_root_behind_a_link_is_watched() {
    let mut bed = Bed::new();
    symlink("root", bed.outside("link")).unwrap();
    bed.write("sub/a.go", "1");
    let link = bed.outside("link");
    bed.root().path = link;
    bed.watch();
    bed.write("sub/a.go", "2");
    bed.expect(&[("sub/a.go", Modified)]);
    bed.silent();
}

#[test]
fn ignored_files_are_silent_and_ignored_folders_are_not_entered() {
    let mut bed = Bed::new();
    bed.root().ignore = vec!["**/*.md".to_owned(), "!kept.log".to_owned()];
    bed.write(".gitignore", "target/\n*.log\n");
    bed.write("target/debug/a.o", "1");
    bed.write("src/main.go", "1");
    bed.watch();
    bed.write("target/debug/a.o", "2");
    bed.write("target/new/b.o", "2");
    bed.write("src/x.log", "2");
    bed.write("docs/x.md", "2");
    bed.write(".git/HEAD", "2");
    bed.silent();
    assert_eq!(bed.batches(), 0);
    bed.write("kept.log", "2");
    bed.expect(&[("kept.log", Created)]);
}

#[test]
fn a_changed_ignore_file_counts_at_once() {
    let mut bed = Bed::with(&[("gen/a.go", "1"), ("gen/sub/b.go", "1"), ("x.log", "1")]);
    bed.write(".gitignore", "gen/\n*.log\n");
    bed.expect(&[
        (".gitignore", Created),
        ("gen/a.go", Removed),
        ("gen/sub/b.go", Removed),
        ("x.log", Removed),
    ]);
    bed.write("gen/a.go", "2");
    bed.silent();
    bed.write(".gitignore", "*.log\n");
    bed.expect(&[
        (".gitignore", Modified),
        ("gen/a.go", Created),
        ("gen/sub/b.go", Created),
    ]);
    bed.write("gen/sub/b.go", "2");
    bed.expect(&[("gen/sub/b.go", Modified)]);
    fs::remove_file(bed.path(".gitignore")).unwrap();
    bed.expect(&[(".gitignore", Removed), ("x.log", Created)]);
    bed.silent();
}

#[test]
fn an_ignore_file_above_the_root_counts_within_its_repository() {
    let mut bed = Bed::new();
    fs::create_dir(bed.outside(".git")).unwrap();
    bed.write("x.log", "1");
    bed.watch();
    fs::write(bed.outside(".gitignore"), "*.log\n").unwrap();
    bed.expect(&[("x.log", Removed)]);
    bed.silent();
}

#[test]
fn extras_count_whether_folders_or_files_and_once_they_exist() {
    let mut bed = Bed::new();
    fs::create_dir(bed.outside("lib")).unwrap();
    fs::write(bed.outside("lib/a.go"), "1").unwrap();
    fs::write(bed.outside("go.mod"), "1").unwrap();
    bed.write("out/gen.go", "1");
    bed.write(".gitignore", "out/\n");
    let extras = ["../lib", "../go.mod", "../later", "out"];
    bed.root().extra = extras.iter().map(PathBuf::from).collect();
    bed.watch();
    fs::write(bed.outside("lib/a.go"), "2").unwrap();
    let path = bed.outside("lib/a.go");
    bed.expect(&[(path.to_str().unwrap(), Modified)]);
    let path = bed.outside("go.mod");
    fs::write(bed.outside("go.mod.tmp"), "2").unwrap();
    fs::rename(bed.outside("go.mod.tmp"), &path).unwrap();
    bed.expect(&[(path.to_str().unwrap(), Modified)]);
    fs::write(&path, "3").unwrap();
    bed.expect(&[(path.to_str().unwrap(), Modified)]);
    fs::write(bed.outside("unrelated"), "1").unwrap();
    bed.silent();
    fs::create_dir_all(bed.outside("later/sub")).unwrap();
    let path = bed.outside("later/sub/b.go");
    fs::write(&path, "1").unwrap();
    bed.expect(&[(path.to_str().unwrap(), Created)]);
    fs::write(&path, "2").unwrap();
    bed.expect(&[(path.to_str().unwrap(), Modified)]);
    bed.write("out/gen.go", "2");
    bed.expect(&[("out/gen.go", Modified)]);
    bed.silent();
}

#[test]
fn the_same_file_in_two_trees_of_a_root_is_told_once() {
    let mut bed = Bed::new();
    bed.write("sub/a.go", "1");
    bed.root().extra = vec![PathBuf::from("sub")];
    bed.watch();
    bed.write("sub/a.go", "2");
    let batch = bed.batch();
    let expected = Changed {
        path: PathBuf::from("sub/a.go"),
        kind: Modified,
    };
    assert_eq!(batch.changed, [expected]);
    bed.silent();
}

#[test]
fn roots_can_be_exchanged_without_disturbing_the_others() {
    let mut bed = Bed::with(&[("a.go", "1")]);
    let first = bed.root().clone();
    let other = bed.outside("other");
    fs::create_dir(&other).unwrap();
    let second = hob_watch::Root {
        id: 8,
        path: other.clone(),
        ..first.clone()
    };
    let both = vec![first.clone(), second];
    bed.watcher().update_roots(both).unwrap();
    fs::write(other.join("b.go"), "1").unwrap();
    assert_eq!(bed.batch().root, 8);
    bed.write("a.go", "2");
    bed.expect(&[("a.go", Modified)]);
    bed.watcher().update_roots(vec![first]).unwrap();
    fs::write(other.join("b.go"), "2").unwrap();
    bed.write("a.go", "3");
    assert_eq!(bed.batch().root, 7);
    bed.silent();
}

#[test]
fn an_unreadable_file_harms_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let mut bed = Bed::with(&[("a.go", "1"), ("b/c.go", "1")]);
    let closed = fs::Permissions::from_mode(0o000);
    fs::set_permissions(bed.path("a.go"), closed.clone()).unwrap();
    fs::set_permissions(bed.path("b"), closed).unwrap();
    bed.write("d.go", "1");
    bed.wait_for_truth();
    fs::set_permissions(bed.path("b"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(bed.path("a.go"), fs::Permissions::from_mode(0o644)).unwrap();
    bed.wait_for_truth();
    bed.silent();
}
