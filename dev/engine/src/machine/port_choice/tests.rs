#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use hob_stack::{Project, ServiceId};

use super::{RANGE, ports};

/// A project of services `name publish`; `-` has no port at all.
fn project(root: &Path, services: &str) -> Project {
    let stack = root.join("stacks/s");
    fs::create_dir_all(&stack).unwrap();
    let mut text = "version = 1\nname = \"s\"\n".to_owned();
    for service in services.split(", ") {
        let (name, publish) = service.split_once(' ').unwrap();
        writeln!(text, "[services.{name}]\nrun = [\"true\"]").unwrap();
        match publish {
            "-" => {}
            "none" => writeln!(text, "port = 80").unwrap(),
            publish => writeln!(text, "port = 80\npublish = {publish}").unwrap(),
        }
    }
    fs::write(stack.join("stack.toml"), text).unwrap();
    let loaded = Project::load(root, &BTreeMap::new());
    let project = loaded.project.unwrap();
    assert!(!project.stacks.is_empty(), "{:?}", loaded.diagnostics);
    project
}

fn id(name: &str) -> ServiceId {
    format!("s/{name}").parse().unwrap()
}

#[test]
fn fixed_ports_move_by_the_offset_and_end_at_the_last_one() {
    let root = tempfile::tempdir().unwrap();
    let project = project(root.path(), "a 20010, b 65500, c -");
    let none = BTreeMap::new();
    let at = |offset| ports(&project, offset, &none, |_| true);
    assert_eq!(at(0), BTreeMap::from([(id("a"), 20010), (id("b"), 65500)]));
    assert_eq!(at(100), BTreeMap::from([(id("a"), 20110)]));
}

#[test]
fn an_automatic_port_is_the_same_each_time_and_never_one_in_use() {
    let root = tempfile::tempdir().unwrap();
    let project = project(root.path(), "a \"auto\", b none");
    let none = BTreeMap::new();
    let first = ports(&project, 0, &none, |_| false);
    assert_eq!(first, ports(&project, 0, &none, |_| false));
    assert_ne!(first[&id("a")], first[&id("b")]);
    assert!(first.values().all(|port| RANGE.contains(port)));
    let taken = first[&id("a")];
    let second = ports(&project, 0, &none, |port| port == taken);
    assert_ne!(second[&id("a")], taken);
    assert_eq!(second[&id("b")], first[&id("b")]);
}

#[test]
fn a_port_that_a_service_had_is_kept_although_it_is_in_use() {
    let root = tempfile::tempdir().unwrap();
    let project = project(root.path(), "a \"auto\", b \"auto\", c 23000");
    let had = BTreeMap::from([(id("a"), 22500), (id("b"), 23000)]);
    let now = ports(&project, 0, &had, |_| true);
    assert_eq!(now[&id("a")], 22500);
    // Its old one is another service's fixed one, and no other one is free.
    assert_eq!(now.get(&id("b")), None);
}

#[test]
fn an_automatic_port_is_never_that_of_a_stacks_door() {
    let root = tempfile::tempdir().unwrap();
    let before = project(root.path(), "a \"auto\"");
    let none = BTreeMap::new();
    let taken = ports(&before, 100, &none, |_| false)[&id("a")];
    let file = root.path().join("stacks/s/stack.toml");
    let door = format!("[ingress]\nport = {}\n[services.a]", taken - 100);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("[services.a]", &door)).unwrap();
    let after = Project::load(root.path(), &BTreeMap::new())
        .project
        .unwrap();
    assert_ne!(ports(&after, 100, &none, |_| false)[&id("a")], taken);
}
