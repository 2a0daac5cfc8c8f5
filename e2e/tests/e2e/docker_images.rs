//! Images: built once, built again for a reason, and failures in words.

use hob_e2e::{Poller, World, engine, http};

use crate::{Web, web};

/// A project whose one service answers with what its Dockerfile says: as the
/// image does it in production form, by `run` in a session.
pub(crate) fn imaged(words: &str) -> Web {
    let mut world = World::new();
    let port = world.port();
    let text = format!(
        "version = 1\n\n[services.web]\nsource = \"web\"\nport = 80\npublish = {port}\n\
         ready = {{ http = \"/healthz\" }}\nimage = {{}}\n\
         run = [\"/app/hob-e2e-service\", \"/app/page.txt\"]\n"
    );
    world.page("demo/web", "not in the image\n");
    dockerfile(&world, &format!("RUN echo {words} > /app/page.txt"));
    world.stack("demo", &text);
    Web { world, port }
}

/// Writes the Dockerfile; its third line is this.
pub(crate) fn dockerfile(world: &World, third: &str) {
    let base = engine::base();
    let text = format!(
        "FROM {base}\nCOPY hob-e2e-service /app/\n{third}\n\
         CMD [\"/app/hob-e2e-service\", \"/app/page.txt\"]\n"
    );
    world.write("stacks/demo/web/Dockerfile", &text);
}

/// A line that fails as a package manager does.
const FAILING: &str = "RUN echo the library is nowhere >&2; exit 7";

/// What the words about [`FAILING`] have to hold.
#[track_caller]
fn assert_tells_of_the_failure(said: &str) {
    for part in ["Dockerfile:3", "the library is nowhere", "7"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn an_image_is_built_once_and_nothing_when_nothing_changed() {
    let Web { world, port } = imaged("one");
    world.hob(["up"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    let before = world.container("demo/web");
    let images = world.client().images_of(&world.project());
    // The same bytes, written once more.
    dockerfile(&world, "RUN echo one > /app/page.txt");
    let again = world.hob(["up"]).good();
    assert!(again.err.contains("everything is up already"), "{again:?}");
    let plan = world.hob(["plan", "--for", "up"]).good();
    assert_eq!(plan.out, "", "{plan:?}");
    let after = world.container("demo/web");
    assert_eq!(
        (after.id, after.inspected["Image"].as_str()),
        (before.id.clone(), Some(before.image()))
    );
    assert_eq!(world.client().images_of(&world.project()), images);
    // Nor is it built again for a container that has to be.
    world.client().remove(&before.id);
    world.hob(["up"]).good();
    assert_eq!(world.container("demo/web").image(), before.image());
    world.assert_nothing_kept();
}

#[test]
fn an_edit_of_the_dockerfile_is_planned_and_brought_up() {
    let Web { world, port } = imaged("one");
    world.hob(["up"]).good();
    let before = world.container("demo/web").image().to_owned();
    dockerfile(&world, "RUN echo two > /app/page.txt");
    let plan = world.hob(["plan", "--for", "up"]).good();
    assert!(plan.out.contains("image"), "{plan:?}");
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    world.hob(["up"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "two");
    assert_ne!(world.container("demo/web").image(), before);
    world.assert_nothing_kept();
}

#[test]
fn an_edit_of_the_dockerfile_is_live_in_a_session() {
    let Web { world, port } = imaged("one");
    let mut session = world.dev_ready(&[]);
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    for words in ["two", "three"] {
        dockerfile(&world, &format!("RUN echo {words} > /app/page.txt"));
        World::answers(port, words);
    }
    assert_eq!(session.stop(), 130);
    world.assert_nothing_kept();
}

#[test]
fn an_edit_of_a_lock_file_is_live_in_a_session_and_no_answer_is_wrong_meanwhile() {
    let Web { world, port } = imaged("no lock");
    world.write("stacks/demo/web/deps.lock", "one");
    dockerfile(&world, "COPY deps.lock /app/page.txt");
    let mut session = world.dev_ready(&[]);
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    let poller = Poller::start(port);
    world.write("stacks/demo/web/deps.lock", "two");
    World::answers(port, "two");
    let polled = poller.end();
    assert_eq!(polled.bodies, ["one", "two"]);
    assert!(!polled.went_back);
    // The port is closed between two containers; that is no answer.
    let answered = |end: &String| end.starts_with(|first: char| first.is_ascii_digit());
    assert!(!polled.bad.iter().any(answered), "{:?}", polled.bad);
    assert_eq!(session.stop(), 130);
    world.assert_nothing_kept();
}

#[test]
fn a_failing_dockerfile_is_shown_by_up_and_the_old_container_goes_on() {
    let Web { world, port } = imaged("one");
    world.hob(["up"]).good();
    let before = world.container("demo/web").id;
    dockerfile(&world, FAILING);
    let up = world.hob(["up"]).code(3);
    assert_tells_of_the_failure(&up.err);
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    assert_eq!(world.container("demo/web").id, before);
    dockerfile(&world, "RUN echo mended > /app/page.txt");
    world.hob(["up"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "mended");
    world.assert_nothing_kept();
}

#[test]
fn a_failing_dockerfile_is_shown_by_a_session_and_the_old_container_goes_on() {
    let Web { world, port } = imaged("one");
    let mut session = world.dev(&[]);
    session.wait("ready; every save");
    dockerfile(&world, FAILING);
    session.wait("the library is nowhere");
    session.wait("Dockerfile:3");
    session.wait("demo/web goes on from the image before");
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    let status = world.hob(["status"]).good();
    assert!(status.err.contains("demo/web: "), "{status:?}");
    assert!(status.err.contains("Dockerfile:3"), "{status:?}");
    dockerfile(&world, "RUN echo mended > /app/page.txt");
    World::answers(port, "mended");
    assert_eq!(session.stop(), 130);
    assert_tells_of_the_failure(&session.err());
    world.assert_nothing_kept();
}

#[test]
fn a_first_image_that_does_not_build_fails_and_leaves_nothing() {
    let Web { world, port } = imaged("one");
    dockerfile(&world, FAILING);
    assert_tells_of_the_failure(&world.hob(["up"]).code(3).err);
    assert_tells_of_the_failure(&world.hob(["build"]).code(3).err);
    assert!(http::get(port, "/").is_err());
    world.assert_nothing_kept();
}

#[test]
fn an_image_that_nobody_has_is_named() {
    let Web { world, port } = imaged("one");
    world.hob(["up"]).good();
    // Nothing listens there, as behind a firewall.
    let nowhere = "127.0.0.1:1/nobody/nothing:1";
    world.write("stacks/demo/web/Dockerfile", &format!("FROM {nowhere}\n"));
    let up = world.hob(["up"]);
    assert_ne!(up.code, 0, "{up:?}");
    assert!(up.err.contains(nowhere), "{up:?}");
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    world.assert_nothing_kept();
}

#[test]
fn a_base_that_nobody_has_is_named_with_the_file_that_names_it() {
    let Web { world, .. } = web();
    let nowhere = "127.0.0.1:1/nobody/base:1";
    world.write("hob.toml", &format!("base = \"{nowhere}\"\n"));
    let up = world.hob(["up"]);
    assert_ne!(up.code, 0, "{up:?}");
    for part in [nowhere, "hob.toml"] {
        assert!(up.err.contains(part), "{part}: {up:?}");
    }
    world.assert_nothing_kept();
}

#[test]
fn no_image_and_no_label_holds_a_secret() {
    const SECRET: &str = "docker-secret-4713";
    let Web { mut world, port } = imaged("one");
    world.set("MY_KEY", SECRET);
    let text = world.read("stacks/demo/stack.toml");
    world.stack(
        "demo",
        &format!("{text}secrets = {{ KEY = {{ env = \"MY_KEY\" }} }}\n"),
    );
    world.hob(["up"]).good();
    let env = http::get(port, "/env").unwrap().body;
    assert!(env.contains(&format!("KEY={SECRET}\n")), "{env}");
    let container = world.container("demo/web");
    let labels = container.inspected["Config"]["Labels"].to_string();
    let command = container.inspected["Config"]["Cmd"].to_string();
    for said in [labels, command, container.inspected["Args"].to_string()] {
        assert!(!said.contains(SECRET), "{said}");
    }
    world.assert_nothing_kept();
}

#[test]
fn what_others_named_or_built_from_hobs_images_is_left_alone() {
    let Web { world, .. } = imaged("one");
    world.hob(["up"]).good();
    let client = world.client();
    let image = world.container("demo/web").image().to_owned();
    let [named, built] = ["named", "built"].map(|it| format!("mine-{}:{it}", world.project()));
    client.tag(&image, &named);
    // It has the labels of what it stands on.
    client.build(&built, &format!("FROM {named}\nENV MINE=1\n"));
    dockerfile(&world, "RUN echo two > /app/page.txt");
    world.hob(["up"]).good();
    world.hob(["down", "--volumes", "--prove"]).good();
    for name in [&built, &named] {
        assert!(client.has_image(name), "{name} is gone");
        client.remove_image(name);
    }
}
