//! A machine that is another one after an update.

use std::fmt::Write as _;
use std::fs;

use hob_changes::{Entry, Place, Step};
use hob_resolver::{Asked, Facts, Record, install, uninstall};
use snapbox::{assert_data_eq, str};

use super::{NSS, PROGRAM, RUNS, STUB, STUB_TEXT, SYSTEMD, domains, plant};

#[test]
fn what_an_update_of_the_machine_replaced_is_undone_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = "usr/lib/systemd/libsystemd-shared-257.so";
    let tree = [STUB, STUB_TEXT, RUNS, PROGRAM, NSS, SYSTEMD, (library, "")];
    plant(folder.path(), &tree);
    let place = Place {
        root: folder.path().to_owned(),
        note: folder.path().join("resolver.json"),
    };
    let server = "127.0.0.1:5354".parse().expect("an address");
    let once = || {
        let asked = Asked {
            domains: domains(&["test"]),
            record: place.noted(Record::parse).expect("a record"),
            ..Asked::default()
        };
        let facts = Facts::read(folder.path(), asked);
        let plan = install(&facts, &domains(&["test"]), server).expect("a plan");
        for step in plan.steps(facts.record.as_ref()) {
            place.perform(&step).expect("a step");
        }
    };
    once();
    fs::rename(
        folder.path().join(library),
        folder
            .path()
            .join("usr/lib/systemd/libsystemd-shared-258.so"),
    )
    .expect("an update");
    once();
    let record = place
        .noted(Record::parse)
        .expect("a record")
        .expect("a record");
    let asked = Asked {
        record: Some(record.clone()),
        ..Asked::default()
    };
    let undo = uninstall(&record, &Facts::read(folder.path(), asked)).expect("an undo");
    let mut text = String::new();
    for step in undo.steps() {
        let line = match step {
            Step::Run(command) => format!("$ {}", command.argv.join(" ")),
            Step::Put(path, Entry::Absent) => format!("remove {}", path.display()),
            Step::RemoveFolder(path) => format!("folder {}", path.display()),
            other => format!("{other:?}"),
        };
        writeln!(text, "{line}").expect("text");
    }
    assert_data_eq!(
        text,
        str![[r#"
$ systemctl stop hob-dns.service
remove /etc/systemd/dns-delegate.d/hob.dns-delegate
remove /etc/systemd/system/hob-dns.service
remove /etc/systemd/system/multi-user.target.wants/hob-dns.service
folder /etc/systemd/system/multi-user.target.wants
folder /etc/systemd/system
folder /etc/systemd/dns-delegate.d
folder /etc/systemd
$ systemctl restart systemd-resolved.service
$ systemctl daemon-reload
Forget

"#]]
    );
}
