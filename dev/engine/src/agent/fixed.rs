//! The settings of an agent's front that cannot change while it lives.
//!
//! An agent does not tell them in its status, but it gives back the digest
//! that it was told, so they are written before that: a later look knows them
//! without a ledger, and says which one differs. Pure.

use hob_wire::{Mode, Spec};

use crate::resource::{Digest, Identity};

/// The trait: for how long requests are held.
const HOLD: &str = "hold limit";
/// The trait: whether browsers are told to reload.
const RELOAD: &str = "live reload";
/// What stands in a digest for the live reload of a service without a front.
const NO_FRONT: &str = "none";

/// What an agent is fixed to by this spec. Without a front, in mode `run`,
/// there is no word about live reload.
pub(crate) fn traits(spec: &Spec) -> Identity {
    identity(&spec.limits.hold.0.to_string(), reload(spec))
}

/// A digest that tells the settings, too: `30000.on.<digest>`.
pub(crate) fn sealed(spec: &Spec, digest: &Digest) -> Digest {
    let hold = spec.limits.hold.0;
    Digest::from_text(&format!("{hold}.{}.{}", reload(spec), digest.as_str()))
}

/// The settings that a digest tells; none for one that tells nothing.
pub(crate) fn traits_in(digest: &str) -> Identity {
    let mut parts = digest.split('.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(hold), Some(reload), Some(_)) => identity(hold, reload),
        _ => Identity::new(),
    }
}

fn reload(spec: &Spec) -> &'static str {
    match (spec.mode, spec.live_reload) {
        (Mode::Run, _) => NO_FRONT,
        (Mode::Dev, true) => "on",
        (Mode::Dev, false) => "off",
    }
}

fn identity(hold: &str, reload: &str) -> Identity {
    let mut identity = Identity::from([(HOLD.to_owned(), format!("{hold} ms"))]);
    if reload != NO_FRONT {
        identity.insert(RELOAD.to_owned(), reload.to_owned());
    }
    identity
}
