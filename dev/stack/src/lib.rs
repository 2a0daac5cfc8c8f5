//! `stack.toml` to an always-valid model, with every diagnostic at once.
//!
//! Owns the meaning of `stack.toml`, `stack.local.toml`, `.env` and
//! `hob.toml`. Reads these files and looks whether the files that they name
//! are there; writes nothing, starts nothing, asks no environment but the one
//! it is given.
//!
//! Start with [`Project::load`] for the way in and [`Service`] for what comes
//! out. On the way a file is a `tree` (TOML with places, the local file merged
//! in), is held by `check` against the `shape` that `keys` gives it, and is
//! `lower`ed to the `model`. The JSON `schema` comes from the same `keys`.

mod check;
mod config;
mod diagnostic;
mod docker_endpoint;
mod duration;
mod effective;
mod fields;
mod file;
mod fill;
mod graph;
mod image_name;
mod keys;
mod load;
mod lower;
mod model;
mod mounts;
mod names;
mod near;
mod paths;
mod ports;
mod printable;
mod routes;
mod schema;
mod secret;
mod select;
mod shape;
mod tree;
mod variant;
mod version;

pub use diagnostic::{Diagnostic, Place, Severity, SourceFile, render};
pub use docker_endpoint::{DockerEndpoint, DockerEndpointError};
pub use hob_ingress::{PathPrefix, PathPrefixError};
pub use image_name::{ImageName, ImageNameError};
pub use load::{FindError, Loaded};
pub use model::{
    AgentProgram, AgentsOver, BindMount, Config, DevForm, Door, EngineChoice, Form, Image, Network,
    OnChange, Project, Publish, Ready, Recipe, Service, Stack,
};
pub use names::{
    LABEL_LIMIT, NameError, Port, ProjectId, ServiceId, ServiceName, StackName, VolumeName,
    check_variable,
};
pub use printable::{printable, printable_text};
pub use schema::{json_schema, project_schema};
pub use secret::is_secret;
pub use select::{SelectError, select};
pub use version::VersionError;
