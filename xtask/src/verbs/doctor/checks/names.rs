//! What is said of this machine's resolver: who it is, what it sends to hob's,
//! what a VPN has taken, and who listens where. Pure.

use hob_resolver::check::Reach;
use hob_resolver::{InCharge, in_charge, install};

use super::Check;
use crate::verbs::doctor::facts::Names;
use crate::verbs::doctor::words::listed;

/// The port that programs ask on.
const DNS_PORT: u16 = 53;

pub(super) fn names(names: &Names) -> Vec<Check> {
    let mut checks = vec![charge(names)];
    checks.extend(names.facts.links.iter().filter_map(split));
    checks.push(port(names, DNS_PORT, None));
    let own = names.server.port();
    if own != DNS_PORT {
        checks.push(port(names, own, Some("for hob's resolver (`hob dns up`)")));
    }
    checks
}

fn charge(names: &Names) -> Check {
    const NAME: &str = "names";
    let charge = in_charge(&names.facts);
    let who = charge.words();
    let Some(record) = &names.facts.record else {
        let detail = format!("answered by {who}");
        if let InCharge::Unknown { why, hint } = &charge {
            let check = Check::warning(NAME, why.as_str());
            return match hint {
                Some(hint) => check.command(hint),
                None => check,
            };
        }
        return match install(&names.facts, &names.domains, names.server) {
            Ok(_) => Check::ok(NAME, format!("{detail}; `hob dns install` has hob's asked")),
            Err(refusal) => {
                let detail = match charge {
                    InCharge::ResolvConf => refusal.to_string(),
                    _ => format!("{who}: {refusal}"),
                };
                let check = Check::warning(NAME, detail);
                match refusal.hints().first() {
                    Some(hint) => check.words(hint),
                    None => check,
                }
            }
        };
    };
    let domains: Vec<&str> = record.domains.iter().map(|it| it.as_str()).collect();
    let domains = listed(&domains);
    if record.charge != charge {
        let detail = format!(
            "installed for {}, and answered by {who} now",
            record.charge.words()
        );
        return Check::warning(NAME, detail).command("hob dns uninstall");
    }
    let lost = names.reach.iter().find(|it| it.1 != Reach::Reaches);
    match lost {
        None => Check::ok(
            NAME,
            format!("answered by {who}, which sends {domains} to hob's"),
        ),
        Some((domain, _)) => {
            let detail =
                format!("{who} sends {domains} to hob's, and {domain} has no answer there");
            Check::warning(NAME, detail).command("hob dns up")
        }
    }
}

/// The domains that a link has taken, often a VPN's.
fn split(link: &hob_resolver::Link) -> Option<Check> {
    if link.domains.is_empty() {
        return None;
    }
    let name = |domain: &String| match domain.as_str() {
        "." => "all other names".to_owned(),
        domain => domain.to_owned(),
    };
    let domains: Vec<String> = link.domains.iter().map(name).collect();
    let servers = match link.servers.is_empty() {
        true => "nobody".to_owned(),
        false => listed(&link.servers),
    };
    let detail = format!("{} asks {servers} for {}", link.name, listed(&domains));
    Some(Check::ok("split DNS", detail))
}

fn port(names: &Names, port: u16, purpose: Option<&str>) -> Check {
    let name = format!("port {port}");
    let listeners = names.facts.listeners.iter();
    let mut found: Vec<String> = listeners
        .filter(|it| it.address.port() == port)
        .map(|it| {
            let who = match it.who.as_deref() {
                _ if purpose.is_some() && names.is_up => "hob's resolver",
                Some(who) => who,
                None => "somebody",
            };
            format!("{who} has {}", it.address.ip())
        })
        .collect();
    found.sort();
    found.dedup();
    match (found.is_empty(), purpose) {
        (true, Some(purpose)) => Check::ok(name, format!("free, {purpose}")),
        (true, None) => Check::ok(name, "nobody answers names on loopback"),
        (false, _) => Check::ok(name, listed(&found)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::SocketAddr;

    use hob_resolver::{Facts, Link, Listener, ResolvConf, Resolved};
    use snapbox::{IntoData, assert_data_eq, str};

    use super::super::{Fix, State};
    use super::*;

    const SERVER: ([u8; 4], u16) = ([127, 0, 0, 1], 5354);

    /// A machine with systemd-resolved, and what is otherwise.
    #[track_caller]
    fn check(otherwise: impl FnOnce(&mut Names), expected: impl IntoData) {
        let mut machine = Names {
            facts: Facts {
                systemd: true,
                resolv_conf: ResolvConf {
                    text: Some("nameserver 127.0.0.53\n".to_owned()),
                    ..ResolvConf::default()
                },
                resolved: Resolved {
                    running: true,
                    installed: true,
                    version: Some(258),
                },
                ..Facts::default()
            },
            domains: BTreeSet::from(["test".parse().expect("a domain")]),
            server: SocketAddr::from(SERVER),
            is_up: false,
            reach: Vec::new(),
        };
        otherwise(&mut machine);
        let lines = names(&machine).into_iter().map(|check| {
            let mark = if check.state == State::Ok { "ok" } else { "!" };
            let fix = match check.fix {
                Some(Fix::Command(fix) | Fix::Words(fix)) => format!("\n  {fix}"),
                None => String::new(),
            };
            format!("{mark} {}: {}{fix}\n", check.name, check.detail)
        });
        assert_data_eq!(lines.collect::<String>(), expected);
    }

    /// As if `hob dns install` had been there.
    fn install_it(names: &mut Names) {
        let plan = install(&names.facts, &names.domains, names.server).expect("a plan");
        names.facts.record = Some(hob_resolver::Record::of(&plan, None));
    }

    #[test]
    fn hobs_own_resolver_is_told_from_another_program_at_its_port() {
        let listener = Listener {
            address: SocketAddr::from(SERVER),
            who: Some("dnsmasq".to_owned()),
        };
        for (is_up, who) in [(true, "hob's resolver"), (false, "dnsmasq")] {
            let facts = Facts {
                listeners: vec![listener.clone()],
                ..Facts::default()
            };
            let names = Names {
                facts,
                domains: BTreeSet::new(),
                server: SocketAddr::from(SERVER),
                is_up,
                reach: Vec::new(),
            };
            let purpose = Some("for hob's resolver");
            let check = port(&names, SERVER.1, purpose);
            assert_eq!(check.detail, format!("{who} has 127.0.0.1"));
        }
    }

    #[test]
    fn who_answers_and_who_listens_is_said() {
        check(
            |names| {
                names.facts.listeners.push(Listener {
                    address: SocketAddr::from(([127, 0, 0, 53], 53)),
                    who: Some("systemd-resolve".to_owned()),
                });
            },
            str![[r#"
ok names: answered by systemd-resolved; `hob dns install` has hob's asked
ok port 53: systemd-resolve has 127.0.0.53
ok port 5354: free, for hob's resolver (`hob dns up`)

"#]],
        );
    }

    #[test]
    fn a_domain_that_leads_to_nothing_is_a_warning() {
        let test: hob_resolver::Domain = "test".parse().expect("a domain");
        let reaches = (test.clone(), Reach::Reaches);
        check(
            |names| {
                install_it(names);
                names.reach.push(reaches);
            },
            str![[r#"
ok names: answered by systemd-resolved, which sends test to hob's
ok port 53: nobody answers names on loopback
ok port 5354: free, for hob's resolver (`hob dns up`)

"#]],
        );
        check(
            |names| {
                install_it(names);
                names.reach.push((test, Reach::Nowhere("no".to_owned())));
            },
            str![[r#"
! names: systemd-resolved sends test to hob's, and test has no answer there
  hob dns up
ok port 53: nobody answers names on loopback
ok port 5354: free, for hob's resolver (`hob dns up`)

"#]],
        );
    }

    #[test]
    fn a_vpns_domains_are_said_and_one_that_is_hobs_too_is_a_warning() {
        let vpn = |domains: &[&str]| Link {
            name: "wg0".to_owned(),
            servers: vec!["10.8.0.1".to_owned()],
            domains: domains.iter().map(ToString::to_string).collect(),
        };
        check(
            |names| names.facts.links.push(vpn(&[".", "corp"])),
            str![[r#"
ok names: answered by systemd-resolved; `hob dns install` has hob's asked
ok split DNS: wg0 asks 10.8.0.1 for all other names and corp
ok port 53: nobody answers names on loopback
ok port 5354: free, for hob's resolver (`hob dns up`)

"#]],
        );
        check(
            |names| names.facts.links.push(vpn(&["test"])),
            str![[r#"
! names: systemd-resolved: `test` is taken by the link wg0, which asks 10.8.0.1
  choose another one: `domains = ["internal"]` in hob.toml
ok split DNS: wg0 asks 10.8.0.1 for test
ok port 53: nobody answers names on loopback
ok port 5354: free, for hob's resolver (`hob dns up`)

"#]],
        );
    }

    #[test]
    fn another_one_in_charge_than_before_is_a_warning() {
        check(
            |names| {
                install_it(names);
                names.facts.resolv_conf.text = Some("nameserver 10.0.0.1\n".to_owned());
            },
            str![[r#"
! names: installed for systemd-resolved, and answered by the servers of /etc/resolv.conf now
  hob dns uninstall
ok port 53: nobody answers names on loopback
ok port 5354: free, for hob's resolver (`hob dns up`)

"#]],
        );
    }
}
