//! Versions of a service: services of their own that stand beside it or in its
//! place, made of the same table of its file. Pure.
//!
//! No file tells of them; whoever updates a service without a gap does. Start
//! with [`Project::put_in_place`].

use crate::model::{Project, Service};
use crate::names::{ServiceId, ServiceName};

/// Why a version cannot be put where it is to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The file has no such service.
    #[error("there is no service {0}")]
    NoService(ServiceId),
    /// The file gives its name to a service of its own.
    #[error("{0} is a service of its own")]
    Taken(ServiceId),
}

impl Project {
    /// Has a service run as this version of it: it goes by the version's name,
    /// and neighbours know it by the one that it had.
    ///
    /// # Errors
    /// There is no such service, or the name is another one's.
    pub fn put_in_place(
        &mut self,
        of: &ServiceId,
        version: &ServiceName,
    ) -> Result<(), VersionError> {
        if of.service == *version {
            return self.service(of).map(drop).ok_or_else(|| unknown(of));
        }
        self.put(of, version, |service| {
            service.known_as.clone_from(&of.service)
        })?;
        let Some(stack) = self.stacks.get_mut(&of.stack) else {
            return Err(unknown(of));
        };
        stack.services.remove(&of.service);
        for service in stack.services.values_mut() {
            let others = service.needs.iter_mut().chain(&mut service.wants);
            for other in others.filter(|it| *it == of) {
                other.service = version.clone();
            }
        }
        Ok(())
    }

    /// Adds a version of a service beside it, which no neighbour knows and no
    /// route leads to.
    ///
    /// # Errors
    /// There is no such service, or the name is another one's.
    pub fn put_beside(
        &mut self,
        of: &ServiceId,
        version: &ServiceName,
    ) -> Result<(), VersionError> {
        self.put(of, version, |service| service.routes.clear())
    }

    fn put(
        &mut self,
        of: &ServiceId,
        version: &ServiceName,
        change: impl FnOnce(&mut Service),
    ) -> Result<(), VersionError> {
        let service = self.service(of).ok_or_else(|| unknown(of))?;
        let id = ServiceId {
            stack: of.stack.clone(),
            service: version.clone(),
        };
        if self.service(&id).is_some() {
            return Err(VersionError::Taken(id));
        }
        let mut service = Service {
            id,
            known_as: version.clone(),
            ..service.clone()
        };
        change(&mut service);
        if let Some(stack) = self.stacks.get_mut(&of.stack) {
            stack.services.insert(version.clone(), service);
        }
        Ok(())
    }
}

fn unknown(id: &ServiceId) -> VersionError {
    VersionError::NoService(id.clone())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeMap;

    use super::*;

    /// A shop whose `web` needs `api`.
    fn shop() -> Project {
        let folder = tempfile::tempdir().unwrap();
        let stack = folder.path().join("stacks/shop");
        std::fs::create_dir_all(&stack).unwrap();
        let text = "version = 1\n[services.api]\nrun = [\"true\"]\nport = 80\nroutes = [\"/api\"]\n\
             [services.web]\nrun = [\"true\"]\nneeds = [\"api\"]\n";
        std::fs::write(stack.join("stack.toml"), text).unwrap();
        let loaded = Project::load(folder.path(), &BTreeMap::new());
        loaded.project.unwrap()
    }

    /// Each service with the name that it is known by and those that it needs.
    fn told(project: &Project) -> Vec<String> {
        let services = project.services();
        services
            .map(|it| {
                let needs = it.needs.iter().map(ServiceId::to_string);
                let needs = needs.collect::<Vec<_>>().join(" ");
                let routes = it.routes.iter().map(|path| format!(", answers {path}"));
                let routes: String = routes.collect();
                format!("{} as {} needs [{needs}]{routes}", it.id, it.known_as)
            })
            .collect()
    }

    fn id() -> ServiceId {
        "shop/api".parse().unwrap()
    }

    fn name(name: &str) -> ServiceName {
        name.parse().unwrap()
    }

    #[test]
    fn a_version_in_place_is_needed_and_known_as_the_service() {
        let mut project = shop();
        project.put_in_place(&id(), &name("api-2")).unwrap();
        assert_eq!(
            told(&project),
            [
                "shop/api-2 as api needs [], answers /api",
                "shop/web as web needs [shop/api-2]"
            ]
        );
        let named = project.select(&["api".to_owned()]).unwrap();
        assert_eq!(named, ["shop/api-2".parse().unwrap()]);
        assert_eq!(project.select(&["api-2".to_owned()]).unwrap(), named);
        assert_eq!(project.select(&["shop/api".to_owned()]).unwrap(), named);
    }

    #[test]
    fn a_version_beside_is_needed_and_known_by_nobody() {
        let mut project = shop();
        project.put_beside(&id(), &name("api-2")).unwrap();
        assert_eq!(
            told(&project),
            [
                "shop/api as api needs [], answers /api",
                "shop/api-2 as api-2 needs []",
                "shop/web as web needs [shop/api]"
            ]
        );
    }

    #[test]
    fn the_first_version_is_the_service_itself() {
        let mut project = shop();
        let before = told(&project);
        project.put_in_place(&id(), &name("api")).unwrap();
        assert_eq!(told(&project), before);
    }

    #[test]
    fn a_name_that_is_taken_and_a_service_that_is_not_there_are_refused() {
        let mut project = shop();
        let before = told(&project);
        let taken = project.put_in_place(&id(), &name("web"));
        assert_eq!(taken, Err(VersionError::Taken("shop/web".parse().unwrap())));
        let nothing: ServiceId = "shop/db".parse().unwrap();
        let unknown = project.put_beside(&nothing, &name("db-2"));
        assert_eq!(unknown, Err(VersionError::NoService(nothing)));
        assert_eq!(told(&project), before);
    }
}
