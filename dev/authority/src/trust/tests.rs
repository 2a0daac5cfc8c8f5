//! Plans on machines of every kind, as they are shown.

use std::path::Path;

use hob_resolver::Entry;
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
    let undo = plan.noted.undo(|_| Entry::Absent).expect("an undo");
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
    let warnings = plan.warnings.join("\n");
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
    stores.there = Some(first.edits[0].after.clone());
    let second = Plan::of(&stores, &trusted(), Some(&first.noted));
    let noted = Noted::parse(&second.noted.text()).expect("a note");
    assert_eq!(noted, second.noted);
    let path = noted.paths().next().expect("a file");
    let undo = noted.undo(|_| second.edits[0].after.clone());
    assert_eq!(undo.expect("an undo").restores, [(path, own)]);
    assert!(noted.undo(|_| Entry::text("another one\n")).is_err());
}
