//! A real systemd-resolved, a real dnsmasq with hob's own configuration, and
//! `dig`, `getent` and `resolvectl` that ask: in namespaces of their own, with
//! an `/etc` and a `/run` of their own, so that nothing of this machine changes.
//!
//! Each test starts its own program again in there ([`inside`]). Nothing is
//! installed: what is missing is named with what brings it.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests start programs, and wait for them"
)]
#![expect(clippy::unwrap_used, reason = "tests")]

mod ground;
mod namespaces;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use hob_changes::{Place, Step};
use hob_resolver::check::{Reach, ask, name, verdict};
use hob_resolver::{Asked, Domain, Facts, InCharge, Record, in_charge, install, uninstall};

use ground::{Ground, OTHER, OURS, disk};
use namespaces::inside;

fn domains() -> BTreeSet<Domain> {
    BTreeSet::from(["test".parse().unwrap()])
}

/// What the verbs do: decide, note, change, run.
fn installed(place: &Place) -> Vec<Step> {
    let asked = Asked {
        domains: domains(),
        record: place.noted(Record::parse).unwrap(),
        ..Asked::default()
    };
    let facts = Facts::read(&place.root, asked);
    assert_eq!(in_charge(&facts), InCharge::Resolved);
    let server = ground::HOB.parse().unwrap();
    let plan = install(&facts, &domains(), server).unwrap();
    let steps = plan.steps(facts.record.as_ref());
    steps.iter().for_each(|step| perform(place, step));
    steps
}

fn uninstalled(place: &Place) {
    let record = place.noted(Record::parse).unwrap().expect("a record");
    let asked = Asked {
        record: Some(record.clone()),
        ..Asked::default()
    };
    let undo = uninstall(&record, &Facts::read(&place.root, asked)).unwrap();
    undo.steps().iter().for_each(|step| perform(place, step));
}

fn perform(place: &Place, step: &Step) {
    place.perform(step).unwrap();
    let Step::Run(command) = step else { return };
    let output = Command::new(&command.argv[0])
        .args(&command.argv[1..])
        .output()
        .unwrap();
    assert!(
        output.status.success() || command.may_fail,
        "{command:?}: {output:?}"
    );
}

/// From before to after, whatever stands for systemd.
fn there_and_back(ground: &mut Ground) {
    let place = Place {
        root: "/".into(),
        note: ground.folder().join("resolver.json"),
    };
    let before = (disk("/etc"), ground.links(), ground.state());
    assert_eq!(ground.dig(OURS), "REFUSED", "nobody knows it yet");
    assert_eq!(ground.dig(OTHER), "10.9.0.7");

    installed(&place);
    assert_eq!(ground.dig(OURS), "127.0.0.1");
    assert_eq!(ground.getent(OURS), "127.0.0.1");
    assert!(ground.resolvectl(OURS).contains("127.0.0.1"));
    assert_eq!(ground.dig("nobody.test"), "NXDOMAIN");
    assert_eq!(
        verdict(ask(&name(&"test".parse().unwrap()))),
        Reach::Reaches
    );

    ground.forget();
    assert_eq!(ground.dig(OTHER), "10.9.0.7");
    assert_eq!(ground.getent(OTHER), "10.9.0.7");
    assert_eq!(ground.dig("nobody.example.net"), "REFUSED");
    let asked = ground.asked_at_hob();
    assert!(!asked.contains("example"), "only its domain: {asked}");

    // The same once more changes nothing.
    let once = disk("/etc");
    installed(&place);
    assert!(disk("/etc") == once, "nothing is changed twice");
    assert_eq!(ground.dig(OURS), "127.0.0.1");

    // It holds when resolved is started again.
    ground.restart_resolved();
    assert_eq!(ground.dig(OURS), "127.0.0.1");
    assert_eq!(ground.dig(OTHER), "10.9.0.7");

    // And without a network.
    ground.uplink("down");
    assert_eq!(ground.dig(OURS), "127.0.0.1");
    ground.uplink("up");

    uninstalled(&place);
    ground.forget();
    assert_eq!(ground.dig(OURS), "REFUSED", "nobody knows it any more");
    assert_eq!(ground.dig(OTHER), "10.9.0.7");
    assert_eq!(ground.asked_at_hob(), "", "hob is asked nothing");
    assert!(disk("/etc") == before.0, "each byte is as it was");
    assert_eq!((ground.links(), ground.state()), (before.1, before.2));
    assert!(!place.note.exists());
}

#[test]
fn only_the_domain_is_asked_at_hob_and_all_is_as_before_afterwards() {
    inside(
        "only_the_domain_is_asked_at_hob_and_all_is_as_before_afterwards",
        || {
            there_and_back(&mut Ground::new());
        },
    );
}

/// There is no systemd here: a program in its place runs what stands in the
/// unit, as it would.
#[test]
fn the_unit_does_the_same() {
    inside("the_unit_does_the_same", || {
        let mut ground = Ground::new();
        ground.stand_in_for_systemd();
        there_and_back(&mut ground);
    });
}

#[test]
fn a_vpns_domain_is_seen_and_left_to_it() {
    inside("a_vpns_domain_is_seen_and_left_to_it", || {
        let ground = Ground::new();
        ground.claims("test");
        let asked = Asked {
            domains: domains(),
            ..Asked::default()
        };
        let facts = Facts::read("/".as_ref(), asked);
        let server = ground::HOB.parse().unwrap();
        let refusal = install(&facts, &domains(), server).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "`test` is taken by the link up0, which asks 10.9.0.1"
        );
    });
}

/// Why it is no drop-in: the servers of one are asked for everything.
#[test]
fn a_drop_in_would_have_hob_asked_for_everything() {
    inside("a_drop_in_would_have_hob_asked_for_everything", || {
        let mut ground = Ground::new();
        fs::create_dir_all("/etc/systemd/resolved.conf.d").unwrap();
        let text = format!("[Resolve]\nDNS={}\nDomains=~test\n", ground::HOB);
        fs::write("/etc/systemd/resolved.conf.d/hob.conf", text).unwrap();
        ground.restart_resolved();
        assert_eq!(ground.dig(OURS), "127.0.0.1");
        ground.forget();
        assert_eq!(ground.dig(OTHER), "10.9.0.7");
        let asked = ground.asked_at_hob();
        assert!(asked.contains(OTHER), "were it not so, it could be one");
    });
}
