//! What is said beside addresses by name where nobody on this machine leads
//! names to hob.

use hob_resolver::install;

use crate::context::Context;
use crate::resolver::{Resolver, noted};

/// What these addresses need to lead anywhere, in one line; nothing where this
/// machine's resolver asks hob's.
pub fn needed<'a>(
    context: &Context,
    addresses: impl IntoIterator<Item = &'a String>,
) -> Option<String> {
    let (host, rest) = addresses.into_iter().find_map(|it| by_name(it))?;
    if noted(context).is_some() {
        return None;
    }
    let resolver = Resolver::find(context).ok()??;
    Some(
        match install(&resolver.facts, &resolver.domains, resolver.server) {
            Ok(_) => format!("names such as {host} need `hob dns install`, once on this machine"),
            Err(_) => {
                let curl = format!("curl --header 'Host: {host}' http://127.0.0.1{rest}");
                format!("nobody on this machine asks hob for names: `{curl}` needs none")
            }
        },
    )
}

/// The host of an address by name, and what stands after it.
fn by_name(address: &str) -> Option<(&str, &str)> {
    let address = address.strip_prefix("http://")?;
    let (host, rest) = address.split_at(address.find([':', '/'])?);
    (host != "localhost").then_some((host, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_by_name_needs_names() {
        assert_eq!(by_name("http://localhost:20080/greeting"), None);
        let found = by_name("http://web.shop.test:8079/greeting");
        assert_eq!(found, Some(("web.shop.test", ":8079/greeting")));
        assert_eq!(by_name("http://shop.test/"), Some(("shop.test", "/")));
    }
}
