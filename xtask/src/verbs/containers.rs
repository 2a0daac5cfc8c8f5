//! What `build`, `run`, `exec` and `sh` are where services are containers.

pub mod current;
pub mod enter;
pub mod images;
pub mod production;
