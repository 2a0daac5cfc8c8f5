//! Where requests come in. Pure.
//!
//! Start with [`Listener`].

use crate::{Address, FilePath, Label};

/// An address that nginx listens on. That it is one of loopback is for the
/// caller to see to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// The address; every listener has one of its own.
    pub addr: Address,
    /// What is spoken there.
    pub transport: Transport,
    /// Who answers there.
    pub serves: Serves,
}

/// What a listener speaks with its clients.
///
/// One without TLS speaks either HTTP/1.1 or HTTP/2: nginx before 1.25.1
/// cannot tell them apart there, and this configuration is one for nginx 1.22
/// to 1.26. HTTP/2 is asked for by `listen … http2`, since the directive
/// `http2` is newer than 1.25.1; from there on nginx takes the old way with a
/// warning that it is deprecated ([`listen`]).
///
/// [`listen`]: https://nginx.org/en/docs/http/ngx_http_core_module.html#listen
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// HTTP/1.1 without TLS, which every client speaks; no gRPC.
    Http,
    /// HTTP/2 without TLS, by clients that know it beforehand, as those of
    /// gRPC do. (nginx from 1.25.1 on would answer HTTP/1.1 there, too.)
    Http2,
    /// TLS, with HTTP/1.1 and HTTP/2 as the client likes (ALPN).
    Tls(Certificate),
    /// The same, with the certificate of the site that a client names in its
    /// handshake (SNI). One that names none of them, or a host that is nobody's,
    /// is refused there; sites without a certificate are not served.
    TlsBySite,
}

/// A certificate, which has to name all hosts of its listener or its site.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Certificate {
    /// The file of the certificate and those that it is signed by, in PEM.
    pub certificate: FilePath,
    /// The file of its key, in PEM, read by nginx's first process alone.
    pub key: FilePath,
}

/// Who answers at a listener.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Serves {
    /// All sites, each by its hosts. A request for a host that is nobody's is
    /// closed without an answer (nginx's 444): a page of another origin that
    /// points a name at this address learns nothing.
    Hosts,
    /// One site, whatever the host is, as at a stack's own port.
    Site(Label),
}
