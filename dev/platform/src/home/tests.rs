//! What is announced, and what follows from it on disk.

#![expect(clippy::unwrap_used, reason = "tests")]

mod pushes;

use std::collections::{BTreeMap, BTreeSet};

use super::read::NAMES;
use super::telling::ANNOUNCED;
use super::*;
use crate::announced::{Announced, AnnouncedService, AnnouncedStack, Speaks};

fn shop(services: &[&str]) -> Announced {
    let service = |service: &&str| AnnouncedService {
        stack: "shop".into(),
        service: (*service).to_owned(),
        names: BTreeMap::from([(service.to_string(), 100)]),
        addr: std::net::SocketAddr::from(([127, 0, 0, 1], 80)),
        speaks: Speaks::Http,
        version: "1".into(),
    };
    Announced {
        root: "/p".into(),
        domains: BTreeSet::from(["test".to_owned()]),
        services: services.iter().map(service).collect(),
        ..Announced::default()
    }
}

/// The second that told.
fn after(announced: Announced) -> Announced {
    Announced {
        turn: 1,
        ..announced
    }
}

fn home() -> (tempfile::TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::below(folder.path());
    home.write(&locked(&home), &Settings::default()).unwrap();
    (folder, home)
}

fn locked(home: &Home) -> Locked {
    home.try_lock().unwrap().unwrap()
}

#[test]
fn two_hobs_do_not_write_at_once() {
    let (_folder, home) = home();
    let held = locked(&home);
    assert!(home.try_lock().unwrap().is_none());
    drop(held);
    assert!(home.try_lock().unwrap().is_some());
}

#[test]
fn what_is_chosen_is_remembered_and_what_is_none_is_named() {
    let (_folder, home) = home();
    let settings = Settings {
        registry_port: 5001,
        ..Settings::default()
    };
    home.write(&locked(&home), &settings).unwrap();
    assert_eq!(home.settings().unwrap(), settings);
    fs::write(home.root().join("settings.json"), "{\"regstry\": 1}").unwrap();
    let error = home.settings().unwrap_err().to_string();
    assert!(
        error.contains("settings.json is not what hob wrote"),
        "{error}"
    );
}

#[test]
fn a_resolver_begins_anew_only_for_another_stack_or_domain() {
    let (_folder, home) = home();
    let announce = |services: &[&str]| {
        let changes = home
            .announce(&locked(&home), ("0", "host"), &shop(services))
            .unwrap();
        if changes.names {
            home.began(Read::Names, &home.read(Read::Names).unwrap())
                .unwrap();
        }
        changes.names
    };
    assert!(announce(&["web"]));
    assert!(!announce(&["web"]));
    assert!(!announce(&["api", "web"]));
    assert!(announce(&[]));
    assert!(!announce(&[]));
    // One that was killed before it had begun anew is found out.
    home.announce(&locked(&home), ("0", "host"), &shop(&["web"]))
        .unwrap();
    assert!(
        home.announce(&locked(&home), ("0", "host"), &shop(&["web"]))
            .unwrap()
            .names
    );
}

#[test]
fn domains_stay_where_somebody_does_not_know_them() {
    let (_folder, home) = home();
    home.announce(&locked(&home), ("0", "host"), &shop(&["api", "web"]))
        .unwrap();
    let mut unknown = shop(&["api"]);
    unknown.domains.clear();
    home.announce(&locked(&home), ("0", "host"), &unknown)
        .unwrap();
    assert_eq!(home.announced().unwrap(), [shop(&["api"])]);
}

#[test]
fn a_stacks_own_door_stays_where_somebody_does_not_know_it() {
    let (_folder, home) = home();
    let said = AnnouncedStack {
        port: Some(8088),
        offset: Some(100),
        routes: BTreeMap::from([("/greeting".to_owned(), "web".to_owned())]),
    };
    let announce = |stacks: &[(&str, AnnouncedStack)], services: &[&str]| {
        let mut announced = shop(services);
        let stacks = stacks.iter().cloned();
        announced.stacks = stacks.map(|(name, it)| (name.to_owned(), it)).collect();
        home.announce(&locked(&home), ("0", "host"), &announced)
            .unwrap();
        let known = home.announced().unwrap().pop();
        known.map(|it| it.stacks).unwrap_or_default()
    };
    let all = BTreeMap::from([("shop".to_owned(), said.clone())]);
    // A stack of which nothing is up leads nowhere once its files are gone.
    announce(&[("shop", said.clone()), ("gone", said.clone())], &["web"]);
    assert_eq!(announce(&[], &["api"]), all);
    // Whoever only took something down knows the files, and no offset.
    let without = AnnouncedStack {
        offset: None,
        ..said.clone()
    };
    assert_eq!(announce(&[("shop", without)], &["api"]), all);
    let closed = AnnouncedStack {
        offset: None,
        ..AnnouncedStack::default()
    };
    let known = announce(&[("shop", closed)], &["api"]);
    assert_eq!(known["shop"].routes, BTreeMap::new());
    assert_eq!(known["shop"].listens(), None);
    assert_eq!(announce(&[], &[]), BTreeMap::new());
}

#[test]
fn a_door_that_is_closed_is_not_listened_at_until_it_is_opened() {
    let (_folder, home) = home();
    let mut announced = shop(&["web"]);
    let said = AnnouncedStack {
        port: Some(8088),
        ..AnnouncedStack::default()
    };
    announced.stacks = BTreeMap::from([("shop".to_owned(), said)]);
    let whose = ("0", "host");
    // It is known whose ports there will be before anybody is told of them.
    let told = home.announced_with(whose, &announced).unwrap();
    assert_eq!(told, std::slice::from_ref(&announced));
    assert_eq!(home.announced().unwrap(), []);
    let listens = || home.read(Read::Routes).unwrap().contains(":8088");
    home.close(&locked(&home), &BTreeSet::from([8088])).unwrap();
    home.announce(&locked(&home), whose, &announced).unwrap();
    assert!(!listens());
    let text = home.read(Read::Routes).unwrap();
    home.began(Read::Routes, &text).unwrap();
    let changes = home.close(&locked(&home), &BTreeSet::new()).unwrap();
    assert!(changes.routes && listens());
}

#[test]
fn what_root_writes_in_a_users_folder_is_the_users() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let (_folder, home) = home();
    // Nobody but root can, and nobody but root has to.
    if chown(home.root(), Some(1234), Some(1234)).is_err() {
        return;
    }
    home.choose(
        &locked(&home),
        &Settings {
            dns_port: 1,
            ..Settings::default()
        },
    )
    .unwrap();
    let settings = fs::metadata(home.root().join("settings.json")).unwrap();
    assert_eq!((settings.uid(), settings.gid()), (1234, 1234));
    assert!(home.is_of(1234) && !home.is_of(0));
}

#[test]
fn routes_that_contradict_each_other_are_told_and_the_old_ones_stay() {
    let (_folder, home) = home();
    let announce =
        |services: &[&str]| home.announce(&locked(&home), ("0", "host"), &shop(services));
    announce(&["web"]).unwrap();
    let before = home.read(Read::Routes).unwrap();
    // Nobody can listen there, so nothing is served anywhere.
    let nowhere = "{\"http_port\":0}";
    fs::write(home.root().join("settings.json"), nowhere).unwrap();
    let error = announce(&["api"]).unwrap_err().to_string();
    let told = "what is up cannot be led to: shop is served nowhere";
    assert!(error.starts_with(told), "{error}");
    assert_eq!(home.read(Read::Routes).unwrap(), before);
}

#[test]
fn projects_tell_beside_each_other() {
    let (_folder, home) = home();
    home.announce(&locked(&home), ("0", "host"), &shop(&["web"]))
        .unwrap();
    home.announce(&locked(&home), ("1", "host"), &shop(&["api"]))
        .unwrap();
    assert_eq!(home.announced().unwrap().len(), 2);
    home.announce(&locked(&home), ("0", "host"), &shop(&[]))
        .unwrap();
    assert_eq!(home.announced().unwrap(), [after(shop(&["api"]))]);
    let hosts = fs::read_dir(home.root().join(NAMES).join("hosts")).unwrap();
    let mut names: Vec<_> = hosts.map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["1-host", "check"]);
}

#[test]
fn what_a_killed_hob_left_counts_for_nothing_and_goes() {
    let (_folder, home) = home();
    home.announce(&locked(&home), ("0", "host"), &shop(&["web"]))
        .unwrap();
    home.announce(&locked(&home), ("1", "host"), &shop(&["api"]))
        .unwrap();
    let half = serde_json::to_string(&shop(&["ghost"])).unwrap();
    fs::write(home.root().join(ANNOUNCED).join(".tmp3x9"), half).unwrap();
    assert_eq!(home.announced().unwrap().len(), 2);
    let known = BTreeSet::from(["1".to_owned()]);
    home.forget_all_but(&locked(&home), &home.tellers(), &known)
        .unwrap();
    assert_eq!(home.announced().unwrap(), [after(shop(&["api"]))]);
    let conf = home.read(Read::Routes).unwrap();
    assert!(conf.contains("api.shop.test") && !conf.contains("web.shop.test"));
}

#[test]
fn a_project_that_tells_first_while_all_are_looked_for_keeps_its_names() {
    let (_folder, home) = home();
    let tell = |id: &str, service: &str| {
        let announced = shop(&[service]);
        home.announce(&locked(&home), (id, "host"), &announced)
            .unwrap();
    };
    tell("0", "ghost");
    let before = home.tellers();
    let found = BTreeSet::new();
    tell("1", "api");
    home.forget_all_but(&locked(&home), &before, &found)
        .unwrap();
    assert_eq!(home.announced().unwrap(), [after(shop(&["api"]))]);
    let names = fs::read_to_string(home.hosts_file("1-host")).unwrap();
    assert!(names.contains("api.shop.test"), "{names}");
    let conf = home.read(Read::Routes).unwrap();
    assert!(conf.contains("api.shop.test") && !conf.contains("ghost.shop.test"));
}

#[test]
fn names_lead_to_who_came_first_for_as_long_as_it_is_up() {
    let (_folder, home) = home();
    let tell = |id: &str, services: &[&str]| {
        let changes = home.announce(&locked(&home), (id, "host"), &shop(services));
        changes.unwrap();
        let turns = home.announced().unwrap().into_iter();
        turns
            .map(|it| (it.turn, it.services.len()))
            .collect::<Vec<_>>()
    };
    tell("1", &["web"]);
    assert_eq!(tell("0", &["web", "api"]), [(0, 1), (1, 2)]);
    assert_eq!(tell("1", &["web", "api", "db"]), [(0, 3), (1, 2)]);
    assert_eq!(tell("1", &[]), [(1, 2)]);
    assert_eq!(tell("1", &["web"]), [(1, 2), (2, 1)]);
}

#[test]
fn what_is_told_of_nobody_goes_and_what_was_lost_comes_back() {
    let (_folder, home) = home();
    let tell = || {
        let changes = home.announce(&locked(&home), ("0", "host"), &shop(&["web"]));
        changes.unwrap();
    };
    tell();
    let hosts = home.root().join(NAMES).join("hosts");
    let told = fs::read_to_string(hosts.join("0-host")).unwrap();
    fs::write(hosts.join("stray"), "127.0.0.1 stray.test\n").unwrap();
    fs::write(hosts.join("0-host"), "garbage").unwrap();
    for other in ["1-host", "2-host"] {
        let file = home.root().join(ANNOUNCED).join(format!("{other}.json"));
        fs::write(file, "{\"root\":\"/p\",\"version\":7").unwrap();
        fs::write(hosts.join(other), "127.0.0.1 other.test\n").unwrap();
    }
    tell();
    let left = fs::read_dir(&hosts).unwrap();
    let mut left: Vec<_> = left.map(|it| it.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["0-host", "check"]);
    assert_eq!(fs::read_to_string(hosts.join("0-host")).unwrap(), told);
}

#[test]
fn a_project_whose_path_is_no_text_is_named_and_the_others_stay() {
    let (_folder, home) = home();
    home.announce(&locked(&home), ("0", "host"), &shop(&["web"]))
        .unwrap();
    let root: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(b"/p\xff".to_vec());
    let odd = Announced {
        root: root.into(),
        ..shop(&["api"])
    };
    let refused = home.announce(&locked(&home), ("1", "host"), &odd);
    let error = refused.unwrap_err().to_string();
    assert!(error.starts_with("nothing of /p"), "{error}");
    assert_eq!(home.announced().unwrap(), [shop(&["web"])]);
}

/// What is read of this, put where a project tells.
#[track_caller]
fn read_of(home: &Home, announced: &Announced) -> usize {
    let text = serde_json::to_string(announced).unwrap();
    keep(&home.announced_file("0a1b-host"), &text).unwrap();
    home.announced().unwrap().len()
}

#[test]
fn what_hob_would_not_tell_is_nobodys_and_is_led_to_nowhere() {
    let (_folder, home) = home();
    let good = || shop(&["web"]);
    let service = |change: &dyn Fn(&mut AnnouncedService)| {
        let mut announced = good();
        change(&mut announced.services[0]);
        announced
    };
    let routed = |path: &str, to: &str| {
        let stack = AnnouncedStack {
            routes: BTreeMap::from([(path.to_owned(), to.to_owned())]),
            ..AnnouncedStack::default()
        };
        Announced {
            stacks: BTreeMap::from([("shop".to_owned(), stack)]),
            ..good()
        }
    };
    let at = |ip: [u8; 4]| service(&move |it| it.addr = (ip, 80).into());
    for fine in [
        good(),
        routed("/api", "web"),
        at([0, 0, 0, 0]),
        at([192, 168, 7, 7]),
    ] {
        assert_eq!(read_of(&home, &fine), 1, "{fine:?}");
    }
    for other in [
        service(&|it| it.stack = "a;b".into()),
        service(&|it| it.service = "web {".into()),
        service(&|it| it.names = BTreeMap::from([("a b".into(), 100)])),
        at([8, 8, 8, 8]),
        service(&|it| it.addr = ([127, 0, 0, 1], 0).into()),
        routed("/x { return 200; } #", "web"),
        routed("/x", "web;"),
        Announced {
            domains: BTreeSet::from(["test; x".to_owned()]),
            ..good()
        },
        Announced {
            stacks: BTreeMap::from([("a;b".to_owned(), AnnouncedStack::default())]),
            ..good()
        },
    ] {
        assert_eq!(read_of(&home, &other), 0, "{other:?}");
        home.write(&locked(&home), &Settings::default()).unwrap();
        assert!(!home.hosts_file("0a1b-host").exists(), "{other:?}");
    }
}
