//! What resolver and ingress read, and which of it they have begun with.

use std::fs;
use std::path::PathBuf;

use super::{Home, HomeError, forget, keep, open};
use crate::files::HTTP_PORT;
use crate::names::{check, dnsmasq_conf, hosts, servers, wildcards_conf};
use crate::routes::{Doors, routes};

/// Among the hosts that the resolver reads, those of nobody's project.
const CHECK: &str = "check";
/// What the resolver reads, below the folder.
pub(super) const NAMES: &str = "stacks/hob/names";

/// A configuration that hob writes and somebody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// The resolver's.
    Names,
    /// The ingress's.
    Routes,
}

impl Read {
    /// Where it is, below the project's folder.
    fn path(self) -> &'static str {
        match self {
            Self::Names => "stacks/hob/names/servers",
            Self::Routes => "stacks/hob/routes/nginx.conf",
        }
    }
}

impl Home {
    /// Whether who reads a configuration has begun with what it is now.
    #[must_use]
    pub fn has_begun(&self, read: Read) -> bool {
        let began = fs::read_to_string(self.began_file(read)).unwrap_or_default();
        self.read(read).is_ok_and(|now| now == began)
    }

    /// A configuration as it is now.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&self, read: Read) -> Result<String, HomeError> {
        let path = self.root.join(read.path());
        fs::read_to_string(&path).map_err(|source| HomeError::File {
            doing: "read",
            path,
            source,
        })
    }

    /// Notes that who reads a configuration has begun with this one.
    ///
    /// # Errors
    /// The note cannot be written.
    pub fn began(&self, read: Read, text: &str) -> Result<(), HomeError> {
        keep(&self.began_file(read), text)
    }

    /// The configuration that who reads it has begun with; empty before.
    #[must_use]
    pub fn begun(&self, read: Read) -> String {
        fs::read_to_string(self.began_file(read)).unwrap_or_default()
    }

    fn began_file(&self, read: Read) -> PathBuf {
        self.root.join("began").join(match read {
            Read::Names => "names",
            Read::Routes => "routes",
        })
    }

    /// Writes what resolver and ingress read, and takes away what was told of
    /// nobody: names would lead to it for ever.
    pub(super) fn write_read(&self) -> Result<(), HomeError> {
        let routes_at = self.root.join(Read::Routes.path());
        let routes_at = routes_at.parent().unwrap_or(&self.root);
        for folder in [
            &self.root.join(NAMES),
            &self.root.join(NAMES).join("hosts"),
            routes_at,
        ] {
            open(folder)?;
        }
        let all = self.announced()?;
        self.write_hosts()?;
        let settings = self.settings()?;
        let doors = Doors {
            http: settings.http_port.unwrap_or(HTTP_PORT),
            https: settings.https_port,
            certificates: self.certificates(&all, &settings)?,
            closed: self.closed(),
        };
        let (sent, dns_port) = (&settings.domains, settings.dns_port);
        let names = self.root.join(NAMES);
        keep(&names.join("dnsmasq.conf"), &dnsmasq_conf())?;
        keep(&names.join("wildcards.conf"), &wildcards_conf(dns_port))?;
        keep(&self.hosts_file(CHECK), &check(&all, sent))?;
        let servers = servers(&all, sent, dns_port);
        keep(&self.root.join(Read::Names.path()), &servers)?;
        keep(&self.root.join(Read::Routes.path()), &routes(&all, &doors)?)?;
        Ok(self.authority().clear(&doors.certificates)?)
    }

    fn write_hosts(&self) -> Result<(), HomeError> {
        let told = self.names_told();
        let entries = fs::read_dir(self.root.join(NAMES).join("hosts"));
        for entry in entries.into_iter().flatten().flatten() {
            let known = entry.file_name().into_string();
            if !known.is_ok_and(|name| name == CHECK || told.contains(&name)) {
                forget(&entry.path())?;
            }
        }
        for name in told {
            match self.told(&name) {
                Some(announced) => keep(&self.hosts_file(&name), &hosts(&announced))?,
                None => forget(&self.hosts_file(&name))?,
            }
        }
        Ok(())
    }

    pub(super) fn hosts_file(&self, project: &str) -> PathBuf {
        self.root.join(NAMES).join("hosts").join(project)
    }
}
