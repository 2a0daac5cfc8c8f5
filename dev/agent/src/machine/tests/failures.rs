//! Stories of what fails: builds, starts, processes that served.

use hob_wire::{Ready, Restart, Spec, Swap};
use snapbox::str;

use super::words::{check, spec};

#[test]
fn a_broken_build_leaves_what_served_before() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; save 2; broken 2; save 3; built 3; \
         spawned 2; ready 2",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  build b2 of g2
broken 2       stale     discard b2, badge: no
save 3         updating  build b3 of g3
built 3        updating  spawn r2 from b3 of g3
spawned 2      updating  probe r2
ready 2        ready     gate opens to r2 as g3, drain r1

"#]],
    );
}

#[test]
fn a_crash_on_start_leaves_what_served_before() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; save 2; built 2; spawned 2; crash 2; \
         save 3; built 3; spawned 3; unready 3; exit 3",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  build b2 of g2
built 2        updating  spawn r2 from b2 of g2
spawned 2      updating  probe r2
crash 2        stale     badge: exited with code 2 before it was ready
save 3         updating  build b3 of g3
built 3        updating  discard b2, spawn r3 from b3 of g3
spawned 3      updating  probe r3
unready 3      stale     terminate r3, badge: late
exit 3         stale     close r3

"#]],
    );
}

#[test]
fn the_crash_of_an_older_process_hides_no_newer_problem_of_the_same_build() {
    check(
        &Spec {
            restart: Restart::Never,
            ..spec()
        },
        "configure; start; built 1; spawned 1; ready 1; save-restart 2; unspawned 2; crash 1",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save-restart 2 updating  spawn r2 from b1 of g2
unspawned 2    stale     badge: not found
crash 1        failed    close r1, gate fails: not found

"#]],
    );
}

#[test]
fn a_crash_is_held_and_restarted_with_backoff() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; crash 1; wake 1; spawned 2; crash 2; \
         wake 2; spawned 3; ready 3; crash 3",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
crash 1        backoff   close r1, wake 1 in 100 ms, gate holds: it exited with code 2 and is started again
wake 1         starting  gate holds: it is starting, spawn r2 from b1 of g1
spawned 2      starting  probe r2
crash 2        backoff   gate fails: exited with code 2 before it was ready, wake 2 in 200 ms
wake 2         starting  gate holds: it is starting, spawn r3 from b1 of g1
spawned 3      starting  probe r3
ready 3        ready     gate opens to r3 as g1
crash 3        backoff   close r3, wake 3 in 400 ms, gate holds: it exited with code 2 and is started again

"#]],
    );
}

#[test]
fn a_process_that_never_started_is_tried_again_but_a_missing_program_is_not() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; crash 1; wake 1; unspawned 2",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
crash 1        backoff   gate fails: exited with code 2 before it was ready, wake 1 in 100 ms
wake 1         starting  gate holds: it is starting, spawn r2 from b1 of g1
unspawned 2    failed    gate fails: not found

"#]],
    );
}

#[test]
fn when_the_newest_never_started_and_the_good_one_crashes_the_good_one_comes_back() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; save 2; built 2; spawned 2; crash 2; \
         crash 1; wake 1; spawned 3; ready 3",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  build b2 of g2
built 2        updating  spawn r2 from b2 of g2
spawned 2      updating  probe r2
crash 2        stale     badge: exited with code 2 before it was ready
crash 1        backoff   close r1, wake 1 in 100 ms, gate holds: it exited with code 2 and is started again
wake 1         starting  gate holds: it is starting, spawn r3 from b1 of g1
spawned 3      starting  probe r3
ready 3        stale     gate opens to r3 as g1, badge: exited with code 2 before it was ready

"#]],
    );
}

#[test]
fn an_exclusive_service_stops_before_it_starts_and_falls_back() {
    let spec = Spec {
        swap: Swap::Exclusive,
        ..spec()
    };
    check(
        &spec,
        "configure; start; built 1; spawned 1; ready 1; save 2; built 2; drained 1; exit 1; \
         spawned 2; crash 2; spawned 3; ready 3",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  build b2 of g2
built 2        starting  drain r1, gate holds: it is starting
drained 1      starting  terminate r1
exit 1         starting  close r1, spawn r2 from b2 of g2
spawned 2      starting  probe r2
crash 2        starting  gate holds: it is starting, spawn r3 from b1 of g1
spawned 3      starting  probe r3
ready 3        stale     gate opens to r3 as g1, badge: exited with code 2 before it was ready

"#]],
    );
}

#[test]
fn a_restart_change_starts_what_is_built_but_builds_after_a_broken_build() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; save-restart 2; spawned 2; ready 2; \
         drained 1; exit 1; save 3; broken 2; save-restart 4",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save-restart 2 updating  spawn r2 from b1 of g2
spawned 2      updating  probe r2
ready 2        ready     gate opens to r2 as g2, drain r1
drained 1      ready     terminate r1
exit 1         ready     close r1
save 3         updating  build b2 of g3
broken 2       stale     discard b2, badge: no
save-restart 4 updating  build b3 of g4

"#]],
    );
}

#[test]
fn a_job_that_ended_well_stays_ended_until_the_next_save() {
    let spec = Spec {
        restart: Restart::OnFailure,
        ready: Ready::Started,
        ..spec()
    };
    check(
        &spec,
        "configure; start; built 1; spawned 1; ready 1; exit 1; save 2; built 2; spawned 2",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
exit 1         stopped   close r1, gate holds: it ended by itself
save 2         building  build b2 of g2
built 2        starting  gate holds: it is starting, spawn r2 from b2 of g2
spawned 2      starting  probe r2

"#]],
    );
}

#[test]
fn after_a_broken_build_no_asset_gives_the_old_process_a_newer_number() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; save 2; broken 2; save-none 3; crash 1; \
         wake 1; spawned 2; ready 2",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  build b2 of g2
broken 2       stale     discard b2, badge: no
save-none 3    stale     
crash 1        backoff   close r1, wake 1 in 100 ms, gate holds: it exited with code 2 and is started again
wake 1         starting  gate holds: it is starting, spawn r2 from b1 of g1
spawned 2      starting  probe r2
ready 2        stale     gate opens to r2 as g1, badge: no

"#]],
    );
}

#[test]
fn a_job_that_ended_well_does_not_run_again_because_the_next_save_does_not_build() {
    let spec = Spec {
        restart: Restart::OnFailure,
        ready: Ready::Started,
        ..spec()
    };
    check(
        &spec,
        "configure; start; built 1; spawned 1; ready 1; exit 1; save 2; broken 2; save 3; built 3",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
exit 1         stopped   close r1, gate holds: it ended by itself
save 2         building  build b2 of g2
broken 2       failed    discard b2, gate fails: no
save 3         building  build b3 of g3
built 3        starting  gate holds: it is starting, spawn r2 from b3 of g3

"#]],
    );
}

#[test]
fn a_restart_builds_when_no_build_ever_succeeded() {
    check(
        &spec(),
        "configure; start; broken 1; restart; built 2; spawned 1; ready 1",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
broken 1       failed    discard b1, gate fails: no
restart        building  build b2 of g1
built 2        starting  gate holds: it is starting, spawn r1 from b2 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1

"#]],
    );
}

#[test]
fn a_build_that_waits_for_its_needs_takes_away_the_error_of_the_one_before() {
    check(
        &spec(),
        "configure; broken 1; save 2; built 2; start; spawned 1; ready 1",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
broken 1       failed    discard b1, gate fails: no
save 2         building  build b2 of g2
built 2        waiting   gate holds: it waits for what it needs
start          starting  gate holds: it is starting, spawn r1 from b2 of g2
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g2

"#]],
    );
}

#[test]
fn an_exclusive_service_whose_fallback_does_not_start_is_tried_again() {
    let spec = Spec {
        swap: Swap::Exclusive,
        ..spec()
    };
    check(
        &spec,
        "configure; start; built 1; spawned 1; ready 1; save 2; built 2; drained 1; exit 1; \
         spawned 2; crash 2; spawned 3; crash 3; wake 1; spawned 4; ready 4",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  build b2 of g2
built 2        starting  drain r1, gate holds: it is starting
drained 1      starting  terminate r1
exit 1         starting  close r1, spawn r2 from b2 of g2
spawned 2      starting  probe r2
crash 2        starting  gate holds: it is starting, spawn r3 from b1 of g1
spawned 3      starting  probe r3
crash 3        backoff   gate fails: exited with code 2 before it was ready, wake 1 in 100 ms
wake 1         starting  gate holds: it is starting, spawn r4 from b1 of g1
spawned 4      starting  probe r4
ready 4        stale     gate opens to r4 as g1, badge: exited with code 2 before it was ready

"#]],
    );
}
