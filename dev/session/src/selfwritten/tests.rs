//! Saves and starts in words, and what became of each save.

#![expect(clippy::unwrap_used, reason = "tests")]

use snapbox::{assert_data_eq, str};

use super::*;

/// `1.5 start`, `1.6 save app.db`: seconds, then what happens. Tells what
/// became of each save.
#[track_caller]
fn check(story: &str, expected: impl snapbox::IntoData) {
    let mut habit = Habit::default();
    let mut told = String::from("\n");
    for line in story.split(';').map(str::trim) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = (words[0].parse::<f64>().unwrap() * 1e6) as Micros;
        match words[1] {
            "start" => {
                habit.started(at, 0);
                continue;
            }
            // Of the save before it.
            "build" => {
                habit.started(at, 1);
                continue;
            }
            "ready" => {
                habit.ready(at);
                continue;
            }
            _ => {}
        }
        let wrote = words[1].starts_with("wrote");
        let save = Save {
            service: "s/web".parse().unwrap(),
            action: match words[1] {
                "reload" => ChangeAction::None,
                _ => ChangeAction::Rebuild,
            },
            noticed: at,
            paths: words[2..].iter().map(ToString::to_string).collect(),
            new: words[1].ends_with("new"),
            digest: None,
        };
        let words = match habit.saved(&save, wrote, 0) {
            Verdict::Ordinary => "at once".into(),
            Verdict::Suspect { .. } => {
                let news = habit.news();
                let news = news.map(|it| format!(": {it}")).unwrap_or_default();
                format!("after {} ms{news}", habit.delay())
            }
        };
        told += &format!("{line:<20} {words}\n");
    }
    assert_data_eq!(told, expected);
}

#[test]
fn a_file_that_changes_after_each_start_is_put_off_longer_and_longer() {
    check(
        "0 start; 0.1 save app.db; 0.5 start; 0.7 save app.db; 1 start; 1.3 save app.db; \
         2 start; 2.1 save app.db; 4 start; 4.1 save app.db; 7 start; 7.1 save app.db; \
         12 start; 12.1 save app.db; 21 start; 21.1 save app.db; 32 start; 32.1 save app.db",
        str![[r#"

0.1 save app.db      at once
0.7 save app.db      at once
1.3 save app.db      after 500 ms: app.db changed right after each of the last 3 starts of web: if web writes it itself, add ignore = ["app.db"] under [services.web.dev]
2.1 save app.db      after 1000 ms
4.1 save app.db      after 2000 ms
7.1 save app.db      after 4000 ms
12.1 save app.db     after 8000 ms
21.1 save app.db     after 10000 ms
32.1 save app.db     after 10000 ms

"#]],
    );
}

#[test]
fn a_few_files_together_are_one_and_several_changes_after_one_start_count_once() {
    check(
        "0 start; 0.1 save a b; 0.4 save a b; 0.5 start; 0.6 save a b; 0.9 save a b; \
         1 start; 1.1 save a b",
        str![[r#"

0.1 save a b         at once
0.4 save a b         at once
0.6 save a b         at once
0.9 save a b         at once
1.1 save a b         after 500 ms: a and b changed right after each of the last 3 starts of web: if web writes them itself, add ignore = ["a", "b"] under [services.web.dev]

"#]],
    );
}

#[test]
fn suspicion_ends_with_another_file_or_with_a_change_that_no_start_made() {
    let starts = "0 start; 0.1 save a; 1 start; 1.1 save a; 2 start; 2.1 save a;";
    check(
        &format!("{starts} 3 start; 3.1 save a b; 4 start; 4.1 save a; 4.2 start; 4.3 save a"),
        str![[r#"

0.1 save a           at once
1.1 save a           at once
2.1 save a           after 500 ms: a changed right after each of the last 3 starts of web: if web writes it itself, add ignore = ["a"] under [services.web.dev]
3.1 save a b         at once
4.1 save a           at once
4.3 save a           at once

"#]],
    );
    check(
        &format!("{starts} 3 start; 9 save a; 9.5 start; 9.6 save a"),
        str![[r#"

0.1 save a           at once
1.1 save a           at once
2.1 save a           after 500 ms: a changed right after each of the last 3 starts of web: if web writes it itself, add ignore = ["a"] under [services.web.dev]
9 save a             at once
9.6 save a           at once

"#]],
    );
}

#[test]
fn a_start_without_a_change_breaks_the_row() {
    check(
        "0 start; 0.1 save a; 1 start; 1.1 save a; 2 start; 3 start; 3.1 save a",
        str![[r#"

0.1 save a           at once
1.1 save a           at once
3.1 save a           at once

"#]],
    );
}

#[test]
fn a_start_that_is_told_after_its_change_counts() {
    check(
        "0.1 save a; 0.099 start; 1.1 save a; 1.11 start; 4.1 save a; 4.099 start; \
         8.1 save a; 8.09 start; 8.2 save a",
        str![[r#"

0.1 save a           at once
1.1 save a           at once
4.1 save a           at once
8.1 save a           at once
8.2 save a           after 500 ms: a changed right after each of the last 3 starts of web: if web writes it itself, add ignore = ["a"] under [services.web.dev]

"#]],
    );
}

#[test]
fn a_file_that_changes_all_the_time_is_put_off_until_it_is_quiet() {
    check(
        "0 wrote log; 0.9 wrote log; 1.8 wrote log; 2.7 wrote log; 3.6 wrote log; \
         4.5 wrote log; 5.4 wrote log; 6.3 wrote log; 7.2 wrote log; 8.5 wrote log",
        str![[r#"

0 wrote log          at once
0.9 wrote log        at once
1.8 wrote log        at once
2.7 wrote log        at once
3.6 wrote log        at once
4.5 wrote log        at once
5.4 wrote log        at once
6.3 wrote log        after 500 ms: log of web changed 8 times, each within a second of the last: if web writes it itself, add ignore = ["log"] under [services.web.dev]
7.2 wrote log        after 1000 ms
8.5 wrote log        at once

"#]],
    );
}

#[test]
fn many_files_and_what_starts_nothing_are_never_suspect() {
    check(
        "0 start; 0.1 save a b c more; 1 start; 1.1 save a b c more; 2 start; \
         2.1 save a b c more; 3 start; 3.1 reload a; 4 start; 4.1 reload a; 5 start; 5.1 reload a",
        str![[r#"

0.1 save a b c more  at once
1.1 save a b c more  at once
2.1 save a b c more  at once
3.1 reload a         at once
4.1 reload a         at once
5.1 reload a         at once

"#]],
    );
}

#[test]
fn who_saves_again_after_each_answer_is_not_put_off() {
    check(
        "0 start; 0.1 ready; 0.2 save a; 0.3 start; 0.4 ready; 0.5 save a; 0.6 start; \
         0.7 ready; 0.8 save a; 0.9 start; 1 ready; 1.1 save a; 1.2 start; 1.3 ready; \
         1.4 save a; 1.5 start; 1.6 ready; 1.7 save a; 1.8 start; 1.9 ready; 2 save a; \
         2.1 start; 2.2 ready; 2.3 save a; 2.4 start; 2.5 ready; 2.6 save a",
        str![[r#"

0.2 save a           at once
0.5 save a           at once
0.8 save a           at once
1.1 save a           at once
1.4 save a           at once
1.7 save a           at once
2 save a             at once
2.3 save a           at once
2.6 save a           at once

"#]],
    );
}

#[test]
fn a_service_that_writes_files_is_suspect_after_its_first_answer_too() {
    check(
        "0 start; 0.1 ready; 0.2 wrote a; 0.3 start; 0.4 ready; 0.5 wrote a; 0.6 start; \
         0.7 ready; 0.8 wrote a",
        str![[r#"

0.2 wrote a          at once
0.5 wrote a          at once
0.8 wrote a          after 500 ms: a changed right after each of the last 3 starts of web: if web writes it itself, add ignore = ["a"] under [services.web.dev]

"#]],
    );
}

/// Starts every four seconds, answers, and saves so long after each answer.
fn rounds(count: usize, after: f64, save: impl Fn(usize) -> String) -> String {
    let rounds = (0..count).map(|at| {
        let (begin, save) = (at as f64 * 4.0, save(at));
        let (ready, saved) = (begin + 0.1, begin + 0.1 + after);
        format!("{begin} start; {ready} ready; {saved:.1} {save}")
    });
    rounds.collect::<Vec<_>>().join("; ")
}

#[test]
fn files_that_are_new_after_each_start_count_as_the_same() {
    check(
        &rounds(4, 0.2, |at| format!("wrote log-{}.txt", 4711 + at)),
        str![[r#"

0.3 wrote log-4711.txt at once
4.3 wrote log-4712.txt at once
8.3 wrote log-4713.txt after 500 ms: log-*.txt changed right after each of the last 3 starts of web: if web writes them itself, add ignore = ["log-*.txt"] under [services.web.dev]
12.3 wrote log-4714.txt after 1000 ms

"#]],
    );
    check(
        &rounds(4, 0.2, |at| {
            let names = ["ax", "by", "cz", "dw"];
            format!("wrote-new data/x/{}.json", names[at])
        }),
        str![[r#"

0.3 wrote-new data/x/ax.json at once
4.3 wrote-new data/x/by.json at once
8.3 wrote-new data/x/cz.json after 500 ms: data/x/** changed right after each of the last 3 starts of web: if web writes them itself, add ignore = ["data/x/**"] under [services.web.dev]
12.3 wrote-new data/x/dw.json after 1000 ms

"#]],
    );
    // What was there before is a person's.
    check(
        &rounds(4, 0.2, |at| {
            let names = ["ax", "by", "cz", "dw"];
            format!("wrote data/x/{}.json", names[at])
        }),
        str![[r#"

0.3 wrote data/x/ax.json at once
4.3 wrote data/x/by.json at once
8.3 wrote data/x/cz.json at once
12.3 wrote data/x/dw.json at once

"#]],
    );
}

#[test]
fn a_file_that_a_writing_service_changes_seconds_after_each_start_is_put_off_later() {
    check(
        &rounds(6, 2.5, |_| "wrote a".into()),
        str![[r#"

2.6 wrote a          at once
6.6 wrote a          at once
10.6 wrote a         at once
14.6 wrote a         at once
18.6 wrote a         after 500 ms: a changed right after each of the last 5 starts of web: if web writes it itself, add ignore = ["a"] under [services.web.dev]
22.6 wrote a         after 1000 ms

"#]],
    );
    check(
        &rounds(6, 3.6, |_| "wrote a".into()),
        str![[r#"

3.7 wrote a          at once
7.7 wrote a          at once
11.7 wrote a         at once
15.7 wrote a         at once
19.7 wrote a         at once
23.7 wrote a         at once

"#]],
    );
    // Nobody knows that the service writes anything.
    check(
        &rounds(6, 2.5, |_| "save a".into()),
        str![[r#"

2.6 save a           at once
6.6 save a           at once
10.6 save a          at once
14.6 save a          at once
18.6 save a          at once
22.6 save a          at once

"#]],
    );
}

#[test]
fn a_start_that_came_of_a_save_is_no_reason_for_it_however_soon_it_came() {
    let rounds = (1..=6).map(|at| {
        let (build, ready) = (at as f64 * 3.0 + 0.002, at as f64 * 3.0 + 0.1);
        format!("{} wrote a; {build:.3} build; {ready:.1} ready", at * 3)
    });
    let story = rounds.collect::<Vec<_>>().join("; ");
    check(
        &story,
        str![[r#"

3 wrote a            at once
6 wrote a            at once
9 wrote a            at once
12 wrote a           at once
15 wrote a           at once
18 wrote a           after 500 ms: a changed right after each of the last 5 starts of web: if web writes it itself, add ignore = ["a"] under [services.web.dev]

"#]],
    );
}
