//! `serve-files` of the agent's own program.

use std::process::Command;

use crate::support::{Agent, get};

#[test]
fn a_folder_is_served_by_the_agents_own_program() {
    let (_agent, spec) = Agent::ready(|spec| {
        let program = env!("CARGO_BIN_EXE_hob-agent");
        let folder = spec.run.cwd.to_str().unwrap();
        let words = [
            program,
            "serve-files",
            "--root",
            folder,
            "--with",
            "built-in",
        ];
        spec.run.argv = words.map(String::from).into();
        spec.build = None;
    });
    assert_eq!(get(&spec, "/greeting").body, "one");
    assert_eq!(get(&spec, "/nothing-here").status, 404);
}

#[test]
fn without_a_port_it_says_so() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hob-agent"));
    command.args(["serve-files", "--root", "/", "--with", "built-in"]);
    let output = command.env_remove("PORT").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = "error: `serve-files` listens on `PORT`, which is not set\n";
    assert_eq!((output.status.code(), said.as_str()), (Some(1), expected));
}
