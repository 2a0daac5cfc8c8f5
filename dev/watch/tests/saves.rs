//! What editors do when they save.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use common::{Bed, name};
use hob_watch::Kind::{Created, Modified, Removed};
use hob_watch::Options;

#[test]
fn a_write_in_place_is_one_modification() {
    let mut bed = Bed::with(&[("main.go", "old")]);
    bed.write("main.go", "new");
    bed.expect(&[("main.go", Modified)]);
    bed.silent();
    assert_eq!(bed.batches(), 1);
}

#[test]
fn a_truncated_file_is_not_told_before_its_content() {
    let mut bed = Bed::with(&[("main.go", "old")]);
    let mut file = File::create(bed.path("main.go")).unwrap();
    file.write_all(b"new, half").unwrap();
    // Another file is told meanwhile, this one is not.
    bed.write("other.go", "new");
    bed.expect(&[("other.go", Created)]);
    file.write_all(b" and whole").unwrap();
    drop(file);
    bed.expect(&[("main.go", Modified)]);
    bed.silent();
    assert_eq!(bed.batches(), 2);
}

#[test]
fn vim_saves_by_renaming_the_old_file_away() {
    let mut bed = Bed::with(&[("main.go", "old")]);
    for round in 0..50 {
        fs::write(bed.path("4913"), "").unwrap();
        fs::remove_file(bed.path("4913")).unwrap();
        fs::write(bed.path(".main.go.swp"), "swap").unwrap();
        fs::rename(bed.path("main.go"), bed.path("main.go~")).unwrap();
        fs::write(bed.path("main.go"), format!("new {round}")).unwrap();
        fs::remove_file(bed.path("main.go~")).unwrap();
        fs::remove_file(bed.path(".main.go.swp")).unwrap();
        let batch = bed.batch();
        assert_eq!(batch.changed.len(), 1, "{batch:#?}");
        assert_eq!(batch.changed[0].kind, Modified);
        assert_eq!(batch.changed[0].path.to_str(), Some("main.go"));
        bed.wait_for_truth();
    }
    bed.silent();
    assert_eq!(bed.batches(), 50);
}

#[test]
fn real_vim_saves_make_one_batch() {
    let mut bed = Bed::with(&[("main.go", "old\n")]);
    for backup in ["no", "yes"] {
        let status = std::process::Command::new("vim")
            .args(["-u", "NONE", "-N", "-es", "-c"])
            .arg(format!("set backup writebackup backupcopy={backup}"))
            .args(["-c", "normal ox", "-c", "wq", "main.go"])
            .current_dir(bed.path(""))
            .status();
        assert!(status.expect("vim is installed").success());
        bed.expect(&[("main.go", Modified)]);
    }
    bed.silent();
    assert_eq!(bed.batches(), 2);
}

#[test]
fn jetbrains_saves_through_two_renames() {
    let mut bed = Bed::with(&[("main.go", "old")]);
    for round in 0..50 {
        fs::write(bed.path("main.go___jb_tmp___"), format!("new {round}")).unwrap();
        fs::rename(bed.path("main.go"), bed.path("main.go___jb_old___")).unwrap();
        fs::rename(bed.path("main.go___jb_tmp___"), bed.path("main.go")).unwrap();
        fs::remove_file(bed.path("main.go___jb_old___")).unwrap();
        bed.expect(&[("main.go", Modified)]);
    }
    bed.silent();
    assert_eq!(bed.batches(), 50);
}

#[test]
fn a_temporary_file_of_any_name_is_not_told_when_it_is_renamed_soon() {
    let mut bed = Bed::with(&[("main.go", "old")]);
    fs::write(bed.path("sedXa71bC"), "new").unwrap();
    fs::rename(bed.path("sedXa71bC"), bed.path("main.go")).unwrap();
    bed.wait_for_truth();
    bed.silent();
    let last = bed.told.iter().rev().find_map(|event| match event {
        hob_watch::Event::Batch(batch) => Some(batch.changed.clone()),
        _ => None,
    });
    let last = last.unwrap();
    assert!(
        last.iter()
            .any(|changed| changed.path.to_str() == Some("main.go") && changed.kind == Modified),
        "{last:?}"
    );
}

#[test]
fn an_identical_rewrite_is_silent_however_it_is_done() {
    let mut bed = Bed::with(&[("main.go", "same"), ("run.sh", "x")]);
    bed.write("main.go", "same");
    bed.silent();
    fs::write(bed.path("tmp~"), "same").unwrap();
    fs::rename(bed.path("tmp~"), bed.path("main.go")).unwrap();
    bed.silent();
    fs::remove_file(bed.path("main.go")).unwrap();
    bed.write("main.go", "same");
    bed.wait_for_truth();
}

#[test]
fn touches_are_silent() {
    let mut bed = Bed::with(&[("main.go", "same")]);
    let file = OpenOptions::new()
        .append(true)
        .open(bed.path("main.go"))
        .unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(9))
        .unwrap();
    drop(file);
    bed.silent();
    assert_eq!(bed.batches(), 0);
}

#[test]
fn of_the_mode_only_the_executable_bit_counts() {
    let mut bed = Bed::with(&[("run.sh", "x")]);
    let chmod =
        |mode| fs::set_permissions(bed.path("run.sh"), fs::Permissions::from_mode(mode)).unwrap();
    chmod(0o600);
    chmod(0o644);
    bed.silent();
    let chmod =
        |bed: &Bed, mode| fs::set_permissions(bed.path("run.sh"), fs::Permissions::from_mode(mode));
    chmod(&bed, 0o755).unwrap();
    bed.expect(&[("run.sh", Modified)]);
    chmod(&bed, 0o700).unwrap();
    bed.silent();
    assert_eq!(bed.batches(), 1);
}

#[test]
fn a_file_deleted_and_restored_at_once_is_silent_and_later_is_two_changes() {
    let mut bed = Bed::new();
    bed.write("main.go", "same");
    // Quiet is long, so that a busy machine does not make it two changes.
    bed.watch_with(Options {
        quiet: Duration::from_secs(2),
        ..Options::default()
    });
    fs::remove_file(bed.path("main.go")).unwrap();
    bed.write("main.go", "same");
    bed.silent();
    assert_eq!(bed.batches(), 0);
    fs::remove_file(bed.path("main.go")).unwrap();
    bed.expect(&[("main.go", Removed)]);
    bed.truth();
    bed.write("main.go", "same");
    bed.expect(&[("main.go", Created)]);
    bed.silent();
}

#[test]
fn two_hundred_saves_in_a_second_end_with_the_last_content() {
    let mut bed = Bed::with(&[("main.go", "old"), ("other.go", "old")]);
    let began = std::time::Instant::now();
    for round in 0..200 {
        let due = Duration::from_millis(5 * round);
        // The pace of the saves is what is tested, nothing waits for it.
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        bed.write("main.go", &format!("new {round}"));
    }
    bed.wait_for_truth();
    bed.silent();
    assert!(bed.batches() <= 60, "{} batches", bed.batches());
}

#[test]
fn a_writer_that_never_closes_is_noticed() {
    let mut bed = Bed::with(&[("app.txt", "")]);
    let mut file = OpenOptions::new()
        .append(true)
        .open(bed.path("app.txt"))
        .unwrap();
    file.write_all(b"line\n").unwrap();
    bed.expect(&[("app.txt", Modified)]);
    bed.truth();
    file.write_all(b"line\n").unwrap();
    bed.expect(&[("app.txt", Modified)]);
    drop(file);
    bed.silent();
}

#[test]
fn a_save_of_many_files_is_told_in_few_batches() {
    let mut bed = Bed::with(&[]);
    for nth in 0..500 {
        bed.write(&format!("{nth}.go"), "new");
    }
    bed.wait_for_truth();
    bed.silent();
    assert!(bed.batches() <= 20, "{} batches", bed.batches());
}

#[test]
fn a_save_during_a_storm_is_not_lost() {
    let mut bed = Bed::with(&[("main.go", "old")]);
    for nth in 0..1000 {
        bed.write(&format!("{nth}.go"), "new");
        if nth % 100 == 50 {
            bed.write("main.go", &format!("new {nth}"));
        }
    }
    bed.wait_for_truth();
    bed.silent();
}

#[test]
fn large_files_are_compared_by_content_too() {
    let mut bed = Bed::with(&[]);
    let large = "x".repeat(9 << 20);
    bed.write("data", &large);
    bed.expect(&[("data", Created)]);
    bed.write("data", &large);
    bed.silent();
    bed.write("data", &large.replace('x', "y"));
    bed.expect(&[("data", Modified)]);
    bed.silent();
    assert_eq!(bed.batches(), 2);
}

#[test]
fn names_may_hold_any_byte() {
    let mut bed = Bed::with(&[]);
    let names: [&[u8]; 4] = [b"a b", b"a\nb", b"\xff\xfe.go", b"\\*[?"];
    for bytes in names {
        let path = bed.path("").join(name(bytes));
        fs::write(&path, "1").unwrap();
        let batch = bed.batch();
        assert_eq!(batch.changed[0].path, name(bytes));
        fs::write(&path, "2").unwrap();
        assert_eq!(bed.batch().changed[0].kind, Modified);
    }
    bed.silent();
}

#[test]
fn pipes_and_sockets_do_not_count_and_block_nothing() {
    let mut bed = Bed::with(&[]);
    let status = std::process::Command::new("mkfifo")
        .arg(bed.path("pipe"))
        .status();
    assert!(status.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(bed.path("socket")).unwrap();
    bed.silent();
    bed.write("main.go", "new");
    bed.expect(&[("main.go", Created)]);
}

#[test]
fn the_first_event_is_before_the_batch_and_after_the_save() {
    let mut bed = Bed::with(&[("main.go", "old")]);
    let before = std::time::Instant::now();
    bed.write("main.go", "new");
    let batch = bed.batch();
    assert!(batch.first_event >= before);
    assert!(batch.first_event <= std::time::Instant::now());
    assert_eq!(batch.root, 7);
    assert_eq!(batch.digest, Some(bed.digest()));
}
