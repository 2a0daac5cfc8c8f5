//! Which engine it is: the one that is asked for, or the best that is there;
//! and which projects anything is known of.
//!
//! Start with [`Engine::choose`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use hob_stack::{DockerEndpoint, EngineChoice};

use super::{Driver, Engine, EngineError};
use crate::docker::{self, DockerEngine, DockerSetup, Refusal, Resolved, endpoint, probe};
use crate::host::HostEngine;
use crate::paths::{Homes, PathsError};
use crate::setup::{Executable, ProjectRef, Setup};
use crate::world::Failure;

/// What the choice of an engine needs of its surroundings.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The caller's environment.
    pub environment: BTreeMap<String, String>,
    /// The number of the user that calls.
    pub uid: u32,
    /// The number of that user's group.
    pub gid: u32,
    /// Whether any service of the project says what image it runs from.
    pub images: bool,
    /// Where hob.toml says that the Docker engine is.
    pub docker: Option<DockerEndpoint>,
    /// The program that has the hidden verbs.
    pub executable: Executable,
}

impl Engine {
    /// The engine that is asked for, for this project.
    ///
    /// # Errors
    /// The environment names no place for the project's state, or the Docker
    /// engine that it names is one that hob does not use.
    pub fn choose(
        choice: EngineChoice,
        project: ProjectRef,
        surroundings: Surroundings,
    ) -> Result<Self, EngineError> {
        let homes = Homes::of(&surroundings.environment, surroundings.uid)?;
        let Surroundings {
            environment,
            uid,
            gid,
            executable,
            images,
            docker,
        } = surroundings;
        let setup = Setup {
            paths: homes.project(&project.id),
            project: project.id,
            root: project.root,
            executable,
            environment,
            uid,
        };
        let asked = "it was asked for".to_owned();
        let place = || endpoint::resolve(&setup.environment, docker.as_ref(), &endpoint::Disk);
        let (resolved, reason) = match choice {
            EngineChoice::Host => (None, asked),
            EngineChoice::Docker => (Some(place().map_err(Failure::from)?), asked),
            EngineChoice::Auto => best(&setup, images, place()),
        };
        let driver = match resolved {
            None => Driver::Host(Arc::new(HostEngine::new(setup))),
            Some(resolved) => {
                let docker = DockerSetup {
                    setup,
                    resolved,
                    gid,
                };
                Driver::Docker(Arc::new(DockerEngine::new(docker)?))
            }
        };
        Ok(Self { driver, reason })
    }

    /// Another project of the same caller on an engine, one with images.
    ///
    /// # Errors
    /// As [`choose`](Self::choose).
    pub fn beside(&self, choice: EngineChoice, project: ProjectRef) -> Result<Self, EngineError> {
        let own = self.setup();
        let surroundings = Surroundings {
            environment: own.environment.clone(),
            uid: own.uid,
            gid: rustix::process::getgid().as_raw(),
            images: true,
            docker: None,
            executable: own.executable.clone(),
        };
        Self::choose(choice, project, surroundings)
    }

    /// All projects of this user that left something, whether their folders
    /// are there or not.
    ///
    /// # Errors
    /// The environment names no place for their state.
    pub fn all_projects(surroundings: &Surroundings) -> Result<Vec<ProjectRef>, PathsError> {
        let homes = Homes::of(&surroundings.environment, surroundings.uid)?;
        let mut roots: BTreeMap<String, PathBuf> = BTreeMap::new();
        for marked in crate::machine::processes::marked(surroundings.uid) {
            roots.insert(marked.marks.project, marked.marks.root);
        }
        for id in homes.projects() {
            let noted = homes.project(&id).noted_root();
            roots.entry(id).or_insert_with(|| noted.unwrap_or_default());
        }
        let projects = roots.into_iter();
        Ok(projects.map(|(id, root)| ProjectRef { id, root }).collect())
    }

    /// Whether the state of a project is in the caller's state home: another
    /// one may be a test's, or another person's on a shared account.
    #[must_use]
    pub fn keeps(surroundings: &Surroundings, project: &ProjectRef) -> bool {
        kept(&surroundings.environment, surroundings.uid, &project.id)
    }

    /// The same of a project, by its id, where this one's is.
    #[must_use]
    pub fn keeps_beside(&self, project: &str) -> bool {
        kept(self.environment(), self.uid(), project)
    }

    /// All projects that anything is known of, by whose they are: those of
    /// which there is something in the Docker engine that is meant, if one
    /// answers, too.
    ///
    /// # Errors
    /// The environment names no place for their state.
    pub async fn known_projects(surroundings: &Surroundings) -> Result<Known, PathsError> {
        let homes = Homes::of(&surroundings.environment, surroundings.uid)?;
        // Looked at once: what comes up meanwhile may be anybody's.
        let here = Self::all_projects(surroundings)?;
        let configured = surroundings.docker.as_ref();
        let place = endpoint::resolve(&surroundings.environment, configured, &endpoint::Disk);
        let in_docker = match place {
            Ok(place) => {
                let state_of = |id: &str| homes.project(id).state;
                let found = docker::projects(place, state_of).await;
                found.unwrap_or_default()
            }
            Err(_) => BTreeMap::new(),
        };
        let in_docker = in_docker.into_iter();
        let in_docker = in_docker.map(|(id, root)| ProjectRef { id, root });
        let keeps = |project: &ProjectRef| Self::keeps(surroundings, project);
        Ok(Known::of(here, in_docker.collect(), keeps))
    }
}

/// Projects that anything is known of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Those whose state is in the caller's state home.
    pub own: Vec<ProjectRef>,
    /// Those of another one.
    pub others: Vec<ProjectRef>,
}

impl Known {
    /// Projects of this machine, of whoever `keeps` says, and those that an
    /// engine says are the caller's.
    fn of(
        here: Vec<ProjectRef>,
        in_docker: Vec<ProjectRef>,
        keeps: impl Fn(&ProjectRef) -> bool,
    ) -> Self {
        let (mut own, others): (Vec<_>, Vec<_>) = here.into_iter().partition(keeps);
        for project in in_docker {
            let known = own.iter().chain(&others).any(|it| it.id == project.id);
            if !known {
                own.push(project);
            }
        }
        Self { own, others }
    }
}

fn kept(environment: &BTreeMap<String, String>, uid: u32, project: &str) -> bool {
    let homes = Homes::of(environment, uid);
    homes.is_ok_and(|homes| {
        let state = homes.project(project).state;
        state.is_dir() || crate::host::agents_in(uid, project, &state)
    })
}

/// The best engine that is there, and why: that of a project stays what it is
/// while anything of it runs.
fn best(
    setup: &Setup,
    images: bool,
    place: Result<Resolved, Refusal>,
) -> (Option<Resolved>, String) {
    let resolved = match place {
        Ok(resolved) => resolved,
        Err(refusal) => return (None, refusal.reason),
    };
    if setup.paths.containers().is_dir() {
        return (Some(resolved), "its services are there".to_owned());
    }
    if !images {
        let none = "none of its services names an image to run from";
        return (None, none.to_owned());
    }
    if let Err(why) = probe::answers(&resolved.endpoint) {
        return (
            None,
            format!("no Docker engine answers at {}: {why}", resolved.endpoint),
        );
    }
    if crate::host::agents_in(setup.uid, &setup.project, &setup.paths.state) {
        return (None, "its services are there".to_owned());
    }
    let reason = format!("a Docker engine answers at {}", resolved.endpoint);
    (Some(resolved), reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(id: &str) -> ProjectRef {
        ProjectRef {
            id: id.to_owned(),
            root: PathBuf::from("/p").join(id),
        }
    }

    #[test]
    fn a_project_is_its_state_homes_whatever_has_something_of_it() {
        let here = ["kept", "other"].map(project).to_vec();
        let in_docker = ["kept", "other", "gone"].map(project).to_vec();
        let known = Known::of(here, in_docker, |it| it.id == "kept");
        assert_eq!(known.own, ["kept", "gone"].map(project));
        assert_eq!(known.others, ["other"].map(project));
    }
}
