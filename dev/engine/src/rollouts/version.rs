//! [`Version`]: what follows a service's name.

use std::fmt;
use std::str::FromStr;

use hob_stack::{LABEL_LIMIT, NameError, ServiceName};
use serde::{Deserialize, Serialize};

/// What is said of one version of a service: `1`, `2`, `green`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

impl Version {
    /// The version of a service that was never updated, which goes by the
    /// service's own name.
    #[must_use]
    pub fn first() -> Self {
        Self("1".to_owned())
    }

    /// The version of this number.
    pub(super) fn numbered(number: u32) -> Self {
        Self(number.to_string())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that this version of a service goes by: `hello-world-2`.
    ///
    /// # Errors
    /// It is too long for one.
    pub fn of(&self, service: &ServiceName) -> Result<ServiceName, NameError> {
        match *self == Self::first() {
            true => Ok(service.clone()),
            false => format!("{service}-{self}").parse(),
        }
    }
}

impl FromStr for Version {
    type Err = NameError;

    /// What may follow a `-` in the name of a service.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let long = text.len() + 2 > LABEL_LIMIT;
        let _: ServiceName = format!("v-{text}").parse().map_err(|error| match error {
            NameError::Long(_) => NameError::Long(text.len()),
            other => other,
        })?;
        match (text.is_empty(), long) {
            (true, _) => Err(NameError::Empty),
            (_, true) => Err(NameError::Long(text.len())),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Version {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
