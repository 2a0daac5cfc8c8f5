//! [`ResourceId`]: the name of one outside thing, and whose it is.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What sort of thing a resource is: `agent`, `volume`. Each engine names its
/// own kinds; the planner only compares and prints them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kind(Cow<'static, str>);

impl Kind {
    /// A kind known at compile time.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Its name, as it is printed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whose a resource is: a service, or a stack as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// The stack's name.
    pub stack: String,
    /// The service's name; none for what belongs to the whole stack.
    pub service: Option<String>,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.service {
            Some(service) => write!(f, "{}/{service}", self.stack),
            None => f.write_str(&self.stack),
        }
    }
}

/// The name of one outside thing, the same before it exists and after.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ResourceId {
    /// The stack's name.
    pub stack: String,
    /// The service's name; none for what belongs to the whole stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// Its own name among those of its kind and owner; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl ResourceId {
    /// The one thing of this kind that a service has.
    #[must_use]
    pub fn of_service(stack: &str, service: &str, kind: Kind) -> Self {
        Self {
            stack: stack.to_owned(),
            service: Some(service.to_owned()),
            kind,
            name: String::new(),
        }
    }

    /// The one thing of this kind that a stack has as a whole.
    #[must_use]
    pub fn of_stack(stack: &str, kind: Kind) -> Self {
        Self {
            stack: stack.to_owned(),
            service: None,
            kind,
            name: String::new(),
        }
    }

    /// The same with a name of its own.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner {
            stack: self.stack.clone(),
            service: self.service.clone(),
        }
    }

    /// `polykube/goapi`, `polykube/goapi/data`: the id without its kind.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = self.owner().to_string();
        if !self.name.is_empty() {
            path.push('/');
            path.push_str(&self.name);
        }
        path
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.path())
    }
}
