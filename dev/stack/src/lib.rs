//! stack.toml to an always-valid model
