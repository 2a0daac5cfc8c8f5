//! Listings and plans as text.
//!
//! A manifest is a line: its repository, a letter for its digest, the minute
//! at which it was made (`-` for unknown), its tags, and after `=` the letters
//! of its parts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use snapbox::{assert_data_eq, str};

use super::*;
use crate::Manifest;

fn digest(letter: &str) -> Digest {
    // What hexadecimal numbers have no letter for is told by another algorithm.
    format!("test:{}", letter.repeat(12))
        .parse()
        .expect("a digest")
}

fn tags(text: &str) -> BTreeSet<Tag> {
    text.split(',')
        .map(|tag| tag.parse().expect("a tag"))
        .collect()
}

fn listing(text: &str) -> Listing {
    let mut repositories: BTreeMap<Repository, Vec<Tagged>> = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [repository, letter, made, names, parts @ ..] = words.as_slice() else {
            panic!("{line}: a repository, a letter, a minute, tags, parts");
        };
        let made: Option<i64> = made.parse().ok();
        let manifest = Manifest {
            digest: digest(letter),
            media_type: String::new(),
            size: 0,
            created: made.map(|made| Timestamp::from_second(60 * made).expect("a time")),
            parts: parts
                .iter()
                .filter(|it| **it != "=")
                .map(|it| digest(it))
                .collect(),
        };
        repositories
            .entry(repository.parse().expect("a repository"))
            .or_default()
            .push(Tagged {
                manifest,
                tags: tags(names),
            });
    }
    Listing {
        unreadable: Vec::new(),
        repositories: repositories
            .into_iter()
            .map(|(repository, manifests)| Contents {
                repository,
                manifests,
            })
            .collect(),
    }
}

/// What stays whatever its age: letters, and `REPOSITORY:TAG`.
fn protected(text: &str) -> Protected {
    let mut protected = Protected::default();
    for word in text.split_whitespace() {
        match word.split_once(':') {
            None => {
                protected.digests.insert(digest(word));
            }
            Some((repository, tag)) => {
                let name = (
                    repository.parse().expect("a repository"),
                    tag.parse().expect("a tag"),
                );
                protected.tags.insert(name, "shop/web".to_owned());
            }
        }
    }
    protected
}

fn check(text: &str, newest: usize, stays: &str, expected: impl snapbox::data::IntoData) {
    let plan = gc(&listing(text), newest, &protected(stays));
    assert_data_eq!(plan.to_string(), expected);
}

#[test]
fn the_newest_of_each_repository_stay() {
    check(
        "api a 1 v1
         api b 3 v3
         api c 2 v2
         web d 1 v1",
        2,
        "",
        str![[r#"
delete api:v1 (test:aaaaaaaaaaaa): not among the 2 newest
keep api:v3 (test:bbbbbbbbbbbb): the newest
keep api:v2 (test:cccccccccccc): number 2 of the newest
keep web:v1 (test:dddddddddddd): the newest

"#]],
    );
}

#[test]
fn among_those_of_one_time_the_last_tag_is_the_newest() {
    check(
        "api a 0 v2
         api b 0 v1
         api c - v9",
        1,
        "",
        str![[r#"
delete api:v1 (test:bbbbbbbbbbbb): not among the 1 newest
delete api:v9 (test:cccccccccccc): not among the 1 newest
keep api:v2 (test:aaaaaaaaaaaa): the newest

"#]],
    );
}

#[test]
fn what_runs_or_is_named_stays_with_all_its_tags() {
    check(
        "api a 1 v1,old
         api b 2 v2
         api c 3 v3
         api d 4 v4
         web b 1 v1",
        1,
        "b api:old web:v4",
        str![[r#"
delete api:v3 (test:cccccccccccc): not among the 1 newest
keep api:v4 (test:dddddddddddd): the newest
keep api:v2 (test:bbbbbbbbbbbb): it runs
keep api:old,v1 (test:aaaaaaaaaaaa): shop/web runs old
keep web:v1 (test:bbbbbbbbbbbb): it runs

"#]],
    );
}

#[test]
fn none_of_the_newest_may_stay_and_all_may() {
    let two = "api a 1 v1
               api b 2 v2";
    check(
        two,
        0,
        "api:v1",
        str![[r#"
delete api:v2 (test:bbbbbbbbbbbb): nobody runs it
keep api:v1 (test:aaaaaaaaaaaa): shop/web runs it

"#]],
    );
    check(
        two,
        usize::MAX,
        "",
        str![[r#"
keep api:v2 (test:bbbbbbbbbbbb): the newest
keep api:v1 (test:aaaaaaaaaaaa): number 2 of the newest

"#]],
    );
    check("", 1, "a", "");
}

#[test]
fn parts_go_and_stay_with_their_index() {
    check(
        "api a 1 arm
         api i 3 v3 = a x y
         api b 1 amd
         api j 2 v2 = b x z",
        1,
        "",
        str![[r#"
delete api:v2 (test:jjjjjjjjjjjj): not among the 1 newest
delete api:amd (test:bbbbbbbbbbbb): not among the 1 newest
delete api@test:zzzzzzzzzzzz: part of test:jjjjjjjjjjjj, which goes
keep api:v3 (test:iiiiiiiiiiii): the newest
keep api:arm (test:aaaaaaaaaaaa): part of test:iiiiiiiiiiii

"#]],
    );
}

#[test]
fn an_index_goes_before_its_parts() {
    check(
        "api a 2 part
         api i 1 inner = a
         api o 1 outer = i a x",
        0,
        "",
        str![[r#"
delete api:outer (test:oooooooooooo): nobody runs it
delete api:inner (test:iiiiiiiiiiii): nobody runs it
delete api:part (test:aaaaaaaaaaaa): nobody runs it
delete api@test:xxxxxxxxxxxx: part of test:oooooooooooo, which goes

"#]],
    );
}

#[test]
fn an_index_stays_while_a_part_of_it_runs() {
    check(
        "api i 1 v1 = x y
         api j 2 v2 = z",
        0,
        "x",
        str![[r#"
delete api:v2 (test:jjjjjjjjjjjj): nobody runs it
delete api@test:zzzzzzzzzzzz: part of test:jjjjjjjjjjjj, which goes
keep api:v1 (test:iiiiiiiiiiii): its part test:xxxxxxxxxxxx runs

"#]],
    );
}

/// Few letters, minutes and tags, so that they meet.
fn listings() -> impl Strategy<Value = Listing> {
    let manifest = (
        proptest::option::of(0i64..3),
        proptest::collection::btree_set("[a-c]", 1..3),
        proptest::collection::vec("[a-h]", 0..3),
    );
    let manifests = proptest::collection::btree_map("[a-f]", manifest, 0..6);
    let repositories = proptest::collection::btree_map("[p-q]", manifests, 0..3);
    repositories.prop_map(|repositories| Listing {
        unreadable: Vec::new(),
        repositories: repositories
            .into_iter()
            .map(|(name, manifests)| Contents {
                repository: name.parse().expect("a repository"),
                manifests: manifests.into_iter().map(tagged).collect(),
            })
            .collect(),
    })
}

type Made = (Option<i64>, BTreeSet<String>, Vec<String>);

fn tagged((letter, (made, names, parts)): (String, Made)) -> Tagged {
    Tagged {
        // A tag means one manifest, so each has tags of its own.
        tags: names
            .iter()
            .map(|name| format!("{letter}{name}").parse().expect("a tag"))
            .collect(),
        manifest: Manifest {
            media_type: String::new(),
            size: 0,
            created: made.map(|made| Timestamp::from_second(made).expect("a time")),
            parts: parts
                .iter()
                .filter(|it| **it != letter)
                .map(|it| digest(it))
                .collect(),
            digest: digest(&letter),
        },
    }
}

fn protections() -> impl Strategy<Value = Protected> {
    let digests = proptest::collection::btree_set("[a-h]", 0..3);
    let names = proptest::collection::btree_set(("[p-q]", "[a-f][a-c]"), 0..3);
    (digests, names).prop_map(|(digests, names)| Protected {
        digests: digests.iter().map(|letter| digest(letter)).collect(),
        tags: names
            .iter()
            .map(|(repository, tag)| {
                let repository = repository.parse().expect("a repository");
                let named = (repository, tag.parse().expect("a tag"));
                (named, "shop/web".to_owned())
            })
            .collect(),
    })
}

proptest! {
    #[test]
    fn what_is_protected_stays_and_so_do_enough(
        listing in listings(),
        newest in 0usize..5,
        protected in protections(),
    ) {
        let plan = gc(&listing, newest, &protected);
        for deletion in &plan.delete {
            prop_assert!(!protected.digests.contains(&deletion.digest));
            for tag in &deletion.tags {
                let name = (deletion.repository.clone(), tag.clone());
                prop_assert!(!protected.tags.contains_key(&name));
            }
        }
        for contents in &listing.repositories {
            let here = |repository: &Repository| *repository == contents.repository;
            let kept: Vec<&Keep> =
                plan.keep.iter().filter(|keep| here(&keep.repository)).collect();
            let gone: Vec<&Deletion> =
                plan.delete.iter().filter(|gone| here(&gone.repository)).collect();
            prop_assert!(kept.len() >= newest.min(contents.manifests.len()));
            // Each one that has a tag is told once, and nothing goes twice.
            let tagged = gone.iter().filter(|gone| !gone.tags.is_empty()).count();
            prop_assert_eq!(kept.len() + tagged, contents.manifests.len());
            let digests: BTreeSet<&Digest> = gone.iter().map(|gone| &gone.digest).collect();
            prop_assert_eq!(digests.len(), gone.len());
            // What goes is no part of what stays.
            for manifest in contents.manifests.iter().map(|tagged| &tagged.manifest) {
                if kept.iter().any(|keep| keep.digest == manifest.digest) {
                    prop_assert!(!digests.contains(&manifest.digest));
                    prop_assert!(manifest.parts.iter().all(|part| !digests.contains(part)));
                }
            }
        }
    }
}
