//! What is said of what surrounds the services: whether registry and ingress
//! are up and do their work, and who has their ports; of names that lead
//! elsewhere, and of services that others reach who should not. Pure.

use super::Check;
use crate::verbs::doctor::facts::{Exposed, Own, OwnFound};
use crate::verbs::doctor::words::bytes;

/// Below this much room an image may not fit.
const LOW_BYTES: u64 = 1 << 30;

pub(super) fn own(own: &Own) -> Check {
    let Own { name, port, found } = own;
    let up = format!("hob {name} up");
    match found {
        OwnFound::Answers { free: None } => Check::ok(*name, format!("up, on port {port}")),
        OwnFound::Answers { free: Some(free) } => {
            let detail = format!("up, on port {port}; {} free", bytes(*free));
            match *free < LOW_BYTES {
                true => Check::warning(*name, detail).command(format!("hob {name} gc")),
                false => Check::ok(*name, detail),
            }
        }
        OwnFound::Down { holder: None } => Check::ok(
            *name,
            format!("not up; port {port} is free for it (`{up}`)"),
        ),
        OwnFound::Down { holder: Some(who) } => {
            let detail = format!("not up, and {who} has its port {port}");
            Check::warning(*name, detail).words(format!(
                "`{up} --port PORT` takes another one, from then on"
            ))
        }
        OwnFound::Ill { why, hint } => Check::warning(*name, why).words(hint),
    }
}

pub(super) fn shadowed(line: &str) -> Check {
    match line.split_once(": ") {
        Some((detail, fix)) => Check::warning("ingress", detail).words(fix),
        None => Check::warning("ingress", line),
    }
}

pub(super) fn exposed(it: &Exposed) -> Check {
    let Exposed {
        service,
        program,
        address,
    } = it;
    let detail = format!("{program} listens on {address}: others in the network reach it");
    Check::warning(service, detail).words(
        "have it listen on `$HOST`, or say that it is wanted: `address = \"0.0.0.0\"` in its table",
    )
}
