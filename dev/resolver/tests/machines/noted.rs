//! What earlier versions of hob have noted.

use hob_resolver::Record;

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
