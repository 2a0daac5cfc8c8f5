//! The certificates of what is announced, and the authority that signs them.

#![expect(
    clippy::disallowed_methods,
    reason = "what time it is decides which certificates are made anew"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use hob_authority::{About, Folder};

use super::{Home, HomeError, Locked};
use crate::announced::Announced;
use crate::settings::Settings;

impl Home {
    /// The files of the authority, whether there is one or not.
    #[must_use]
    pub fn authority(&self) -> Folder {
        let served = self.root.join("stacks/hob/certificates");
        Folder::new(self.root.join("authority"), served)
    }

    /// The domains that the authority is to sign for: those of what is up, of
    /// these settings, and the usual one.
    ///
    /// # Errors
    /// What was announced cannot be read.
    pub fn domains(&self, settings: &Settings) -> Result<BTreeSet<String>, HomeError> {
        let told = self.announced()?;
        let told = told.into_iter().flat_map(|it| it.domains);
        let domains = told.chain(settings.domains.iter().cloned());
        Ok(domains.chain(["test".to_owned()]).collect())
    }

    /// Whether an authority does for these domains, and for some time to come.
    #[must_use]
    pub fn does(about: &About, domains: &BTreeSet<String>) -> bool {
        let all = domains.iter().all(|it| about.permits(it));
        all && !about.is_late(SystemTime::now())
    }

    /// Makes a new authority for these domains, in place of one that was there.
    ///
    /// # Errors
    /// Its files cannot be written.
    pub fn make_authority(
        &self,
        _locked: &Locked,
        domains: BTreeSet<String>,
    ) -> Result<About, HomeError> {
        let made = self.authority().make(domains, SystemTime::now())?;
        Ok(made.about().clone())
    }

    /// The file of each stack's certificate.
    pub(super) fn certificates(
        &self,
        all: &[Announced],
        settings: &Settings,
    ) -> Result<BTreeMap<String, String>, HomeError> {
        let folder = self.authority();
        let authority = match settings.https_port {
            Some(_) => folder.authority()?,
            None => None,
        };
        let mut stacks: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for announced in all {
            for service in &announced.services {
                let names = stacks.entry(service.stack.clone()).or_default();
                for domain in &announced.domains {
                    let own = format!("{}.{domain}", service.stack);
                    names.extend([format!("*.{own}"), own]);
                }
            }
        }
        Ok(folder.serve(authority.as_ref(), &stacks, SystemTime::now())?)
    }
}
