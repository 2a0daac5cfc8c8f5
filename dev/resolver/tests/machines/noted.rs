//! What hob has noted: that it stays readable, and is looked at before anything
//! is put back.

use std::fs;

use hob_changes::Place;
use hob_resolver::{Asked, Facts, Record, System, install, uninstall};

use super::domains;

/// As the first one wrote it: a delegate, and something of each kind before it.
const FIRST: &str = r#"{
  "version": 1,
  "charge": "resolved",
  "domains": [
    "lan",
    "test"
  ],
  "server": "127.0.0.1:5354",
  "edits": [
    {
      "path": "/etc/systemd/dns-delegate.d/hob.dns-delegate",
      "before": "absent",
      "after": {
        "file": {
          "bytes": {
            "text": "[Delegate]\n"
          },
          "mode": 420
        }
      }
    },
    {
      "path": "/etc/bytes",
      "before": {
        "file": {
          "bytes": {
            "base64": "/wA="
          },
          "mode": 384,
          "owner": [
            0,
            42
          ]
        }
      },
      "after": {
        "link": "/etc/elsewhere"
      }
    },
    {
      "path": "/etc/folder",
      "before": {
        "other": "a folder"
      },
      "after": "absent"
    }
  ],
  "folders": [
    "/etc/systemd",
    "/etc/systemd/dns-delegate.d"
  ],
  "undo_first": [
    {
      "what": "remove the link",
      "argv": [
        "ip",
        "link",
        "delete",
        "hob0"
      ],
      "may_fail": true
    }
  ],
  "undo_after": [
    {
      "what": "have systemd read it",
      "argv": [
        "systemctl",
        "daemon-reload"
      ],
      "may_fail": false
    }
  ]
}
"#;

#[test]
fn what_an_earlier_hob_noted_is_read_and_written_again_the_same() {
    let record = Record::parse(FIRST).expect("a record");
    assert_eq!(record.text(), FIRST);
}

#[test]
fn a_note_of_another_version_or_with_more_in_it_is_not_guessed_at() {
    let newer = FIRST.replacen("\"version\": 1", "\"version\": 2", 1);
    let error = Record::parse(&newer).expect_err("another version");
    assert_eq!(error.to_string(), "version 2, and this hob reads 1");
    let more = FIRST.replacen("\"edits\"", "\"more\": [],\n  \"edits\"", 1);
    let error = Record::parse(&more)
        .expect_err("an unknown key")
        .to_string();
    assert!(error.starts_with("unknown field `more`"), "{error}");
}

/// Whatever domains are wanted by then.
#[test]
fn what_somebody_changed_of_what_is_noted_stays_and_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    fs::create_dir(root.join("etc")).expect("a folder");
    let note = root.join("resolver.json");
    let place = Place {
        root: root.to_owned(),
        note,
    };
    let mut asked = Asked {
        system: System::Mac,
        domains: domains(&["test"]),
        ..Asked::default()
    };
    let server = "127.0.0.1:5354".parse().expect("an address");
    let facts = Facts::read(root, asked.clone());
    let plan = install(&facts, &asked.domains, server).expect("a plan");
    for step in plan.steps(None) {
        place.perform(&step).expect("a step");
    }
    let file = root.join("etc/resolver/test");
    let written = fs::read_to_string(&file).expect("a file");

    let record = place.noted(Record::parse).expect("a record");
    let record = record.expect("a record");
    asked.domains.clear();
    asked.record = Some(record.clone());
    let undo = || uninstall(&record, &Facts::read(root, asked.clone()));
    fs::write(&file, written.clone() + "search mine\n").expect("a file");
    let changed = undo().expect_err("somebody changed it");
    assert_eq!(changed.shown(), "/etc/resolver/test\n+ search mine\n");
    fs::write(&file, written).expect("a file");
    for step in undo().expect("it can be put back").steps() {
        place.perform(&step).expect("a step");
    }
    assert!(!root.join("etc/resolver").exists() && !place.note.exists());
}
