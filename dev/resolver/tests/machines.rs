//! Machines as text in, what hob makes of them as text out.

#![expect(clippy::disallowed_methods, reason = "tests make files")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use hob_resolver::{
    Asked, Domain, Entry, Facts, Listener, Place, Step, System, in_charge, install, uninstall,
};
use snapbox::{assert_data_eq, str};

/// A path and what is there; `-> target` is a link.
type Tree<'a> = &'a [(&'a str, &'a str)];

const STUB: (&str, &str) = (
    "etc/resolv.conf",
    "-> ../run/systemd/resolve/stub-resolv.conf",
);
const STUB_TEXT: (&str, &str) = (
    "run/systemd/resolve/stub-resolv.conf",
    "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n",
);
const RUNS: (&str, &str) = ("proc/77/comm", "systemd-resolve\n");
const PROGRAM: (&str, &str) = ("usr/lib/systemd/systemd-resolved", "");
const SYSTEMD: (&str, &str) = ("run/systemd/system/.keep", "");
const NSS: (&str, &str) = ("etc/nsswitch.conf", "hosts: files dns\n");

fn plant(root: &Path, tree: Tree) {
    for (path, text) in tree {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        match text.strip_prefix("-> ") {
            Some(target) => symlink(target, path).expect("a link"),
            None => fs::write(path, text).expect("a file"),
        }
    }
}

fn domains(domains: &[&str]) -> BTreeSet<Domain> {
    let domains = domains.iter().map(|it| it.parse().expect("a domain"));
    domains.collect()
}

#[track_caller]
fn check(tree: Tree, expected: impl snapbox::IntoData) {
    check_for(System::Linux, &["test"], tree, expected);
}

#[track_caller]
fn check_for(system: System, names: &[&str], tree: Tree, expected: impl snapbox::IntoData) {
    let folder = tempfile::tempdir().expect("a folder");
    plant(folder.path(), tree);
    let server = "127.0.0.1:5354".parse().expect("an address");
    let asked = Asked {
        system,
        domains: domains(names),
        record: None,
        listeners: vec![Listener {
            address: server,
            who: None,
        }],
    };
    let facts = Facts::read(folder.path(), asked);
    let mut text = format!("in charge: {}\n", in_charge(&facts).words());
    match install(&facts, &domains(names), server) {
        Ok(plan) => {
            let folders = plan.folders.iter();
            folders.for_each(|it| writeln!(text, "folder {}", it.display()).expect("text"));
            text.push_str(&plan.shown());
            for command in &plan.commands {
                let argv = command.argv.join(" ");
                writeln!(text, "$ {argv}").expect("text");
            }
            for command in &plan.undo_first {
                writeln!(text, "undo $ {}", command.argv.join(" ")).expect("text");
            }
            for warning in &plan.warnings {
                writeln!(text, "! {warning}").expect("text");
            }
        }
        Err(refusal) => {
            writeln!(text, "refused: {refusal}").expect("text");
            for hint in refusal.hints() {
                writeln!(text, "hint: {hint}").expect("text");
            }
        }
    }
    assert_data_eq!(text, expected.raw());
}

#[test]
fn debian_with_a_plain_resolv_conf_is_left_alone() {
    check(
        &[
            ("etc/resolv.conf", "nameserver 192.168.1.1\n"),
            NSS,
            SYSTEMD,
        ],
        str![[r#"
in charge: the servers of /etc/resolv.conf
refused: programs here ask the servers of /etc/resolv.conf themselves, and that file can send no single domain elsewhere, nor anything to another port than 53
hint: `sudo apt-get install systemd-resolved` puts one in between that can; its installation replaces /etc/resolv.conf
hint: without any of it, browsers take names below `localhost` as this machine, and `dig -p 5354 @127.0.0.1 NAME.test` asks hob's resolver itself

"#]],
    );
}

#[test]
fn ubuntu_gets_a_link_of_hobs_own() {
    check(
        &[
            STUB,
            STUB_TEXT,
            RUNS,
            PROGRAM,
            NSS,
            SYSTEMD,
            (
                "usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-255.so",
                "",
            ),
            ("etc/systemd/system/multi-user.target.wants/.keep", ""),
        ],
        str![[r#"
in charge: systemd-resolved
/etc/systemd/system/hob-dns.service
+ # Written by hob; `hob dns uninstall` takes it away.
+ [Unit]
+ Description=hob's resolver at 127.0.0.1:5354 for test
+ Requires=systemd-resolved.service
+ After=systemd-resolved.service
+ 
+ [Service]
+ Type=oneshot
+ RemainAfterExit=yes
+ ExecStart=/bin/sh -ec "ip link delete hob0 2>/dev/null || true; ip link add hob0 type dummy 2>/dev/null || { ip link add hob0 type veth peer name hob1; ip link set hob1 up; }; ip address add 192.0.2.53/32 dev hob0; ip link set hob0 up; resolvectl dns hob0 127.0.0.1:5354 2>/dev/null || { sleep 1; resolvectl dns hob0 127.0.0.1:5354; }; resolvectl domain hob0 '~test'; resolvectl default-route hob0 no; resolvectl llmnr hob0 no; resolvectl mdns hob0 no; resolvectl dnssec hob0 no; resolvectl dnsovertls hob0 no"
+ ExecStop=/bin/sh -c "ip link delete hob0 2>/dev/null || true"
+ 
+ [Install]
+ WantedBy=multi-user.target
/etc/systemd/system/multi-user.target.wants/hob-dns.service
+ -> /etc/systemd/system/hob-dns.service
$ systemctl daemon-reload
$ systemctl restart hob-dns.service
undo $ systemctl stop hob-dns.service

"#]],
    );
}

#[test]
fn a_resolved_that_knows_delegates_gets_one() {
    check(
        &[
            STUB,
            STUB_TEXT,
            RUNS,
            PROGRAM,
            NSS,
            SYSTEMD,
            ("usr/lib/systemd/libsystemd-shared-258.1-1.fc43.so", ""),
            ("etc/systemd/.keep", ""),
        ],
        str![[r#"
in charge: systemd-resolved
folder /etc/systemd/dns-delegate.d
/etc/systemd/dns-delegate.d/hob.dns-delegate
+ # Written by hob; `hob dns uninstall` takes it away.
+ [Delegate]
+ DNS=127.0.0.1:5354
+ Domains=~test
$ systemctl restart systemd-resolved.service
! while this machine has no network at all, systemd-resolved asks nobody, and these names have no answer

"#]],
    );
}

#[test]
fn a_resolved_without_systemd_is_told_by_hand() {
    check(
        &[STUB, STUB_TEXT, RUNS, PROGRAM, NSS],
        str![[r#"
in charge: systemd-resolved
$ sh -ec ip link delete hob0 2>/dev/null || true; ip link add hob0 type dummy 2>/dev/null || { ip link add hob0 type veth peer name hob1; ip link set hob1 up; }; ip address add 192.0.2.53/32 dev hob0; ip link set hob0 up; resolvectl dns hob0 127.0.0.1:5354 2>/dev/null || { sleep 1; resolvectl dns hob0 127.0.0.1:5354; }; resolvectl domain hob0 '~test'; resolvectl default-route hob0 no; resolvectl llmnr hob0 no; resolvectl mdns hob0 no; resolvectl dnssec hob0 no; resolvectl dnsovertls hob0 no
undo $ sh -c ip link delete hob0 2>/dev/null || true
! systemd is not the first process here: this holds until the machine or container is started again

"#]],
    );
}

#[test]
fn a_resolved_without_ports_is_refused() {
    check(
        &[
            STUB,
            STUB_TEXT,
            RUNS,
            PROGRAM,
            NSS,
            SYSTEMD,
            ("lib/systemd/libsystemd-shared-245.so", ""),
        ],
        str![[r#"
in charge: systemd-resolved
refused: systemd-resolved 245 asks on port 53 alone; 246 is the first with ports
hint: a newer system has one; until then `hob dns status` lists the names

"#]],
    );
}

#[test]
fn a_resolved_that_does_not_run_is_named_with_what_starts_it() {
    check(
        &[STUB, STUB_TEXT, PROGRAM, NSS, SYSTEMD],
        str![[r#"
in charge: /etc/resolv.conf leads to systemd-resolved, which does not run
refused: /etc/resolv.conf leads to systemd-resolved, which does not run
hint: `sudo systemctl start systemd-resolved`

"#]],
    );
}

#[test]
fn a_link_into_nothing_is_named() {
    check(
        &[STUB, NSS, SYSTEMD],
        str![[r#"
in charge: /etc/resolv.conf leads to systemd-resolved, which does not run
refused: /etc/resolv.conf leads to systemd-resolved, which does not run
hint: `sudo apt-get install systemd-resolved`

"#]],
    );
    check(
        &[("etc/resolv.conf", "-> /run/resolvconf/resolv.conf"), NSS],
        str![[r#"
in charge: /etc/resolv.conf leads to /run/resolvconf/resolv.conf, which is not there
refused: /etc/resolv.conf leads to /run/resolvconf/resolv.conf, which is not there

"#]],
    );
    check(
        &[NSS],
        str![[r#"
in charge: there is no /etc/resolv.conf
refused: there is no /etc/resolv.conf

"#]],
    );
}

#[test]
fn glibc_asks_resolved_by_its_library_whatever_resolv_conf_says() {
    check(
        &[
            ("etc/resolv.conf", "nameserver 192.168.1.1\n"),
            (
                "etc/nsswitch.conf",
                "hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns\n",
            ),
            RUNS,
            PROGRAM,
            ("usr/lib64/systemd/libsystemd-shared-258.so", ""),
        ],
        str![[r#"
in charge: systemd-resolved
folder /etc/systemd
folder /etc/systemd/dns-delegate.d
/etc/systemd/dns-delegate.d/hob.dns-delegate
+ # Written by hob; `hob dns uninstall` takes it away.
+ [Delegate]
+ DNS=127.0.0.1:5354
+ Domains=~test
! while this machine has no network at all, systemd-resolved asks nobody, and these names have no answer
! systemd is not the first process here: systemd-resolved reads the file when whoever started it starts it again

"#]],
    );
}

#[test]
fn a_resolv_conf_that_goes_past_the_stub_is_named() {
    check(
        &[
            ("etc/resolv.conf", "-> /run/systemd/resolve/resolv.conf"),
            ("run/systemd/resolve/resolv.conf", "nameserver 9.9.9.9\n"),
            RUNS,
            PROGRAM,
            NSS,
            SYSTEMD,
        ],
        str![[r#"
in charge: systemd-resolved runs, and /etc/resolv.conf goes past it to the network's servers
refused: systemd-resolved runs, and /etc/resolv.conf goes past it to the network's servers
hint: `sudo ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf`

"#]],
    );
}

#[test]
fn network_managers_dnsmasq_gets_a_file() {
    check(
        &[
            (
                "etc/resolv.conf",
                "# Generated by NetworkManager\nnameserver 127.0.0.1\n",
            ),
            (
                "etc/NetworkManager/NetworkManager.conf",
                "[main]\ndns=default\n",
            ),
            (
                "etc/NetworkManager/conf.d/dns.conf",
                "[main]\ndns=dnsmasq\n",
            ),
            ("etc/NetworkManager/dnsmasq.d/.keep", ""),
            ("proc/9/comm", "NetworkManager\n"),
            NSS,
            SYSTEMD,
        ],
        str![[r#"
in charge: the dnsmasq of NetworkManager
/etc/NetworkManager/dnsmasq.d/hob.conf
+ # Written by hob; `hob dns uninstall` takes it away.
+ server=/test/127.0.0.1#5354
$ nmcli general reload dns-full

"#]],
    );
}

#[test]
fn network_manager_in_front_of_resolved_is_resolveds_case() {
    check(
        &[
            STUB,
            STUB_TEXT,
            RUNS,
            PROGRAM,
            NSS,
            ("usr/lib/systemd/libsystemd-shared-258.so", ""),
            (
                "etc/NetworkManager/conf.d/dns.conf",
                "[main]\ndns=systemd-resolved\n",
            ),
            ("proc/9/comm", "NetworkManager\n"),
        ],
        str![[r#"
in charge: systemd-resolved
folder /etc/systemd
folder /etc/systemd/dns-delegate.d
/etc/systemd/dns-delegate.d/hob.dns-delegate
+ # Written by hob; `hob dns uninstall` takes it away.
+ [Delegate]
+ DNS=127.0.0.1:5354
+ Domains=~test
! while this machine has no network at all, systemd-resolved asks nobody, and these names have no answer
! systemd is not the first process here: systemd-resolved reads the file when whoever started it starts it again

"#]],
    );
}

#[test]
fn a_vpn_with_the_same_domain_is_named() {
    let vpn = (
        "run/systemd/resolve/netif/7",
        "# This is private data. Do not parse.\nSERVERS=10.8.0.1\nDOMAINS=~test ~corp\n",
    );
    let link = ("sys/class/net/wg0/ifindex", "7\n");
    let tree = [
        STUB,
        STUB_TEXT,
        RUNS,
        PROGRAM,
        NSS,
        ("usr/lib/systemd/libsystemd-shared-258.so", ""),
        vpn,
        link,
    ];
    check(
        &tree,
        str![[r#"
in charge: systemd-resolved
refused: `test` is taken by the link wg0, which asks 10.8.0.1
hint: choose another one: `domains = ["internal"]` in hob.toml

"#]],
    );
    // Its other domain is no matter, and a part of hob's own stays its.
    check_for(
        System::Linux,
        &["internal"],
        &tree,
        str![[r#"
in charge: systemd-resolved
folder /etc/systemd
folder /etc/systemd/dns-delegate.d
/etc/systemd/dns-delegate.d/hob.dns-delegate
+ # Written by hob; `hob dns uninstall` takes it away.
+ [Delegate]
+ DNS=127.0.0.1:5354
+ Domains=~internal
! while this machine has no network at all, systemd-resolved asks nobody, and these names have no answer
! systemd is not the first process here: systemd-resolved reads the file when whoever started it starts it again

"#]],
    );
    let mut tree = tree;
    tree[6].1 = "SERVERS=10.8.0.1\nDOMAINS=~vpn.test ~.\n";
    check(
        &tree,
        str![[r#"
in charge: systemd-resolved
folder /etc/systemd
folder /etc/systemd/dns-delegate.d
/etc/systemd/dns-delegate.d/hob.dns-delegate
+ # Written by hob; `hob dns uninstall` takes it away.
+ [Delegate]
+ DNS=127.0.0.1:5354
+ Domains=~test
! wg0 has `vpn.test`: names below it are asked at 10.8.0.1, not here
! while this machine has no network at all, systemd-resolved asks nobody, and these names have no answer
! systemd is not the first process here: systemd-resolved reads the file when whoever started it starts it again

"#]],
    );
}

#[test]
fn a_container_and_wsl_have_their_file_from_outside() {
    check(
        &[
            ("etc/resolv.conf", "nameserver 127.0.0.11\n"),
            (
                "proc/self/mountinfo",
                "1 2 0:1 /x /etc/resolv.conf rw - ext4 /dev/x rw\n",
            ),
            (".dockerenv", ""),
            NSS,
        ],
        str![[r#"
in charge: the servers of /etc/resolv.conf
refused: programs here ask the servers of /etc/resolv.conf themselves, and that file can send no single domain elsewhere, nor anything to another port than 53
hint: the container's engine writes this file: install it on the machine around it
hint: without any of it, browsers take names below `localhost` as this machine, and `dig -p 5354 @127.0.0.1 NAME.test` asks hob's resolver itself

"#]],
    );
    check(
        &[
            (
                "etc/resolv.conf",
                "# This file was automatically generated by WSL.\nnameserver 10.255.255.254\n",
            ),
            (
                "proc/sys/kernel/osrelease",
                "5.15.153.1-microsoft-standard-WSL2\n",
            ),
            NSS,
        ],
        str![[r#"
in charge: the servers of /etc/resolv.conf
refused: programs here ask the servers of /etc/resolv.conf themselves, and that file can send no single domain elsewhere, nor anything to another port than 53
hint: Windows writes this file: `systemd=true` below `[boot]` and `generateResolvConf=false` below `[network]` of /etc/wsl.conf, then `wsl --shutdown` and systemd-resolved, make room for one that can
hint: without any of it, browsers take names below `localhost` as this machine, and `dig -p 5354 @127.0.0.1 NAME.test` asks hob's resolver itself

"#]],
    );
}

#[test]
fn macos_gets_a_file_for_each_domain() {
    check_for(
        System::Mac,
        &["shop.internal", "test"],
        &[("etc/hosts", "")],
        str![[r#"
in charge: the resolver of macOS
folder /etc/resolver
/etc/resolver/shop.internal
+ # Written by hob; `hob dns uninstall` takes it away.
+ nameserver 127.0.0.1
+ port 5354
/etc/resolver/test
+ # Written by hob; `hob dns uninstall` takes it away.
+ nameserver 127.0.0.1
+ port 5354
$ dscacheutil -flushcache

"#]],
    );
}

#[test]
fn what_somebody_else_wrote_stays() {
    check_for(
        System::Mac,
        &["test"],
        &[("etc/resolver/test", "nameserver 127.0.0.1\nport 2053\n")],
        str![[r#"
in charge: the resolver of macOS
refused: /etc/resolver/test is not hob's, or was changed since, and stays as it is
hint: `sudo mv /etc/resolver/test /etc/resolver/test.mine`, if nobody needs it

"#]],
    );
}

#[test]
fn names_that_never_reach_a_resolver_are_refused() {
    check_for(
        System::Linux,
        &["shop.local"],
        &[
            ("etc/resolv.conf", "nameserver 127.0.0.53\n"),
            (
                "etc/nsswitch.conf",
                "hosts: files mdns4_minimal [NOTFOUND=return] dns\n",
            ),
            RUNS,
        ],
        str![[r#"
in charge: systemd-resolved
refused: names below `shop.local` never reach a resolver: they are taken by multicast DNS, which answers all of `local`
hint: choose another one: `domains = ["internal"]` in hob.toml

"#]],
    );
}

#[test]
fn what_is_good_to_know_is_said() {
    check_for(
        System::Linux,
        &["dev"],
        &[
            STUB,
            STUB_TEXT,
            RUNS,
            PROGRAM,
            ("etc/nsswitch.conf", "hosts: files mdns dns\n"),
            ("usr/lib/systemd/libsystemd-shared-259.so", ""),
        ],
        str![[r#"
in charge: systemd-resolved
folder /etc/systemd
folder /etc/systemd/dns-delegate.d
/etc/systemd/dns-delegate.d/hob.dns-delegate
+ # Written by hob; `hob dns uninstall` takes it away.
+ [Delegate]
+ DNS=127.0.0.1:5354
+ Domains=~dev
! `dev` may have names on the Internet: none of them is found meanwhile
! multicast DNS is asked before any resolver (`mdns` in /etc/nsswitch.conf): a name that no one has takes its time
! while this machine has no network at all, systemd-resolved asks nobody, and these names have no answer
! systemd is not the first process here: systemd-resolved reads the file when whoever started it starts it again

"#]],
    );
}

#[test]
fn what_an_update_of_the_machine_replaced_is_undone_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = "usr/lib/systemd/libsystemd-shared-257.so";
    let tree = [STUB, STUB_TEXT, RUNS, PROGRAM, NSS, SYSTEMD, (library, "")];
    plant(folder.path(), &tree);
    let place = Place {
        root: folder.path().to_owned(),
        record: folder.path().join("resolver.json"),
    };
    let server = "127.0.0.1:5354".parse().expect("an address");
    let once = || {
        let asked = Asked {
            domains: domains(&["test"]),
            record: place.noted().expect("a record"),
            ..Asked::default()
        };
        let facts = Facts::read(folder.path(), asked);
        let plan = install(&facts, &domains(&["test"]), server).expect("a plan");
        for step in plan.steps(facts.record.as_ref()) {
            place.perform(&step).expect("a step");
        }
    };
    once();
    fs::rename(
        folder.path().join(library),
        folder
            .path()
            .join("usr/lib/systemd/libsystemd-shared-258.so"),
    )
    .expect("an update");
    once();
    let record = place.noted().expect("a record").expect("a record");
    let asked = Asked {
        record: Some(record.clone()),
        ..Asked::default()
    };
    let undo = uninstall(&record, &Facts::read(folder.path(), asked)).expect("an undo");
    let mut text = String::new();
    for step in undo.steps() {
        let line = match step {
            Step::Run(command) => format!("$ {}", command.argv.join(" ")),
            Step::Put(path, Entry::Absent) => format!("remove {}", path.display()),
            Step::RemoveFolder(path) => format!("folder {}", path.display()),
            other => format!("{other:?}"),
        };
        writeln!(text, "{line}").expect("text");
    }
    assert_data_eq!(
        text,
        str![[r#"
$ systemctl stop hob-dns.service
remove /etc/systemd/dns-delegate.d/hob.dns-delegate
remove /etc/systemd/system/hob-dns.service
remove /etc/systemd/system/multi-user.target.wants/hob-dns.service
folder /etc/systemd/system/multi-user.target.wants
folder /etc/systemd/system
folder /etc/systemd/dns-delegate.d
folder /etc/systemd
$ systemctl restart systemd-resolved.service
$ systemctl daemon-reload
Forget

"#]]
    );
}
