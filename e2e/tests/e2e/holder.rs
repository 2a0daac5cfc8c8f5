//! Whoever takes a project down while another process has it in its hands: a
//! session that hangs, a hob that brings services up, a stranger.

use std::path::PathBuf;
use std::process::Command;

use hob_e2e::{Session, World, processes, until};
use rustix::process::Signal;

use crate::{Web, web, web_of};

#[test]
fn down_wakes_a_stopped_session_up() {
    let Web { world, .. } = web();
    let mut session = world.dev_ready(&[]);
    processes::signal(session.pid(), Signal::STOP);
    let down = world.hob(["down", "--prove"]).good();
    let said = format!(
        "the dev session of process {} does not answer",
        session.pid()
    );
    assert!(down.err.contains(&said), "{down:?}");
    session.end();
    world.assert_nothing_left();
}

#[test]
fn down_ends_an_up_that_hangs_with_the_project_in_its_hands() {
    let Web { world, .. } = web_of(|it| it.instead("build = [\"sleep\", \"1000\"]"));
    let mut up = world.background(["up"]);
    let builds = |world: &World| world.marked().iter().any(|it| it.command == "sleep 1000");
    until("the build", || builds(&world));
    processes::signal(up.pid(), Signal::STOP);
    let down = world.hob(["down", "--prove"]).good();
    assert!(down.err.contains("interrupting hob"), "{down:?}");
    up.end();
    world.assert_nothing_left();
}

/// The lock file of the world's project, of which something is up.
fn lock_of(world: &World) -> PathBuf {
    let homes = std::fs::read_dir(world.state().join("hob")).unwrap();
    let home = homes.map(|it| it.unwrap().path()).next().unwrap();
    home.join("lock")
}

/// A process that runs this script as `name`; `wait` waits in it without
/// starting another one.
fn shell(world: &World, script: &str, name: &str) -> Session {
    let pipe = world.outside().join(format!("{name}.pipe"));
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let mut command = Command::new("sh");
    let script = script.replace("wait", &format!("read line < {}", pipe.display()));
    command.args(["-c", &script, name]);
    Session::start(command)
}

/// Takes the lock and writes this number into it.
fn holding(world: &World, number: &str) -> String {
    let lock = lock_of(world);
    let lock = lock.display();
    format!("exec 9>>{lock}; flock 9; echo {number} > {lock}; echo held; wait")
}

#[test]
fn down_kills_an_up_that_neither_hears_ctrl_c_nor_goes() {
    let Web { world, .. } = web();
    world.hob(["up"]).good();
    let script = format!("trap '' INT TERM; {}", holding(&world, "$$"));
    let mut up = shell(&world, &script, "up");
    up.wait("held");
    let down = world.hob(["down", "--prove"]).good();
    let said = format!("interrupting hob (process {})", up.pid());
    assert!(down.err.contains(&said), "{down:?}");
    assert_eq!(up.end(), 128 + 9);
    world.assert_nothing_left();
}

#[test]
fn a_number_in_the_lock_that_is_a_strangers_harms_nobody() {
    let Web { world, .. } = web();
    world.hob(["up"]).good();
    let mut stranger = shell(&world, "echo here; wait", "up");
    stranger.wait("here");
    let number = stranger.pid().to_string();
    let mut holder = shell(&world, &holding(&world, &number), "dev");
    holder.wait("held");
    let mut down = world.background(["down", "--prove"]);
    down.wait("another hob is changing this project; waiting for it");
    holder.kill();
    assert_eq!(down.end(), 0, "{}", down.transcript());
    assert!(!down.said("interrupting"), "{}", down.transcript());
    assert!(processes::is_alive(stranger.pid()));
    stranger.kill();
    world.assert_nothing_left();
}

/// A dev session that takes every question, answers none, and ignores TERM.
const DEAF: &str = r#"
use IO::Socket::UNIX;
$SIG{TERM} = "IGNORE";
my $path = "$ARGV[0]/session-$$.sock";
my $socket = IO::Socket::UNIX->new(Local => $path, Listen => 5) or die $!;
$| = 1;
print "listens\n";
while (1) { push @kept, $socket->accept }
"#;

#[test]
fn down_kills_a_session_that_answers_nothing_and_does_not_go() {
    let Web { world, .. } = web();
    world.hob(["up"]).good();
    let homes = std::fs::read_dir(world.runtime().join("hob")).unwrap();
    let home = homes.map(|it| it.unwrap().path()).next().unwrap();
    let mut deaf = Command::new("perl");
    deaf.args(["-e", DEAF]).arg(&home);
    let mut deaf = Session::start(deaf);
    deaf.wait("listens");
    let down = world.hob(["down", "--prove"]).good();
    let pid = deaf.pid();
    for said in [
        format!("the dev session of process {pid} does not answer; waking it up"),
        format!("it does not; ending process {pid}"),
        "demo/web is down".to_owned(),
    ] {
        assert!(down.err.contains(&said), "{said}: {down:?}");
    }
    assert_eq!(deaf.end(), 128 + 9);
    world.assert_nothing_left();
}
