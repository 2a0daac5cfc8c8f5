//! A disk without room: taking services down needs none.

use std::process::Command;

use hob_e2e::Session;

use crate::{Web, web};

/// Brings the service up with its state on a file system of 1 MiB, fills that
/// to the last byte, and takes the service down. The ledger is made as long as
/// whole pages first, so that its next line needs room that is not there.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=1m none "$XDG_STATE_HOME" || exit 90
"$0" up || exit 91
for ledger in "$XDG_STATE_HOME"/hob/*/ledger.jsonl; do
    length=$(wc -c < "$ledger")
    head -c $((8192 - length % 4096 - 1)) /dev/zero | tr '\0' x >> "$ledger"
    echo >> "$ledger"
done
cat /dev/zero > "$XDG_STATE_HOME/rest" 2> "$OUTSIDE/cat.err"
echo x 2> /dev/null > "$XDG_STATE_HOME/more" && exit 92
"$0" down --prove || exit 94
"#;

#[test]
fn down_needs_no_room_on_the_disk() {
    let alone = ["--user", "--map-root-user", "--mount"];
    let may = Command::new("unshare").args(alone).arg("true").output();
    if !may.is_ok_and(|it| it.status.success()) {
        // Only root always may.
        assert!(
            !rustix::process::geteuid().is_root(),
            "root may make no namespaces"
        );
        eprintln!("not tested: this user may make no namespaces");
        return;
    }
    let Web { world, .. } = web();
    let hob = world.command(["up"]);
    let mut inside = Command::new("unshare");
    inside.args(alone).args(["sh", "-c", SCRIPT]);
    inside.arg(hob.get_program()).current_dir(world.root());
    inside.env_clear().envs(
        hob.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    inside.env("OUTSIDE", world.outside());
    let mut session = Session::start(inside);
    assert_eq!(session.end(), 0, "{}", session.transcript());
    let said = session.err();
    assert!(said.contains("demo/web is down"), "{said}");
    assert!(said.contains("nothing is left"), "{said}");
    assert_eq!(world.marked(), []);
}
