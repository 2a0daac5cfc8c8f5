//! a
mod machine;
