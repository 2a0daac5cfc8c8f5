//! [`Authority`]: a key that signs, and the certificates that it has signed.
//! Touches nothing outside; what time it is, it is told.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

const DAY: Duration = Duration::from_hours(24);
/// How long an authority holds: trusting another one takes a person's yes.
const HOLDS: Duration = DAY.saturating_mul(3650);
/// How long a stack's certificate does. Apple's systems take none of more than
/// 825 days, whoever has signed it.
const LEAF_HOLDS: Duration = DAY.saturating_mul(820);
/// Clocks of virtual machines and containers may be late.
const BEFORE: Duration = DAY;
/// So long before its end something is made anew.
const EARLY: Duration = DAY.saturating_mul(60);

/// An authority that can sign.
pub struct Authority {
    about: About,
    issuer: Issuer<'static, KeyPair>,
}

/// What an authority says of itself, beside its certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// As stores and browsers show it.
    pub name: String,
    /// The domains that it may sign for, and nothing else.
    pub domains: BTreeSet<String>,
    /// Its end, in seconds since 1970.
    pub until: u64,
}

/// What an authority has signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The certificate and its own key, in PEM.
    pub pem: String,
    /// Its end, in seconds since 1970.
    pub until: u64,
}

/// Why something was not made.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The library's words.
    #[error("no certificate can be made")]
    Made(#[from] rcgen::Error),
    /// A name outside of the domains.
    #[error("{name} is in none of the domains of {authority}")]
    Name {
        /// The name.
        name: String,
        /// Who does not sign it.
        authority: String,
    },
}

impl Authority {
    /// A new one, with its certificate and its key in PEM. Whoever trusts it
    /// trusts it for these domains alone: it can sign no other name and no
    /// address, for nothing but servers.
    ///
    /// # Errors
    /// The system gives no random numbers, or a domain is none.
    pub fn make(
        domains: BTreeSet<String>,
        now: SystemTime,
    ) -> Result<(Self, String, String), AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        let id = params.key_identifier(&key);
        let id: String = id.iter().take(4).map(|it| format!("{it:02x}")).collect();
        let until = now + HOLDS;
        let about = About {
            name: format!("hob local authority {id}"),
            domains,
            until: seconds(until),
        };
        params.distinguished_name = named(&about.name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let allowed = about.domains.iter().cloned();
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: allowed.map(GeneralSubtree::DnsName).collect(),
            // A constraint on names says nothing about addresses.
            excluded_subtrees: vec![
                GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])),
                GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])),
            ],
        });
        (params.not_before, params.not_after) = (time(now - BEFORE), time(until));
        let certificate = params.self_signed(&key)?.pem();
        let pem = key.serialize_pem();
        let issuer = Issuer::new(params, key);
        Ok((Self { about, issuer }, certificate, pem))
    }

    /// One that was made before, by what it says of itself and its key.
    ///
    /// # Errors
    /// The key is none.
    pub fn of(about: About, key: &str) -> Result<Self, AuthorityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&about.name);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = Issuer::new(params, KeyPair::from_pem(key)?);
        Ok(Self { about, issuer })
    }

    /// What it says of itself.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// A certificate with a key of its own for these names; `subject` is for
    /// people.
    ///
    /// # Errors
    /// One of them is in none of its domains.
    pub fn issue(
        &self,
        subject: &str,
        names: &BTreeSet<String>,
        now: SystemTime,
    ) -> Result<Leaf, AuthorityError> {
        if let Some(name) = names.iter().find(|name| !self.about.permits(name)) {
            return Err(AuthorityError::Name {
                name: name.clone(),
                authority: self.about.name.clone(),
            });
        }
        let names: Vec<String> = names.iter().cloned().collect();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = named(subject);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let until = seconds(now + LEAF_HOLDS).min(self.about.until);
        let end = UNIX_EPOCH + Duration::from_secs(until);
        (params.not_before, params.not_after) = (time(now - BEFORE), time(end));
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Leaf {
            pem: certificate + &key.serialize_pem(),
            until,
        })
    }
}

impl About {
    /// Whether a name, or all that a wildcard means, is in one of the domains.
    #[must_use]
    pub fn permits(&self, name: &str) -> bool {
        let name = name.strip_prefix("*.").unwrap_or(name);
        let is_in = |domain: &String| {
            let rest = name.strip_suffix(domain.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.domains.iter().any(is_in)
    }

    /// Whether it ends soon.
    #[must_use]
    pub fn is_late(&self, now: SystemTime) -> bool {
        is_late(self.until, now)
    }
}

/// Whether the end of something is so near that it is made anew.
pub(crate) fn is_late(until: u64, now: SystemTime) -> bool {
    until < seconds(now + EARLY)
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    // Of 64 characters at most; see ub-common-name in RFC 5280.
    let name: String = name.chars().take(64).collect();
    named.push(DnType::CommonName, name);
    named
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.map_or(0, |it| it.as_secs())
}

fn time(time: SystemTime) -> OffsetDateTime {
    // Certificates have whole seconds.
    OffsetDateTime::from(UNIX_EPOCH + Duration::from_secs(seconds(time)))
}

/// Without its key.
impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authority").field(&self.about).finish()
    }
}

/// Without its key.
impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.until;
        f.debug_struct("Leaf")
            .field("until", &until)
            .finish_non_exhaustive()
    }
}
