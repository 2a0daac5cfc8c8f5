//! Base images.
