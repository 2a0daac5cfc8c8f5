//! `down --all`: what it takes down, and what it asks before. It runs where no
//! processes are seen but those of its test.

use std::process::Command;

use hob_e2e::{Session, Terminal};

use crate::{Web, web, web_of};

/// `unshare` for a command that sees no processes but its own: nothing else
/// may run `down --all`. None where this user may make no namespaces.
fn alone() -> Option<Command> {
    let mut unshare = Command::new("unshare");
    unshare.args([
        "--user",
        "--map-root-user",
        "--pid",
        "--fork",
        "--mount-proc",
    ]);
    let mut trial = Command::new(unshare.get_program());
    let may = trial.args(unshare.get_args()).arg("true").output();
    if may.is_ok_and(|it| it.status.success()) {
        return Some(unshare);
    }
    // Only root always may.
    assert!(
        !rustix::process::geteuid().is_root(),
        "root may make no namespaces"
    );
    eprintln!("not tested: this user may make no namespaces");
    None
}

/// The same with what a `hob` is started with.
fn with_environment(mut command: Command, hob: &Command) -> Command {
    command.env_clear().envs(
        hob.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command
}

#[test]
fn down_all_takes_down_the_projects_of_this_state_home() {
    let Some(mut inside) = alone() else { return };
    let Web { world, .. } = web_of(|it| it.instead("publish = \"auto\""));
    let second = world.checkout("second");
    // A third one has its state elsewhere, and is not this state home's.
    let third = world.checkout("third");
    let elsewhere = world.outside().join("elsewhere");
    let script = "hob=$0
        $hob up && $hob --project \"$1\" up || exit 91
        XDG_STATE_HOME=$3 XDG_RUNTIME_DIR=$3 $hob --project \"$2\" up || exit 92
        $hob down --all --prove; test $? -eq 2 || exit 93
        $hob status | grep -q ready || exit 94
        $hob down --all --prove --yes || exit 95
        export XDG_STATE_HOME=$3 XDG_RUNTIME_DIR=$3
        $hob --project \"$2\" status | grep -q ready || exit 96
        $hob down --all --yes";
    std::fs::create_dir(&elsewhere).unwrap();
    let hob = world.command(["up"]);
    inside
        .args(["sh", "-c", script])
        .arg(hob.get_program())
        .arg(second.root())
        .arg(third.root())
        .arg(&elsewhere)
        .current_dir(world.root());
    let inside = with_environment(inside, &hob);
    let mut session = Session::start(inside);
    assert_eq!(session.end(), 0, "{}", session.transcript());
    let said = session.err();
    assert_eq!(said.matches("demo/web is down").count(), 3, "{said}");
    assert_eq!(said.matches("nothing is left").count(), 2, "{said}");
    let third = third.root().display();
    for part in [
        "`hob down --all --yes` takes them down",
        &format!("its state is in another state home: {third}"),
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(world.left_files(), Vec::<String>::new());
}

#[test]
fn down_all_asks_at_a_terminal_and_takes_no_for_an_answer() {
    let Some(mut inside) = alone() else { return };
    let Web { world, .. } = web();
    let script = "$0 up && { $0 down --all; test $? -eq 1 && $0 status && $0 down; }";
    let hob = world.command(["up"]);
    inside.args(["sh", "-c", script]).arg(hob.get_program());
    inside.current_dir(world.root());
    let mut terminal = Terminal::start(&with_environment(inside, &hob));
    terminal.wait("do this? [y/N]");
    let root = world.root().display().to_string();
    assert!(terminal.shown().contains(&root), "{}", terminal.shown());
    terminal.press("n\n");
    terminal.wait("nothing was done");
    terminal.wait("ready");
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
}
