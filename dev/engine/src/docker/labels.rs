//! Names and labels of what hob makes in an engine.
//!
//! Owns both. Labels say whose a thing is and what it was made from; whatever
//! carries no [`PROJECT`] is somebody else's. Names only have to be nobody
//! else's: a dot stands between their parts, which have none.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use hob_wire::Mode;

use crate::resource::{Identity, Kind, ResourceId};
use crate::setup::Setup;

/// The id of the project.
pub(super) const PROJECT: &str = "hob.project";
/// The project's folder.
pub(super) const ROOT: &str = "hob.root";
/// The project's state folder: two state homes may have the same project.
pub(super) const STATE: &str = "hob.state";
/// A digest of that folder, of an image: that goes to others, whom the paths of
/// this machine do not concern.
const HOME: &str = "hob.home";
/// What it is, in the engine's words ([`Kind`]).
pub(super) const KIND: &str = "hob.kind";
pub(super) const STACK: &str = "hob.stack";
pub(super) const SERVICE: &str = "hob.service";
/// The resource's own name among those of its kind and service.
pub(super) const NAME: &str = "hob.name";
/// How a container's service is run.
pub(super) const MODE: &str = "hob.mode";
/// The traits of a container that its agent does not tell, as JSON.
const TRAITS: &str = "hob.traits";
/// The program that a container's agent was started from.
pub(super) const PROGRAM: &str = "hob.program";
/// The milliseconds that a container may take to end.
pub(super) const STOP: &str = "hob.stop-ms";
/// What a container's service needs of its owner's other resources, as JSON.
const NEEDS: &str = "hob.needs";

pub(super) type Labels = HashMap<String, String>;

/// The labels of one resource.
pub(super) fn of(setup: &Setup, id: &ResourceId) -> Labels {
    let mut labels = Labels::from([
        (PROJECT.to_owned(), setup.project.clone()),
        (ROOT.to_owned(), setup.root.to_string_lossy().into_owned()),
        (
            STATE.to_owned(),
            setup.paths.state.to_string_lossy().into_owned(),
        ),
        (KIND.to_owned(), id.kind.as_str().to_owned()),
        (STACK.to_owned(), id.stack.clone()),
    ]);
    labels.extend(id.service.clone().map(|it| (SERVICE.to_owned(), it)));
    if !id.name.is_empty() {
        labels.insert(NAME.to_owned(), id.name.clone());
    }
    labels
}

/// The labels of an image, which hold no path: they go with it wherever it is
/// pushed, and on to what is built from it there.
pub(super) fn of_image(setup: &Setup, id: &ResourceId) -> Labels {
    let mut labels = of(setup, id);
    labels.remove(ROOT);
    labels.remove(STATE);
    labels.insert(HOME.to_owned(), home(&setup.paths.state));
    labels
}

fn home(state: &Path) -> String {
    let state = state.as_os_str().as_encoded_bytes();
    blake3::hash(state).to_hex()[..16].to_owned()
}

/// Whether something is of this project with its state in this folder.
pub(super) fn is_of(labels: &Labels, project: &str, state: &Path) -> bool {
    let says = |name: &str, value: &str| labels.get(name).is_some_and(|it| it == value);
    let kept = says(STATE, &state.to_string_lossy()) || says(HOME, &home(state));
    says(PROJECT, project) && kept
}

/// The labels of a container beside those that every resource has.
pub(super) fn of_container(
    mode: Mode,
    traits: &Identity,
    needs: &[ResourceId],
    stop: std::time::Duration,
) -> Labels {
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    Labels::from([
        // What is not said here is taken from the image, which has a name.
        (NAME.to_owned(), String::new()),
        (MODE.to_owned(), super::lower::mode_name(mode).to_owned()),
        (TRAITS.to_owned(), json(serde_json::to_string(traits))),
        (NEEDS.to_owned(), json(serde_json::to_string(needs))),
        (STOP.to_owned(), stop.as_millis().to_string()),
    ])
}

/// The resource that labels are of, if they are whole. `kinds` are those that
/// may be meant.
pub(super) fn resource(labels: &Labels, kinds: &[Kind]) -> Option<ResourceId> {
    let kind = labels.get(KIND)?;
    Some(ResourceId {
        stack: labels.get(STACK)?.clone(),
        service: labels.get(SERVICE).cloned(),
        kind: kinds.iter().find(|it| it.as_str() == kind)?.clone(),
        name: labels.get(NAME).cloned().unwrap_or_default(),
    })
}

/// The traits that a container was made with.
pub(super) fn traits(labels: &Labels) -> Identity {
    let json = labels.get(TRAITS).map_or("", String::as_str);
    serde_json::from_str(json).unwrap_or_default()
}

/// What a container was made to depend on.
pub(super) fn needs(labels: &Labels) -> Vec<ResourceId> {
    let json = labels.get(NEEDS).map_or("", String::as_str);
    serde_json::from_str(json).unwrap_or_default()
}

/// The project that labels name: its id, and its folder, which images do not
/// say.
pub(super) fn project(labels: &Labels) -> Option<(String, PathBuf)> {
    let root = labels.get(ROOT).map(PathBuf::from).unwrap_or_default();
    Some((labels.get(PROJECT)?.clone(), root))
}

/// The name of a network, volume or container.
pub(super) fn name(setup: &Setup, id: &ResourceId) -> String {
    let mut name = format!("hob-{}.{}", setup.project, id.stack);
    for part in id
        .service
        .iter()
        .chain(Some(&id.name).filter(|it| !it.is_empty()))
    {
        name.push('.');
        if part.contains('/') {
            // The path of a cache.
            name.push_str(&blake3::hash(part.as_bytes()).to_hex()[..12]);
        } else {
            name.push_str(part);
        }
    }
    name
}

/// The tag of an image.
pub(super) fn tag_of(setup: &Setup, id: &ResourceId) -> String {
    let service = id.service.as_deref().unwrap_or(AGENT_NAME);
    tag(setup, &id.stack, service, &id.name)
}

/// What stands for a service in the tags of images that a stack has as a whole.
pub(super) const AGENT_NAME: &str = "agent";

/// The tag of an image of this content.
pub(super) fn tag(setup: &Setup, stack: &str, service: &str, name: &str) -> String {
    format!("hob-{}/{stack}.{service}:{name}", setup.project)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::docker::{CONTAINER, IMAGE};
    use crate::paths::Paths;
    use crate::setup::Executable;

    #[test]
    fn an_image_says_whose_it_is_without_a_path() {
        let setup = Setup {
            project: "0123456789ab".to_owned(),
            root: "/home/x/shop".into(),
            paths: Paths {
                state: "/home/x/.local/state/hob/0123456789ab".into(),
                runtime: "/run/user/1000/hob".into(),
            },
            executable: Executable {
                program: "/usr/bin/hob".into(),
                args: Vec::new(),
                sources: None,
            },
            environment: BTreeMap::new(),
            uid: 1000,
        };
        let id = ResourceId::of_service("s", "web", IMAGE).named("run-0123");
        let labels = of_image(&setup, &id);
        assert!(labels.values().all(|it| !it.contains('/')), "{labels:?}");
        assert!(is_of(&labels, &setup.project, &setup.paths.state));
        assert!(!is_of(&labels, &setup.project, Path::new("/elsewhere")));
        assert!(is_of(&of(&setup, &id), &setup.project, &setup.paths.state));
    }

    #[test]
    fn a_container_has_nothing_of_the_name_of_its_image() {
        let id = ResourceId::of_service("s", "web", CONTAINER);
        let image = Labels::from([
            (KIND.to_owned(), IMAGE.as_str().to_owned()),
            (STACK.to_owned(), "s".to_owned()),
            (SERVICE.to_owned(), "web".to_owned()),
            (NAME.to_owned(), "run-0123".to_owned()),
        ]);
        // What an engine makes of the labels of both.
        let mut both = image;
        both.insert(KIND.to_owned(), CONTAINER.as_str().to_owned());
        both.extend(of_container(
            Mode::Run,
            &Identity::new(),
            &[],
            Duration::ZERO,
        ));
        assert_eq!(resource(&both, &[CONTAINER]), Some(id));
    }
}
