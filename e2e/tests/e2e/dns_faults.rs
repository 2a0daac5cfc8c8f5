//! A resolver that is killed, and garbage in what it reads.

use hob_e2e::dns::{Answer, ask};
use hob_e2e::{processes, until, until_some};

use crate::dns::{here, named};

#[test]
fn a_resolver_that_is_killed_is_back_by_itself_with_all_names() {
    let (world, dns) = named();
    world.hob(["up", "web"]).good();
    until("a name", || ask(dns, "web.demo.test") == here());
    let first = until_some("its process", || world.platform_serving("dns"));
    processes::kill(first);
    until("another process", || {
        let now = world.platform_serving("dns");
        now.is_some_and(|pid| pid != first)
    });
    until("the name again", || ask(dns, "web.demo.test") == here());
    world.hob(["up", "api"]).good();
    until("a later name", || ask(dns, "api.demo.test") == here());
}

#[test]
fn garbage_among_the_names_matters_to_nobody_and_goes() {
    let (world, dns) = named();
    let hosts = world.platform().join("stacks/hob/names/hosts");
    let garbage = hosts.join("garbage");
    let lines =
        b"\0\xff\xfe\n127.0.0.1\n::: web.demo.test\n999.1.1.1 bad.test\n127.0.0.1 stray.test\n";
    std::fs::write(&garbage, lines).unwrap();
    until("the good line of it", || ask(dns, "stray.test") == here());
    assert_eq!(ask(dns, "bad.test"), Some(Answer::NoSuchName));
    world.hob(["up", "web"]).good();
    until("a name", || ask(dns, "web.demo.test") == here());
    until("no name of nobody's", || {
        ask(dns, "stray.test") == Some(Answer::NoSuchName)
    });
    assert!(!garbage.exists());
    world.hob(["down"]).good();
    until("no name", || {
        ask(dns, "web.demo.test") == Some(Answer::NoSuchName)
    });
}
