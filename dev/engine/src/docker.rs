//! The engine of containers: where a Docker engine is spoken to.

pub mod endpoint;
