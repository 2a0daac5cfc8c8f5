//! What people see in a real browser while they save.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

mod chromium;

use chromium::Browser;
use hob_e2e::{Engine, Polykube, Service, Store, World, stack, until};

/// A project with one page that says `one`.
fn page() -> (World, u16) {
    let mut world = World::new();
    let port = world.port();
    world.stack("demo", &stack(&[Service::new("web", port)]));
    world.page("demo/web", "one\nhtml\n");
    (world, port)
}

#[test]
fn a_page_changes_by_itself_after_a_save() {
    let (world, port) = page();
    let mut session = world.dev_ready(&[]);
    let browser = Browser::start();
    browser.open(port, "/");
    browser.wait("#version", "one");
    for version in ["two", "three"] {
        world.page("demo/web", &format!("{version}\nhtml\n"));
        browser.wait("#version", version);
    }
    session.stop();
}

#[test]
fn static_pages_change_by_themselves_too() {
    let mut world = World::new();
    let port = world.port();
    world.stack(
        "site",
        &format!(
            "version = 1\n[services.pages]\nport = 80\npublish = {port}\nserve = \"public\"\n"
        ),
    );
    let html = |colour: &str| {
        format!(
            "<!doctype html><title>x</title><h1 id=version>{colour}</h1><link rel=stylesheet href=a.css>"
        )
    };
    world.write("stacks/site/public/index.html", &html("plain"));
    world.write("stacks/site/public/a.css", "h1 { color: rgb(255, 0, 0) }");
    let mut session = world.dev_ready(&[]);
    let browser = Browser::start();
    browser.open(port, "/");
    browser.wait("#version", "plain");
    let colour = "return getComputedStyle(document.querySelector('h1')).color";
    assert_eq!(browser.script(colour).unwrap(), "rgb(255, 0, 0)");
    world.write("stacks/site/public/a.css", "h1 { color: rgb(0, 0, 255) }");
    until("the new colour", || {
        browser
            .script(colour)
            .is_some_and(|it| it == "rgb(0, 0, 255)")
    });
    world.write("stacks/site/public/index.html", &html("fancy"));
    browser.wait("#version", "fancy");
    session.stop();
}

#[test]
fn the_error_page_shows_the_compilers_words_and_goes_away_by_itself() {
    let (world, port) = page();
    world.page("demo/web", "BROKEN\n");
    let mut session = world.dev(&[]);
    session.wait("nothing is ready yet");
    let browser = Browser::start();
    browser.open(port, "/");
    browser.wait("h1", "web does not build");
    browser.wait("pre", "page.txt:1: syntax error near BROKEN");
    browser.picture("error-build");
    // Another mistake is another page.
    world.page(
        "demo/web",
        "two\nhtml\nsay \u{1b}[31mred words\u{1b}[0m\nexit 9\n",
    );
    browser.wait("body", "exited with code 9");
    browser.wait("pre", "giving up at once");
    browser.picture("error-start");
    world.page("demo/web", "mended\nhtml\n");
    browser.wait("#version", "mended");
    session.stop();
}

#[test]
fn a_badge_says_that_the_last_save_failed_and_goes_when_it_is_mended() {
    let (world, port) = page();
    let mut session = world.dev_ready(&[]);
    let browser = Browser::start();
    browser.open(port, "/");
    browser.wait("#version", "one");
    let badge = "return document.querySelector('hob-badge')?.shadowRoot?.textContent ?? ''";
    let shown = || {
        browser
            .script(badge)
            .map(|it| it.as_str().unwrap_or_default().to_owned())
    };
    world.page("demo/web", "BROKEN\n");
    until("the badge", || {
        shown().is_some_and(|it| it.contains("web does not build"))
    });
    browser.wait("#version", "one");
    browser.picture("badge");
    let press = "document.querySelector('hob-badge').shadowRoot.querySelector('button').click()";
    browser.script(press).unwrap();
    assert!(
        shown()
            .unwrap()
            .contains("page.txt:1: syntax error near BROKEN")
    );
    browser.picture("badge-open");
    world.page("demo/web", "mended\nhtml\n");
    browser.wait("#version", "mended");
    assert_eq!(shown().unwrap(), "");
    // Also when the bytes of before come back, and nothing has to change.
    world.page("demo/web", "BROKEN\n");
    until("the badge", || {
        shown().is_some_and(|it| it.contains("web does not build"))
    });
    world.page("demo/web", "mended\nhtml\n");
    until("its end", || shown().is_some_and(|it| it.is_empty()));
    session.stop();
}

#[test]
fn the_page_of_a_service_that_keeps_dying_shows_its_last_words() {
    let mut world = World::new();
    let port = world.port();
    world.stack(
        "demo",
        &stack(&[Service::new("web", port).with("limits = { hold = \"300ms\" }")]),
    );
    world.page("demo/web", "one\nhtml\n");
    let mut session = world.dev_ready(&[]);
    let browser = Browser::start();
    let words = hob_e2e::until_some("the error page", || {
        // Each of them ends the process, as long as one is there.
        let _ = hob_e2e::http::get(port, "/crash");
        browser.open(port, "/");
        browser.picture("error-crash");
        // It is there until the next start.
        let text = browser.text("body")?;
        text.contains("exited with code 3").then_some(text)
    });
    assert!(words.contains("crashing as told"), "{words}");
    // It comes back by itself once the service does.
    browser.wait("#version", "one");
    session.stop();
}

#[test]
fn polykubes_page_shows_both_apis() {
    let Polykube { world, site, .. } = Polykube::copied();
    let session = world.dev(&[]);
    session.wait(&format!("http://127.0.0.1:{site}"));
    let browser = Browser::start();
    browser.open(site, "/");
    browser.wait("#goapi", "hello from goapi");
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A container brings its own.
    let mono = world.engine() == Engine::Docker
        || std::env::split_paths(&path).any(|it| it.join("mcs").is_file());
    let words = if mono {
        "hello from vnextapi"
    } else {
        "vnextapi is away"
    };
    browser.wait("#vnextapi", words);
    browser.picture("polykube");
    drop(session);
}

#[test]
fn a_browser_trusts_the_ingress_once_the_authority_is_installed() {
    let (mut world, _) = page();
    let (http, https) = (world.port().to_string(), world.port().to_string());
    let up = ["ingress", "up", "--port", &http, "--https-port", &https];
    world.hob(up).good();
    world.hob(["up"]).good();
    let url = format!("https://web.demo.test:{https}/");
    let store = Store::new(&world);
    let data = world.outside().join("d");
    let before = Browser::start_with(Some(&data));
    // Chromium's own page stands in its place.
    until("a warning", || {
        before.go(&url);
        let message = before.text("#main-message");
        message.is_some_and(|it| it.contains("Your connection is not private"))
    });
    drop(before);
    let installed = store.hob(&world, &["ingress", "ca", "install", "--yes"]);
    assert!(installed.status.success(), "{installed:?}");
    let after = Browser::start_with(Some(&data));
    until("the page", || {
        after.go(&url);
        after.text("#version").is_some_and(|it| it.contains("one"))
    });
}
