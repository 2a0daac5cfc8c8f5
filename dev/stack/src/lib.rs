//! `stack.toml` to an always-valid model, with every diagnostic at once.
//!
//! Owns the meaning of `stack.toml`, `stack.local.toml`, `.env` and
//! `hob.toml`. Reads these files and looks whether the files that they name
//! are there; writes nothing, starts nothing, asks no environment but the one
//! it is given. Start with [`Project`] for the result.

mod model;
mod names;

pub use model::{
    Config, DevForm, EngineChoice, Form, Image, OnChange, Project, Publish, Ready, Service, Stack,
};
pub use names::{
    LABEL_LIMIT, NameError, Port, ProjectId, ServiceId, ServiceName, StackName, VolumeName,
    check_variable,
};
