//! The content of a service's sources, as one digest: what mode `run` was
//! built from.

use std::collections::BTreeMap;
use std::io;

use hob_stack::{Project, Service, ServiceId};
use hob_watch::Root;
use tokio::task::JoinSet;

use crate::want::Want;

/// All that counts as a service's sources, the same as in mode `dev`.
fn root(service: &Service) -> Root {
    Root {
        id: 0,
        path: service.source.clone(),
        extra: service.dev_form.watch.clone(),
        ignore: service.dev_form.ignore.clone(),
    }
}

/// The digest of its content as it is now.
fn digest(root: &Root) -> io::Result<String> {
    hob_watch::tree_digest(root)
}

/// The digest of every source tree that is asked for; services that share
/// one have it read once.
pub(crate) async fn digests(
    project: &Project,
    want: &Want,
) -> BTreeMap<ServiceId, Result<String, String>> {
    let mut trees: Vec<(Root, Vec<ServiceId>)> = Vec::new();
    for service in want.services.iter().filter_map(|id| project.service(id)) {
        let root = root(service);
        let id = service.id.clone();
        match trees.iter_mut().find(|(known, _)| *known == root) {
            Some((_, services)) => services.push(id),
            None => trees.push((root, vec![id])),
        }
    }
    let mut reading = JoinSet::new();
    for (root, services) in trees {
        reading.spawn_blocking(move || {
            let digest = digest(&root).map_err(|error| error.to_string());
            (services, digest)
        });
    }
    let mut sources = BTreeMap::new();
    for (services, digest) in reading.join_all().await {
        sources.extend(services.into_iter().map(|id| (id, digest.clone())));
    }
    sources
}
