//! A registry that is killed, full, broken, or somebody else's: what a person
//! is told, and that the next command mends it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hob_e2e::{Session, World, until};

use crate::docker_images::dockerfile;
use crate::docker_registry::registered;

/// Where the registry keeps what it has.
const DATA: &str = "/var/lib/registry/docker/registry/v2";

/// The KiB that have come and are no whole layer yet.
fn under_way(world: &World) -> u64 {
    let line = "du -sk repositories/demo/web/_uploads 2>/dev/null | cut -f1";
    let said = in_registry(world, line);
    said.trim().parse().unwrap_or_default()
}

/// What was begun to be sent.
fn uploads(world: &World) -> String {
    let listed = in_registry(world, "ls repositories/demo/web/_uploads");
    listed.trim().to_owned()
}

/// Runs a line of shell as root in the registry's data.
fn in_registry(world: &World, line: &str) -> String {
    let container = world.platform_container("registry").id;
    let line = format!("cd {DATA} && {line}");
    world.client().exec(&container, &["sh", "-c", &line])
}

/// Has a layer in the image that takes seconds to be sent.
fn make_large(world: &World, words: &str) {
    let line = format!("RUN head -c 150000000 /dev/urandom > /app/{words}");
    dockerfile(world, &line);
}

/// A push of which a good part of a large layer has come.
fn pushing(world: &World) -> Session {
    let before = under_way(world);
    let push = world.background(["registry", "push"]);
    until("a part of a large layer", || {
        under_way(world) > before + 20_000
    });
    push
}

/// The names that the engine has for the registry's images.
fn names(world: &World, port: u16) -> Vec<String> {
    world.client().images_named(&format!("127.0.0.1:{port}/"))
}

/// How many images it lists.
fn listed(world: &World) -> usize {
    let list = world.hob(["registry", "ls", "--json"]).good();
    list.out.lines().count()
}

#[test]
fn a_registry_that_is_killed_during_a_push_comes_back_and_gets_only_what_is_missing() {
    let (world, port) = registered("killed");
    world.hob(["registry", "push"]).good();
    let blobs = |world: &World| -> Vec<String> {
        let found = in_registry(world, "find blobs -name data -printf '%p %i %T@\\n'");
        found.lines().map(str::to_owned).collect()
    };
    let before = blobs(&world);
    assert!(!before.is_empty());
    make_large(&world, "large");
    let mut push = pushing(&world);
    world
        .client()
        .kill(&world.platform_container("registry").id);
    assert_eq!(push.end(), 0, "{}", push.err());
    assert!(push.said("the registry went away; it is brought up again"));
    assert_eq!(listed(&world), 2);
    let after = blobs(&world);
    for blob in &before {
        assert!(after.contains(blob), "{blob} was sent again: {after:?}");
    }
    // A layer, a configuration and a manifest.
    assert_eq!(after.len(), before.len() + 3, "{after:?}");
    assert_eq!(names(&world, port), Vec::<String>::new());
    let again = world.hob(["registry", "push"]).good();
    assert!(again.err.contains("is there already"), "{again:?}");
    world
        .client()
        .kill(&world.platform_container("registry").id);
    let status = world.hob(["registry", "status"]).good();
    let told = "its container is stopped; `hob registry up` makes it anew";
    assert!(status.err.contains(told), "{status:?}");
}

#[test]
fn a_push_that_nobody_watches_says_from_time_to_time_how_far_it_is() {
    let (world, _) = registered("unwatched");
    make_large(&world, "slow");
    let mut push = pushing(&world);
    let container = world.platform_container("registry").id;
    world.client().pause(&container);
    until("a line of it", || {
        let err = push.err();
        let line = err.lines().find(|it| it.starts_with("pushing demo/web: "));
        line.is_some_and(|it| it.contains(" layers, ") && it.contains(" MiB of "))
    });
    world.client().unpause(&container);
    assert_eq!(push.end(), 0, "{}", push.err());
    assert!(push.said("demo/web is pushed after "), "{}", push.err());
}

#[test]
fn nobody_collects_during_a_push_and_what_a_killed_one_left_goes_with_the_next() {
    let (world, port) = registered("left");
    make_large(&world, "first");
    let mut push = pushing(&world);
    let collect = world.hob(["registry", "gc"]).code(1);
    assert!(
        collect.err.contains("somebody pushes just now"),
        "{collect:?}"
    );
    push.kill();
    assert_eq!(names(&world, port).len(), 1);
    // Of a moment ago.
    world.hob(["registry", "gc"]).good();
    assert_eq!(names(&world, port), Vec::<String>::new());
    assert_eq!(uploads(&world), "");
    let mut push = pushing(&world);
    push.kill();
    assert_eq!(names(&world, port).len(), 1);
    world.hob(["registry", "push"]).good();
    assert_eq!(names(&world, port), Vec::<String>::new());
    assert_eq!(listed(&world), 1);
    world.hob(["registry", "gc"]).good();
    assert_eq!(uploads(&world), "");
}

/// Sends a request of which a part of the body is to follow.
fn begin(port: u16, method: &str, path: &str, length: usize, part: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let limit = Some(std::time::Duration::from_secs(20));
    stream.set_read_timeout(limit).unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close");
    write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n").unwrap();
    stream.write_all(part).unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn what_somebody_else_is_sending_is_left_to_them_and_told() {
    let (world, port) = registered("sending");
    world.hob(["registry", "push"]).good();
    let post = begin(port, "POST", "/v2/demo/web/blobs/uploads/", 0, b"");
    let begun = answer(post);
    let place = begun.split_once("/v2/demo/web/blobs/uploads/").unwrap().1;
    let place = place.lines().next().unwrap();
    let path = format!("/v2/demo/web/blobs/uploads/{place}");
    let (first, rest) = ([b'a'; 40_000], [b'b'; 20_000]);
    let length = first.len() + rest.len();
    let mut sending = begin(port, "PATCH", &path, length, &first);
    until("a part of a layer", || under_way(&world) > 30);
    // However long nothing more of it comes.
    let old = "find repositories/demo/web/_uploads -exec touch -d '1 hour ago' {} +";
    in_registry(&world, old);
    let collect = world.hob(["registry", "gc"]).good();
    let told = "by pushes that somebody else has under way";
    assert!(collect.err.contains(told), "{collect:?}");
    sending.write_all(&rest).unwrap();
    let sent = answer(sending);
    assert!(sent.starts_with("HTTP/1.1 202"), "{sent}");
    assert!(sent.contains(&format!("0-{}", length - 1)), "{sent}");
    let collect = world.hob(["registry", "gc"]).good();
    assert!(!collect.err.contains(told), "{collect:?}");
    assert_eq!(uploads(&world), "");
}

#[test]
fn what_the_very_first_push_left_goes_before_any_layer_came_through() {
    let (world, port) = registered("nothing");
    answer(begin(port, "POST", "/v2/demo/web/blobs/uploads/", 0, b""));
    assert_ne!(uploads(&world), "");
    world.hob(["registry", "gc"]).good();
    assert_eq!(uploads(&world), "");
}

#[test]
fn a_push_that_is_interrupted_leaves_no_name_and_the_next_one_ends_it() {
    let (world, port) = registered("interrupted");
    make_large(&world, "interrupted");
    let mut push = pushing(&world);
    assert_eq!(push.stop(), 130, "{}", push.err());
    assert!(push.said("interrupted; what was sent is kept"));
    assert_eq!(names(&world, port), Vec::<String>::new());
    world.hob(["registry", "push"]).good();
    assert_eq!(listed(&world), 1);
}

#[test]
fn a_name_that_somebody_else_gave_an_image_stays() {
    let (world, port) = registered("named by hand");
    world.hob(["registry", "push"]).good();
    let list = world.hob(["registry", "ls", "--json"]).good();
    let list: serde_json::Value = serde_json::from_str(&list.out).unwrap();
    let tag = list["image"]["tags"][0].as_str().unwrap();
    let name = format!("127.0.0.1:{port}/demo/web:{tag}");
    world.client().pull(&name);
    world.hob(["registry", "rm", "demo/web"]).good();
    world.hob(["registry", "push"]).good();
    assert_eq!(names(&world, port), [name.as_str()]);
    world.client().remove_image(&name);
}

#[test]
fn two_pushes_at_once_push_one_image_and_leave_no_name() {
    let (world, port) = registered("twice");
    make_large(&world, "twice");
    world.hob(["build"]).good();
    let mut both = [pushing(&world), world.background(["registry", "push"])];
    for push in &mut both {
        assert_eq!(push.end(), 0, "{}", push.err());
    }
    assert_eq!(listed(&world), 1);
    assert_eq!(names(&world, port), Vec::<String>::new());
}

#[test]
fn a_full_disk_ends_a_push_at_once_and_is_told_by_all_that_look() {
    let (world, port) = registered("full");
    world.hob(["registry", "down"]).good();
    let volumes = world.client().volumes_of(&world.platform_project());
    let [volume] = &volumes[..] else {
        panic!("{volumes:?}");
    };
    world.client().make_small(volume, 20);
    world.hob(["registry", "up"]).good();
    let full = "the registry's disk is full: 0 KiB of 20 MiB are free";
    let push = world.hob(["registry", "push"]).code(1);
    for part in [
        full,
        "`hob registry gc --keep 1`",
        "`hob registry push` goes on",
    ] {
        assert!(push.err.contains(part), "{part}: {push:?}");
    }
    assert_eq!(names(&world, port), Vec::<String>::new());
    let status = world.hob(["registry", "status"]).good();
    assert!(status.err.contains(full), "{status:?}");
    let list = world.hob(["registry", "ls"]).good();
    assert!(list.err.contains(full), "{list:?}");
    let freed = world.hob(["registry", "gc"]).good();
    assert!(freed.err.contains("19 MiB are free again"), "{freed:?}");
    let status = world.hob(["registry", "status"]).good();
    assert_eq!(status.err, "", "{status:?}");
    world.hob(["registry", "down", "--volumes"]).good();
    world.hob(["registry", "push"]).good();
}

#[test]
fn broken_data_hides_no_good_image_and_a_push_mends_what_it_can() {
    let (world, _) = registered("good");
    world.hob(["registry", "push"]).good();
    dockerfile(&world, "RUN echo broken > /app/page.txt");
    world.hob(["registry", "push"]).good();
    let tags = in_registry(&world, "ls -1t repositories/demo/web/_manifests/tags");
    let newest = tags.lines().next().unwrap().trim();
    let link = format!("repositories/demo/web/_manifests/tags/{newest}/current/link");
    in_registry(&world, &format!("echo garbage > {link}"));
    let list = world.hob(["registry", "ls", "--json"]).code(1);
    assert_eq!(list.out.lines().count(), 1, "{list:?}");
    for part in [newest, "`hob registry push`"] {
        assert!(list.err.contains(part), "{part}: {list:?}");
    }
    world.hob(["registry", "push"]).good();
    assert_eq!(listed(&world), 2);
    in_registry(&world, "chmod 000 repositories");
    let unread = format!("the registry may not read {DATA}/repositories");
    let list = world.hob(["registry", "ls"]).code(1);
    for part in [unread.as_str(), "`hob registry down --volumes`"] {
        assert!(list.err.contains(part), "{part}: {list:?}");
    }
    let status = world.hob(["registry", "status"]).good();
    assert!(status.err.contains(&unread), "{status:?}");
    dockerfile(&world, "RUN echo another > /app/page.txt");
    let push = world.hob(["registry", "push"]).code(1);
    assert!(push.err.contains(&unread), "{push:?}");
}

/// Answers everything as a registry does that has nothing.
struct Stranger {
    over: Arc<AtomicBool>,
    port: u16,
    thread: Option<std::thread::JoinHandle<usize>>,
}

impl Stranger {
    fn on(port: u16, body: &'static str) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let heard = over.clone();
        let thread = std::thread::spawn(move || {
            let mut removals = 0;
            for stream in listener.incoming() {
                if heard.load(Ordering::Relaxed) {
                    break;
                }
                let mut stream = stream.unwrap();
                let mut asked = [0; 1024];
                let read = stream.read(&mut asked).unwrap_or_default();
                removals += usize::from(asked[..read].starts_with(b"DELETE"));
                let length = body.len();
                let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length";
                let _ = write!(stream, "{head}: {length}\r\n\r\n{body}");
            }
            removals
        });
        Self {
            over,
            port,
            thread: Some(thread),
        }
    }

    /// How often it was asked to remove something.
    fn end(mut self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        drop(std::net::TcpStream::connect(("127.0.0.1", self.port)));
        self.thread.take().unwrap().join().unwrap()
    }
}

#[test]
fn what_a_stranger_has_on_the_port_is_named_and_left_alone() {
    let (world, port) = registered("stranger");
    world.hob(["registry", "down"]).good();
    for body in ["<html>hello", "{}"] {
        let stranger = Stranger::on(port, body);
        let told = format!("somebody else has its port {port}");
        let verbs: [&[&str]; 3] = [&["ls"], &["rm", "demo/web"], &["gc"]];
        for verb in verbs {
            let run = world.hob([&["registry"], verb].concat()).code(1);
            for part in [told.as_str(), "`hob registry up --port PORT`"] {
                assert!(run.err.contains(part), "{part}: {run:?}");
            }
        }
        let status = world.hob(["registry", "status"]).good();
        assert!(status.err.contains(&told), "{status:?}");
        for verb in ["push", "up"] {
            let run = world.hob(["registry", verb]).code(1);
            for part in ["is taken", "`hob registry up --port PORT`"] {
                assert!(run.err.contains(part), "{part}: {run:?}");
            }
        }
        assert_eq!(stranger.end(), 0);
    }
    world.hob(["registry", "push"]).good();
}
