//! Whose processes they are, and that none is left.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;

use hob_ingress::{Account, Log};
use rustix::process::geteuid;

use crate::client::ask;
use crate::nginx::Nginx;
use crate::upstream::Upstream;
use crate::{samples, until};

/// An ordinary user, of whom nothing needs to be known.
const SOMEBODY: u32 = 65_534;

/// The account that every Linux has beside root.
const NAME: &str = "daemon";

fn routes(addr: std::net::SocketAddr, upstream: &Upstream) -> String {
    format!(
        "
        listen {addr}
        site web web.test
          / web http {}
        ",
        upstream.is("v1")
    )
}

/// The user that a process is.
fn user_of(id: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("Uid:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The number of [`NAME`].
fn user_of_name() -> u32 {
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let mut fields = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields[0] == NAME)
        .unwrap();
    fields.swap_remove(2).parse().unwrap()
}

#[tokio::test]
async fn an_ordinary_user_needs_nothing_but_the_folder() {
    let me = geteuid();
    let addr = samples::free();
    let upstream = Upstream::http("web").await;
    let routes = routes(addr, &upstream);
    let folder = tempfile::tempdir().unwrap();
    let settings = samples::settings(folder.path());
    if me.is_root() {
        chown(folder.path(), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    }
    let nginx = Nginx::start_in(folder, settings, &routes, None, |command| {
        if me.is_root() {
            command.uid(SOMEBODY).gid(SOMEBODY);
        }
    })
    .await;
    let body = "x".repeat(1 << 20);
    let request = format!("POST web.test/\n\n{body}");
    assert_eq!(ask(addr, &request).await.seen()["body"], body);
    let old = nginx.workers();
    let expected = if me.is_root() { SOMEBODY } else { me.as_raw() };
    assert_eq!(user_of(old[0]), expected);
    nginx.reload(&routes);
    nginx.wait_for_end_of(&old).await;
    assert_eq!(ask(addr, &request).await.seen()["body"], body);
    assert_eq!(nginx.errors(), "");
    assert!(nginx.end().await.success());
}

#[tokio::test]
async fn the_workers_of_root_are_who_is_named_and_logs_go_to_the_standard_output() {
    let me = geteuid();
    let addr = samples::free();
    let upstream = Upstream::http("web").await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = samples::settings(folder.path());
    settings.account = Some(Account {
        user: NAME.parse().unwrap(),
        group: NAME.parse().unwrap(),
    });
    settings.access_log = Log::Stdout;
    settings.error_log = Log::Stderr;
    let routes = routes(addr, &upstream);
    let nginx = Nginx::start_in(folder, settings, &routes, None, |_| {}).await;
    let body = "x".repeat(1 << 20);
    let answer = ask(addr, &format!("POST web.test/\n\n{body}")).await;
    assert_eq!(answer.seen()["body"], body);
    let expected = if me.is_root() {
        user_of_name()
    } else {
        // It is told that the account is of no use.
        assert!(nginx.errors().contains("super-user"));
        me.as_raw()
    };
    assert_eq!(user_of(nginx.workers()[0]), expected);
    until("a line of the log", || async {
        let text = std::fs::read_to_string(nginx.folder().join("stdout")).unwrap();
        text.contains("\"version\":\"v1\"").then_some(())
    })
    .await;
}

#[tokio::test]
async fn nothing_is_left_of_a_test_that_failed() {
    let addr = samples::free();
    let upstream = Upstream::http("web").await;
    let nginx = Nginx::start(&routes(addr, &upstream)).await;
    let workers = nginx.workers();
    let failed = tokio::spawn(async move {
        let _nginx = nginx;
        assert!(std::hint::black_box(false), "as it should");
    });
    assert!(failed.await.is_err());
    until("the end of its workers", || async {
        let is_gone = |id: &u32| {
            // Whoever adopts orphans may take its time to bury one.
            std::fs::read_to_string(format!("/proc/{id}/stat"))
                .map_or(true, |stat| stat.contains(") Z "))
        };
        workers.iter().all(is_gone).then_some(())
    })
    .await;
}
