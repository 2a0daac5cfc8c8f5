//! [`Plan`] and [`Undo`]: what is to be done, as data. [`Step`]s are the order
//! in which it is, each one outside action that is safe to repeat.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::charge::InCharge;
use crate::domain::Domain;
use crate::entry::Entry;
use crate::record::Record;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Whom it is for.
    pub charge: InCharge,
    /// The domains.
    pub domains: BTreeSet<Domain>,
    /// Where hob's resolver listens.
    pub server: SocketAddr,
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

/// What puts it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// What is run before.
    pub first: Vec<Command>,
    /// The files, to what they were.
    pub restores: Vec<(PathBuf, Entry)>,
    /// The folders that hob made, the innermost first; they go if nothing is
    /// in them.
    pub folders: Vec<PathBuf>,
    /// What is run after.
    pub after: Vec<Command>,
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

impl Plan {
    /// In order; `before` is what was noted of an earlier plan.
    #[must_use]
    pub fn steps(&self, before: Option<&Record>) -> Vec<Step> {
        let record = Record::of(self, before);
        let mut steps = vec![Step::Note(record.text())];
        steps.extend(self.folders.iter().cloned().map(Step::MakeFolder));
        let puts = self.edits.iter();
        steps.extend(puts.map(|it| Step::Put(it.path.clone(), it.after.clone())));
        steps.extend(self.commands.iter().cloned().map(Step::Run));
        steps
    }

    /// The files as they are shown to whoever is asked.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut text = String::new();
        for edit in &self.edits {
            // Writing to a text cannot fail.
            let _ = write!(text, "{}", diff(edit));
        }
        text
    }
}

impl Undo {
    /// In order.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        let first = self.first.iter().cloned().map(Step::Run);
        let restores = self.restores.iter();
        let puts = restores.map(|(path, entry)| Step::Put(path.clone(), entry.clone()));
        let folders = self.folders.iter().cloned().map(Step::RemoveFolder);
        let after = self.after.iter().cloned().map(Step::Run);
        let steps = first.chain(puts).chain(folders).chain(after);
        steps.chain([Step::Forget]).collect()
    }
}

/// One file as it is shown: its path, then each line that goes and comes. The
/// lines at both ends that stay are left out.
#[must_use]
pub fn diff(edit: &Edit) -> String {
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
