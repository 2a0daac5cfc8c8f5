//! What `mmdebstrap` is told.

use std::process::Stdio;

use tokio::process::Command;

/// What images for engines are tuned with, as Debian's own are: packages and
/// caches of apt are not kept, no service starts while packages are set up,
/// dpkg does not wait for the disk.
const TRIM: &str = r#"
printf '%s\n' \
  'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };' \
  'APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };' \
  'Dir::Cache::pkgcache "";' 'Dir::Cache::srcpkgcache "";' > "$1/etc/apt/apt.conf.d/docker-clean"
printf '%s\n' 'Acquire::Languages "none";' > "$1/etc/apt/apt.conf.d/docker-no-languages"
printf '%s\n' 'force-unsafe-io' > "$1/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
printf '%s\n' '#!/bin/sh' 'exit 101' > "$1/usr/sbin/policy-rc.d"
chmod 755 "$1/usr/sbin/policy-rc.d"
rm -f "$1/etc/hostname" "$1/etc/resolv.conf"
"#;

/// What `-slim` leaves out.
const SLIM: [&str; 6] = ["doc", "man", "info", "groff", "lintian", "locale"];

pub(super) fn command(program: &str, suite: &str, slim: bool, mirrors: &[String]) -> Command {
    let mut command = Command::new(program);
    command.args(["--variant=minbase", "--format=tar"]);
    if slim {
        for part in SLIM {
            command.arg(format!("--dpkgopt=path-exclude=/usr/share/{part}/*"));
        }
        command.arg("--dpkgopt=path-include=/usr/share/doc/*/copyright");
    }
    command.arg(format!("--customize-hook={TRIM}"));
    command.args(["--", suite, "-"]).args(mirrors);
    // Its words are read, and a locale of this machine is unknown in there.
    command.env("LC_ALL", "C.UTF-8");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.process_group(0);
    command
}
