//! What does not fit together is refused, all of it at once.

use snapbox::{assert_data_eq, str};

use crate::samples;

fn check(routes: &str, expected: impl snapbox::IntoData) {
    let told = match samples::ingress(routes, None) {
        Ok(_) => "fits".to_owned(),
        Err(conflicts) => conflicts.to_string(),
    };
    assert_data_eq!(told, expected);
}

#[test]
fn every_conflict_is_told_at_once() {
    check(
        "
        listen 127.0.0.1:80
        listen 127.0.0.1:80 http2
        listen 127.0.0.1:20010 http site=gone
        listen 127.0.0.1:20011 tls-by-site site=web
        site web a.test b.test A.test
          /a one http 127.0.0.1:3000=v1 127.0.0.1:3000=v1
          /a/ two http 127.0.0.1:3000=v2
        site shop b.test
        site shop c.test
        site hidden
        ",
        str![[r#"
127.0.0.1:80 is listened on more than once
127.0.0.1:20010 is to serve gone, and there is no such site
127.0.0.1:20011 is to serve web by its own certificate, and it has none
there is more than one site shop
hidden is served nowhere: it needs a host and a listener that looks at hosts, or a listener of its own
a.test is named more than once: by web, web
b.test is named more than once: by shop, web
/a of web is routed more than once: to one, two
/a of web has the upstream 127.0.0.1:3000 more than once
127.0.0.1:3000 is said to be of more than one version: v1, v2
"#]],
    );
}

#[test]
fn a_host_is_of_no_use_where_no_listener_looks_at_it() {
    check(
        "
        listen 127.0.0.1:20010 http site=web
        site web
        site shop shop.test
        ",
        str![
            "shop is served nowhere: it needs a host and a listener that looks at hosts, or a listener of its own"
        ],
    );
}

#[test]
fn a_name_beside_a_wildcard_and_a_path_in_two_sites_fit() {
    check(
        "
        listen 127.0.0.1:80
        site web *.test a.test
          / web http 127.0.0.1:3000=v1
        site shop *.a.test
          / shop http 127.0.0.1:3000=v1
        ",
        str!["fits"],
    );
}
