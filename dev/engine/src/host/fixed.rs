//! The settings of an agent's front that cannot change while it lives.
//!
//! An agent does not tell them in its status, but it gives back the digest
//! that it was told, so they are written before that: a later look knows them
//! without a ledger, and says which one differs. Pure.

use hob_wire::Spec;

use crate::resource::{Digest, Identity};

/// The trait: for how long requests are held.
const HOLD: &str = "hold limit";
/// The trait: whether browsers are told to reload.
const RELOAD: &str = "live reload";

/// What the front is fixed to by this spec.
pub(super) fn traits(spec: &Spec) -> Identity {
    identity(&spec.limits.hold.0.to_string(), spec.live_reload)
}

/// A digest that tells the settings, too: `30000.reload.<digest>`.
pub(super) fn sealed(spec: &Spec, digest: &Digest) -> Digest {
    let reload = if spec.live_reload { "reload" } else { "plain" };
    let hold = spec.limits.hold.0;
    Digest::from_text(&format!("{hold}.{reload}.{}", digest.as_str()))
}

/// The settings that a digest tells; none for one that tells nothing.
pub(super) fn traits_in(digest: &str) -> Identity {
    let mut parts = digest.split('.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(hold), Some(reload), Some(_)) => identity(hold, reload == "reload"),
        _ => Identity::new(),
    }
}

fn identity(hold: &str, reload: bool) -> Identity {
    let reload = if reload { "on" } else { "off" };
    Identity::from([
        (HOLD.to_owned(), format!("{hold} ms")),
        (RELOAD.to_owned(), reload.to_owned()),
    ])
}
