//! `registry hosting`: what a cluster needs to pull from the registry.

use hob_registry::Authority;
use hob_registry::hosting::{Cluster, Hosting, Trust};

use clap::ValueEnum as _;

use crate::cli::{ClusterKind, HostingPart};
use crate::context::Context;
use crate::error::Result;

pub fn hosting(
    context: &Context,
    authority: Authority,
    endpoint: Authority,
    (cluster, part): (ClusterKind, HostingPart),
) -> Result {
    let mut hosting = Hosting::new(authority);
    let kind = cluster.to_possible_value();
    let kind = kind.as_ref().map_or("", |it| it.get_name());
    if part == HostingPart::Manifest {
        context.output.data(hosting.config_map().trim_end())?;
        context.output.say(format!(
            "this is for `kubectl apply -f -`; `hob registry hosting {kind} --endpoint {endpoint} \
             --part node` has what each node needs"
        ));
        return Ok(());
    }
    hosting.endpoint = Some(endpoint);
    let cluster = match cluster {
        ClusterKind::Node => Cluster::Node,
        ClusterKind::Kind => Cluster::Kind,
        ClusterKind::K3d => Cluster::K3d,
        ClusterKind::Minikube => Cluster::Minikube,
    };
    match cluster.trust(&hosting) {
        Trust::File(file) => {
            let path = file.path.display();
            context.output.say(format!("in each node, {path}:"));
            context.output.data(file.text.trim_end())?;
        }
        Trust::FileAtStart(file) => {
            let path = file.path.display();
            let line = format!("in each node before it starts, {path}:");
            context.output.say(line);
            context.output.data(file.text.trim_end())?;
        }
        Trust::StartArgument(argument) => {
            context.output.say("where the cluster is started:");
            context.output.data(argument)?;
        }
    }
    Ok(())
}
