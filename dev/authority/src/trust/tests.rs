//! Machines of every kind: what is found there, and plans as they are shown.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests: they write files and fail loudly"
)]

use std::fs;
use std::path::Path;

use hob_changes::Entry;
use snapbox::{IntoData, assert_data_eq, str};

use super::*;

fn trusted() -> Trusted<'static> {
    Trusted {
        name: "hob local authority 0a1b2c3d",
        pem: "PEM\n",
        file: Path::new("/home/ann/ca.pem"),
    }
}

fn machine(system: System) -> Stores {
    Stores {
        system: Some(system),
        there: Some(Entry::Absent),
        has_folder: true,
        ..Stores::default()
    }
}

/// What is done, what takes it back, and what is said, line by line.
#[track_caller]
fn check(stores: &Stores, expected: impl IntoData) {
    let plan = Plan::of(stores, &trusted(), None);
    let undo = plan.noted.undo(|_| Entry::Absent).unwrap();
    let word = |step: &Step| match step {
        Step::Note(_) => "note".to_owned(),
        Step::MakeFolder(path) => format!("make {}", path.display()),
        Step::Put(path, Entry::Absent) => format!("remove {}", path.display()),
        Step::Put(path, _) => format!("put {}", path.display()),
        Step::Run(command) => command.argv.join(" "),
        Step::RemoveFolder(path) => format!("remove {}", path.display()),
        Step::Forget => "forget".to_owned(),
    };
    let done = plan.steps().iter().map(word).collect::<Vec<_>>().join("\n");
    let undone = undo.steps().iter().map(word).collect::<Vec<_>>().join("\n");
    let warnings = plan.changes.warnings.join("\n");
    assert_data_eq!(
        format!("{done}\n-- undo\n{undone}\n-- said\n{warnings}\n"),
        expected
    );
}

#[test]
fn the_systems_store_gets_a_file_and_reads_it() {
    for (system, expected) in [
        (
            System::Debian,
            str![[r#"
note
put /usr/local/share/ca-certificates/hob.crt
update-ca-certificates
-- undo
remove /usr/local/share/ca-certificates/hob.crt
update-ca-certificates --fresh
forget
-- said


"#]],
        ),
        (
            System::Fedora,
            str![[r#"
note
put /etc/pki/ca-trust/source/anchors/hob.crt
update-ca-trust extract
-- undo
remove /etc/pki/ca-trust/source/anchors/hob.crt
update-ca-trust extract
forget
-- said


"#]],
        ),
        (
            System::Arch,
            str![[r#"
note
put /etc/ca-certificates/trust-source/anchors/hob.crt
trust extract-compat
-- undo
remove /etc/ca-certificates/trust-source/anchors/hob.crt
trust extract-compat
forget
-- said


"#]],
        ),
        (
            System::Suse,
            str![[r#"
note
put /etc/pki/trust/anchors/hob.crt
update-ca-certificates
-- undo
remove /etc/pki/trust/anchors/hob.crt
update-ca-certificates
forget
-- said


"#]],
        ),
        (
            System::Mac,
            str![[r#"
note
security add-trusted-cert -d -r trustRoot -p ssl -k /Library/Keychains/System.keychain /home/ann/ca.pem
-- undo
security delete-certificate -c hob local authority 0a1b2c3d -t /Library/Keychains/System.keychain
forget
-- said


"#]],
        ),
    ] {
        check(&machine(system), expected);
    }
}

#[test]
fn a_browsers_database_is_changed_by_its_owner_and_other_lists_are_told() {
    let mut stores = machine(System::Debian);
    stores.has_folder = false;
    stores.hooks = true;
    stores.certutil = true;
    stores.databases = vec![
        Database {
            folder: "/home/ann/.mozilla/firefox/x".into(),
            owner: Some((1000, 100)),
        },
        Database {
            folder: "/root/.pki/nssdb".into(),
            owner: None,
        },
    ];
    check(
        &stores,
        str![[r#"
note
make /usr/local/share/ca-certificates
put /usr/local/share/ca-certificates/hob.crt
update-ca-certificates
setpriv --reuid=1000 --regid=100 --clear-groups certutil -d sql:/home/ann/.mozilla/firefox/x -A -t C,, -n hob local authority 0a1b2c3d -i /home/ann/ca.pem
certutil -d sql:/root/.pki/nssdb -A -t C,, -n hob local authority 0a1b2c3d -i /home/ann/ca.pem
-- undo
setpriv --reuid=1000 --regid=100 --clear-groups certutil -d sql:/home/ann/.mozilla/firefox/x -D -n hob local authority 0a1b2c3d
certutil -d sql:/root/.pki/nssdb -D -n hob local authority 0a1b2c3d
remove /usr/local/share/ca-certificates/hob.crt
remove /usr/local/share/ca-certificates
update-ca-certificates --fresh
sh -c for hook in /etc/ca-certificates/update.d/*; do [ ! -x "$hook" ] || echo "-/etc/ssl/certs/hob.pem" | "$hook"; done
forget
-- said


"#]],
    );
}

#[test]
fn what_cannot_be_done_is_said_with_what_to_type() {
    let stores = Stores {
        databases: vec![Database {
            folder: "/home/ann/.pki/nssdb".into(),
            owner: None,
        }],
        ..Stores::default()
    };
    check(
        &stores,
        str![[r#"
note
-- undo
forget
-- said
the system's store is of a kind that hob does not know; programs that are told so trust /home/ann/ca.pem
browsers that keep their own list do not trust it, for `certutil` is not installed: /home/ann/.pki/nssdb (`apt-get install libnss3-tools`, then once more)

"#]],
    );
}

#[test]
fn what_stood_there_before_the_first_time_counts() {
    let mut stores = machine(System::Debian);
    let own = Entry::text("somebody's\n");
    stores.there = Some(own.clone());
    let first = Plan::of(&stores, &trusted(), None);
    stores.there = Some(first.changes.edits[0].after.clone());
    let second = Plan::of(&stores, &trusted(), Some(&first.noted));
    let noted = Noted::parse(&second.noted.text()).unwrap();
    assert_eq!(noted, second.noted);
    let path = noted.paths().next().unwrap();
    let undo = noted.undo(|_| second.changes.edits[0].after.clone());
    assert_eq!(undo.unwrap().restores, [(path, own)]);
    assert!(noted.undo(|_| Entry::text("another one\n")).is_err());
}

/// As the first version of hob wrote it.
const FIRST: &str = r#"{
  "version": 1,
  "name": "hob local authority 0a1b2c3d",
  "stores": [
    "the system's store",
    "the browser with /root/.pki/nssdb"
  ],
  "edits": [
    {
      "path": "/usr/local/share/ca-certificates/hob.crt",
      "before": "absent",
      "after": {
        "file": {
          "bytes": {
            "text": "PEM\n"
          },
          "mode": 420
        }
      }
    }
  ],
  "folders": [
    "/usr/local/share/ca-certificates"
  ],
  "undo_first": [
    {
      "what": "take it out of a browser's list",
      "argv": [
        "certutil",
        "-d",
        "sql:/root/.pki/nssdb",
        "-D",
        "-n",
        "hob local authority 0a1b2c3d"
      ],
      "may_fail": true
    }
  ],
  "undo_after": [
    {
      "what": "have the system read its authorities again",
      "argv": [
        "update-ca-certificates",
        "--fresh"
      ],
      "may_fail": false
    }
  ]
}
"#;

#[test]
fn what_an_earlier_hob_noted_is_what_this_one_notes() {
    let mut stores = machine(System::Debian);
    stores.has_folder = false;
    stores.certutil = true;
    stores.databases = vec![Database {
        folder: "/root/.pki/nssdb".into(),
        owner: None,
    }];
    let plan = Plan::of(&stores, &trusted(), None);
    assert_eq!(plan.noted.text(), FIRST);
    // The folder is there now, and still hob's.
    stores.has_folder = true;
    stores.there = Some(Entry::text("PEM\n"));
    let first = Noted::parse(FIRST).unwrap();
    let again = Plan::of(&stores, &trusted(), Some(&first));
    assert_eq!(again.noted.text(), FIRST);
}

#[test]
fn a_store_is_known_by_its_folders_and_a_database_by_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    };
    put("home/.mozilla/firefox/a.default/cert9.db");
    put("home/.mozilla/firefox/profiles.ini");
    put("home/.pki/nssdb/key4.db");
    put("data/pki/nssdb/cert9.db");
    let mut asked = Asked {
        home: Some(folder.path().join("home")),
        data: Some(folder.path().join("data")),
        user: u32::MAX,
        ..Asked::default()
    };
    let stores = Stores::read(folder.path(), &asked);
    assert_eq!((stores.system, stores.there), (None, None));
    let found: Vec<_> = stores
        .databases
        .iter()
        .map(|it| it.folder.clone())
        .collect();
    let expected = ["data/pki/nssdb", "home/.mozilla/firefox/a.default"];
    assert_eq!(found, expected.map(|it| folder.path().join(it)));
    assert!(stores.databases.iter().all(|it| it.owner.is_some()));

    put("usr/sbin/update-ca-certificates");
    put("etc/ca-certificates/update.d/java");
    let stores = Stores::read(folder.path(), &asked);
    let found = (stores.system, stores.has_folder, stores.hooks);
    assert_eq!(found, (Some(System::Debian), false, true));
    put("usr/local/share/ca-certificates/hob.crt");
    let stores = Stores::read(folder.path(), &asked);
    assert!(stores.has_folder && stores.there.unwrap().is_same(&Entry::text("")));
    for (path, system) in [
        ("etc/pki/trust/anchors/a", System::Suse),
        ("etc/ca-certificates/trust-source/anchors/a", System::Arch),
        ("etc/pki/ca-trust/source/anchors/a", System::Fedora),
    ] {
        put(path);
        assert_eq!(Stores::read(folder.path(), &asked).system, Some(system));
    }
    asked.mac = true;
    assert_eq!(
        Stores::read(folder.path(), &asked).system,
        Some(System::Mac)
    );
}
