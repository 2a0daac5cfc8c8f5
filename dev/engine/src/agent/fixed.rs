//! What an agent is told and is compared by itself: the settings of its front,
//! which cannot change while it lives, and where browsers find others.
//!
//! An agent does not tell them in its status, but it gives back the digest
//! that it was told, so they are written around that: a later look knows them
//! without a ledger, and says which one differs. Pure.

use std::collections::BTreeMap;

use hob_wire::{Mode, Spec};

use crate::resource::{Digest, Identity};

/// The trait: for how long requests are held.
const HOLD: &str = "hold limit";
/// The trait: whether browsers are told to reload.
const RELOAD: &str = "live reload";
/// What stands in a digest for the live reload of a service without a front.
const NO_FRONT: &str = "none";

/// Addresses of other services that may change without the service, by the
/// variables that it is told them by: `API_PUBLIC_URL`.
pub(crate) type Addresses = BTreeMap<String, String>;

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

/// A sealed digest that tells addresses, too, of which it is not made:
/// `30000.on.<digest>.A_PUBLIC_URL=http://127.0.0.1:22001`, more behind commas.
pub(crate) fn addressed(sealed: &Digest, addresses: &Addresses) -> Digest {
    let mut text = sealed.as_str().to_owned();
    for (at, (variable, address)) in addresses.iter().enumerate() {
        text += if at == 0 { "." } else { "," };
        text += &format!("{variable}={address}");
    }
    Digest::from_text(&text)
}

/// A digest without the addresses that it tells.
pub(crate) fn unaddressed(digest: &str) -> Digest {
    let parts: Vec<&str> = digest.splitn(4, '.').take(3).collect();
    Digest::from_text(&parts.join("."))
}

/// The settings and the addresses that a digest tells; none for one that tells
/// nothing.
pub(crate) fn traits_in(digest: &str) -> Identity {
    let mut parts = digest.splitn(4, '.');
    let (Some(hold), Some(reload), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
        return Identity::new();
    };
    let mut identity = identity(hold, reload);
    let addresses = parts.next().unwrap_or_default().split(',');
    let addresses = addresses.filter_map(|it| it.split_once('='));
    identity.extend(addresses.map(|(variable, it)| (variable.to_owned(), it.to_owned())));
    identity
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_what_it_was_sealed_with_and_is_compared_without_addresses() {
        let sealed = Digest::from_text("30000.on.abc");
        let api = (
            "API_PUBLIC_URL".to_owned(),
            "http://127.0.0.1:22001".to_owned(),
        );
        let web = ("WEB_PUBLIC_URL".to_owned(), "http://[::1]:22002".to_owned());
        for addresses in [vec![], vec![api.clone()], vec![api, web]] {
            let addresses = Addresses::from_iter(addresses);
            let told = addressed(&sealed, &addresses);
            assert_eq!(unaddressed(told.as_str()), sealed);
            let mut traits = identity("30000", "on");
            traits.extend(addresses);
            assert_eq!(traits_in(told.as_str()), traits);
        }
        assert_eq!(
            unaddressed("no-digest-of-ours").as_str(),
            "no-digest-of-ours"
        );
    }
}
