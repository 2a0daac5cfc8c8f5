//! [`Changes`]: what is to be changed, as data. [`Step`]s are the order in
//! which it is, each one outside action that is safe to repeat. Pure.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::entry::Entry;

/// One file: what is there before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Its path on the machine.
    pub path: PathBuf,
    /// What stood there before hob.
    pub before: Entry,
    /// What hob puts there.
    pub after: Entry,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// What it is for, in a few words.
    pub what: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Whether its failure is no matter.
    #[serde(default)]
    pub may_fail: bool,
}

impl Command {
    /// One that has to succeed.
    #[must_use]
    pub fn new(what: &str, argv: &[&str]) -> Self {
        Self {
            what: what.to_owned(),
            argv: argv.iter().map(ToString::to_string).collect(),
            may_fail: false,
        }
    }

    /// One whose failure is no matter.
    #[must_use]
    pub fn may_fail(what: &str, argv: &[&str]) -> Self {
        Self {
            may_fail: true,
            ..Self::new(what, argv)
        }
    }
}

/// What has to be changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The files.
    pub edits: Vec<Edit>,
    /// The folders that have to be made, the outermost first.
    pub folders: Vec<PathBuf>,
    /// What is run afterwards.
    pub commands: Vec<Command>,
    /// What is run before it is undone.
    pub undo_first: Vec<Command>,
    /// What is run after it is undone.
    pub undo_after: Vec<Command>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// One outside action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Notes what is going to be changed, as it is written down.
    Note(String),
    /// Makes a folder, unless it is there.
    MakeFolder(PathBuf),
    /// Puts something at a path, or nothing, whatever is there.
    Put(PathBuf, Entry),
    /// Runs a command.
    Run(Command),
    /// Removes a folder, unless something is in it.
    RemoveFolder(PathBuf),
    /// Forgets what was noted.
    Forget,
}

impl Changes {
    /// In order; `note` is what is written down before anything is changed.
    #[must_use]
    pub fn steps(&self, note: String) -> Vec<Step> {
        let mut steps = vec![Step::Note(note)];
        steps.extend(self.folders.iter().cloned().map(Step::MakeFolder));
        let puts = self.edits.iter();
        steps.extend(puts.map(|it| Step::Put(it.path.clone(), it.after.clone())));
        steps.extend(self.commands.iter().cloned().map(Step::Run));
        steps
    }

    /// The files as they are shown to whoever is asked.
    #[must_use]
    pub fn shown(&self) -> String {
        self.edits.iter().map(diff).collect()
    }
}

/// One file as it is shown: its path, then each line that goes and comes. The
/// lines at both ends that stay are left out.
pub(crate) fn diff(edit: &Edit) -> String {
    let (before, after) = (edit.before.shown(), edit.after.shown());
    let (mut gone, mut come): (Vec<&str>, Vec<&str>) =
        (before.lines().collect(), after.lines().collect());
    let same = |(gone, come): &(&&str, &&str)| gone == come;
    let head = gone.iter().zip(&come).take_while(same).count();
    gone.drain(..head);
    come.drain(..head);
    let (from, to) = (gone.iter().rev(), come.iter().rev());
    let tail = from.zip(to).take_while(same).count();
    gone.truncate(gone.len() - tail);
    come.truncate(come.len() - tail);
    let mut text = format!("{}\n", edit.path.display());
    let lines = gone.iter().map(|it| ('-', it));
    for (mark, line) in lines.chain(come.iter().map(|it| ('+', it))) {
        let _ = writeln!(text, "{mark} {line}");
    }
    match (before == after, edit.before.is_same(&edit.after)) {
        (true, false) => text + "(its mode or kind)\n",
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Bytes, File};

    #[track_caller]
    fn check(before: Entry, after: Entry, expected: &str) {
        let path = PathBuf::from("/etc/a");
        let edits = vec![Edit {
            path,
            before,
            after,
        }];
        let changes = Changes {
            edits,
            ..Changes::default()
        };
        assert_eq!(changes.shown(), format!("/etc/a\n{expected}"));
    }

    #[test]
    fn lines_that_go_and_come_are_shown_and_those_around_them_left_out() {
        let before = Entry::text("head\nold\nkept\ntail\n");
        let after = Entry::text("head\nnew\nkept\nmore\ntail\n");
        let expected = "- old\n- kept\n+ new\n+ kept\n+ more\n";
        check(before.clone(), after, expected);
        check(before.clone(), before, "");
    }

    #[test]
    fn what_has_no_lines_is_named() {
        let link = Entry::Link("/etc/b".into());
        check(
            Entry::Other("a folder".to_owned()),
            link,
            "- (a folder)\n+ -> /etc/b\n",
        );
        let closed = Entry::File(File {
            bytes: Bytes(b"one\n".to_vec()),
            mode: 0o600,
            owner: None,
        });
        check(Entry::text("one\n"), closed, "(its mode or kind)\n");
    }
}
