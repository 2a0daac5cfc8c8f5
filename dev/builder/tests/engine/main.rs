//! Builds on a real engine, at `DOCKER_HOST` or `/var/run/docker.sock`. Run
//! with the feature `engine-tests`; without an engine they fail and say so.
#![expect(
    clippy::disallowed_methods,
    reason = "tests make contexts and run the real `docker` beside"
)]

mod bases;
mod bench;
mod builds;
mod contexts;
mod failures;
