//! What is laid over a container's file system, held against what an engine
//! would refuse or what would hide something else.
//!
//! Sources are mounted where they are on this machine, so that compilers,
//! debuggers and editors name the same files. Start with [`check`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Place};
use crate::fields::Fields;
use crate::keys::MOUNT;
use crate::lower::Context;
use crate::model::BindMount;
use crate::names::VolumeName;
use crate::paths::resolve;

/// Folders that belong to the kernel or to hob, with whose they are.
const TAKEN: &[(&str, &str)] = &[
    ("/proc", "the kernel's"),
    ("/sys", "the kernel's"),
    ("/dev", "the kernel's"),
    ("/hob", "hob's own"),
];

/// One mount that a stack file asks for.
struct Mount {
    /// What it is, for people.
    kind: &'static str,
    path: PathBuf,
    place: Place,
}

/// The folders and files of this machine that a service reads; one that is not
/// there is told.
pub(crate) fn lower(
    context: &mut Context<'_>,
    fields: Fields<'_>,
) -> BTreeMap<VolumeName, BindMount> {
    let mut mounts = BTreeMap::new();
    let entries = fields.fields("mounts").into_iter();
    for (name, entry) in entries.flat_map(Fields::entries) {
        let Some(table) = entry.node.fields(&MOUNT) else {
            continue;
        };
        for key in ["from", "to"] {
            if table.entry(key).is_none() {
                let message = format!("`{name}` has no `{key}`");
                context.report.push(
                    Diagnostic::error(message, entry.key.clone())
                        .hint("a mount is `{ from = \"config\", to = \"/srv/config\" }`"),
                );
            }
        }
        let (Some(from), Some(to)) = (table.node("from"), table.text("to")) else {
            continue;
        };
        let path = resolve(context.dir, from.text().unwrap_or_default());
        if !path.exists() {
            let shown = crate::file::shown(context.root, &path);
            context.report.push(
                Diagnostic::error(format!("`{shown}` is not there"), from.place.clone())
                    .label("it is to be mounted"),
            );
        }
        if let Ok(name) = name.parse() {
            let to = plain(to);
            mounts.insert(name, BindMount { from: path, to });
        }
    }
    mounts
}

/// Tells every volume, mount and `dev.cache` of a service that no
/// container could have. `source` is the absolute folder of its sources.
pub(crate) fn check(context: &mut Context<'_>, fields: Fields<'_>, source: &Path) {
    let mut mounts: Vec<Mount> = Vec::new();
    let binds = binds(fields);
    for mount in volumes(fields).chain(binds).chain(caches(fields)) {
        let shown = mount.path.display();
        let error = |message: String| Diagnostic::error(message, mount.place.clone());
        if let Some((folder, whose)) = TAKEN.iter().find(|(it, _)| mount.path.starts_with(it)) {
            context.report.push(
                error(format!("no {} can lie at `{shown}`", mount.kind))
                    .label(format!("`{folder}` is {whose} in every container"))
                    .hint("choose another path, such as one below `/var/lib`"),
            );
        } else if source.starts_with(&mount.path) {
            context.report.push(
                error(format!(
                    "the {} at `{shown}` would hide the sources",
                    mount.kind
                ))
                .label(format!(
                    "they are mounted at `{}`, as on this machine",
                    source.display()
                ))
                .hint("choose another path, such as one below `/var/lib`"),
            );
        } else if let Some(first) = mounts.iter().find(|it| it.path == mount.path) {
            let message = if first.kind == mount.kind {
                format!("two {}s at `{shown}`", mount.kind)
            } else {
                format!("a {} and a {} at `{shown}`", first.kind, mount.kind)
            };
            context
                .report
                .push(error(message).related(first.place.clone(), "the first one"));
        }
        mounts.push(mount);
    }
}

fn volumes<'a>(fields: Fields<'a>) -> impl Iterator<Item = Mount> + 'a {
    let entries = fields.fields("volumes").into_iter();
    entries.flat_map(Fields::entries).filter_map(|(_, entry)| {
        Some(Mount {
            kind: "volume",
            path: plain(entry.node.text()?),
            place: entry.node.place.clone(),
        })
    })
}

fn binds<'a>(fields: Fields<'a>) -> impl Iterator<Item = Mount> + 'a {
    let entries = fields.fields("mounts").into_iter();
    entries.flat_map(Fields::entries).filter_map(|(_, entry)| {
        let to = entry.node.fields(&MOUNT)?.node("to")?;
        Some(Mount {
            kind: "mount",
            path: plain(to.text()?),
            place: to.place.clone(),
        })
    })
}

fn caches<'a>(fields: Fields<'a>) -> impl Iterator<Item = Mount> + 'a {
    let dev = fields.fields("dev").into_iter();
    dev.flat_map(|dev| dev.items("cache")).filter_map(|node| {
        Some(Mount {
            kind: "cache",
            path: plain(node.text()?),
            place: node.place.clone(),
        })
    })
}

/// A path without `.` and doubled or trailing slashes.
pub(crate) fn plain(text: &str) -> PathBuf {
    Path::new(text).components().collect()
}
