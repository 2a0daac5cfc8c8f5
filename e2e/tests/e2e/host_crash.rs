//! What an agent of the host engine leaves on the machine when it is killed.

use hob_e2e::{http, processes, until};

use crate::{Web, web};

#[test]
fn up_ends_the_orphans_of_a_killed_agent_and_makes_it_anew() {
    let Web { world, port } = web();
    world.page("demo/web", "one\ndaemon\n");
    world.hob(["up"]).good();
    let agent = world.agent("demo/web").unwrap();
    let orphans: Vec<u32> = world
        .marked()
        .into_iter()
        .map(|it| it.pid)
        .filter(|pid| *pid != agent)
        .collect();
    assert_eq!(orphans.len(), 2, "{:#?}", world.marked());
    processes::kill(agent);
    until("the agent's end", || !processes::is_alive(agent));
    let status = world.hob(["status"]).good();
    assert!(status.out.contains("demo/web  lost"), "{status:?}");
    assert!(
        status
            .err
            .contains("its agent is gone and 2 of its processes are left"),
        "{status:?}"
    );
    world.hob(["up"]).good();
    assert!(
        !orphans.iter().any(|pid| processes::is_alive(*pid)),
        "{:#?}",
        world.marked()
    );
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    world.assert_nothing_left();
}

/// The one process of this command line.
fn running(command: &str) -> Option<u32> {
    let mut all = processes::all();
    all.find(|pid| processes::is_alive(*pid) && processes::command(*pid) == command)
}

#[test]
fn down_ends_what_left_its_session_and_emptied_its_environment_after_its_agent_was_killed() {
    // Beside its parent, and with its parent gone.
    for escape in [
        "setsid env -i sleep $0 &",
        "(setsid env -i sleep $0 & exit 0) &",
    ] {
        let Web { world, port } = web();
        let long = format!("86400.{port}");
        let run = format!(r#"run = ["sh", "-c", "{escape} exec \"$@\"", "{long}", "#);
        let stack = world.read("stacks/demo/stack.toml");
        world.stack("demo", &stack.replace("run = [", &run));
        world.hob(["up"]).good();
        let command = format!("sleep {long}");
        let escaped = hob_e2e::until_some("what escaped", || running(&command));
        assert_eq!(processes::variable(escaped, "HOB_ROOT"), None);
        processes::kill(world.agent("demo/web").unwrap());
        let down = world.hob(["down", "--prove"]);
        let left = running(&command);
        left.into_iter().for_each(processes::kill);
        assert_eq!((left, down.good().out.as_str()), (None, ""));
        world.assert_nothing_left();
    }
}
