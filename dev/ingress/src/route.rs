//! Who answers what: sites of routes, routes to upstreams. Pure.
//!
//! Start with [`Site`].

use crate::{Address, Certificate, Host, Label, PathPrefix, Version};

/// What answers for some hosts, by the paths that are asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// Whose it is; every site has a name of its own.
    pub name: Label,
    /// The hosts, none of which is another site's. There may be none for a
    /// site that has a listener of its own.
    pub hosts: Vec<Host>,
    /// The routes, each with a path of its own. A path that none of them
    /// matches is answered 404.
    pub routes: Vec<Route>,
    /// Its own certificate, for listeners that serve each site with its own
    /// ([`Transport::TlsBySite`](crate::Transport::TlsBySite)).
    pub certificate: Option<Certificate>,
}

/// Who answers for the paths below one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The beginning of the paths; the longest one of a site that matches
    /// answers.
    pub path: PathPrefix,
    /// Whose it is: for people, in comments and in answers.
    pub service: Label,
    /// What the upstreams speak.
    pub protocol: Protocol,
    /// Who answers, in turns by weight. Where there is nobody, the answer is
    /// 503 with `Retry-After` and a line that names the service.
    pub upstreams: Vec<Upstream>,
}

/// What the processes behind a route speak. None of them has TLS: what is
/// behind is on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// HTTP/1.1, with WebSockets and whatever else upgrades a connection.
    Http,
    /// gRPC: HTTP/2 without TLS that is known beforehand. A client reaches it
    /// by a listener that speaks HTTP/2, see [`Transport`](crate::Transport).
    Grpc,
}

/// A process that answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Upstream {
    /// Where it listens.
    pub addr: Address,
    /// Its share of the requests, beside those of the route's others.
    pub weight: Weight,
    /// What runs there. The answer tells it in [`VERSION_HEADER`](crate::VERSION_HEADER)
    /// and the access log in `version`. An address has one in all routes.
    pub version: Version,
}

/// A share of requests: 1 to 1000, 1 when nothing is said. Of upstreams with
/// 3 and 1, four requests in a row go three to one, in a fixed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(u16);

/// The number is no [`Weight`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no weight: weights are from 1 to {limit}; an upstream that is to get nothing is left out", limit = Weight::MAX.0)]
pub struct WeightError(u16);

impl Weight {
    /// The least share.
    pub const MIN: Self = Self(1);
    /// The greatest share.
    pub const MAX: Self = Self(1000);

    /// The number, from 1 to 1000.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self::MIN
    }
}

impl TryFrom<u16> for Weight {
    type Error = WeightError;

    fn try_from(number: u16) -> Result<Self, WeightError> {
        if (Self::MIN.0..=Self::MAX.0).contains(&number) {
            Ok(Self(number))
        } else {
            Err(WeightError(number))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Weight, WeightError};

    #[test]
    fn a_weight_is_from_1_to_1000() {
        for number in [1, 1000] {
            assert_eq!(Weight::try_from(number).map(Weight::get), Ok(number));
        }
        for number in [0, 1001, u16::MAX] {
            assert_eq!(Weight::try_from(number), Err(WeightError(number)));
        }
        assert_eq!(
            WeightError(0).to_string(),
            "0 is no weight: weights are from 1 to 1000; an upstream that is to get nothing is left out"
        );
    }
}
