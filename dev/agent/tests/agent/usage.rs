//! What the agent says of the processor and the memory that it all takes.

use hob_wire::{Ready, Reply, Request};

use crate::support::{Agent, sh, until};

fn usage(agent: &Agent) -> (f64, u64) {
    match agent.ask(Request::Usage) {
        Reply::Usage {
            cpu_percent,
            memory_bytes,
        } => (cpu_percent, memory_bytes),
        other => panic!("no usage: {other:?}"),
    }
}

#[test]
fn all_that_a_service_started_counts() {
    let agent = Agent::start();
    let (_, idle) = usage(&agent);
    assert!(idle > 1 << 20, "{idle} bytes");
    agent.takes(|spec| {
        spec.listen = None;
        spec.ready = Ready::Started;
        // A child that works, and one that holds 32 MiB.
        let script = "(while :; do :; done) & \
            (big=$(head -c 33554432 /dev/zero | tr '\\0' x); sleep 1000; :) & exec sleep 1000";
        spec.run = sh(script, &spec.run.cwd.clone());
    });
    agent.done(Request::Start);
    agent.done(Request::Await { generation: 1 });
    // Other programs want the processor, too.
    until("a busy child", || (usage(&agent).0 > 20.0).then_some(()));
    until("a large child", || {
        (usage(&agent).1 > idle + (32 << 20)).then_some(())
    });
}
