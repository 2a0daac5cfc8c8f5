#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::{Entry, Journal as _, LEDGER_FILE, LONG, Ledger, Records, Stage};
use crate::plan::Memory;
use crate::resource::{Kind, ResourceId, Verb};

fn id(name: &str) -> ResourceId {
    ResourceId::of_service("s", name, Kind::new("agent"))
}

fn remembering(fact: &str) -> Memory {
    let mut memory = Memory::default();
    memory.facts.insert("port".to_owned(), fact.to_owned());
    memory
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(work)
}

/// Steps as text, one a line: `begin create a`. Returns what is remembered.
fn check(folder: &Path, steps: &str, expected: &str) -> Records {
    let ledger = Ledger::open(folder).unwrap();
    for step in steps.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let words: Vec<&str> = step.split(' ').collect();
        let stage = serde_json::from_str(&format!("\"{}\"", words[0])).unwrap();
        let verb = serde_json::from_str(&format!("\"{}\"", words[1])).unwrap();
        let mut entry = Entry::new(stage, verb, id(words[2]));
        if stage == Stage::Begin {
            entry = entry.remembering(remembering(words[2]));
        }
        run(ledger.write(entry)).unwrap();
    }
    let names = |records: &Records| {
        let names: Vec<String> = records.keys().map(ToString::to_string).collect();
        names.join(", ")
    };
    assert_eq!(names(&ledger.records()), expected);
    // A line is on the disk once it counts as written, not later.
    assert_eq!(names(&Ledger::peek(folder).unwrap()), expected, "at once");
    drop(ledger);
    assert_eq!(names(&Ledger::peek(folder).unwrap()), expected, "on disk");
    Ledger::peek(folder).unwrap()
}

#[test]
fn what_was_being_made_by_a_hob_that_was_killed_may_still_come_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let line = |stage: &str, name: &str, at: u64| {
        format!(
            "{{\"stage\":\"{stage}\",\"verb\":\"create\",\"resource\":{{\"stack\":\"s\",\"kind\":\"network\",\"name\":\"{name}\"}},\"at\":{at}}}\n"
        )
    };
    let now = super::now();
    let lines = [
        line("begin", "done", now),
        line("done", "done", now),
        line("begin", "old", now - 100),
        line("begin", "young", now),
        line("begin", "failed", now),
        line("failed", "failed", now),
    ];
    fs::write(folder.path().join(LEDGER_FILE), lines.concat()).unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let names = |limit| -> Vec<String> {
        let coming = ledger.in_flight(std::time::Duration::from_secs(limit));
        coming.into_iter().map(|id| id.name).collect()
    };
    assert_eq!(names(20), ["young"]);
    assert_eq!(names(200), ["old", "young"]);
}

#[test]
fn what_was_begun_is_remembered_until_its_removal_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    check(folder, "begin create a", "agent s/a");
    check(
        folder,
        "done create a\n begin create b",
        "agent s/a, agent s/b",
    );
    check(folder, "failed create b", "agent s/a, agent s/b");
    check(folder, "begin remove a", "agent s/a, agent s/b");
    check(folder, "failed remove a", "agent s/a, agent s/b");
    check(folder, "begin remove a\n done remove a", "agent s/b");
    let records = check(folder, "done remove b\n begin create c", "agent s/c");
    assert_eq!(records[&id("c")], remembering("c"));
}

#[test]
fn a_removal_that_was_begun_forgets_no_facts() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let create = Entry::new(Stage::Begin, Verb::Create, id("a")).remembering(remembering("80"));
    run(ledger.write(create)).unwrap();
    let remove = Entry::new(Stage::Begin, Verb::Remove, id("a")).remembering(Memory::default());
    run(ledger.write(remove)).unwrap();
    assert_eq!(ledger.records()[&id("a")], remembering("80"));
}

#[test]
fn a_file_cut_at_any_byte_is_read_up_to_its_last_whole_line_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(LEDGER_FILE);
    check(
        folder.path(),
        "begin create a\n done create a\n begin create b\n begin remove a\n done remove a",
        "agent s/b",
    );
    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        let expected = match lines {
            0 => "",
            1 | 2 => "agent s/a",
            3 | 4 => "agent s/a, agent s/b",
            _ => "agent s/b",
        };
        fs::write(&path, &whole[..cut]).unwrap();
        check(folder.path(), "", expected);
        let more = match expected {
            "" => "agent s/z".to_owned(),
            expected => format!("{expected}, agent s/z"),
        };
        fs::write(&path, &whole[..cut]).unwrap();
        check(folder.path(), "begin create z", &more);
    }
}

#[test]
fn a_line_of_garbage_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    check(folder.path(), "begin create a", "agent s/a");
    let path = folder.path().join(LEDGER_FILE);
    let mut text = fs::read(&path).unwrap();
    text.extend(b"\0\0\0 no entry\n");
    fs::write(&path, text).unwrap();
    check(folder.path(), "begin create b", "agent s/a, agent s/b");
}

#[test]
fn a_long_file_is_shortened_and_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(LEDGER_FILE);
    check(folder.path(), "begin create kept", "agent s/kept");
    let mut text = fs::read(&path).unwrap();
    let line = |stage, verb| hob_wire::encode(&Entry::new(stage, verb, id("gone")));
    for _ in 0..LONG {
        text.extend(line(Stage::Begin, Verb::Create));
        text.extend(line(Stage::Done, Verb::Remove));
    }
    fs::write(&path, text).unwrap();
    let records = check(
        folder.path(),
        "begin create new",
        "agent s/kept, agent s/new",
    );
    assert_eq!(records[&id("kept")], remembering("kept"));
    let lines = fs::read_to_string(&path).unwrap().lines().count();
    assert_eq!(lines, 2);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no other file stays"
    );
}

#[test]
fn entries_written_at_once_are_all_there() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Ledger::open(folder.path()).unwrap());
    run(async {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..200 {
            let ledger = Arc::clone(&ledger);
            tasks.spawn(async move {
                let entry = Entry::new(Stage::Begin, Verb::Create, id(&format!("x{number}")));
                ledger.write(entry).await.unwrap();
            });
        }
        tasks.join_all().await;
    });
    drop(ledger);
    assert_eq!(Ledger::peek(folder.path()).unwrap().len(), 200);
}

#[test]
fn a_ledger_that_cannot_be_written_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(LEDGER_FILE)).unwrap();
    let error = Ledger::open(folder.path()).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the ledger"), "{error}");
}
