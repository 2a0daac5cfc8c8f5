//! What names mean by stack files that may not tell all. Rules, without
//! effects.

use std::collections::BTreeSet;

use hob_engine::Scope;
use hob_stack::{Project, SelectError, ServiceId};

use crate::context::owners;

/// What could be read of a project's files.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    /// The stacks without a mistake; none when there is nothing to read.
    pub project: Option<&'a Project>,
    /// The stacks that have a mistake.
    pub failed: &'a [String],
}

impl Files<'_> {
    /// Whether a mistake may hide some of what is meant.
    pub fn doubts(self, names: &[String]) -> bool {
        let of = |failed: &String, name: &String| {
            name == failed
                || name
                    .strip_prefix(failed.as_str())
                    .is_some_and(|it| it.starts_with('/'))
        };
        let concerned = |failed: &String| names.is_empty() || names.iter().any(|it| of(failed, it));
        self.project.is_none() || self.failed.iter().any(concerned)
    }

    /// The services that names mean; none when that takes what runs, too.
    pub fn select(self, names: &[String]) -> Option<Result<Vec<ServiceId>, SelectError>> {
        let project = self.project.filter(|_| !self.doubts(names))?;
        match project.select(names) {
            Err(SelectError::Unknown { .. } | SelectError::NoStack) => None,
            answer => Some(answer),
        }
    }

    /// The services that names mean among all those that are known.
    pub fn select_of(
        self,
        known: &BTreeSet<ServiceId>,
        names: &[String],
    ) -> Result<Vec<ServiceId>, SelectError> {
        hob_stack::select(known, names).map_err(|error| {
            // The files' own names are nearer to what was meant.
            let own = self.project.map(|project| project.select(names));
            own.and_then(Result::err).unwrap_or(error)
        })
    }

    /// All that names may touch when they are taken down: without any the
    /// whole project, and of a stack also what its file no longer has.
    pub fn scope(self, all: &BTreeSet<ServiceId>, names: &[String]) -> Result<Scope, SelectError> {
        if names.is_empty() {
            return Ok(Scope::Project);
        }
        let stacks: BTreeSet<&str> = self
            .project
            .iter()
            .flat_map(|project| project.stacks.keys())
            .map(hob_stack::StackName::as_str)
            .chain(self.failed.iter().map(String::as_str))
            .chain(all.iter().map(|id| id.stack.as_str()))
            .collect();
        if names.iter().all(|name| stacks.contains(name.as_str())) {
            return Ok(Scope::Stacks(names.iter().cloned().collect()));
        }
        let services = match self.project.map(|project| project.select(names)) {
            Some(Ok(services)) => services,
            Some(Err(_)) | None => hob_stack::select(all, names)?,
        };
        Ok(Scope::Services(owners(&services)))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeMap;

    use super::*;

    /// Two stacks, `shop` of `web` and `db`, and `tool` of `web`; `bad` has a
    /// mistake.
    fn project() -> (tempfile::TempDir, Project, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        for (stack, services) in [
            ("shop", &["web", "db"][..]),
            ("tool", &["web"]),
            ("bad", &["no such key"]),
        ] {
            let stack = folder.path().join("stacks").join(stack);
            std::fs::create_dir_all(&stack).unwrap();
            let mut text = "version = 1\n".to_owned();
            for service in services {
                text += &format!("[services.{service}]\nrun = [\"true\"]\n");
            }
            std::fs::write(stack.join("stack.toml"), text).unwrap();
        }
        let loaded = Project::load(folder.path(), &BTreeMap::new());
        (folder, loaded.project.unwrap(), loaded.failed)
    }

    fn names(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn ids(text: &str) -> BTreeSet<ServiceId> {
        text.split_whitespace()
            .map(|id| id.parse().unwrap())
            .collect()
    }

    fn shown(services: Result<Vec<ServiceId>, SelectError>) -> String {
        match services {
            Ok(services) => {
                let services: Vec<String> = services.iter().map(ToString::to_string).collect();
                services.join(" ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_mistake_is_in_the_way_of_its_own_stack_and_of_who_names_none() {
        let (_folder, project, failed) = project();
        let files = Files {
            project: Some(&project),
            failed: &failed,
        };
        assert_eq!(failed, ["bad"]);
        for (asked, doubted) in [
            ("", true),
            ("bad", true),
            ("bad/web", true),
            ("shop bad", true),
            ("shop", false),
            ("badly", false),
            ("db", false),
        ] {
            assert_eq!(files.doubts(&names(asked)), doubted, "{asked:?}");
        }
        let nothing = Files {
            project: None,
            failed: &[],
        };
        assert!(nothing.doubts(&names("shop")));
    }

    #[test]
    fn names_are_looked_up_in_the_files_and_then_in_what_runs() {
        let (_folder, project, failed) = project();
        let files = Files {
            project: Some(&project),
            failed: &failed,
        };
        let by_files = |asked| files.select(&names(asked)).map(shown);
        assert_eq!(by_files("db").as_deref(), Some("shop/db"));
        assert_eq!(by_files("bad"), None);
        assert_eq!(by_files("old"), None);
        // Two have it: what runs does not tell which one is meant.
        let twice = by_files("web").unwrap();
        assert!(twice.contains("web"), "{twice}");
        let known = ids("shop/web shop/db tool/web bad/api shop/old");
        let by_all = |asked| shown(files.select_of(&known, &names(asked)));
        assert_eq!(by_all("bad"), "bad/api");
        assert_eq!(by_all("old"), "shop/old");
        let own = project.select(&names("dbb")).unwrap_err().to_string();
        assert_eq!(by_all("dbb"), own);
    }

    #[test]
    fn of_a_stack_all_goes_down_and_of_a_service_itself() {
        let (_folder, project, failed) = project();
        let files = Files {
            project: Some(&project),
            failed: &failed,
        };
        let all = ids("shop/web shop/db tool/web bad/api gone/web shop/old");
        let scope = |asked| files.scope(&all, &names(asked));
        let stacks = |text| Ok(Scope::Stacks(names(text).into_iter().collect()));
        let services = |text| {
            let ids: Vec<ServiceId> = ids(text).into_iter().collect();
            Ok(Scope::Services(owners(&ids)))
        };
        assert_eq!(scope(""), Ok(Scope::Project));
        assert_eq!(scope("shop"), stacks("shop"));
        assert_eq!(scope("bad gone"), stacks("bad gone"));
        assert_eq!(scope("shop/web"), services("shop/web"));
        // What its file no longer has is known by what runs.
        assert_eq!(scope("shop/old"), services("shop/old"));
        assert_eq!(scope("old"), services("shop/old"));
        assert_eq!(scope("tool db"), services("tool/web shop/db"));
        assert!(scope("nothing").is_err());
    }
}
