//! The content of a service's sources, as one digest: what mode `run` was
//! built from.

use std::io;

use hob_stack::Service;
use hob_watch::Root;

/// All that counts as a service's sources, the same as in mode `dev`.
pub(super) fn root(service: &Service) -> Root {
    Root {
        id: 0,
        path: service.source.clone(),
        extra: service.dev_form.watch.clone(),
        ignore: service.dev_form.ignore.clone(),
    }
}

/// The digest of its content as it is now.
pub(super) fn digest(root: &Root) -> io::Result<String> {
    hob_watch::tree_digest(root)
}
