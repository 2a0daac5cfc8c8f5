//! The verbs of what surrounds the services: registry, ingress and resolver.

use clap::{Args, Subcommand, ValueEnum};

use super::AllArgs;
use super::number::{count, port};

#[derive(Debug, Subcommand)]
pub enum RegistryVerb {
    /// Bring the registry up
    Up {
        /// The port on loopback, remembered from then on [default: 5000]
        #[arg(long, value_name = "PORT", value_parser = port, allow_negative_numbers = true)]
        port: Option<u16>,
    },
    /// Build production images where something changed, and push what the registry does not have
    Push(PushArgs),
    /// List what it holds: repositories, tags, digests, sizes, ages
    Ls {
        /// Repositories, or parts of their names [default: all]
        #[arg(value_name = "REPOSITORY")]
        names: Vec<String>,
    },
    /// Remove an image: REPOSITORY:TAG, or all tags of a REPOSITORY
    Rm {
        /// As `registry ls` shows it
        #[arg(value_name = "REPOSITORY[:TAG]", required = true)]
        images: Vec<String>,
        /// Do not ask where other tags of the same image go, too
        #[arg(long, short)]
        yes: bool,
    },
    /// Remove old images and free their space
    Gc {
        /// How many of the newest images of each repository stay
        #[arg(long, value_name = "N", default_value_t = 3, value_parser = count::<usize>,
            allow_negative_numbers = true)]
        keep: usize,
        /// Only say what would go
        #[arg(long)]
        dry_run: bool,
    },
    /// Show whether it is up, and where
    Status,
    /// Print what a cluster needs to pull from it: the manifest for `kubectl apply -f -`, or what
    /// its nodes need
    Hosting {
        /// The kind of cluster
        #[arg(value_name = "CLUSTER")]
        cluster: ClusterKind,
        /// Where its nodes reach the registry, which listens on loopback here
        #[arg(long, value_name = "HOST:PORT")]
        endpoint: hob_registry::Authority,
        /// What is printed
        #[arg(long, value_name = "PART", value_enum, default_value_t = HostingPart::Manifest)]
        part: HostingPart,
    },
    /// Take it down; what was pushed is kept
    Down {
        /// Remove what was pushed, too
        #[arg(long)]
        volumes: bool,
    },
}

/// The kinds of clusters that pull from a registry of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClusterKind {
    Node,
    Kind,
    K3d,
    Minikube,
}

/// What a cluster needs has two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HostingPart {
    /// What says in the cluster where the registry is
    Manifest,
    /// What has each node pull from it: a file, or an argument of its start
    Node,
}

#[derive(Debug, Subcommand)]
pub enum IngressVerb {
    /// Bring the ingress up
    Up {
        /// The port on loopback, remembered from then on [default: 80, else the first free one
        /// from 8080]
        #[arg(long, value_name = "PORT", value_parser = port, allow_negative_numbers = true)]
        port: Option<u16>,
        /// Serve HTTPS, too, by a certificate authority of your own, from then on
        #[arg(long)]
        https: bool,
        /// Its port on loopback, remembered from then on [default: 443, else the first free one
        /// from 8443]
        #[arg(long, value_name = "PORT", value_parser = port, allow_negative_numbers = true)]
        https_port: Option<u16>,
        /// Serve HTTP alone from then on
        #[arg(long, conflicts_with_all = ["https", "https_port"])]
        no_https: bool,
    },
    /// Show whether it is up, and the addresses that it serves
    Status,
    /// The certificate authority: who trusts it, and what is done about that
    #[command(subcommand)]
    Ca(CaVerb),
    /// Take it down
    Down,
}

#[derive(Debug, Subcommand)]
pub enum CaVerb {
    /// Show what it signs for, until when, and who trusts it
    Status,
    /// Have this machine and its browsers trust it, after asking
    Install {
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Take back what `install` did, after asking
    Uninstall {
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum DnsVerb {
    /// Bring the resolver up
    Up {
        /// The port on loopback, remembered from then on [default: 5354]
        #[arg(long, value_name = "PORT", value_parser = port, allow_negative_numbers = true)]
        port: Option<u16>,
    },
    /// Show whether it is up and asked, and the names that it knows
    Status,
    /// Have this machine's own resolver ask it for the domains of this project, after asking
    Install {
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Put back every byte that `install` changed, after asking
    Uninstall {
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Take it down, and uninstall it, after asking
    Down {
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub struct PushArgs {
    #[command(flatten)]
    pub names: AllArgs,
    /// Another registry, with the credentials of your Docker configuration
    #[arg(long, value_name = "REGISTRY")]
    pub to: Option<String>,
}
