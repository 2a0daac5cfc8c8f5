//! Whatever stood there is there again, to the byte, after an undo; also when
//! either was killed after any step, or within one.

#![expect(clippy::disallowed_methods, reason = "tests make files")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use hob_changes::{Bytes, Changed, Changes, Edit, Entry, File, Made, Place, Step};
use proptest::prelude::*;

/// What is on a disk: folders, and files and links with all that matters.
type Disk = BTreeMap<PathBuf, String>;

fn disk(root: &Path) -> Disk {
    let mut disk = Disk::new();
    let mut next = vec![root.to_owned()];
    while let Some(folder) = next.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            let metadata = fs::symlink_metadata(&path).expect("metadata");
            let mode = metadata.permissions().mode() & 0o7777;
            let what = if metadata.is_symlink() {
                format!("-> {}", fs::read_link(&path).expect("a link").display())
            } else if metadata.is_dir() {
                next.push(path.clone());
                format!("folder {mode:o}")
            } else {
                format!("{mode:o} {:?}", fs::read(&path).expect("a file"))
            };
            disk.insert(path, what);
        }
    }
    disk
}

/// An entry of any kind that hob could meet.
fn entry() -> impl Strategy<Value = Entry> {
    let file = (proptest::collection::vec(any::<u8>(), 0..40), 0u32..0o1000);
    prop_oneof![
        Just(Entry::Absent),
        // Whoever cannot read it cannot compare it.
        file.prop_map(|(bytes, mode)| Entry::File(File {
            bytes: Bytes(bytes),
            mode: mode | 0o600,
            owner: None
        })),
        "[a-z./]{1,12}".prop_map(|target| Entry::Link(target.into())),
    ]
}

/// Some paths in few folders, some of which are there.
fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let path = prop_oneof![
        Just("/etc/a"),
        Just("/etc/b"),
        Just("/etc/one/c"),
        Just("/etc/one/two/d"),
        Just("/etc/three/e"),
    ];
    let edit = (path, entry(), entry()).prop_map(|(path, before, after)| Edit {
        path: path.into(),
        before,
        after,
    });
    proptest::collection::vec(edit, 1..6).prop_map(|mut edits| {
        edits.sort_by(|a, b| a.path.cmp(&b.path));
        edits.dedup_by(|a, b| a.path == b.path);
        edits
    })
}

fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").expect("an absolute path"))
}

fn plant(root: &Path, edits: &[Edit]) {
    fs::create_dir_all(root.join("etc")).expect("a folder");
    for edit in edits {
        let path = below(root, &edit.path);
        let folder = path.parent().expect("a folder");
        match &edit.before {
            Entry::File(file) => {
                fs::create_dir_all(folder).expect("a folder");
                fs::write(&path, &file.bytes.0).expect("a file");
                let mode = fs::Permissions::from_mode(file.mode);
                fs::set_permissions(&path, mode).expect("a mode");
            }
            Entry::Link(target) => {
                fs::create_dir_all(folder).expect("a folder");
                symlink(target, &path).expect("a link");
            }
            Entry::Absent | Entry::Other(_) => {}
        }
    }
}

fn changes(root: &Path, edits: Vec<Edit>) -> Changes {
    let above = edits.iter().flat_map(|it| it.path.ancestors().skip(1));
    let missing = above.filter(|it| !below(root, it).is_dir());
    let folders: std::collections::BTreeSet<PathBuf> = missing.map(Path::to_owned).collect();
    Changes {
        edits,
        folders: folders.into_iter().collect(),
        ..Changes::default()
    }
}

/// What is done, with a note as whoever asks for it would write one.
fn steps(changes: &Changes) -> Vec<Step> {
    changes.steps(written(&Made::by(changes, None)))
}

fn written(made: &Made) -> String {
    serde_json::to_string(&(&made.edits, &made.folders)).expect("text")
}

fn parse(text: &str) -> Result<Made, serde_json::Error> {
    let (edits, folders) = serde_json::from_str(text)?;
    Ok(Made {
        edits,
        folders,
        ..Made::default()
    })
}

/// What takes it back, up to some step.
fn undo(place: &Place, steps: usize) -> Result<(), Changed> {
    let Some(made) = place.noted(parse).expect("a note") else {
        return Ok(());
    };
    let there = |path: &Path| hob_changes::entry(&below(&place.root, path));
    for step in made.undo(there)?.steps().iter().take(steps) {
        place.perform(step).expect("a step");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_byte_is_back_after_a_kill_anywhere(edits in edits(), killed: usize, again: usize) {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("root");
        fs::create_dir(&root).expect("a folder");
        let place = Place { root: root.clone(), note: folder.path().join("home/note.json") };
        plant(&root, &edits);
        let before = disk(&root);
        let steps = steps(&changes(&root, edits));
        let killed = killed % (steps.len() + 1);
        for step in &steps[..killed] {
            place.perform(step).expect("a step");
        }
        // A kill within the next one leaves what it was making.
        if let Some(Step::Put(path, _)) = steps.get(killed) {
            let path = below(&root, path);
            let name = format!(".hob-{}", path.file_name().expect("a name").to_string_lossy());
            fs::write(path.with_file_name(name), "half").expect("a file");
        }
        undo(&place, again % 8).expect("nobody changed anything");
        undo(&place, usize::MAX).expect("nobody changed anything");
        prop_assert_eq!(disk(&root), before);
        prop_assert!(!place.note.exists());
    }

    #[test]
    fn each_step_is_safe_to_repeat_and_a_note_says_all(edits in edits()) {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("root");
        fs::create_dir(&root).expect("a folder");
        let place = Place { root: root.clone(), note: folder.path().join("note.json") };
        plant(&root, &edits);
        let changes = changes(&root, edits);
        for step in steps(&changes) {
            place.perform(&step).expect("a step");
            let once = disk(&root);
            place.perform(&step).expect("a step");
            prop_assert_eq!(disk(&root), once);
        }
        let made = Made::by(&changes, None);
        prop_assert_eq!(parse(&written(&made)).expect("a note"), made);
    }
}

/// A machine without a file, and the folder that it is in.
fn empty_place() -> (tempfile::TempDir, Place) {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("root");
    fs::create_dir(&root).expect("a folder");
    let place = Place {
        root,
        note: folder.path().join("note.json"),
    };
    (folder, place)
}

#[test]
fn what_somebody_changed_since_is_named_and_nothing_is_put_back() {
    let (_folder, place) = empty_place();
    let root = place.root.clone();
    let edit = |path: &str| Edit {
        path: path.into(),
        before: Entry::Absent,
        after: Entry::text("hob's\n"),
    };
    let edits = vec![edit("/etc/a"), edit("/etc/one/c")];
    plant(&root, &edits);
    for step in steps(&changes(&root, edits)) {
        place.perform(&step).expect("a step");
    }
    fs::write(root.join("etc/a"), "hob's\nand mine\n").expect("a file");
    let changed = undo(&place, usize::MAX).expect_err("somebody changed it");
    assert_eq!(changed.to_string(), "changed by somebody since: /etc/a");
    assert_eq!(changed.shown(), "/etc/a\n+ and mine\n");
    assert!(place.note.exists() && root.join("etc/one/c").exists());
    // As it was before hob is as good as hob left it.
    fs::remove_file(root.join("etc/a")).expect("a file");
    undo(&place, usize::MAX).expect("it can be put back");
    assert!(!root.join("etc/one").exists() && !place.note.exists());
}

#[test]
fn a_folder_with_something_of_somebody_elses_stays() {
    let (_folder, place) = empty_place();
    let root = place.root.clone();
    let edits = vec![Edit {
        path: "/etc/one/c".into(),
        before: Entry::Absent,
        after: Entry::text("hob's\n"),
    }];
    plant(&root, &edits);
    for step in steps(&changes(&root, edits)) {
        place.perform(&step).expect("a step");
    }
    fs::write(root.join("etc/one/mine"), "mine\n").expect("a file");
    undo(&place, usize::MAX).expect("nobody changed hob's");
    assert_eq!(
        fs::read_to_string(root.join("etc/one/mine")).expect("a file"),
        "mine\n"
    );
    assert!(!root.join("etc/one/c").exists());
}
