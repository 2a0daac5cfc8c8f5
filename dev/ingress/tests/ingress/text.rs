//! The whole text of small cases.

use std::num::{NonZeroU8, NonZeroU32};

use hob_ingress::{Account, Certificate, FilePath, Log, Settings, nginx_conf};
use snapbox::{IntoData as _, assert_data_eq, str};

use crate::samples;

fn path(text: &str) -> FilePath {
    FilePath::new(text).unwrap()
}

fn settings() -> Settings {
    Settings {
        pid: path("/run/hob/nginx.pid"),
        temporary: path("/run/hob"),
        access_log: Log::Stdout,
        error_log: Log::Stderr,
        account: None,
        workers: None,
        drain_seconds: hob_ingress::DRAIN_SECONDS,
    }
}

fn conf(routes: &str, settings: &Settings) -> String {
    let pair = Certificate {
        certificate: path("/etc/hob/test.pem"),
        key: path("/etc/hob/test.key"),
    };
    nginx_conf(&samples::ingress(routes, Some(&pair)).unwrap(), settings)
}

/// What follows the last thing that is the same in all cases.
fn sites(text: &str) -> &str {
    text.split_once("map $hob_answered_by $hob_version")
        .unwrap()
        .1
}

#[test]
fn nothing_is_served() {
    assert_data_eq!(
        conf("", &settings()),
        str![[r##"
# nginx.conf, for nginx 1.22 to 1.26. hob writes it from routes, and writes it
# anew when they change: what is edited here is lost.
daemon off;
pid "/run/hob/nginx.pid";
worker_processes auto;
worker_rlimit_nofile 8192;
# Old workers end then, whatever they still have.
worker_shutdown_timeout 600s;
error_log stderr warn;
events {
    worker_connections 4096;
}
http {
    client_body_temp_path "/run/hob/client_body";
    proxy_temp_path "/run/hob/proxy";
    fastcgi_temp_path "/run/hob/fastcgi";
    uwsgi_temp_path "/run/hob/uwsgi";
    scgi_temp_path "/run/hob/scgi";
    # Names and maps of any size fit.
    server_names_hash_max_size 65536;
    server_names_hash_bucket_size 512;
    map_hash_max_size 65536;
    map_hash_bucket_size 256;

    # The path without the query, which may hold what is nobody's business.
    map $request_uri $hob_path {
        default "";
        "~^(?<hob_before_query>[^?]+)" $hob_before_query;
    }
    # A number of JSON does not begin with 0.
    map $status $hob_status {
        default 0;
        "~^[1-9]" $status;
    }
    log_format hob escape=json
        '{"time":$msec,"id":"$hob_id","host":"$host","method":"$request_method",'
        '"path":"$hob_path","protocol":"$server_protocol","status":$hob_status,'
        '"upstream":"$upstream_addr","version":"$hob_version",'
        '"seconds":$request_time,"upstream_seconds":"$upstream_response_time",'
        '"connect_seconds":"$upstream_connect_time",'
        '"received":$request_length,"sent":$bytes_sent}';
    access_log /dev/stdout hob;

    server_tokens off;
    absolute_redirect off;
    default_type "text/plain; charset=utf-8";

    # Headers of any name and of large cookies arrive.
    underscores_in_headers on;
    ignore_invalid_headers off;
    large_client_header_buffers 8 64k;

    # Bodies of any size go through as they come, both ways, without files: what
    # an upstream writes is sent at once.
    client_max_body_size 0;
    client_body_buffer_size 64k;
    proxy_request_buffering off;
    proxy_buffering off;
    proxy_buffer_size 64k;
    proxy_buffers 4 64k;
    proxy_max_temp_file_size 0;
    grpc_buffer_size 64k;

    # A stream or a WebSocket may be silent that long.
    client_body_timeout 1h;
    send_timeout 1h;
    proxy_read_timeout 1h;
    proxy_send_timeout 1h;
    grpc_read_timeout 1h;
    grpc_send_timeout 1h;
    # HTTP/2 only; a location closes connections of HTTP/1.1 after each answer.
    keepalive_timeout 1h;

    # An upstream that cannot be connected to is passed over by any request; one
    # that fails later by requests without a body that may be repeated
    # (POST, PATCH and LOCK may not). After the limit nothing is repeated, so a
    # request that was waited for in vain is not.
    proxy_connect_timeout 5s;
    proxy_next_upstream error timeout;
    proxy_next_upstream_timeout 10m;
    grpc_connect_timeout 5s;
    grpc_next_upstream error timeout;
    grpc_next_upstream_timeout 10m;

    # A client's request id is kept if it is sane, else one is made.
    map $http_x_request_id $hob_id {
        default $request_id;
        "~^[A-Za-z0-9._:=+/@-]{1,128}$" $http_x_request_id;
    }
    # The host as the client named it; HTTP/1.0 may name none.
    map $http_host $hob_host {
        default $http_host;
        "" $host;
    }
    # The port that the client named, which is not the one that it reached if one
    # is forwarded to the other.
    map $http_host $hob_port {
        default $server_port;
        "~:(?<hob_named_port>[0-9]{1,5})$" $hob_named_port;
    }
    # WebSockets and other upgrades, but for HTTP/2, which is nginx's own affair.
    map $http_upgrade $hob_upgrade {
        default $http_upgrade;
        "~*h2c" "";
    }
    # A connection to an upstream is for one request: one that is kept may be
    # closed by a process that ends just when a request is sent on it.
    map $hob_upgrade $hob_connection {
        default upgrade;
        "" close;
    }
    proxy_http_version 1.1;
    proxy_redirect off;
    proxy_set_header Host $hob_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $hob_host;
    proxy_set_header X-Forwarded-Port $hob_port;
    proxy_set_header X-Request-Id $hob_id;
    proxy_set_header Upgrade $hob_upgrade;
    proxy_set_header Connection $hob_connection;
    grpc_set_header Host $hob_host;
    grpc_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    grpc_set_header X-Forwarded-Proto $scheme;
    grpc_set_header X-Forwarded-Host $hob_host;
    grpc_set_header X-Forwarded-Port $hob_port;
    grpc_set_header X-Request-Id $hob_id;
    proxy_hide_header X-Request-Id;
    grpc_hide_header X-Request-Id;
    proxy_hide_header hob-version;
    grpc_hide_header hob-version;
    add_header hob-version $hob_version always;
    add_header X-Request-Id $hob_id always;

    # The upstream that answered: the last that was tried, or none when no header
    # came from it and the answer is nginx's own.
    map "$upstream_addr|$upstream_header_time" $hob_answered_by {
        default "";
        "~(?<hob_last_addr>[^ |]+)\|(?:.* )?[0-9.]+$" $hob_last_addr;
    }
    map $hob_answered_by $hob_version {
        default "";
    }
}

"##]]
        .raw()
    );
}

#[test]
fn a_stack_with_a_port_of_its_own_two_versions_and_a_service_that_is_down() {
    let text = conf(
        "
        listen 127.0.0.1:80
        listen 127.0.0.1:443 tls
        listen 127.0.0.1:20010 http site=polykube
        site polykube goapi.polykube.test *.polykube.test
          / web http [::1]:3000=v1
          /greeting goapi http 127.0.0.1:3001=v1*9 127.0.0.1:3002=v2
          /helloworld.Greeter greeter grpc 127.0.0.1:3003=e617427
          /down vnextapi http
        ",
        &settings(),
    );
    assert_data_eq!(
        sites(&text),
        str![[r#"
 {
        default "";
        "127.0.0.1:3001" "v1";
        "127.0.0.1:3002" "v2";
        "127.0.0.1:3003" "e617427";
        "[::1]:3000" "v1";
    }

    # / of polykube: web
    upstream polykube.1 {
        zone polykube.1 65k;
        server [::1]:3000 weight=1 max_fails=0;
    }

    # /greeting of polykube: goapi
    upstream polykube.3 {
        zone polykube.3 66k;
        server 127.0.0.1:3001 weight=9 max_fails=0;
        server 127.0.0.1:3002 weight=1 max_fails=0;
    }

    # /helloworld.Greeter of polykube: greeter
    upstream polykube.4 {
        zone polykube.4 65k;
        server 127.0.0.1:3003 weight=1 max_fails=0;
    }

    # A host that is nobody's: closed without an answer.
    server {
        listen 127.0.0.1:80 default_server backlog=4096;
        listen 127.0.0.1:443 ssl http2 default_server backlog=4096;
        ssl_certificate "/etc/hob/test.pem";
        ssl_certificate_key "/etc/hob/test.key";
        return 444;
    }

    # The site polykube.
    server {
        listen 127.0.0.1:80;
        listen 127.0.0.1:443;
        listen 127.0.0.1:20010 default_server backlog=4096;
        server_name *.polykube.test;
        server_name goapi.polykube.test;
        ssl_certificate "/etc/hob/test.pem";
        ssl_certificate_key "/etc/hob/test.key";
        error_page 502 504 @unanswered;
        location @unanswered {
            keepalive_timeout 0;
            return 502 "nothing behind this path of $host answered request $hob_id\n";
        }
        # /: web
        location / {
            keepalive_timeout 0;
            proxy_pass http://polykube.1;
        }
        # /down: vnextapi
        location = /down {
            keepalive_timeout 0;
            add_header Retry-After 1 always;
            add_header X-Request-Id $hob_id always;
            return 503 "nothing serves vnextapi now\n";
        }
        location /down/ {
            keepalive_timeout 0;
            add_header Retry-After 1 always;
            add_header X-Request-Id $hob_id always;
            return 503 "nothing serves vnextapi now\n";
        }
        # /greeting: goapi
        location = /greeting {
            keepalive_timeout 0;
            proxy_pass http://polykube.3;
        }
        location /greeting/ {
            keepalive_timeout 0;
            proxy_pass http://polykube.3;
        }
        # /helloworld.Greeter: greeter
        location = /helloworld.Greeter {
            keepalive_timeout 0;
            grpc_pass grpc://polykube.4;
        }
        location /helloworld.Greeter/ {
            keepalive_timeout 0;
            grpc_pass grpc://polykube.4;
        }
    }
}

"#]]
        .raw()
    );
}

#[test]
fn settings_stand_where_nginx_looks_for_them() {
    let settings = Settings {
        access_log: Log::File(path("/var/log/hob/a \"b\".log")),
        error_log: Log::File(path("/var/log/hob/error.log")),
        account: Some(Account {
            user: "www-data".parse().unwrap(),
            group: "adm".parse().unwrap(),
        }),
        workers: NonZeroU8::new(2),
        drain_seconds: NonZeroU32::MIN,
        ..settings()
    };
    let text = conf("", &settings);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim_start)
        .filter(|line| {
            let word = line.split(' ').next().unwrap();
            word.ends_with("_log") || word.starts_with("worker_") || word == "user"
        })
        .collect();
    assert_data_eq!(
        lines.join("\n"),
        str![[r#"
user www-data adm;
worker_processes 2;
worker_rlimit_nofile 8192;
worker_shutdown_timeout 1s;
error_log "/var/log/hob/error.log" warn;
worker_connections 4096;
access_log "/var/log/hob/a \"b\".log" hob;
"#]]
        .raw()
    );
}
