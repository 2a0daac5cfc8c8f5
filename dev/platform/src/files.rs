//! The files of the project, as texts. Pure.

use crate::settings::Settings;

/// One file of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where, relative to the project's folder.
    pub path: &'static str,
    /// What.
    pub text: String,
}

/// Where browsers look.
pub(crate) const HTTP_PORT: u16 = 80;

/// Whether the ingress listens itself, in its folder or its container: who
/// connects to its port may meet somebody else.
const READY: &str =
    "at=/usr/local/lib/hob; [ -f $at/serve.sh ] || at=.; exec sh $at/serve.sh ready";

/// All files that the settings ask for, in the order of their paths.
#[must_use]
pub fn files(settings: &Settings) -> Vec<File> {
    let fixed = |path, text: &str| File {
        path,
        text: text.to_owned(),
    };
    vec![
        fixed(
            "stacks/hob/dns/Dockerfile",
            include_str!("../../images/dns/Dockerfile"),
        ),
        fixed(
            "stacks/hob/dns/serve.sh",
            include_str!("../../images/dns/serve.sh"),
        ),
        fixed(
            "stacks/hob/ingress/Dockerfile",
            include_str!("../../images/ingress/Dockerfile"),
        ),
        fixed(
            "stacks/hob/ingress/serve.sh",
            include_str!("../../images/ingress/serve.sh"),
        ),
        fixed(
            "stacks/hob/registry/Dockerfile",
            include_str!("../../images/registry/Dockerfile"),
        ),
        fixed(
            "stacks/hob/registry/config.yml",
            include_str!("../../images/registry/config.yml"),
        ),
        fixed(
            "stacks/hob/registry/serve.sh",
            include_str!("../../images/registry/serve.sh"),
        ),
        File {
            path: "stacks/hob/stack.toml",
            text: stack(settings),
        },
    ]
}

fn stack(settings: &Settings) -> String {
    let Settings {
        registry_port,
        dns_port,
        domains: _,
        http_port,
        https_port: _,
    } = settings;
    let http_port = http_port.unwrap_or(HTTP_PORT);
    format!(
        r#"# Written by hob, and written again: change nothing here.
version = 1
name = "hob"

[services.registry]
source = "registry"
port = 5000
publish = {registry_port}
ready = {{ http = "/v2/" }}
volumes = {{ data = "/var/lib/registry" }}
run = ["sh", "serve.sh"]
packages = {{ docker-registry = "docker-registry" }}
image = {{}}

[services.dns]
source = "dns"
port = 53
publish = {dns_port}
protocol = "tcp"
network = "host"
mounts = {{ names = {{ from = "names", to = "/srv/names" }} }}
run = ["sh", "serve.sh"]
packages = {{ dnsmasq = "dnsmasq-base" }}
image = {{}}

[services.ingress]
source = "ingress"
port = 80
publish = {http_port}
protocol = "tcp"
network = "host"
volumes = {{ run = "/var/lib/hob-ingress" }}
run = ["sh", "serve.sh"]
ready = {{ command = ["sh", "-c", "{READY}"] }}
packages = {{ nginx = "nginx-light" }}
image = {{}}

[services.ingress.mounts]
routes = {{ from = "routes", to = "/srv/routes" }}
certificates = {{ from = "certificates", to = "/srv/certificates" }}
"#
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_project_is_a_good_one() {
        let folder = tempfile::tempdir().unwrap();
        for file in files(&Settings::default()) {
            let path = folder.path().join(file.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file.text).unwrap();
        }
        for mounted in ["names", "routes", "certificates"] {
            std::fs::create_dir_all(folder.path().join("stacks/hob").join(mounted)).unwrap();
        }
        let loaded = hob_stack::Project::load(folder.path(), &BTreeMap::new());
        let told = hob_stack::render(&loaded.diagnostics, false, 100);
        assert_eq!(told, "");
        let services = loaded.project.unwrap();
        let names: Vec<String> = services.services().map(|it| it.id.to_string()).collect();
        assert_eq!(names, ["hob/dns", "hob/ingress", "hob/registry"]);
    }
}
