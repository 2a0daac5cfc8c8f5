//! [`Settings`]: what people choose of what surrounds their services.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What is chosen once for all projects of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The port of the registry on loopback.
    pub registry_port: u16,
    /// The port of the resolver on loopback.
    pub dns_port: u16,
    /// The domains that the resolver answers for before anything is up: those
    /// for which the machine's own asks it, and those of the project in which it
    /// was last brought up.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub domains: BTreeSet<String>,
    /// The port of the ingress on loopback; none until it is first up.
    pub http_port: Option<u16>,
    /// Its port for HTTPS; none unless somebody has asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https_port: Option<u16>,
}

impl Default for Settings {
    /// 5000 is what registries are at home on. 53 is the system's own, and the
    /// resolvers that a domain can be pointed at take any other.
    fn default() -> Self {
        Self {
            registry_port: 5000,
            dns_port: 5354,
            domains: BTreeSet::new(),
            http_port: None,
            https_port: None,
        }
    }
}
