//! Reads the disk's side: the folders that hob writes to, what earlier runs
//! left in them, and how many folders `dev` watches.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use hob_engine::machine::processes::{self, Marked};
use hob_engine::{Engine, Homes, LeftoverKind};
use hob_stack::{Form, Service};
use ignore::WalkBuilder;
use ignore::overrides::OverrideBuilder;
use rustix::fs::{Access, StatVfsMountFlags, access, statvfs};

use super::facts::{Folder, Leftovers};
use crate::context::Context;

/// The folders that hob writes to.
pub fn homes(environment: &BTreeMap<String, String>, uid: u32) -> Result<Vec<Folder>, String> {
    let homes = Homes::of(environment, uid).map_err(|error| error.to_string())?;
    let asked = environment.get("XDG_RUNTIME_DIR");
    let note = asked.filter(|asked| !homes.runtime.starts_with(asked));
    let note = note.map(|asked| match Path::new(asked).is_dir() {
        true => format!("XDG_RUNTIME_DIR={asked} is too long for the path of a socket"),
        false => format!("XDG_RUNTIME_DIR={asked} is not there"),
    });
    Ok(vec![
        folder("state folder", "XDG_STATE_HOME", homes.state, uid, None),
        folder(
            "runtime folder",
            "XDG_RUNTIME_DIR",
            homes.runtime,
            uid,
            note,
        ),
    ])
}

fn folder(
    name: &'static str,
    variable: &'static str,
    path: PathBuf,
    uid: u32,
    note: Option<String>,
) -> Folder {
    let there = path.ancestors().find(|it| it.exists());
    let there = there.unwrap_or(Path::new("/")).to_owned();
    // What is above it may be anybody's.
    let owner = path.symlink_metadata().ok().map(|meta| meta.uid());
    let space = statvfs(&there).ok();
    let flags = space
        .as_ref()
        .map_or(StatVfsMountFlags::empty(), |space| space.f_flag);
    Folder {
        name,
        foreign: owner.filter(|owner| *owner != uid),
        writable: there.is_dir() && access(&there, Access::WRITE_OK | Access::EXEC_OK).is_ok(),
        noexec: flags.contains(StatVfsMountFlags::NOEXEC),
        free_bytes: space.as_ref().map_or(u64::MAX, |space| {
            space.f_bavail.saturating_mul(space.f_frsize)
        }),
        // Some file systems make room for files as they go, and say 0 of 0.
        free_files: space
            .filter(|space| space.f_files > 0)
            .map(|space| space.f_favail),
        path,
        there,
        variable,
        note,
    }
}

/// What earlier runs left of any project of this user. What runs as it should
/// is not in it.
pub fn leftovers(context: &Context) -> Vec<Leftovers> {
    let Ok(surroundings) = context.surroundings() else {
        return Vec::new();
    };
    let marked = processes::marked(surroundings.uid);
    let mut left = Vec::new();
    for project in Engine::all_projects(&surroundings).unwrap_or_default() {
        let (id, root) = (project.id.clone(), project.root.clone());
        let there = root.join("stacks").is_dir();
        let Ok(engine) = context.engine(project, None) else {
            continue;
        };
        let mut found = Leftovers {
            root,
            state: engine.paths().state.clone(),
            there,
            ..Leftovers::default()
        };
        if there {
            found.processes = orphans(&id, &marked, is_agent);
        } else {
            for leftover in engine.prove_here() {
                match leftover.kind {
                    LeftoverKind::Process => found.processes += 1,
                    LeftoverKind::Volume => found.volumes += 1,
                    // Nobody misses the room that it takes.
                    LeftoverKind::Log => {}
                    LeftoverKind::Port
                    | LeftoverKind::Socket
                    | LeftoverKind::File
                    | LeftoverKind::Container
                    | LeftoverKind::Network
                    | LeftoverKind::Image
                    | LeftoverKind::Record => found.others += 1,
                }
            }
        }
        if found.processes + found.volumes + found.others > 0 {
            left.push(found);
        }
    }
    left
}

/// How many processes of a project's services have no agent any more. An
/// agent counts wherever its socket is: another environment may have it.
fn orphans(project: &str, marked: &[Marked], is_agent: impl Fn(u32) -> bool) -> usize {
    let ours = || marked.iter().filter(|it| it.marks.project == project);
    let led: BTreeSet<&str> = ours()
        .filter(|it| is_agent(it.process.pid))
        .map(|it| it.marks.service.as_str())
        .collect();
    ours()
        .filter(|it| !led.contains(it.marks.service.as_str()))
        .count()
}

/// Whether a process was started as an agent: `hob agent … --socket …`.
fn is_agent(pid: u32) -> bool {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
    words.contains(&b"agent".as_slice()) && words.contains(&b"--socket".as_slice())
}

/// The folders that `dev` would watch for these services: each takes one of
/// the kernel's watches.
pub fn watched<'a>(services: impl IntoIterator<Item = &'a Service>) -> u64 {
    let mut folders = HashSet::new();
    for service in services {
        let dev = &service.dev_form;
        let files = match &dev.form {
            Form::Files { root } => Some(root),
            Form::Program { .. } | Form::ImageOnly => None,
        };
        let roots = std::iter::once(&service.source).chain(&dev.watch);
        for root in roots.chain(files) {
            add(&mut folders, root, &dev.ignore);
        }
    }
    u64::try_from(folders.len()).unwrap_or(u64::MAX)
}

fn add(folders: &mut HashSet<PathBuf>, root: &Path, ignored: &[String]) {
    let mut overrides = OverrideBuilder::new(root);
    for pattern in ignored.iter().filter(|pattern| !pattern.starts_with('!')) {
        // The stack file's checks have read them already.
        let _ = overrides.add(&format!("!{pattern}"));
    }
    let mut walk = WalkBuilder::new(root);
    // As the watcher does: hidden files count, and git's rules do so outside
    // of a repository, too.
    walk.hidden(false)
        .require_git(false)
        .git_global(false)
        .git_exclude(false)
        .filter_entry(|entry| entry.file_name() != ".git");
    if let Ok(overrides) = overrides.build() {
        walk.overrides(overrides);
    }
    let found = walk.build().flatten();
    let found = found.filter(|entry| entry.file_type().is_some_and(|kind| kind.is_dir()));
    folders.extend(found.map(ignore::DirEntry::into_path));
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "tests lay out the folders that they look at"
    )]

    use std::fs;

    use super::*;

    fn count(paths: &[&str], ignored: &[&str]) -> usize {
        let root = tempfile::tempdir().expect("a folder");
        for path in paths {
            match path.split_once('=') {
                Some((file, text)) => fs::write(root.path().join(file), text).expect("a file"),
                None => fs::create_dir_all(root.path().join(path)).expect("a folder"),
            }
        }
        let ignored: Vec<String> = ignored.iter().map(ToString::to_string).collect();
        let mut folders = HashSet::new();
        add(&mut folders, root.path(), &ignored);
        // The same sources again take no more.
        add(&mut folders, root.path(), &ignored);
        folders.len()
    }

    #[test]
    fn folders_are_counted_as_the_watcher_walks_them() {
        assert_eq!(count(&["a/b", ".hidden", ".git/objects"], &[]), 4);
        let ignoring = [
            "node_modules/x/y",
            "out/x",
            "src",
            ".gitignore=node_modules\n",
        ];
        assert_eq!(count(&ignoring, &["out/"]), 2);
    }

    #[test]
    fn orphans_are_those_of_a_service_without_an_agent() {
        let marked = |pid, project: &str, service: &str| Marked {
            process: processes::Process { pid, start: 1 },
            marks: processes::Marks {
                project: project.to_owned(),
                service: service.to_owned(),
                root: PathBuf::new(),
            },
            name: "x".to_owned(),
        };
        let marked = [
            marked(1, "here", "shop/api"),
            marked(2, "here", "shop/api"),
            marked(3, "here", "shop/web"),
            marked(4, "here", "shop/web"),
            marked(5, "there", "shop/web"),
        ];
        // The agent of the other project is nobody's here.
        let is_agent = |pid| pid == 1 || pid == 5;
        assert_eq!(orphans("here", &marked, is_agent), 2);
        assert_eq!(orphans("there", &marked, is_agent), 0);
    }

    #[test]
    fn a_folder_to_be_is_judged_by_the_one_above_it() {
        let home = tempfile::tempdir().expect("a folder");
        let text = home.path().display().to_string();
        let environment = BTreeMap::from([("XDG_STATE_HOME".to_owned(), text)]);
        let folders = homes(&environment, rustix::process::getuid().as_raw()).expect("a place");
        assert_eq!(folders[0].path, home.path().join("hob"));
        assert_eq!(folders[0].there, home.path());
        assert!(folders[0].writable && folders[0].foreign.is_none());
        assert!(folders[0].free_bytes > 0);
    }
}
