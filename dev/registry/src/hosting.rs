//! What a cluster has to be told to pull from a local registry. Pure: texts
//! and where they belong; nobody is told here.
//!
//! Two things, whatever the cluster:
//!
//! - Tools find the registry by a ConfigMap, [`Hosting::config_map`], as
//!   [KEP-1755] has it. It configures nothing; it says what is.
//! - The nodes' container runtimes have to be allowed plain HTTP, and told
//!   where the name in front of an image leads. Each kind of cluster is told
//!   in its own way: [`Cluster::trust`].
//!
//! [KEP-1755]: https://github.com/kubernetes/enhancements/tree/master/keps/sig-cluster-lifecycle/generic/1755-communicating-a-local-registry

use std::path::PathBuf;

use crate::Authority;

/// Under which names a registry is known, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosting {
    /// As tools outside of the cluster push to it.
    pub host: Authority,
    /// As it stands in front of the images that pods name, where that is not
    /// [`Hosting::host`].
    pub from_container_runtime: Option<Authority>,
    /// As programs in pods reach it; without one, they do not.
    pub from_cluster_network: Option<Authority>,
    /// Where a node really finds it, when the name in front of an image leads
    /// nowhere there: `localhost` is another machine in a node.
    pub endpoint: Option<Authority>,
    /// A page for people for whom it does not work.
    pub help: Option<String>,
}

/// A kind of cluster, by how its nodes are told of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// A node whose containerd reads `/etc/containerd/certs.d` (its
    /// `config_path`).
    Node,
    /// kind, whose nodes do that, too ([its page]).
    ///
    /// [its page]: https://kind.sigs.k8s.io/docs/user/local-registry/
    Kind,
    /// k3d. k3s makes containerd's folder itself, anew at each start, of a
    /// file of its own ([its page]).
    ///
    /// [its page]: https://docs.k3s.io/installation/private-registry
    K3d,
    /// minikube, which writes what its nodes need of an argument that it is
    /// started with ([its page]).
    ///
    /// [its page]: https://minikube.sigs.k8s.io/docs/handbook/registry/#enabling-insecure-registries
    Minikube,
}

/// How one kind of cluster is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A file in each node, at once in force.
    File(NodeFile),
    /// A file in each node, in force from its next start on. k3d puts it there
    /// with `k3d cluster create --registry-config`.
    FileAtStart(NodeFile),
    /// An argument of `minikube start`. minikube minds it when it creates a
    /// cluster and not after.
    StartArgument(String),
}

/// A file that a node has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFile {
    /// Where, in the node.
    pub path: PathBuf,
    /// The whole file.
    pub text: String,
}

impl Cluster {
    /// What makes such a cluster pull from the registry.
    pub fn trust(self, hosting: &Hosting) -> Trust {
        match self {
            Self::Node | Self::Kind => Trust::File(NodeFile {
                path: hosting.hosts_toml_path(),
                text: hosting.hosts_toml(),
            }),
            Self::K3d => Trust::FileAtStart(NodeFile {
                path: "/etc/rancher/k3s/registries.yaml".into(),
                text: hosting.registries_yaml(),
            }),
            Self::Minikube => Trust::StartArgument(hosting.insecure_registry()),
        }
    }
}

impl Hosting {
    /// A registry that has one name everywhere.
    pub fn new(host: Authority) -> Self {
        Self {
            host,
            from_container_runtime: None,
            from_cluster_network: None,
            endpoint: None,
            help: None,
        }
    }

    /// The name in front of the images that pods name, as [KEP-1755] says how
    /// to choose it.
    ///
    /// [KEP-1755]: https://github.com/kubernetes/enhancements/tree/master/keps/sig-cluster-lifecycle/generic/1755-communicating-a-local-registry#specification-for-localregistryhosting-v1
    pub fn in_images(&self) -> &Authority {
        self.from_container_runtime.as_ref().unwrap_or(&self.host)
    }

    /// The ConfigMap `local-registry-hosting` in `kube-public`, as YAML.
    pub fn config_map(&self) -> String {
        let fields = [
            ("host", Some(self.host.as_str())),
            (
                "hostFromContainerRuntime",
                self.from_container_runtime.as_ref().map(Authority::as_str),
            ),
            (
                "hostFromClusterNetwork",
                self.from_cluster_network.as_ref().map(Authority::as_str),
            ),
            ("help", self.help.as_deref()),
        ];
        let mut text = "apiVersion: v1\n\
                        kind: ConfigMap\n\
                        metadata:\n  \
                          name: local-registry-hosting\n  \
                          namespace: kube-public\n\
                        data:\n  \
                          localRegistryHosting.v1: |\n"
            .to_owned();
        for (key, value) in fields {
            if let Some(value) = value {
                text.push_str(&format!("    {key}: {}\n", quoted(value)));
            }
        }
        text
    }

    /// Where containerd looks for [`Hosting::hosts_toml`].
    pub fn hosts_toml_path(&self) -> PathBuf {
        format!("/etc/containerd/certs.d/{}/hosts.toml", self.in_images()).into()
    }

    /// The registry's `hosts.toml`, as [containerd's `hosts.md`] has it.
    ///
    /// `server` says the same as the table. Without it containerd goes on to
    /// the name in front of the image, by HTTPS, and tells of that failure
    /// instead of ours; without the table it passes the file over. Both were
    /// seen with containerd 1.6; 1.7 calls such a file broken ([seen by
    /// others]).
    ///
    /// [containerd's `hosts.md`]: https://github.com/containerd/containerd/blob/main/docs/hosts.md
    /// [seen by others]: https://github.com/k3s-io/k3s/issues/9983
    pub fn hosts_toml(&self) -> String {
        let url = quoted(&self.url());
        format!("server = {url}\n\n[host.{url}]\n  capabilities = [\"pull\", \"resolve\"]\n")
    }

    /// `--insecure-registry=HOST:PORT`, with the name that stands in front of
    /// images.
    pub fn insecure_registry(&self) -> String {
        format!("--insecure-registry={}", self.in_images())
    }

    /// k3s's `registries.yaml`, of which it makes `hosts.toml` files itself.
    pub fn registries_yaml(&self) -> String {
        let name = quoted(self.in_images().as_str());
        let url = quoted(&self.url());
        format!("mirrors:\n  {name}:\n    endpoint:\n      - {url}\n")
    }

    /// Where a node finds the registry.
    fn url(&self) -> String {
        let endpoint = self.endpoint.as_ref().unwrap_or_else(|| self.in_images());
        format!("http://{endpoint}")
    }
}

/// A text in double quotes, as JSON, YAML and TOML all read it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::*;

    fn authority(text: &str) -> Authority {
        text.parse().expect("an address")
    }

    /// As kind's own page has it.
    fn behind_localhost() -> Hosting {
        Hosting {
            endpoint: Some(authority("kind-registry:5000")),
            ..Hosting::new(authority("localhost:5001"))
        }
    }

    #[test]
    fn a_config_map_has_what_is_known() {
        assert_data_eq!(
            Hosting::new(authority("127.0.0.1:5000")).config_map(),
            str![[r#"
apiVersion: v1
kind: ConfigMap
metadata:
  name: local-registry-hosting
  namespace: kube-public
data:
  localRegistryHosting.v1: |
    host: "127.0.0.1:5000"

"#]]
        );
        let all = Hosting {
            from_container_runtime: Some(authority("registry:5000")),
            from_cluster_network: Some(authority("registry.hob.svc:5000")),
            help: Some("see \"hob\": https://help.example/#registry\nor ask".into()),
            ..Hosting::new(authority("[::1]:5000"))
        };
        assert_data_eq!(
            all.config_map(),
            str![[r##"
apiVersion: v1
kind: ConfigMap
metadata:
  name: local-registry-hosting
  namespace: kube-public
data:
  localRegistryHosting.v1: |
    host: "[::1]:5000"
    hostFromContainerRuntime: "registry:5000"
    hostFromClusterNetwork: "registry.hob.svc:5000"
    help: "see /"hob/": https://help.example/#registry/nor ask"

"##]]
        );
    }

    #[test]
    fn containerd_is_led_from_the_name_to_the_place() {
        let hosting = behind_localhost();
        for cluster in [Cluster::Node, Cluster::Kind] {
            let Trust::File(file) = cluster.trust(&hosting) else {
                panic!("a file");
            };
            assert_eq!(
                file.path.to_str(),
                Some("/etc/containerd/certs.d/localhost:5001/hosts.toml")
            );
            assert_data_eq!(
                file.text,
                str![[r#"
server = "http://kind-registry:5000"

[host."http://kind-registry:5000"]
  capabilities = ["pull", "resolve"]

"#]]
            );
        }
    }

    #[test]
    fn a_name_that_leads_there_itself_needs_no_place() {
        let hosting = Hosting {
            from_container_runtime: Some(authority("registry:5000")),
            ..Hosting::new(authority("127.0.0.1:5000"))
        };
        assert_eq!(
            hosting.hosts_toml_path().to_str(),
            Some("/etc/containerd/certs.d/registry:5000/hosts.toml")
        );
        assert!(
            hosting
                .hosts_toml()
                .starts_with("server = \"http://registry:5000\"\n")
        );
    }

    #[test]
    fn hosts_toml_is_toml() {
        let hosting = Hosting::new(authority("[::1]:5000"));
        let read: toml::Table = hosting.hosts_toml().parse().expect("TOML");
        assert_eq!(read["server"].as_str(), Some("http://[::1]:5000"));
        let host = &read["host"]["http://[::1]:5000"];
        assert_eq!(host["capabilities"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn k3d_is_told_by_the_file_that_k3s_reads_at_its_start() {
        let Trust::FileAtStart(file) = Cluster::K3d.trust(&behind_localhost()) else {
            panic!("a file at its start");
        };
        assert_eq!(file.path.to_str(), Some("/etc/rancher/k3s/registries.yaml"));
        assert_data_eq!(
            file.text,
            str![[r#"
mirrors:
  "localhost:5001":
    endpoint:
      - "http://kind-registry:5000"

"#]]
        );
    }

    #[test]
    fn minikube_is_told_by_the_name_in_front_of_images() {
        let hosting = Hosting {
            from_container_runtime: Some(authority("192.168.49.1:5000")),
            ..Hosting::new(authority("127.0.0.1:5000"))
        };
        assert_eq!(
            Cluster::Minikube.trust(&hosting),
            Trust::StartArgument("--insecure-registry=192.168.49.1:5000".into())
        );
    }
}
