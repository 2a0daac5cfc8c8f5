//! Machines on which systemd-resolved is installed.

use hob_resolver::System;
use snapbox::str;

use super::{NSS, PROGRAM, RUNS, STUB, STUB_TEXT, SYSTEMD, check, check_for};

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
