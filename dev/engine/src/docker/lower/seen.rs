//! What a container sees of this machine: sources, volumes, secrets. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hob_stack::Form;
use hob_wire::{Mode, SecretSource};

use super::{Lowering, SECRETS_AT, STATE_AT, folder_of};
use crate::docker::labels;
use crate::docker::spec::{Mounted, Source};
use crate::docker::{CACHE, VOLUME};
use crate::resource::ResourceId;

impl Lowering<'_> {
    /// Whether the sources are mounted: what an image brings along is not
    /// looked for in them.
    pub(super) fn sees_sources(&self) -> bool {
        self.asked.want.mode == Mode::Dev || !self.as_the_image_says()
    }

    /// All that is mounted beside the agent's program, in a fixed order. Sources
    /// have the same place as on this machine, so that what compilers and
    /// debuggers say of them is right on both sides.
    pub(super) fn mounts(&self) -> Vec<Mounted> {
        let (stack, name) = self.asked.names();
        let service = self.asked.service;
        let state = self.setup.paths.container(stack, name);
        let mut mounts = vec![Mounted {
            source: Source::Here(state),
            target: PathBuf::from(STATE_AT),
            read_only: false,
        }];
        if self.sees_sources() {
            let read_only = self.asked.want.mode == Mode::Run;
            for path in self.sources() {
                mounts.push(Mounted {
                    source: Source::Here(path.clone()),
                    target: path,
                    read_only,
                });
            }
        }
        let volume = |kind, of: &str, target: &Path| {
            let id = ResourceId::of_service(stack, name, kind).named(of);
            Mounted {
                source: Source::Volume(labels::name(self.setup, &id)),
                target: target.to_owned(),
                read_only: false,
            }
        };
        for (of, path) in &service.volumes {
            mounts.push(volume(VOLUME, of.as_str(), path));
        }
        for bind in service.mounts.values() {
            mounts.push(Mounted {
                source: Source::Here(bind.from.clone()),
                target: bind.to.clone(),
                read_only: true,
            });
        }
        if self.asked.want.mode == Mode::Dev {
            for path in &service.dev_form.cache {
                mounts.push(volume(CACHE, &path.to_string_lossy(), path));
            }
        }
        for (place, target) in self.secret_places() {
            mounts.push(Mounted {
                source: Source::Here(place),
                target,
                read_only: true,
            });
        }
        mounts
    }

    /// The folders in memory: where secrets are mounted, so that only root
    /// looks in there; and what a program writes to beside a read-only root.
    pub(super) fn memory(&self) -> BTreeMap<String, String> {
        let mut memory = BTreeMap::new();
        if !self.secret_places().is_empty() {
            memory.insert(SECRETS_AT.to_owned(), "mode=0700,size=64k".to_owned());
        }
        if self.reads_only() {
            for (path, options) in [
                ("/tmp", "mode=1777"),
                ("/run", "mode=1777"),
                (super::OUT_AT, "mode=0755,exec"),
            ] {
                memory.insert(path.to_owned(), options.to_owned());
            }
        }
        memory
    }

    /// What of this machine belongs to the service: its source, and what it
    /// watches or serves outside of that. What is in one of them is not named
    /// again.
    fn sources(&self) -> Vec<PathBuf> {
        let service = self.asked.service;
        let mut all = BTreeSet::from([service.source.clone()]);
        if self.asked.want.mode == Mode::Dev {
            all.extend(service.dev_form.watch.iter().cloned());
        }
        if let Form::Files { root } = self.asked.in_mode().form {
            all.insert(root.clone());
        }
        let inside = |path: &PathBuf| all.iter().any(|it| it != path && path.starts_with(it));
        all.iter().filter(|path| !inside(path)).cloned().collect()
    }

    /// Where a secret's file is in the container.
    pub(super) fn secret_in_container(&self, file: &Path) -> PathBuf {
        let places = self.secret_places();
        let folder = folder_of(file);
        let name = file.file_name().unwrap_or_default();
        match (places.get(file), places.get(&folder)) {
            (Some(target), _) => target.clone(),
            (None, Some(target)) => target.join(name),
            (None, None) => PathBuf::from(SECRETS_AT).join(name),
        }
    }

    /// The folders of secret files, or the files themselves, that are there,
    /// each with its place in the container. A folder stands for its file, since
    /// a file that is replaced would be seen as it was; one that may hold more
    /// than the project's secrets does not.
    fn secret_places(&self) -> BTreeMap<PathBuf, PathBuf> {
        let files = self.asked.service.secrets.values().filter_map(|source| {
            let SecretSource::File(path) = source else {
                return None;
            };
            Some(path)
        });
        let places: BTreeSet<PathBuf> = files
            .filter_map(|file| {
                let folder = folder_of(file);
                let place = if self.is_wide(&folder) {
                    file.clone()
                } else {
                    folder
                };
                self.facts.there.contains(&place).then_some(place)
            })
            .collect();
        let numbered = places.into_iter().enumerate();
        numbered
            .map(|(at, place)| (place, PathBuf::from(SECRETS_AT).join(at.to_string())))
            .collect()
    }

    /// Whether a folder may hold more than the project's secrets: it holds
    /// sources, or is none of the project's.
    fn is_wide(&self, folder: &Path) -> bool {
        let root = &self.setup.root;
        let mut others = self.asked.project.services().map(|it| it.source.as_path());
        !folder.starts_with(root)
            || folder == root
            || others.any(|source| source.starts_with(folder))
    }
}
