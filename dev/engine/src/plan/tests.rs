//! What is planned, as text: wanted and found in, one line a step out.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use snapbox::str;

use super::{Blocked, Situation, settled};

mod outlived;
mod words;

use words::{check, found, planned, wanted};

#[test]
fn what_is_not_there_is_made_and_starts_once_its_needs_are_ready() {
    check(
        "goapi mode=dev config=1 needs=db wants=cache
         db mode=dev config=1 needs=db/data
         cache mode=dev config=1 label=files
         db/data",
        "",
        str![[r#"
0 create agent s/cache     because it is not there
1 configure agent s/cache  because it is new (files) <0
2 start agent s/cache      because it is to run <1
3 await agent s/cache      because others may rely on it only then <2
4 create volume s/db/data  because it is not there
5 create agent s/db        because it is not there <4
6 configure agent s/db     because it is new <5
7 start agent s/db         because it is to run <6
8 await agent s/db         because others may rely on it only then <7
9 create agent s/goapi     because it is not there
10 configure agent s/goapi  because it is new <9
11 start agent s/goapi      because it is to run <2? <8 <10
12 await agent s/goapi      because others may rely on it only then <11

"#]],
    );
}

#[test]
fn what_is_as_wanted_gives_no_step() {
    check(
        "goapi mode=dev config=1 needs=db port=80
         db mode=dev config=1",
        "goapi ready mode=dev config=1
         db ready mode=dev config=1
         held port=80 ours=goapi",
        str![],
    );
}

#[test]
fn what_is_half_way_goes_on_from_there() {
    check(
        "a mode=dev config=1
         b mode=dev config=1
         c mode=dev config=1
         d mode=dev config=1",
        "a created
         b configured mode=dev config=1
         c started mode=dev config=1
         d ready mode=dev config=old",
        str![[r#"
0 configure agent s/a  because it was told nothing yet
1 start agent s/a      because it does not run <0
2 await agent s/a      because it is not ready yet <1
3 start agent s/b      because it does not run
4 await agent s/b      because it is not ready yet <3
5 await agent s/c      because it is not ready yet
6 configure agent s/d  because its configuration changed
7 await agent s/d      because it has to be ready with that <6

"#]],
    );
}

#[test]
fn another_identity_means_removal_before_creation() {
    check(
        "a mode=run config=1 port=80",
        "a ready mode=dev config=1
         held port=80 ours=a",
        str![[r#"
0 remove agent s/a     because its mode is dev and has to be run
1 create agent s/a     because it is made anew <0
2 configure agent s/a  because it is new <1
3 start agent s/a      because it is to run <2
4 await agent s/a      because others may rely on it only then <3

"#]],
    );
}

#[test]
fn what_failed_is_made_anew_only_if_it_is_to_be_retried() {
    check(
        "a mode=run config=1 retry
         b mode=dev config=1",
        "a started mode=run config=1 failed=broken-build
         b started mode=dev config=1 failed=broken-build",
        str![[r#"
0 remove agent s/a     because it failed: broken-build
1 create agent s/a     because it is made anew <0
2 configure agent s/a  because it is new <1
3 start agent s/a      because it is to run <2
4 await agent s/a      because others may rely on it only then <3
5 await agent s/b      because it is not ready: broken-build

"#]],
    );
}

#[test]
fn what_serves_while_it_is_updated_is_waited_for_and_holds_nobody_back() {
    check(
        "a mode=run config=1 retry
         b mode=run config=1 needs=a",
        "a ready mode=run config=1 behind=an-older-save-answers",
        str![[r#"
0 await agent s/a      because an-older-save-answers
1 create agent s/b     because it is not there
2 configure agent s/b  because it is new <1
3 start agent s/b      because it is to run <2
4 await agent s/b      because others may rely on it only then <3

"#]],
    );
}

#[test]
fn what_still_serves_after_a_failure_is_left_and_can_be_relied_on() {
    check(
        "a mode=run config=1 retry
         b mode=run config=1 needs=a",
        "a ready mode=run config=1 failed=broken-build
         b configured mode=run config=1",
        str![[r#"
0 await agent s/a  because it is not ready: broken-build
1 start agent s/b  because it does not run
2 await agent s/b  because it is not ready yet <1

"#]],
    );
}

#[test]
fn what_is_not_asked_for_goes_after_all_that_depends_on_it() {
    check(
        "",
        "goapi ready needs=db
         db ready needs=db/data
         db/data",
        str![[r#"
0 remove agent s/goapi  because it is not asked for
1 remove agent s/db     because it is not asked for <0?

"#]],
    );
}

#[test]
fn volumes_go_only_when_that_is_asked_for() {
    check(
        "volumes",
        "db ready needs=db/data
         db/data",
        str![[r#"
0 remove agent s/db        because it is not asked for
1 remove volume s/db/data  because it is not asked for <0?

"#]],
    );
}

#[test]
fn what_is_out_of_scope_is_not_touched() {
    check(
        "scope=a
         a mode=dev config=1",
        "a ready mode=dev config=1
         b ready mode=dev config=9",
        str![],
    );
    check("scope=t", "a ready", str![]);
}

#[test]
fn a_port_of_somebody_else_stops_the_service_and_names_the_holder() {
    check(
        "a mode=dev config=1 port=80
         b mode=dev config=1 needs=a
         c mode=dev config=1 wants=a",
        "held port=80 by=nginx",
        str![[r#"
0 create agent s/c     because it is not there
1 configure agent s/c  because it is new <0
2 start agent s/c      because it is to run <1
3 await agent s/c      because others may rely on it only then <2
! s/a: port 80 is taken: nginx has it
  hint: `--port-offset 100`
! s/b: it needs s/a, which cannot come up

"#]],
    );
}

#[test]
fn a_port_of_a_service_that_goes_is_waited_for() {
    check(
        "a mode=dev config=1 port=80",
        "b ready mode=dev
         held port=80 ours=b",
        str![[r#"
0 remove agent s/b     because it is not asked for
1 create agent s/a     because it is not there <0
2 configure agent s/a  because it is new <1
3 start agent s/a      because it is to run <2
4 await agent s/a      because others may rely on it only then <3

"#]],
    );
}

#[test]
fn a_port_of_a_service_that_stays_is_an_obstacle() {
    check(
        "scope=a
         a mode=dev config=1 port=80",
        "b ready mode=dev
         held port=80 ours=b",
        str![[r#"
! s/a: port 80 is taken: agent s/b has it

"#]],
    );
}

#[test]
fn two_services_that_want_one_port_do_not_both_get_it() {
    check(
        "a port=80
         b port=80",
        "",
        str![[r#"
0 create agent s/a  because it is not there
1 start agent s/a   because it is to run <0
2 await agent s/a   because others may rely on it only then <1
! s/b: port 80 is taken: agent s/a wants it too

"#]],
    );
}

#[test]
fn a_service_that_cannot_be_lowered_is_left_as_it_is() {
    check(
        "missing=a
         b mode=dev config=1 needs=a
         c mode=dev config=1 wants=a",
        "a ready mode=dev config=1
         c ready mode=dev config=1",
        str![[r#"
0 create agent s/b     because it is not there
1 configure agent s/b  because it is new <0
2 start agent s/b      because it is to run <1
3 await agent s/b      because others may rely on it only then <2
! s/a: mcs is not installed

"#]],
    );
}

#[test]
fn a_busy_service_is_changed_only_by_force() {
    let busy = "a ready mode=dev config=1 busy=hob-dev";
    check("a mode=dev config=1", busy, str![]);
    check(
        "a mode=dev config=2",
        busy,
        str![[r#"
! s/a: hob-dev works with it
  hint: `hob status` shows where it answers, `hob down` ends the session

"#]],
    );
    check(
        "force
         a mode=dev config=2",
        busy,
        str![[r#"
0 configure agent s/a  because its configuration changed
1 await agent s/a      because it has to be ready with that <0

"#]],
    );
}

#[test]
fn services_that_need_each_other_are_an_obstacle_and_wants_in_a_circle_are_not() {
    check(
        "a needs=b
         b needs=a
         c wants=d
         d wants=c",
        "",
        str![[r#"
0 create agent s/c  because it is not there
1 create agent s/d  because it is not there
2 start agent s/d   because it is to run <1
3 start agent s/c   because it is to run <0 <2?
4 await agent s/c   because others may rely on it only then <3
5 await agent s/d   because others may rely on it only then <2
! s/a: it needs itself, over others
! s/b: it needs itself, over others

"#]],
    );
}

#[test]
fn the_same_question_gives_the_same_plan() {
    let want = "a needs=b\n b needs=b/d\n b/d\n c wants=a";
    assert_eq!(planned(want, "").to_text(), planned(want, "").to_text());
}

#[test]
fn steps_that_wait_for_each_other_are_an_obstacle_and_none_is_lost_in_silence() {
    let set = wanted(
        "a mode=dev config=1 needs=b
         b mode=dev config=1 needs=a
         c mode=dev config=1 needs=a
         d mode=dev config=1",
    );
    let observed = found("");
    let situation = Situation {
        wanted: set.resources.iter().map(|d| (d.id.clone(), d)).collect(),
        set: &set,
        found: &observed.resources,
        held: &observed.held,
    };
    // As if the services that need themselves had not been looked for before.
    let (steps, blocked) = settled(&situation, Blocked::new());
    let owners: BTreeSet<String> = steps
        .iter()
        .map(|it| it.resource.owner().to_string())
        .collect();
    assert_eq!(owners, BTreeSet::from(["s/d".to_owned()]));
    let reasons: Vec<String> = blocked.values().map(ToString::to_string).collect();
    assert_eq!(
        reasons,
        [
            "s/a: its steps wait for each other",
            "s/b: its steps wait for each other",
            "s/c: it needs s/a, which cannot come up",
        ]
    );
}
