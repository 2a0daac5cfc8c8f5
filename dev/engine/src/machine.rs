//! This machine, as every engine meets it: who listens on which port, which
//! processes are hob's, which programs and packages there are, what the
//! sources hold.
//!
//! Looks and changes nothing, but for the end of processes in `processes.rs`.

pub(crate) mod port_choice;
pub mod ports;
pub mod processes;
pub(crate) mod source;
pub mod tools;
