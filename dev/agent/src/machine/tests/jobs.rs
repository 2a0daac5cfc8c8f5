//! Stories of processes that end well: jobs, those that rest, and those that go
//! to the background.

use hob_wire::{Ready, Restart};
use snapbox::str;

use super::words::{check, spec};

#[test]
fn a_command_that_leaves_its_service_in_the_background_is_told_to_stay_in_front() {
    let mut never = spec();
    never.restart = Restart::Never;
    check(
        &never,
        "configure; start; built 1; spawned 1; daemon 1",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
daemon 1       failed    gate fails: exited with code 0 before it was ready, but what it had started went on: `run` must stay in the foreground (nginx: `-g 'daemon off;'`)

"#]],
    );
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; daemon 1",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
daemon 1       backoff   close r1, wake 1 in 100 ms, gate holds: it exited with code 0, but what it had started went on: `run` must stay in the foreground (nginx: `-g 'daemon off;'`) and is started again

"#]],
    );
}

#[test]
fn a_job_that_is_done_is_no_failure_however_quick_it_was() {
    let mut job = spec();
    job.listen = None;
    job.ready = Ready::Started;
    job.restart = Restart::Never;
    check(
        &job,
        "configure; start; built 1; spawned 1; exit 1; save 2; built 2; spawned 2; crash 2; \
         save 3; built 3; spawned 3; ready 3; exit 3; save 4; broken 4; restart; spawned 4; \
         daemon 4",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
exit 1         stopped   gate holds: it ended by itself
save 2         building  build b2 of g2
built 2        starting  gate holds: it is starting, spawn r2 from b2 of g2
spawned 2      starting  probe r2
crash 2        failed    gate fails: exited with code 2 before it was ready
save 3         building  build b3 of g3
built 3        starting  discard b2, gate holds: it is starting, spawn r3 from b3 of g3
spawned 3      starting  probe r3
ready 3        ready     gate opens to r3 as g3, discard b1
exit 3         stopped   close r3, gate holds: it ended by itself
save 4         building  build b4 of g4
broken 4       failed    discard b4, gate fails: no
restart        starting  gate holds: it is starting, spawn r4 from b3 of g3
spawned 4      starting  probe r4
daemon 4       failed    badge: no, gate holds: it ended by itself

"#]],
    );
    // Where somebody asks it, it has nothing to say any more.
    job.listen = spec().listen;
    check(
        &job,
        "configure; start; built 1; spawned 1; exit 1",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
exit 1         failed    gate fails: exited with code 0 before it was ready

"#]],
    );
}

#[test]
fn a_service_that_rests_keeps_what_is_built_and_starts_from_it() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; rest; drained 1; exit 1; restart; \
         spawned 2; ready 2",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
rest           resting   gate holds: it rests, drain r1
drained 1      resting   terminate r1
exit 1         resting   close r1
restart        starting  gate holds: it is starting, spawn r2 from b1 of g1
spawned 2      starting  probe r2
ready 2        ready     gate opens to r2 as g1

"#]],
    );
}
