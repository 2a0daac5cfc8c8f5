//! Stories of saves, and of what agents are held against.

use snapbox::str;

use super::check;

#[test]
fn a_save_goes_to_the_agent_with_the_next_generation() {
    check(
        &["web"],
        "attached web; building web 1; ready web 1; applied; save web aa; ready web 2; save web bb",
        str![[r#"

begin                  apply web, attach web
attached web
building web 1
ready web 1
applied                tell AllReady, tell CaughtUp
save web aa            web: rebuild g2
ready web 2            web: g2 is aa
save web bb            web: rebuild g3

"#]],
    );
}

#[test]
fn a_save_before_the_agent_has_its_spec_is_kept_and_sent_after_it() {
    check(
        &["web"],
        "save web aa; attached web; new web 0; save-none web bb; building web 1",
        str![[r#"

begin                  apply web, attach web
save web aa
attached web
new web 0
save-none web bb
building web 1         web: rebuild g2

"#]],
    );
}

#[test]
fn the_digest_of_what_a_new_agent_built_is_told_when_it_is_known() {
    check(
        &["web"],
        "attached web; ready web 1 200; digest web aa",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 1 200
digest web aa          web: g1 is aa

"#]],
    );
}

#[test]
fn an_agent_of_an_earlier_session_is_held_against_the_disk() {
    check(
        &["web"],
        "attached web; ready web 5 50 aa; digest web aa",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 5 50 aa
digest web aa

"#]],
    );
    check(
        &["web"],
        "attached web; ready web 5 50 aa; digest web bb",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 5 50 aa
digest web bb          web: rebuild g6

"#]],
    );
    check(
        &["web"],
        "attached web; ready web 5 50; digest web bb",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 5 50
digest web bb          web: rebuild g6

"#]],
    );
}

#[test]
fn a_wait_looks_at_the_disk_and_answers_with_the_generation_that_holds_it() {
    check(
        &["web"],
        "planned; sync web; attached web; ready web 4; sync web; save web aa; synced web; sync api",
        str![[r#"

begin                  apply web, attach web
planned
sync web               refuse: s/web has no agent yet
attached web
ready web 4
sync web               look at web
save web aa            web: rebuild g5
synced web             answer g5
sync api               refuse: this session does not watch s/api

"#]],
    );
}

#[test]
fn a_pause_keeps_saves_back_and_sends_them_as_one() {
    check(
        &["web"],
        "attached web; ready web; pause; save-none web aa; save web bb; sync web; pause",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
pause                  tell Paused(true)
save-none web aa
save web bb
sync web               refuse: the dev session is paused; press `p` in it
pause                  tell Paused(false), web: rebuild g2

"#]],
    );
}

#[test]
fn restart_and_rebuild_go_to_the_agents() {
    check(
        &["web"],
        "attached web; ready web; restart web; rebuild",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
restart web            web: restart
rebuild                web: rebuild g2

"#]],
    );
}

#[test]
fn what_another_watch_sees_is_held_against_what_was_built() {
    check(
        &["web"],
        "attached web; ready web 1 200; digest web aa; reloaded web; applied; ready web 1 200 aa; \
         digest web bb; ready web 2 200 bb",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 1 200
digest web aa          web: g1 is aa
reloaded web           apply web
applied                tell AllReady
ready web 1 200 aa
digest web bb          web: rebuild g2
ready web 2 200 bb     tell CaughtUp

"#]],
    );
    check(
        &["web"],
        "attached web; ready web 1 200; digest web aa; reread web; applied; ready web 1 200 aa",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 1 200
digest web aa          web: g1 is aa
reread web             apply web
applied                tell AllReady, tell CaughtUp
ready web 1 200 aa

"#]],
    );
}

#[test]
fn a_build_under_way_is_not_held_against_the_disk() {
    check(
        &["web"],
        "attached web; building web 1 200; digest web aa; ready web 1 200; failed web 2 200",
        str![[r#"

begin                  apply web, attach web
attached web
building web 1 200
digest web aa
ready web 1 200        web: g1 is aa
failed web 2 200

"#]],
    );
}

#[test]
fn a_wait_that_could_not_look_or_whose_agent_cannot_be_made_anew_is_refused() {
    check(
        &["web"],
        "planned; attached web; ready web; sync web 1; unsynced web 1; sync web 2; lost web; \
         synced web 2; applied; replan; half-applied",
        str![[r#"

begin                  apply web, attach web
planned
attached web
ready web
sync web 1             look at web
unsynced web 1         refuse: s/web cannot be waited for at the moment
sync web 2             look at web
lost web               tell that the agent of web died, replan in 50 ms
synced web 2
applied
replan                 apply web, attach web
half-applied           tell SomeReady { serves: false }, refuse: s/web cannot be waited for at the moment

"#]],
    );
}

#[test]
fn a_wait_is_answered_by_the_agent_that_the_stack_files_ask_for() {
    check(
        &["web", "api"],
        "applied; attached web; ready web 4; attached api; ready api 2; rereading; sync web 1; \
         sync api 2; synced web 1; synced api 2; reread web api; read; planned web; stopping web; \
         lost web; attached web; ready web; applied",
        str![[r#"

begin                  apply api and web, attach api, attach web
applied
attached web
ready web 4
attached api
ready api 2            tell AllReady, tell CaughtUp
rereading
sync web 1             look at web
sync api 2             look at api
synced web 1
synced api 2
reread web api         apply api and web
read
planned web            answer g2
stopping web
lost web               attach web
attached web
ready web
applied                tell AllReady, answer g1

"#]],
    );
    // The plan may be done before the new agent has said anything.
    check(
        &["web"],
        "applied; attached web; ready web 4; rereading; sync web; synced web; reread web; \
         read; planned web; stopping web; lost web; applied; attached web; ready web",
        str![[r#"

begin                  apply web, attach web
applied
attached web
ready web 4            tell AllReady, tell CaughtUp
rereading
sync web               look at web
synced web
reread web             apply web
read
planned web
stopping web
lost web               attach web
applied
attached web
ready web              tell AllReady, answer g1

"#]],
    );
    // A mistake in them leaves what is there.
    check(
        &["web"],
        "applied; attached web; ready web 4; rereading; sync web; synced web; misread a mistake",
        str![[r#"

begin                  apply web, attach web
applied
attached web
ready web 4            tell AllReady, tell CaughtUp
rereading
sync web               look at web
synced web
misread a mistake      answer g4

"#]],
    );
}
