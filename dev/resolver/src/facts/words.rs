//! Reads the texts of others: resolv.conf(5), nsswitch.conf(5), the keys of
//! NetworkManager.conf(5), what is kept of links, mounts. Pure.

/// The servers of a resolv.conf(5), in order.
pub fn servers(text: &str) -> Vec<String> {
    values(text, "nameserver").map(str::to_owned).collect()
}

fn values<'a>(text: &'a str, keyword: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        // The keyword begins its line, says the manual; glibc reads no other.
        let rest = line.strip_prefix(keyword)?;
        let value = rest.split_whitespace().next()?;
        rest.starts_with([' ', '\t']).then_some(value)
    })
}

/// The sources of host names in an nsswitch.conf(5).
pub fn hosts(text: &str) -> Vec<String> {
    let line = text.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        line.trim_start().strip_prefix("hosts:")
    });
    let words = line.unwrap_or_default().split_whitespace();
    words.map(str::to_owned).collect()
}

/// The last value of a key in a section of an ini file.
pub fn ini(text: &str, section: &str, key: &str) -> Option<String> {
    let mut inside = false;
    let mut found = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            inside = name == section;
        } else if inside
            && let Some((name, value)) = line.split_once('=')
            && name.trim() == key
        {
            found = Some(value.trim().to_owned());
        }
    }
    found
}

/// The servers and domains of a link, as resolved keeps what it was told over
/// the bus (`SERVERS`, `DOMAINS`), and networkd what its files say (`DNS`,
/// `DOMAINS`, `ROUTE_DOMAINS`). Both files are said to be private: what cannot
/// be read in them is taken as not there.
pub fn link(text: &str) -> (Vec<String>, Vec<String>) {
    let all = |keys: &[&str]| -> Vec<String> {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let values = pairs.filter(|(key, _)| keys.contains(key));
        let words = values.flat_map(|(_, value)| value.split_whitespace());
        words.map(str::to_owned).collect()
    };
    let mut domains: Vec<String> = all(&["DOMAINS", "ROUTE_DOMAINS"])
        .iter()
        .map(|it| match it.trim_start_matches('~') {
            "." => ".".to_owned(),
            domain => domain.trim_end_matches('.').to_ascii_lowercase(),
        })
        .collect();
    domains.sort();
    domains.dedup();
    (all(&["SERVERS", "DNS"]), domains)
}

/// Whether something is mounted on a path; see proc_pid_mountinfo(5).
pub fn mounted(mountinfo: &str, path: &str) -> bool {
    mountinfo
        .lines()
        .any(|line| line.split(' ').nth(4) == Some(path))
}

/// The version in the name of systemd's library: `libsystemd-shared-252.so`,
/// `libsystemd-shared-255.4-1.fc40.so`, `libsystemd-shared-257~rc1-2.so`.
pub fn version(file: &str) -> Option<u32> {
    let rest = file.strip_prefix("libsystemd-shared-")?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_what_glibc_reads() {
        let text = "# nameserver 1.1.1.1\nnameserver 10.0.0.1\n nameserver 9\nnameserver\tfe80::1%eth0 # x\nnameservers 8\n";
        assert_eq!(servers(text), ["10.0.0.1", "fe80::1%eth0"]);
    }

    #[test]
    fn sources_of_hosts_are_in_order_with_what_ends_the_search() {
        let text = "passwd: files\nhosts:  files mdns4_minimal [NOTFOUND=return] dns # end\n";
        assert_eq!(
            hosts(text),
            ["files", "mdns4_minimal", "[NOTFOUND=return]", "dns"]
        );
        assert!(hosts("passwd: files\n").is_empty());
    }

    #[test]
    fn the_last_value_in_the_right_section_counts() {
        let text = "[main]\ndns=none\n#dns=x\n dns = dnsmasq \n[other]\ndns=default\n";
        assert_eq!(ini(text, "main", "dns").as_deref(), Some("dnsmasq"));
        assert_eq!(ini(text, "device", "dns"), None);
    }

    #[test]
    fn links_are_read_as_resolved_and_as_networkd_keep_them() {
        let resolved = "# This is private data. Do not parse.\nLLMNR=yes\nSERVERS=10.8.0.1\nDOMAINS=~corp.test ~.\n";
        assert_eq!(
            link(resolved),
            (
                vec!["10.8.0.1".to_owned()],
                vec![".".to_owned(), "corp.test".to_owned()]
            )
        );
        let networkd = "ADMIN_STATE=configured\nDNS=10.8.0.1 10.8.0.2\nDOMAINS=Lan\nROUTE_DOMAINS=test\nDNS_SETTINGS=x\n";
        let (servers, domains) = link(networkd);
        assert_eq!(servers, ["10.8.0.1", "10.8.0.2"]);
        assert_eq!(domains, ["lan", "test"]);
    }

    #[test]
    fn the_version_is_read_from_each_distributions_name() {
        assert_eq!(version("libsystemd-shared-252.so"), Some(252));
        assert_eq!(version("libsystemd-shared-255.4-1.fc40.so"), Some(255));
        assert_eq!(version("libsystemd-shared-258~rc1-2.so"), Some(258));
        assert_eq!(version("libsystemd.so.0"), None);
    }
}
