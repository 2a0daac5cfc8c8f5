//! Stories of plans that cannot be performed wholly, and of what a session
//! finds on disk when it begins.

use snapbox::str;

use super::{check, check_kept};

#[test]
fn what_is_in_the_way_is_looked_for_again_with_growing_pauses() {
    check(
        &["db", "web"],
        "attached db; ready db; obstructed; retry; obstructed; retry; obstructed; retry; \
         obstructed; retry; obstructed; retry; obstructed; retry; applied; attached web; \
         ready web; retry; obstructed",
        str![[r#"

begin                  apply db and web, attach db, attach web
attached db
ready db
obstructed             retry in 2000 ms, tell SomeReady { serves: true }
retry                  quietly apply db and web
obstructed             retry in 4000 ms
retry                  quietly apply db and web
obstructed             retry in 8000 ms
retry                  quietly apply db and web
obstructed             retry in 16000 ms
retry                  quietly apply db and web
obstructed             retry in 30000 ms
retry                  quietly apply db and web
obstructed             retry in 30000 ms
retry                  quietly apply db and web
applied
attached web
ready web              tell AllReady, tell CaughtUp
retry
obstructed             retry in 2000 ms, tell SomeReady { serves: true }

"#]],
    );
}

#[test]
fn a_save_tries_again_at_once_what_something_was_in_the_way_of() {
    check(
        &["db", "web"],
        "attached db; ready db; obstructed; save web aa; obstructed; retry; applied; attached web; \
         building web 1",
        str![[r#"

begin                  apply db and web, attach db, attach web
attached db
ready db
obstructed             retry in 2000 ms, tell SomeReady { serves: true }
save web aa            apply db and web
obstructed
retry                  quietly apply db and web
applied
attached web
building web 1         web: rebuild g2

"#]],
    );
    // Of a service that runs it is nothing but a save.
    check(
        &["db", "web"],
        "attached db; ready db; obstructed; save db aa",
        str![[r#"

begin                  apply db and web, attach db, attach web
attached db
ready db
obstructed             retry in 2000 ms, tell SomeReady { serves: true }
save db aa             db: rebuild g2

"#]],
    );
}

#[test]
fn what_failed_by_itself_is_not_tried_again() {
    check(
        &["web"],
        "attached web; failed web; half-applied; retry",
        str![[r#"

begin                  apply web, attach web
attached web
failed web
half-applied           tell SomeReady { serves: false }, tell CaughtUp
retry

"#]],
    );
}

#[test]
fn a_session_that_leaves_tries_nothing_again() {
    check_kept(
        false,
        &["db", "web"],
        "attached db; ready db; obstructed; leave; retry",
        str![[r#"

begin                  apply db and web, attach db, attach web
attached db
ready db
obstructed             retry in 2000 ms, tell SomeReady { serves: true }
leave                  tell Leaving, tear down db and web
retry

"#]],
    );
}

#[test]
fn what_was_missed_before_the_session_is_told_to_answer_once_it_does() {
    check(
        &["web"],
        "attached web; ready web 5 50 aa; applied; digest web bb; building web 6 50; ready web 6 50 bb; \
         save web cc; ready web 7 50 cc",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 5 50 aa
applied                tell AllReady
digest web bb          web: rebuild g6
building web 6 50
ready web 6 50 bb      tell CaughtUp
save web cc            web: rebuild g7
ready web 7 50 cc

"#]],
    );
    check(
        &["web"],
        "attached web; ready web 5 50 aa; applied; digest web aa",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 5 50 aa
applied                tell AllReady
digest web aa          tell CaughtUp

"#]],
    );
    check(
        &["web"],
        "attached web; ready web 5 50 aa; applied; digest web bb; failed web 6 50",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 5 50 aa
applied                tell AllReady
digest web bb          web: rebuild g6
failed web 6 50        tell CaughtUp

"#]],
    );
}

#[test]
fn a_wait_before_the_sources_are_known_is_answered_once_they_are() {
    check(
        &["web"],
        "planned; attached web; ready web 5 50 aa; sync web; synced web; digest web bb",
        str![[r#"

begin                  apply web, attach web
planned
attached web
ready web 5 50 aa
sync web               look at web
synced web
digest web bb          web: rebuild g6, answer g6

"#]],
    );
    check(
        &["web"],
        "planned; attached web; building web 5 50; sync web; synced web; digest web bb; ready web 5 50 aa",
        str![[r#"

begin                  apply web, attach web
planned
attached web
building web 5 50
sync web               look at web
synced web
digest web bb
ready web 5 50 aa      web: rebuild g6, answer g6

"#]],
    );
    check(
        &["web"],
        "planned; attached web; ready web 5 50 aa; sync web; synced web; lost web",
        str![[r#"

begin                  apply web, attach web
planned
attached web
ready web 5 50 aa
sync web               look at web
synced web
lost web               tell that the agent of web died, replan in 50 ms

"#]],
    );
}

#[test]
fn nothing_is_told_of_all_before_each_agent_has_told_its_end() {
    check(
        &["web"],
        "attached web; building web; applied; starting web; ready web",
        str![[r#"

begin                  apply web, attach web
attached web
building web
applied
starting web
ready web              tell AllReady, tell CaughtUp

"#]],
    );
    check(
        &["web"],
        "attached web; building web; half-applied; failed web",
        str![[r#"

begin                  apply web, attach web
attached web
building web
half-applied
failed web             tell SomeReady { serves: false }, tell CaughtUp

"#]],
    );
}

#[test]
fn a_session_without_services_of_its_own_has_nothing_to_catch_up_with() {
    check(
        &["web"],
        "applied; refused web",
        str![[r#"

begin                  apply web, attach web
applied
refused web            tell of web: process 9 has it, await process 9 for web, finish: Taken { pid: 9 }

"#]],
    );
}

#[test]
fn what_was_mended_before_the_session_is_not_told_to_fail() {
    check(
        &["web"],
        "attached web; stale web 5 50; half-applied; digest web bb; updating web 6 50; \
         ready web 6 50 bb; applied",
        str![[r#"

begin                  apply web, attach web
attached web
stale web 5 50
half-applied
digest web bb          web: rebuild g6
updating web 6 50      quietly apply web
ready web 6 50 bb
applied                tell AllReady, tell CaughtUp

"#]],
    );
}

#[test]
fn who_asks_is_told_what_is_in_the_way_until_it_is_gone() {
    check(
        &["web"],
        "applied; attached web; ready web; half-applied its image does not build; describe; rereading; \
         misread the stack files have mistakes; describe; reloaded web; read; applied; describe",
        str![[r#"

begin                  apply web, attach web
applied
attached web
ready web              tell AllReady, tell CaughtUp
half-applied its image does not build tell SomeReady { serves: true }
describe               answer that it has s/web; its image does not build
rereading
misread the stack files have mistakes
describe               answer that it has s/web; the stack files have mistakes; its image does not build
reloaded web           apply web
read
applied                tell AllReady
describe               answer that it has s/web

"#]],
    );
}
