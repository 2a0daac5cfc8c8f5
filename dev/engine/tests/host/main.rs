//! The host engine with real processes, sockets and ports, and an agent that
//! plays its part by script.
//!
//! `agent.rs` is that agent: this very test program, called as an agent.
//! `ground.rs` makes projects to work on. Each file of tests is one concern.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod agent;
mod ground;
mod killed;
mod lifecycle;
mod obstacles;
mod waiting;

/// No test, but the way in for the processes that the tests start.
#[test]
#[ignore = "the agent's part of this program"]
fn as_agent() {
    agent::play();
}
