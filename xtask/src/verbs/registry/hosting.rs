//! `registry hosting`: what a cluster needs to pull from the registry.

use hob_registry::Authority;
use hob_registry::hosting::{Cluster, Hosting, Trust};

use crate::cli::ClusterKind;
use crate::context::Context;
use crate::error::Result;

pub fn hosting(
    context: &Context,
    authority: Authority,
    endpoint: Authority,
    cluster: ClusterKind,
) -> Result {
    let mut hosting = Hosting::new(authority);
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
    context.output.say("in the cluster (`kubectl apply -f -`):");
    context.output.data(hosting.config_map().trim_end())?;
    Ok(())
}
