//! Stories of services that write their own sources.

use snapbox::{assert_data_eq, str};

use super::tell;

/// A service that wrote `a` after each of two starts.
const WROTE_TWICE: &str = "planned; attached web; ready web; start web 1; write web 1.1 a; ready web 2; \
                           start web 2; write web 2.1 a; ready web 3; start web 3;";

#[track_caller]
fn check_after_two_writes(story: &str, expected: impl snapbox::IntoData) {
    let mut told = tell(false, &["web"], &format!("{WROTE_TWICE}{story}"));
    let begin = told.find("start web 3").unwrap();
    told.replace_range(..begin, "\n");
    assert_data_eq!(told, expected);
}

#[test]
fn what_a_service_writes_itself_is_sent_late_and_told_once() {
    check_after_two_writes(
        "write web 3.1 a; describe; ready web 3; write web 3.2 a; wake web 1; ready web 4; \
         start web 4; write web 4.1 a; wake web 1; wake web 2",
        str![[r#"

start web 3
write web 3.1 a        tell that a changed right after each of the last 3 starts of web, wake 1 in 500 ms
describe               answer that it has s/web; s/web: a changed right after each of the last 3 starts of web: if web writes it itself, add ignore = ["a"] under [services.web.dev]
ready web 3
write web 3.2 a
wake web 1             web: rebuild g4
ready web 4            web: g4 is at-3.2
start web 4
write web 4.1 a        wake 2 in 1000 ms
wake web 1
wake web 2             web: rebuild g5

"#]],
    );
}

#[test]
fn another_file_or_a_later_change_is_sent_at_once_with_what_was_put_off() {
    check_after_two_writes(
        "write web 3.1 a; write web 3.2 b; wake web 1; describe",
        str![[r#"

start web 3
write web 3.1 a        tell that a changed right after each of the last 3 starts of web, wake 1 in 500 ms
write web 3.2 b        web: rebuild g4
wake web 1
describe               answer that it has s/web

"#]],
    );
    check_after_two_writes(
        "write web 3.1 a; write web 9 a; wake web 1",
        str![[r#"

start web 3
write web 3.1 a        tell that a changed right after each of the last 3 starts of web, wake 1 in 500 ms
write web 9 a          web: rebuild g4
wake web 1

"#]],
    );
}

#[test]
fn a_wait_and_a_rebuild_hold_what_was_put_off() {
    check_after_two_writes(
        "write web 3.1 a; sync web; synced web; wake web 1",
        str![[r#"

start web 3
write web 3.1 a        tell that a changed right after each of the last 3 starts of web, wake 1 in 500 ms
sync web               look at web
synced web             web: rebuild g4, answer g4
wake web 1

"#]],
    );
    check_after_two_writes(
        "write web 3.1 a; rebuild; wake web 1",
        str![[r#"

start web 3
write web 3.1 a        tell that a changed right after each of the last 3 starts of web, wake 1 in 500 ms
rebuild                web: rebuild g4
wake web 1

"#]],
    );
}

#[test]
fn what_was_put_off_ends_no_process_that_is_starting() {
    check_after_two_writes(
        "write web 3.1 a; starting web 3; wake web 1; starting web 3; failed web 3",
        str![[r#"

start web 3
write web 3.1 a        tell that a changed right after each of the last 3 starts of web, wake 1 in 500 ms
starting web 3
wake web 1
starting web 3
failed web 3           web: rebuild g4

"#]],
    );
}

#[test]
fn what_was_put_off_outlives_a_pause_and_a_lost_agent() {
    check_after_two_writes(
        "write web 3.1 a; pause; wake web 1; pause",
        str![[r#"

start web 3
write web 3.1 a        tell that a changed right after each of the last 3 starts of web, wake 1 in 500 ms
pause                  tell Paused(true)
wake web 1
pause                  tell Paused(false), web: rebuild g4

"#]],
    );
    check_after_two_writes(
        "write web 3.1 a; lost web; wake web 1; applied; replan; attached web; building web 1",
        str![[r#"

start web 3
write web 3.1 a        tell that a changed right after each of the last 3 starts of web, wake 1 in 500 ms
lost web               tell that the agent of web died, replan in 50 ms
wake web 1
applied
replan                 apply web, attach web
attached web
building web 1         web: rebuild g2

"#]],
    );
}

#[test]
fn a_suspicion_that_was_not_acted_upon_is_told_once_it_is() {
    check_after_two_writes(
        "pause; write web 3.1 a; pause; ready web 4; start web 4; write web 4.1 a",
        str![[r#"

start web 3
pause                  tell Paused(true)
write web 3.1 a
pause                  tell Paused(false), web: rebuild g4
ready web 4            web: g4 is at-3.1
start web 4
write web 4.1 a        tell that a changed right after each of the last 3 starts of web, wake 1 in 500 ms

"#]],
    );
}

/// Three times: a start, an answer, and then a change of the same file.
fn changes_after_answers(state: &str) -> String {
    let rounds = (1..=3).map(|at| {
        format!("{state} web {at}; start web {at}; swap web {at}.1; write web {at}.2 a;")
    });
    let told = tell(
        false,
        &["web"],
        &format!("attached web;{}", rounds.collect::<String>()),
    );
    let begin = told.find("swap web 3.1").unwrap();
    format!("\n{}", &told[begin..])
}

#[test]
fn whether_the_service_writes_files_is_what_its_agent_says() {
    assert_data_eq!(
        changes_after_answers("ready"),
        str![[r#"

swap web 3.1
write web 3.2 a        web: rebuild g4

"#]]
    );
    assert_data_eq!(
        changes_after_answers("writing"),
        str![[r#"

swap web 3.1
write web 3.2 a        tell that a changed right after each of the last 3 starts of web, wake 1 in 500 ms

"#]]
    );
}
