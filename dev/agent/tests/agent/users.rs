//! Who builds and processes run as, and what they get of the agent's own
//! environment.
//!
//! Only root becomes somebody else: run by root, these tests use the user
//! 65534; run by anybody else, they check that it is refused with the reason.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use hob_wire::{Phase, Request};
use rustix::process::{geteuid, getgid, getuid};

use crate::support::{Agent, exists, get, pid_in, sh, until, with_the_rights_of_a_container};

/// Nobody, and a group that is not nobody's own.
const OTHER: &str = "65534:1234";

/// An agent whose outputs another user can reach.
fn agent() -> Agent {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let out = folder.path().join("outputs");
    Agent::start_with(folder, &["--out", out.to_str().unwrap()])
}

/// The line of `/proc/PID/status` with this name, without it.
fn status_line(pid: u32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn build_and_process_are_another_user_without_roots_groups_and_rights() {
    let agent = agent();
    if !geteuid().is_root() {
        agent.takes(|spec| spec.user = Some(OTHER.into()));
        let status = agent.until("the refusal", |status| status.problem.is_some());
        let own = geteuid().as_raw();
        let expected = format!("cannot run as user `{OTHER}`: hob's agent is user {own}, not root");
        return assert_eq!(status.problem.unwrap().message, expected);
    }
    agent.takes(|spec| {
        let cwd = spec.run.cwd.clone();
        spec.user = Some(OTHER.into());
        spec.listen = None;
        spec.ready = hob_wire::Ready::Started;
        spec.build = Some(sh("id -u > $OUT/who; id -G >> $OUT/who", &cwd));
        spec.run = sh("echo $$ > $OUT/pid; exec sleep 1000", &cwd);
    });
    agent.done(Request::Start);
    agent.done(Request::Await { generation: 1 });
    let out = agent.folder.path().join("outputs/1");
    let pid = pid_in(&agent, "outputs/1/pid");
    assert_eq!(
        fs::read_to_string(out.join("who")).unwrap(),
        "65534\n1234\n"
    );
    let (uids, gids) = ("65534 65534 65534 65534", "1234 1234 1234 1234");
    assert_eq!(status_line(pid, "Uid:"), uids);
    assert_eq!(status_line(pid, "Gid:"), gids);
    assert_eq!(status_line(pid, "Groups:"), "");
    assert_eq!(status_line(pid, "CapEff:"), "0000000000000000");
    let about = fs::metadata(&out).unwrap();
    assert_eq!((about.uid(), about.gid()), (65534, 1234));
    let mode = fs::metadata(out.parent().unwrap()).unwrap().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn what_other_users_keep_running_is_known_where_root_may_not_trace_them() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let out = folder.path().join("outputs");
    let options = ["--out", out.to_str().unwrap()];
    let (agent, user) = if geteuid().is_root() {
        let agent = Agent::below(with_the_rights_of_a_container(), folder, &options);
        (agent, Some(OTHER.into()))
    } else {
        // Whoever is not root may not trace others, and has none.
        (Agent::start_with(folder, &options), None)
    };
    agent.takes(|spec| {
        let script =
            "test -e server || { setsid sleep 1000 & echo $! > server; }; cp greeting $OUT";
        spec.user = user;
        spec.build = Some(sh(script, &spec.run.cwd.clone()));
        spec.listen = None;
        spec.ready = hob_wire::Ready::Started;
        spec.run = sh("exec sleep 1000", &spec.run.cwd.clone());
    });
    agent.done(Request::Start);
    agent.done(Request::Await { generation: 1 });
    let server = pid_in(&agent, "server");
    let mut session = agent.attach();
    for generation in 2..4 {
        session.save(generation);
        agent.done(Request::Await { generation });
        // Its processes' ends are what would take the server along.
        agent.until("the end of the one before", |status| {
            status.phase == Phase::Ready
        });
        agent.done(Request::Restart);
    }
    assert!(exists(server));
    drop(session);
    agent.done(Request::Shutdown);
    assert!(!exists(server));
}

#[test]
fn an_unknown_user_fails_the_build_and_a_start_without_one() {
    let expected = "there is no user `no-such-user` in /etc/passwd; give its number or make it";
    for builds in [true, false] {
        let agent = agent();
        agent.takes(|spec| {
            spec.user = Some("no-such-user".into());
            if !builds {
                spec.build = None;
            }
        });
        agent.done(Request::Start);
        let status = agent.until("the failure", |status| status.phase == Phase::Failed);
        assert_eq!(status.problem.unwrap().message, expected);
    }
}

#[test]
fn the_agents_own_user_needs_no_rights_and_gets_what_a_login_sets() {
    let agent = agent();
    let own = format!("{}:{}", getuid().as_raw(), getgid().as_raw());
    let spec = agent.takes(|spec| {
        spec.user = Some(own.clone());
        spec.env.insert("USER".into(), "said".into());
    });
    agent.done(Request::Start);
    agent.done(Request::Await { generation: 1 });
    let env = get(&spec, "/env").body;
    assert!(env.contains("USER=said\n"), "{env}");
    assert!(env.contains("HOME=/"), "{env}");
}

#[test]
fn what_is_inherited_lies_below_what_the_spec_says() {
    for inherit in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::start_with(folder, &[]);
        let spec = agent.takes(|spec| {
            spec.inherit = inherit;
            spec.env.insert("LANG".into(), "from the spec".into());
        });
        agent.done(Request::Start);
        agent.done(Request::Await { generation: 1 });
        let env = get(&spec, "/env").body;
        let leak = "LEAK=from the agent's own environment\n";
        assert_eq!(env.contains(leak), inherit, "{env}");
        assert!(env.contains("LANG=from the spec\n"), "{env}");
        assert!(!env.contains("HOB_LEAK"), "{env}");
    }
}

#[test]
fn the_folder_of_the_agents_user_is_not_handed_on_to_another_one() {
    let agent = agent();
    let root = geteuid().is_root();
    agent.takes(|spec| {
        spec.inherit = true;
        // By whom it is run makes the only difference.
        spec.user = root.then(|| OTHER.into());
        spec.listen = None;
        spec.ready = hob_wire::Ready::Started;
        spec.build = None;
        spec.run = sh("echo HOME=$HOME; exec sleep 1000", "/".as_ref());
    });
    agent.done(Request::Start);
    agent.done(Request::Await { generation: 1 });
    let said = until("what it says", || {
        let mut log = agent.log().into_iter();
        let line = log.find(|line| line.text.starts_with("HOME="));
        line.map(|line| line.text)
    });
    let own = format!("HOME={}", std::env::var("HOME").unwrap());
    assert_eq!(said == own, !root, "{said}, and the agent's is {own}");
}

#[test]
fn a_folder_that_the_user_cannot_reach_is_named() {
    let agent = agent();
    let closed = agent.folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    let (user, uid, mode) = if geteuid().is_root() {
        (OTHER.into(), 65534, 0o700)
    } else {
        let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
        (format!("{uid}:{gid}"), uid, 0o000)
    };
    fs::set_permissions(&closed, fs::Permissions::from_mode(mode)).unwrap();
    agent.takes(|spec| {
        spec.user = Some(user);
        spec.build = Some(sh("true", &closed));
    });
    let status = agent.until("the failure", |status| status.problem.is_some());
    let message = status.problem.unwrap().message;
    let expected = format!("cannot start `sh` as user {uid}: Permission denied");
    assert!(message.starts_with(&expected), "{message}");
    assert!(message.contains(closed.to_str().unwrap()), "{message}");
}

#[test]
fn what_is_written_into_the_state_folder_belongs_to_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let (uid, gid) = if geteuid().is_root() {
        (65534, 1234)
    } else {
        // Nobody else's can be made by a user; its own must be, still.
        (getuid().as_raw(), getgid().as_raw())
    };
    let agent = Agent::start_with(folder, &["--own", &format!("{uid}:{gid}")]);
    let log = agent.state().join("log/current.log");
    until("the log", || log.exists().then_some(()));
    let files = [agent.socket(), agent.state().join("log"), log];
    for path in files {
        let about = fs::metadata(&path).unwrap();
        assert_eq!((about.uid(), about.gid()), (uid, gid), "{}", path.display());
        assert_eq!(about.mode() & 0o077, 0, "{}", path.display());
    }
}
