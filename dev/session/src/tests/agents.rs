//! Stories of agents that come and go, and of the session's own end.

use snapbox::str;

use super::{check, check_kept};

#[test]
fn all_is_ready_only_when_every_save_would_be_built() {
    check(
        &["web"],
        "applied; attached web; ready web 1",
        str![[r#"

begin                  apply web, attach web
applied
attached web
ready web 1            tell AllReady, tell CaughtUp

"#]],
    );
}

#[test]
fn a_lost_agent_is_made_anew_with_growing_pauses_and_loses_no_save() {
    check(
        &["web"],
        "attached web; ready web 3; applied; lost web; save web aa; replan; lost web; replan; \
         applied; attached web; building web 1; applied",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 3
applied                tell AllReady, tell CaughtUp
lost web               tell that the agent of web died, replan in 50 ms
save web aa
replan                 apply web, attach web
lost web               tell that the agent of web died, replan in 100 ms
replan
applied                apply web, attach web
attached web
building web 1         web: rebuild g2
applied

"#]],
    );
}

#[test]
fn a_service_taken_down_elsewhere_is_not_fought_for() {
    check(
        &["db", "web"],
        "attached db; ready db; attached web; ready web; applied; stopping web; lost web; \
         save web aa; stopping db; lost db",
        str![[r#"

begin                  apply db and web, attach db, attach web
attached db
ready db
attached web
ready web
applied                tell AllReady, tell CaughtUp
stopping web
lost web               tell that web was taken down
save web aa
stopping db
lost db                tell that db was taken down, finish: TakenDown

"#]],
    );
}

#[test]
fn a_service_that_ends_with_its_container_is_waited_for() {
    check(
        &["web"],
        "attached web; ready web; applied; returning web; lost web; save web aa; replan; \
         attached web; ready web 1 300",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
applied                tell AllReady, tell CaughtUp
returning web
lost web               attach web, tell that the agent of web died, replan in 2000 ms
save web aa
replan                 apply web
attached web
ready web 1 300        web: rebuild g2

"#]],
    );
}

#[test]
fn an_agent_that_the_plan_replaces_is_attached_to_anew() {
    check(
        &["web"],
        "digest web aa; attached web; production web 3 50; stopping web; lost web; \
         attached web; building web 1; ready web 1; applied",
        str![[r#"

begin                  apply web, attach web
digest web aa
attached web
production web 3 50
stopping web
lost web               attach web
attached web
building web 1
ready web 1            web: g1 is aa
applied                tell AllReady, tell CaughtUp

"#]],
    );
}

#[test]
fn a_service_of_another_session_is_left_to_it() {
    check(
        &["web"],
        "refused web",
        str![[r#"

begin                  apply web, attach web
refused web            tell of web: process 9 has it, await process 9 for web, finish: Taken { pid: 9 }

"#]],
    );
}

#[test]
fn what_waited_for_a_mended_service_goes_on() {
    check(
        &["db", "web"],
        "attached db; failed db; half-applied; save db aa; ready db 2; applied; attached web; ready web",
        str![[r#"

begin                  apply db and web, attach db, attach web
attached db
failed db
half-applied           tell SomeReady { serves: false }
save db aa             db: rebuild g2
ready db 2             db: g2 is aa, quietly apply db and web
applied
attached web
ready web              tell AllReady, tell CaughtUp

"#]],
    );
}

#[test]
fn leaving_is_gentle_once_and_at_once_the_second_time() {
    check(
        &["web"],
        "attached web; ready web; leave; lost web; leave; torn-down",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
leave                  tell Leaving, tear down web
lost web
leave                  tear down web by force
torn-down              finish: Left

"#]],
    );
    check_kept(
        true,
        &["web"],
        "attached web; ready web; leave",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
leave                  finish: Left

"#]],
    );
    check(
        &["web"],
        "attached web; ready web; quit",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
quit                   answer Done, tell Leaving, tear down web

"#]],
    );
}

#[test]
fn a_changed_stack_file_is_planned_and_new_services_are_attached_to() {
    check(
        &["web"],
        "attached web; ready web; applied; reloaded db web; applied; attached db; ready db",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
applied                tell AllReady, tell CaughtUp
reloaded db web        apply db and web, attach db
applied
attached db
ready db               tell AllReady

"#]],
    );
}

#[test]
fn what_cannot_be_brought_up_at_all_ends_the_session_and_takes_the_rest_down() {
    check(
        &["db", "web"],
        "attached db; ready db; blocked; lost db; torn-down",
        str![[r#"

begin                  apply db and web, attach db, attach web
attached db
ready db
blocked                tear down db and web
lost db
torn-down              finish: Blocked

"#]],
    );
}

#[test]
fn a_key_tries_again_what_something_was_in_the_way_of() {
    check(
        &["db", "web"],
        "attached db; ready db; half-applied; rebuild; applied; attached web; ready web",
        str![[r#"

begin                  apply db and web, attach db, attach web
attached db
ready db
half-applied           tell SomeReady { serves: true }
rebuild                apply db and web, db: rebuild g2
applied
attached web
ready web              tell AllReady

"#]],
    );
}

#[test]
fn a_plan_that_is_blocked_later_does_not_end_the_session() {
    check(
        &["web"],
        "attached web; ready web; applied; lost web; replan; blocked",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
applied                tell AllReady, tell CaughtUp
lost web               tell that the agent of web died, replan in 50 ms
replan                 apply web, attach web
blocked                retry in 2000 ms, tell SomeReady { serves: false }

"#]],
    );
}

#[test]
fn leaving_takes_down_only_what_is_this_sessions() {
    check(
        &["db", "web"],
        "refused db; attached web; ready web; leave; torn-down",
        str![[r#"

begin                  apply db and web, attach db, attach web
refused db             tell of db: process 9 has it, await process 9 for db
attached web
ready web
leave                  tell Leaving, tear down web
torn-down              finish: Left

"#]],
    );
}

#[test]
fn an_agent_that_is_going_down_is_asked_again() {
    check(
        &["web"],
        "unready web; replan",
        str![[r#"

begin                  apply web, attach web
unready web            replan in 100 ms
replan

"#]],
    );
}

#[test]
fn a_service_that_was_taken_down_stays_down_when_the_stack_file_changes() {
    check(
        &["db", "web"],
        "attached db; ready db; attached web; ready web; applied; stopping web; lost web; \
         reread db web; applied",
        str![[r#"

begin                  apply db and web, attach db, attach web
attached db
ready db
attached web
ready web
applied                tell AllReady, tell CaughtUp
stopping web
lost web               tell that web was taken down
reread db web          apply db
applied                tell AllReady

"#]],
    );
}

#[test]
fn a_plan_under_way_is_given_up_for_the_stack_file_as_it_is_now() {
    check(
        &["web", "wrong"],
        "attached web; ready web; reloaded web; applied",
        str![[r#"

begin                  apply web and wrong, attach web, attach wrong
attached web
ready web
reloaded web           apply web
applied                tell AllReady

"#]],
    );
}

#[test]
fn what_another_session_had_is_taken_back_when_that_is_over() {
    check(
        &["db", "web"],
        "refused web; attached db; ready db; applied; released web; applied; attached web; \
         ready web; released web",
        str![[r#"

begin                  apply db and web, attach db, attach web
refused web            tell of web: process 9 has it, await process 9 for web
attached db
ready db
applied                tell AllReady, tell CaughtUp
released web           tell that web is taken back, apply db and web, attach web
applied
attached web
ready web              tell AllReady
released web

"#]],
    );
    check(
        &["db", "web"],
        "refused web; attached db; ready db; leave; released web",
        str![[r#"

begin                  apply db and web, attach db, attach web
refused web            tell of web: process 9 has it, await process 9 for web
attached db
ready db
leave                  tell Leaving, tear down db
released web

"#]],
    );
}
