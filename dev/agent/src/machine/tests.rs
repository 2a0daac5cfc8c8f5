//! Stories told to the machine in words, and what it did, in words.

#![expect(clippy::unwrap_used, reason = "tests")]

mod failures;
mod jobs;
mod words;

use hob_wire::{Mode, Swap};
use snapbox::str;

use super::Spec;
use words::check;
pub(super) use words::spec;

#[test]
fn a_created_service_builds_and_waits_for_what_it_needs() {
    check(
        &spec(),
        "configure; built 1; start; spawned 1; ready 1",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
built 1        waiting   gate holds: it waits for what it needs
start          starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1

"#]],
    );
}

#[test]
fn other_sources_are_built_in_mode_run_where_nobody_tells_of_saves() {
    let mut spec = spec();
    spec.mode = Mode::Run;
    spec.swap = Swap::Exclusive;
    check(
        &spec,
        "configure; start; built 1; spawned 1; ready 1; configure; configure-sources; built 2",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
configure      ready     
configure-sources updating  build b2 of g1
built 2        starting  drain r1, gate holds: it is starting

"#]],
    );
}

#[test]
fn a_save_is_built_swapped_in_and_the_old_process_drains() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; save 2; built 2; spawned 2; ready 2; \
         drained 1; exit 1",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  build b2 of g2
built 2        updating  spawn r2 from b2 of g2
spawned 2      updating  probe r2
ready 2        ready     gate opens to r2 as g2, drain r1
drained 1      ready     terminate r1
exit 1         ready     close r1, discard b1

"#]],
    );
}

#[test]
fn the_oldest_of_many_that_are_slow_to_end_is_killed_before_another_one_starts() {
    let mut spec = spec();
    spec.build = None;
    check(
        &spec,
        "configure; start; spawned 1; ready 1; save 2; spawned 2; save 3; spawned 3; save 4; \
         spawned 4; save 5; save 6; exit 2; spawned 5; ready 5; drained 1",
        str![[r#"

configure      waiting   gate holds: it has not been built yet, gate holds: it waits for what it needs
start          starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  spawn r2 from b2 of g2
spawned 2      updating  probe r2
save 3         updating  terminate r2, spawn r3 from b3 of g3
spawned 3      updating  probe r3
save 4         updating  terminate r3, spawn r4 from b4 of g4
spawned 4      updating  probe r4
save 5         updating  terminate r4, kill r2
save 6         updating  discard b5
exit 2         updating  close r2, discard b2, spawn r5 from b6 of g6
spawned 5      updating  probe r5
ready 5        ready     gate opens to r5 as g6, drain r1
drained 1      ready     terminate r1

"#]],
    );
}

#[test]
fn a_new_process_waits_for_old_ones_that_have_requests_and_none_of_them_is_killed() {
    let mut spec = spec();
    spec.build = None;
    check(
        &spec,
        "configure; start; spawned 1; ready 1; save 2; spawned 2; ready 2; save 3; spawned 3; \
         ready 3; save 4; spawned 4; ready 4; save 5; drained 2; exit 2; spawned 5",
        str![[r#"

configure      waiting   gate holds: it has not been built yet, gate holds: it waits for what it needs
start          starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  spawn r2 from b2 of g2
spawned 2      updating  probe r2
ready 2        ready     gate opens to r2 as g2, drain r1
save 3         updating  spawn r3 from b3 of g3
spawned 3      updating  probe r3
ready 3        ready     gate opens to r3 as g3, drain r2
save 4         updating  spawn r4 from b4 of g4
spawned 4      updating  probe r4
ready 4        ready     gate opens to r4 as g4, drain r3
save 5         updating  
drained 2      updating  terminate r2, kill r2
exit 2         updating  close r2, discard b2, spawn r5 from b5 of g5
spawned 5      updating  probe r5

"#]],
    );
}

#[test]
fn a_newer_save_supersedes_a_build_and_waits_for_its_end() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; save 2; save 3; save 4; cancelled 2; \
         built 3; spawned 2; ready 2",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  build b2 of g2
save 3         updating  cancel b2
save 4         updating  
cancelled 2    updating  discard b2, build b3 of g4
built 3        updating  spawn r2 from b3 of g4
spawned 2      updating  probe r2
ready 2        ready     gate opens to r2 as g4, drain r1

"#]],
    );
}

#[test]
fn a_change_of_assets_reloads_browsers_and_touches_no_process() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; save-none 2; save-signal 3; save 4; \
         save-none 5; built 2; spawned 2; ready 2",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save-none 2    ready     reload as g2
save-signal 3  ready     signal r1, reload as g3
save 4         updating  build b2 of g4
save-none 5    updating  
built 2        updating  spawn r2 from b2 of g5
spawned 2      updating  probe r2
ready 2        ready     gate opens to r2 as g5, drain r1

"#]],
    );
}

#[test]
fn shutdown_ends_builds_and_every_process_before_the_agent_goes() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; save 2; built 2; spawned 2; ready 2; \
         save 3; shutdown; exit 2; cancelled 3; exit 1",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  build b2 of g2
built 2        updating  spawn r2 from b2 of g2
spawned 2      updating  probe r2
ready 2        ready     gate opens to r2 as g2, drain r1
save 3         updating  build b3 of g3
shutdown       stopped   cancel b3, gate holds: it is going down, terminate r2, terminate r1
exit 2         stopped   close r2
cancelled 3    stopped   discard b3
exit 1         stopped   close r1, discard b1, exit

"#]],
    );
}

#[test]
fn another_command_in_the_spec_starts_a_process_without_a_build() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; configure-run",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
configure-run  updating  spawn r2 from b1 of g1

"#]],
    );
}

#[test]
fn a_production_process_owns_its_port_so_it_is_replaced_not_overlapped() {
    let spec = Spec {
        mode: Mode::Run,
        ..spec()
    };
    check(
        &spec,
        "configure; start; built 1; spawned 1; ready 1; restart; drained 1; exit 1; spawned 2",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
restart        starting  drain r1, gate holds: it is starting
drained 1      starting  terminate r1
exit 1         starting  close r1, spawn r2 from b1 of g1
spawned 2      starting  probe r2

"#]],
    );
}

#[test]
fn a_signal_meets_a_process_that_is_starting_with_a_new_one() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; save-signal 2; spawned 2; ready 2",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
save-signal 2  starting  terminate r1, gate holds: it is starting, spawn r2 from b1 of g2
spawned 2      starting  probe r2
ready 2        ready     gate opens to r2 as g2

"#]],
    );
}

#[test]
fn who_asks_for_a_signal_gives_no_new_generation() {
    check(
        &spec(),
        "signal; configure; signal; start; built 1; spawned 1; signal; spawned 2; ready 2; \
         signal; shutdown; signal",
        str![[r#"

signal         waiting   
configure      building  gate holds: it has not been built yet, build b1 of g1
signal         building  
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
signal         starting  terminate r1, gate holds: it is starting, spawn r2 from b1 of g1
spawned 2      starting  probe r2
ready 2        ready     gate opens to r2 as g1
signal         ready     signal r2
shutdown       stopped   gate holds: it is going down, terminate r2
signal         stopped   

"#]],
    );
}

#[test]
fn another_command_during_a_build_is_started_from_what_there_is_and_again_after_it() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; save 2; configure-run; spawned 2; built 2; \
         spawned 3; ready 3",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  build b2 of g2
configure-run  updating  spawn r2 from b1 of g1
spawned 2      updating  probe r2
built 2        updating  terminate r2, spawn r3 from b2 of g2
spawned 3      updating  probe r3
ready 3        ready     gate opens to r3 as g2, drain r1

"#]],
    );
}
