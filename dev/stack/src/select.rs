//! What a name on the command line means. Start with [`Project::select`], or
//! with [`select`] where services are known that no file tells of.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Project;
use crate::names::{ServiceId, ServiceName, StackName};
use crate::near::{either, listed, nearest};

/// Why names do not say which services are meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// No name was given, and there are several stacks.
    #[error("which stack? there are {}", listed(stacks.iter().map(String::as_str)))]
    WhichStack {
        /// Their names.
        stacks: Vec<String>,
    },
    /// There is no stack at all.
    #[error("the project has no stack that can be used")]
    NoStack,
    /// A name means several things.
    #[error("`{name}` can mean {}", either(choices))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// What to write for each.
        choices: Vec<String>,
    },
    /// Nothing is called so.
    #[error("no stack or service is called `{name}`")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest name that is there.
        near: Option<String>,
    },
}

impl SelectError {
    /// What to do about it; what to type stands in backticks.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::WhichStack { stacks } => {
                let name = stacks.first().map_or("STACK", String::as_str);
                vec![format!("name one, as in `{name}`")]
            }
            Self::NoStack => vec!["create `stacks/NAME/stack.toml`".to_owned()],
            Self::Ambiguous { choices, .. } => vec![format!("write {}", either(choices))],
            Self::Unknown {
                near: Some(near), ..
            } => vec![format!("did you mean `{near}`?")],
            Self::Unknown { near: None, .. } => {
                vec!["`hob check` lists what is there".to_owned()]
            }
        }
    }
}

impl Project {
    /// The services that names mean, each once, in the order of their ids.
    ///
    /// A name is a stack (all its services), a service, or `stack/service`;
    /// `stack/` is the stack and nothing else. A bare name that means several
    /// different things is refused: a service of two stacks, or a stack and a
    /// service, unless that service is all that the stack has. No name at all
    /// means the project's only stack.
    ///
    /// # Errors
    /// A name means nothing or too much.
    pub fn select(&self, names: &[String]) -> Result<Vec<ServiceId>, SelectError> {
        let known = Known {
            stacks: self.stacks.keys().cloned().collect(),
            services: self.services().map(|it| it.id.clone()).collect(),
            versions: self
                .services()
                .filter(|it| it.known_as != it.id.service)
                .map(|it| (it.id.clone(), it.known_as.clone()))
                .collect(),
        };
        known.select(names)
    }
}

/// The same among these services, whatever a project's files say of them.
///
/// # Errors
/// A name means nothing or too much.
pub fn select(
    services: &BTreeSet<ServiceId>,
    names: &[String],
) -> Result<Vec<ServiceId>, SelectError> {
    let known = Known {
        stacks: services.iter().map(|id| id.stack.clone()).collect(),
        services: services.iter().cloned().collect(),
        versions: BTreeMap::new(),
    };
    known.select(names)
}

/// All that can be named.
struct Known {
    stacks: BTreeSet<StackName>,
    services: Vec<ServiceId>,
    /// Those that have another name, too: that of what they are a version of.
    versions: BTreeMap<ServiceId, ServiceName>,
}

impl Known {
    fn select(&self, names: &[String]) -> Result<Vec<ServiceId>, SelectError> {
        if names.is_empty() {
            let mut stacks = self.stacks.iter();
            return match (stacks.next(), stacks.next()) {
                (None, _) => Err(SelectError::NoStack),
                (Some(_), None) => Ok(self.services.clone()),
                _ => Err(SelectError::WhichStack {
                    stacks: self.stacks.iter().map(ToString::to_string).collect(),
                }),
            };
        }
        let mut selected = BTreeSet::new();
        for name in names {
            selected.extend(self.select_one(name)?);
        }
        Ok(selected.into_iter().collect())
    }

    fn select_one(&self, name: &str) -> Result<Vec<ServiceId>, SelectError> {
        let of = |keep: &dyn Fn(&ServiceId) -> bool| -> Vec<ServiceId> {
            let ids = self.services.iter();
            ids.filter(|id| keep(id)).cloned().collect()
        };
        let called = |id: &ServiceId, name: &str| {
            let known_as = self.versions.get(id).map(ServiceName::as_str);
            id.service.as_str() == name || known_as == Some(name)
        };
        let (stack, service) = match name.split_once('/') {
            Some((stack, "")) => (of(&|id| id.stack.as_str() == stack), Vec::new()),
            Some((stack, service)) => (
                Vec::new(),
                of(&|id| id.stack.as_str() == stack && called(id, service)),
            ),
            None => (
                of(&|id| id.stack.as_str() == name),
                of(&|id| called(id, name)),
            ),
        };
        match (stack.as_slice(), service.as_slice()) {
            ([], []) => Err(self.unknown(name)),
            (_, []) => Ok(stack),
            ([], [_]) => Ok(service),
            (all, [one]) if all == [one.clone()] => Ok(stack),
            (all, several) => {
                let whole = (!all.is_empty()).then(|| format!("{name}/"));
                Err(SelectError::Ambiguous {
                    name: name.to_owned(),
                    choices: whole
                        .into_iter()
                        .chain(several.iter().map(ToString::to_string))
                        .collect(),
                })
            }
        }
    }

    fn unknown(&self, name: &str) -> SelectError {
        let stacks = self.stacks.iter().map(ToString::to_string);
        let ids: Vec<String> = self.services.iter().map(ToString::to_string).collect();
        let services = self.services.iter().map(|id| id.service.to_string());
        let stack = name.strip_suffix('/');
        let known: BTreeSet<String> = if stack.is_some() {
            stacks.collect()
        } else if name.contains('/') {
            ids.into_iter().collect()
        } else {
            stacks.chain(services).collect()
        };
        SelectError::Unknown {
            name: name.to_owned(),
            near: nearest(stack.unwrap_or(name), known.iter().map(String::as_str))
                .map(str::to_owned),
        }
    }
}
