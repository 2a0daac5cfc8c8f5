//! Who is behind: the upstreams of each route and their versions.

use std::collections::BTreeMap;

use super::text::Text;
use crate::{Ingress, Site};

/// `$upstream_addr` and `$upstream_header_time` hold one item for each
/// upstream that was tried, with `, ` or ` : ` between them, and the time is
/// `-` where no header came ([variables]).
///
/// [variables]: https://nginx.org/en/docs/http/ngx_http_upstream_module.html#variables
const ANSWERED_BY: &str = r#"
# The upstream that answered: the last that was tried, or none when no header
# came from it and the answer is nginx's own.
map "$upstream_addr|$upstream_header_time" $hob_answered_by {
    default "";
    "~(?<hob_last_addr>[^ |]+)\|(?:.* )?[0-9.]+$" $hob_last_addr;
}"#;

/// What one upstream takes of a zone's shared memory, with room to spare, and
/// what a zone takes without any, in KiB.
const ZONE_EACH: usize = 1;
const ZONE: usize = 64;

/// The name of a route's upstreams: no name of a site has a dot, and nginx
/// compares such names without case, so a path cannot be part of one.
pub(super) fn name(site: &Site, route: usize) -> String {
    format!("{}.{}", site.name, route + 1)
}

pub(super) fn write(text: &mut Text, ingress: &Ingress) {
    text.lines(ANSWERED_BY);
    let versions: BTreeMap<_, _> = ingress
        .sites()
        .iter()
        .flat_map(|site| &site.routes)
        .flat_map(|route| &route.upstreams)
        .map(|upstream| (upstream.addr, &upstream.version))
        .collect();
    text.block("map $hob_answered_by $hob_version", |text| {
        text.line("default \"\";");
        for (addr, version) in versions {
            text.line(format_args!("\"{addr}\" \"{version}\";"));
        }
    });
    for site in ingress.sites() {
        for (index, route) in site.routes.iter().enumerate() {
            if route.upstreams.is_empty() {
                continue;
            }
            text.gap();
            text.line(format_args!(
                "# {} of {}: {}",
                route.path, site.name, route.service
            ));
            let name = name(site, index);
            text.block(format_args!("upstream {name}"), |text| {
                let size = ZONE + ZONE_EACH * route.upstreams.len();
                text.line(format_args!("zone {name} {size}k;"));
                for upstream in &route.upstreams {
                    text.line(format_args!(
                        "server {} weight={} max_fails=0;",
                        upstream.addr,
                        upstream.weight.get()
                    ));
                }
            });
        }
    }
}
