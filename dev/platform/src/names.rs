//! What the resolver answers, as dnsmasq reads it (see dnsmasq(8)). Pure.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hob_resolver::check::{ADDRESS, LABEL};

use crate::announced::Announced;

/// The file of a project in the folder that dnsmasq watches: every name leads
/// to this machine, where the ingress listens. Empty when nothing is up.
#[must_use]
pub fn hosts(announced: &Announced) -> String {
    let mut text = String::new();
    for name in announced.names() {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "127.0.0.1 {name}");
    }
    text
}

/// The configuration: the domains of what is up and those that the machine's
/// own resolver sends here are its own, every name below a stack's leads to
/// this machine, and nobody else is asked anything. One name in each domain
/// says that the question came here.
#[must_use]
pub fn dnsmasq_conf(all: &[Announced], sent: &BTreeSet<String>) -> String {
    let mut text = String::from(
        "# Written by hob, and written again: change nothing here.\n\
         no-resolv\n\
         no-hosts\n\
         bind-interfaces\n\
         local-ttl=0\n",
    );
    let usual = BTreeSet::from(["test".to_owned()]);
    let domains: BTreeSet<&String> = all
        .iter()
        .flat_map(|it| &it.domains)
        .chain(&usual)
        .chain(sent)
        .collect();
    for domain in domains {
        let _ = writeln!(text, "local=/{domain}/");
        let _ = writeln!(text, "address=/{LABEL}.{domain}/{ADDRESS}");
    }
    let stacks: BTreeSet<String> = all.iter().flat_map(Announced::stacks).collect();
    for stack in stacks {
        let _ = writeln!(text, "address=/{stack}/127.0.0.1");
    }
    text
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::*;
    use crate::announced::AnnouncedService;

    fn shop() -> Announced {
        let service = |service: &str, port| AnnouncedService {
            stack: "shop".into(),
            service: service.into(),
            addr: std::net::SocketAddr::from(([127, 0, 0, 1], port)),
            http: true,
            version: "1".into(),
        };
        Announced {
            root: "/p".into(),
            domains: BTreeSet::from(["test".to_owned(), "internal".to_owned()]),
            services: vec![service("api", 20010), service("web", 20000)],
            turn: 0,
        }
    }

    #[test]
    fn each_service_and_stack_has_a_name_below_each_domain() {
        assert_data_eq!(
            hosts(&shop()),
            str![[r#"
127.0.0.1 api.shop.internal
127.0.0.1 api.shop.test
127.0.0.1 shop.internal
127.0.0.1 shop.test
127.0.0.1 web.shop.internal
127.0.0.1 web.shop.test

"#]]
        );
    }

    #[test]
    fn domains_are_answered_alone_and_every_name_of_a_stack_leads_here() {
        assert_data_eq!(
            dnsmasq_conf(&[shop()], &BTreeSet::new()),
            str![[r#"
# Written by hob, and written again: change nothing here.
no-resolv
no-hosts
bind-interfaces
local-ttl=0
local=/internal/
address=/hob-check.internal/127.83.53.54
local=/test/
address=/hob-check.test/127.83.53.54
address=/shop.internal/127.0.0.1
address=/shop.test/127.0.0.1

"#]]
        );
    }

    #[test]
    fn while_nothing_is_up_the_usual_domain_and_those_sent_here_have_no_names() {
        assert_data_eq!(hosts(&Announced::default()), "");
        assert_data_eq!(
            dnsmasq_conf(&[], &BTreeSet::from(["lan".to_owned()])),
            str![[r#"
# Written by hob, and written again: change nothing here.
no-resolv
no-hosts
bind-interfaces
local-ttl=0
local=/lan/
address=/hob-check.lan/127.83.53.54
local=/test/
address=/hob-check.test/127.83.53.54

"#]]
        );
    }
}
