#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::file::rollouts_file;
use super::*;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn id(text: &str) -> ServiceId {
    text.parse().unwrap()
}

/// Where requests go, in words.
fn shares(rollout: &Rollout) -> String {
    let shares = rollout.shares().into_iter();
    let shares = shares.map(|(version, percent)| format!("{version}: {percent}"));
    shares.collect::<Vec<_>>().join(", ")
}

fn rest(rollout: &Rollout) -> String {
    let Some(rest) = rollout.rest() else {
        return "nothing".into();
    };
    let gone: Vec<&str> = rest.gone.iter().map(Version::as_str).collect();
    let resting = rest.resting.as_ref().map_or("-", Version::as_str);
    let undone = rest.undone.as_ref().map_or("-", Version::as_str);
    format!(
        "{resting} rests, {undone} is undone, [{}] go",
        gone.join(" ")
    )
}

#[test]
fn a_version_is_what_may_follow_in_the_name_of_a_service() {
    let service: ServiceName = "web".parse().unwrap();
    let named = |text: &str| version(text).of(&service).unwrap().to_string();
    assert_eq!(named("1"), "web");
    assert_eq!(named("2"), "web-2");
    assert_eq!(named("green"), "web-green");
    assert_eq!(named("2026-11-28"), "web-2026-11-28");
    for wrong in ["", "a b", "A", "2-", "1.2", "../x", &"1".repeat(62)] {
        assert!(wrong.parse::<Version>().is_err(), "{wrong:?}");
    }
    let long: ServiceName = "a".repeat(62).parse().unwrap();
    assert!(version("2").of(&long).is_err());
}

#[test]
fn an_update_moves_all_requests_at_its_commit_and_keeps_the_one_before() {
    let mut rollout = Rollout::default();
    assert_eq!(
        (shares(&rollout), rest(&rollout)),
        ("1: 100".into(), "nothing".into())
    );
    rollout.begin(version("2"));
    assert_eq!(shares(&rollout), "1: 100");
    assert_eq!(rest(&rollout), "- rests, 2 is undone, [] go");
    rollout.move_to(25);
    assert_eq!(shares(&rollout), "1: 75, 2: 25");
    assert_eq!(rest(&rollout), "- rests, 2 is undone, [] go");
    assert!(!rollout.is_committed());
    rollout.commit();
    assert!(rollout.is_committed());
    assert_eq!(shares(&rollout), "2: 100");
    assert_eq!(rest(&rollout), "1 rests, - is undone, [] go");
    rollout.finish();
    assert!(!rollout.is_committed());
    assert_eq!(rollout.previous(), Some(&version("1")));

    rollout.begin(version("3"));
    rollout.commit();
    assert_eq!(rest(&rollout), "2 rests, - is undone, [1] go");
}

#[test]
fn what_came_back_rests_again_when_it_is_undone() {
    let mut rollout = Rollout::default();
    rollout.begin(version("2"));
    rollout.commit();
    rollout.finish();
    rollout.begin(version("1"));
    assert_eq!(rest(&rollout), "1 rests, - is undone, [] go");
    rollout.finish();
    assert_eq!(shares(&rollout), "2: 100");
    rollout.begin(version("1"));
    rollout.commit();
    assert_eq!(shares(&rollout), "1: 100");
    assert_eq!(rest(&rollout), "2 rests, - is undone, [] go");
}

#[test]
fn what_was_undone_keeps_its_log_until_the_next_update() {
    let mut rollout = Rollout::default();
    rollout.begin(version("2"));
    rollout.finish();
    assert!(rollout.versions().contains(&version("2")));
    rollout.begin(version("3"));
    assert_eq!(rest(&rollout), "- rests, 3 is undone, [2] go");
    rollout.commit();
    assert_eq!(rest(&rollout), "1 rests, - is undone, [2] go");
    rollout.finish();
    assert!(!rollout.versions().contains(&version("2")));
    // The same once more is no older one.
    rollout.begin(version("4"));
    rollout.finish();
    rollout.begin(version("4"));
    assert_eq!(rest(&rollout), "- rests, 4 is undone, [] go");
}

#[test]
fn numbers_go_on_and_pass_over_names_that_are_taken() {
    let service: ServiceName = "web".parse().unwrap();
    let taken = BTreeSet::from(["web-2".parse().unwrap(), "web".parse().unwrap()]);
    let mut rollout = Rollout::default();
    assert_eq!(rollout.next(&service, &BTreeSet::new()), version("2"));
    assert_eq!(rollout.next(&service, &taken), version("3"));
    rollout.begin(version("7"));
    rollout.finish();
    assert_eq!(rollout.next(&service, &taken), version("8"));
    rollout.begin(version("green"));
    assert_eq!(rollout.next(&service, &taken), version("8"));
}

#[test]
fn a_number_that_is_a_name_is_not_counted_from() {
    let mut rollout = Rollout::default();
    for to in ["4294967295", "99999999999999999999"] {
        rollout.begin(version(to));
        rollout.commit();
        rollout.finish();
    }
    let service = "web".parse().unwrap();
    assert_eq!(rollout.next(&service, &BTreeSet::new()), version("2"));
}

#[test]
fn names_find_their_service_and_all_of_a_service_is_forgotten_at_once() {
    let mut rollout = Rollout::default();
    rollout.begin(version("2"));
    rollout.commit();
    let mut all = Rollouts::default();
    all.set(id("shop/web"), rollout);
    let found = |name: &str| {
        let id = id(name);
        let found = all.find(&id);
        found.map(|(of, _, version)| format!("{of} {version}"))
    };
    assert_eq!(found("shop/web").as_deref(), Some("shop/web 1"));
    assert_eq!(found("shop/web-2").as_deref(), Some("shop/web 2"));
    assert_eq!(found("shop/web-3"), None);
    assert_eq!(found("tool/web-2"), None);
    let names = all.names(&BTreeSet::from([id("shop/web")]));
    assert_eq!(names, BTreeSet::from([id("shop/web"), id("shop/web-2")]));
    for (scope, left) in [
        (
            Scope::Services(BTreeSet::from([owner(&id("shop/web-2"))])),
            0,
        ),
        (Scope::Services(BTreeSet::from([owner(&id("shop/web"))])), 0),
        (Scope::Stacks(BTreeSet::from(["shop".to_owned()])), 0),
        (Scope::Stacks(BTreeSet::from(["tool".to_owned()])), 1),
        (Scope::Project, 0),
    ] {
        let mut some = all.clone();
        some.forget(&scope);
        assert_eq!(some.iter().count(), left, "{scope:?}");
    }
}

#[test]
fn what_is_kept_is_read_again_and_garbage_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        Rollouts::load(folder.path(), "docker").unwrap(),
        Rollouts::default()
    );
    let mut all = Rollouts::default();
    let mut rollout = Rollout::default();
    rollout.begin(version("2"));
    rollout.move_to(10);
    all.set(id("shop/web"), rollout);
    all.store(folder.path(), "docker").unwrap();
    assert_eq!(Rollouts::load(folder.path(), "docker").unwrap(), all);
    let other = Rollouts::load(folder.path(), "host").unwrap();
    assert!(other.is_empty(), "it is on one engine");
    let file = folder.path().join(rollouts_file("docker"));
    for garbage in ["", "{", r#"{"shop/web": {"current": "../x"}}"#] {
        std::fs::write(&file, garbage).unwrap();
        let error = Rollouts::load(folder.path(), "docker")
            .unwrap_err()
            .to_string();
        assert!(error.contains("is not what hob wrote"), "{error}");
    }
    // More than all is all.
    let much = r#"{"shop/web": {"current": "1", "last": 1,
        "step": {"moving": {"to": "2", "percent": 200}}}}"#;
    std::fs::write(&file, much).unwrap();
    let much = Rollouts::load(folder.path(), "docker").unwrap();
    assert_eq!(shares(much.of(&id("shop/web")).unwrap()), "1: 0, 2: 100");
    Rollouts::default().store(folder.path(), "docker").unwrap();
    assert!(!file.exists());
}

/// What an updater does, or somebody after it.
#[derive(Debug, Clone)]
enum Act {
    Begin(u8),
    Back,
    Move(u8),
    Commit,
    /// Whoever comes next finds it so and brings it to rest.
    Settle,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        (2..6u8).prop_map(Act::Begin),
        Just(Act::Back),
        any::<u8>().prop_map(Act::Move),
        Just(Act::Commit),
        Just(Act::Settle),
    ];
    prop::collection::vec(act, 0..40)
}

proptest! {
    #[test]
    fn however_far_updates_came_one_version_stands_and_none_is_left_over(acts in acts()) {
        let mut rollout = Rollout::default();
        // What is there: what was ever begun and did not go.
        let mut there = BTreeSet::from([Version::first()]);
        for act in acts.into_iter().chain([Act::Settle]) {
            match act {
                Act::Begin(number) if rollout.step().is_none() => {
                    let to = version(&number.to_string());
                    if *rollout.current() != to {
                        there.insert(to.clone());
                        rollout.begin(to);
                    }
                }
                Act::Back if rollout.step().is_none() => {
                    if let Some(previous) = rollout.previous().cloned() {
                        rollout.begin(previous);
                    }
                }
                Act::Begin(_) | Act::Back => {}
                Act::Move(percent) => rollout.move_to(percent),
                Act::Commit => rollout.commit(),
                Act::Settle => {
                    let rest = rollout.rest();
                    let goes = rest.iter().flat_map(|it| it.gone.iter().chain(&it.undone));
                    for version in goes {
                        prop_assert_ne!(version, rollout.current());
                        prop_assert_ne!(Some(version), rollout.previous());
                    }
                    for gone in rest.iter().flat_map(|it| &it.gone) {
                        there.remove(gone);
                    }
                    rollout.finish();
                }
            }
            let shares = rollout.shares();
            prop_assert_eq!(shares.iter().map(|(_, percent)| u32::from(*percent)).sum::<u32>(), 100);
            prop_assert!(shares.iter().all(|(version, percent)| *percent > 0 && there.contains(version)));
            let known: BTreeSet<Version> = rollout.versions().into_iter().cloned().collect();
            prop_assert_eq!(&known, &there);
        }
        prop_assert_ne!(Some(rollout.current()), rollout.previous());
    }
}
