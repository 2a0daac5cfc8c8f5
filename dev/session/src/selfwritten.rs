//! Files that a service seems to write itself: a save of them starts it anew,
//! and the new process writes them again, without end.
//!
//! A person, or a program that saves again as soon as it saw an answer, does
//! the same from the outside. So a change counts only when nobody could have
//! seen an answer yet, or when the service is known to have written files.
//!
//! Owns the rules of suspicion for one service. Reads no clock: the times of
//! saves and starts come with them, both by the wall clock. Never drops a
//! save; whoever asks decides what becomes of it. Start with
//! [`Habit::saved`].

use std::fmt;

use hob_stack::ServiceId;
use hob_wire::{ChangeAction, Micros};

use crate::message::Save;

/// A change this soon after a start may come from the process.
const AFTER_START: Micros = 2_000_000;
/// So many starts in a row, each with the same files changed right after it.
const STARTS: u32 = 3;
/// Changes of one file closer than this are no person's saves,
const SOON: Micros = 1_000_000;
/// when so many of them come in a row.
const CHANGES: u32 = 8;
/// More files than this at once are no log and no database.
const FILES: usize = 3;
/// A process writes before its start is told of, at times.
const LATE: Micros = 20_000;
/// The delays of what is suspect, in milliseconds.
const FIRST_DELAY: u64 = 500;
const LAST_DELAY: u64 = 10_000;
/// A person who saves again and again pauses for this long, in milliseconds.
pub(crate) const QUIET: u64 = 1_000;

/// What a service's files and starts had to do with each other so far.
#[derive(Debug, Default)]
pub(crate) struct Habit {
    now: Streak,
    /// How it was before the newest save: a start that is told after it, and
    /// was before it, belongs before it.
    before: Option<Streak>,
    /// How many saves in a row were put off.
    delays: u32,
    /// Told once each.
    told: Vec<Vec<String>>,
    note: Option<SelfWritten>,
}

/// What is to be done about a save.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A person's.
    Ordinary,
    /// The service may have written it.
    Suspect {
        /// What is to be told, the first time.
        news: Option<SelfWritten>,
        /// Whether a pause would tell that it was a person's.
        until_quiet: bool,
    },
}

/// Files that a service seems to write itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfWritten {
    /// The service.
    pub service: ServiceId,
    /// The files, as the watcher names them.
    pub paths: Vec<String>,
    /// Whether each start was followed by a change; else the changes came too
    /// fast for a person.
    pub at_starts: bool,
}

impl SelfWritten {
    /// What was seen, in words.
    #[must_use]
    pub fn fact(&self) -> String {
        let (files, name) = (self.paths.join(" and "), &self.service.service);
        if self.at_starts {
            format!("{files} changed right after each of the last {STARTS} starts of {name}")
        } else {
            format!("{files} of {name} changed {CHANGES} times, each within a second of the last")
        }
    }

    /// What to do about it, in words.
    #[must_use]
    pub fn advice(&self) -> String {
        let name = &self.service.service;
        let them = if self.paths.len() > 1 { "them" } else { "it" };
        let patterns: Vec<String> = self.paths.iter().map(|it| format!("{it:?}")).collect();
        format!(
            "if {name} writes {them} itself, add ignore = [{}] under [services.{name}.dev]",
            patterns.join(", ")
        )
    }
}

impl fmt::Display for SelfWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.fact(), self.advice())
    }
}

impl Habit {
    /// A process of the service was started.
    pub(crate) fn started(&mut self, at: Micros) {
        match self.before.take() {
            Some(before) if before.last < at && at <= self.now.last + LATE => {
                let newest = std::mem::replace(&mut self.now, before);
                self.now.started(at);
                self.now.saved(newest.paths, newest.last, newest.wrote);
            }
            _ => self.now.started(at),
        }
    }

    /// The newest process answers.
    pub(crate) fn ready(&mut self, at: Micros) {
        self.now.ready = Some(at);
    }

    /// Some of its files were changed.
    pub(crate) fn saved(&mut self, save: &Save) -> Verdict {
        if save.action < ChangeAction::Restart {
            // Nothing is started because of it.
            return Verdict::Ordinary;
        }
        self.before = Some(self.now.clone());
        self.now
            .saved(save.paths.clone(), save.noticed, save.self_written);
        let at_starts = self.now.starts >= STARTS;
        if !at_starts && self.now.changes < CHANGES {
            self.delays = 0;
            self.note = None;
            return Verdict::Ordinary;
        }
        let note = SelfWritten {
            service: save.service.clone(),
            paths: self.now.paths.clone(),
            at_starts,
        };
        self.note = Some(note.clone());
        let known = self.told.contains(&note.paths);
        if !known {
            self.told.push(note.paths.clone());
        }
        Verdict::Suspect {
            news: (!known).then_some(note),
            until_quiet: !at_starts,
        }
    }

    /// For how many milliseconds the next suspect save is put off.
    pub(crate) fn delay(&mut self) -> u64 {
        let delay = FIRST_DELAY << self.delays.min(10);
        self.delays += 1;
        delay.min(LAST_DELAY)
    }

    /// The suspicion, while there is one.
    pub(crate) fn note(&self) -> Option<&SelfWritten> {
        self.note.as_ref()
    }
}

/// The same files, again and again.
#[derive(Debug, Default, Clone)]
struct Streak {
    paths: Vec<String>,
    /// The newest change of them, and whether the service had written files.
    last: Micros,
    wrote: bool,
    /// How many of them in a row came soon after the one before.
    changes: u32,
    /// The newest start, and whether a change right after it was counted.
    start: Option<Micros>,
    counted: bool,
    /// Since when its process answers.
    ready: Option<Micros>,
    /// How many starts in a row had one.
    starts: u32,
}

impl Streak {
    fn started(&mut self, at: Micros) {
        if self.start.is_some() && !self.counted {
            self.starts = 0;
        }
        self.start = Some(at);
        self.counted = false;
        self.ready = None;
    }

    fn saved(&mut self, paths: Vec<String>, at: Micros, wrote: bool) {
        let few = (1..=FILES).contains(&paths.len());
        if !few || paths != self.paths {
            self.starts = 0;
            self.changes = 0;
            self.counted = false;
        }
        let last = std::mem::replace(&mut self.last, at);
        self.wrote = wrote;
        if !few {
            self.paths = Vec::new();
            return;
        }
        let soon = at.saturating_sub(last) < SOON;
        self.changes = match soon && paths.len() == 1 {
            true if wrote => self.changes + 1,
            true => self.changes,
            false => 1,
        };
        self.paths = paths;
        if !wrote && self.ready.is_some_and(|ready| ready <= at) {
            // Whoever saw the answer may have saved.
            self.starts = 0;
            return;
        }
        let start = self.start.filter(|start| *start <= at + LATE);
        match start.map(|start| at.saturating_sub(start)) {
            Some(0..=AFTER_START) if self.counted => {}
            Some(0..=AFTER_START) => {
                self.counted = true;
                self.starts += 1;
            }
            // No start made it change.
            _ => self.starts = 0,
        }
    }
}

#[cfg(test)]
mod tests {
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
                    habit.started(at);
                    continue;
                }
                "ready" => {
                    habit.ready(at);
                    continue;
                }
                _ => {}
            }
            let verdict = habit.saved(&Save {
                service: "s/web".parse().unwrap(),
                action: match words[1] {
                    "reload" => ChangeAction::None,
                    _ => ChangeAction::Rebuild,
                },
                noticed: at,
                paths: words[2..].iter().map(ToString::to_string).collect(),
                digest: None,
                self_written: words[1] == "wrote",
            });
            let words = match verdict {
                Verdict::Ordinary => "at once".into(),
                Verdict::Suspect { news, .. } => {
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
}
