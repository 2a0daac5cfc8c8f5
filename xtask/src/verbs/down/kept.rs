//! What stays until somebody asks for its removal, each with the command that
//! removes it.

use hob_engine::{Leftover, LeftoverKind, ProjectRef, typed};

use crate::context::Context;
use crate::platform::home;

/// Names what is kept of a project. `other` is whether commands that do not
/// name it are about another one.
pub fn of_project(project: &ProjectRef, kept: Vec<Leftover>, other: bool) -> Vec<String> {
    let is_named = !project.root.as_os_str().is_empty();
    let whose = match other && is_named {
        true => format!(" --project {}", typed(&project.root)),
        false => String::new(),
    };
    let removes = match other && !is_named {
        true => "`hob down --all --volumes` removes it".to_owned(),
        false => format!("`hob down --volumes{whose}` removes it"),
    };
    let line = |Leftover { kind, what }: Leftover| match kind {
        LeftoverKind::Log if is_named => {
            format!("kept: the last log of {what} (`hob logs {what}{whose}` shows it, {removes})")
        }
        LeftoverKind::Log => format!("kept: the last log of {what} ({removes})"),
        _ => format!("kept: {} {what} ({removes})", kind.as_str()),
    };
    kept.into_iter().map(line).collect()
}

/// Names what is kept of what surrounds the services, which is no project's:
/// no command of hob's takes it away.
pub fn of_surroundings(context: &Context) -> Vec<String> {
    let Ok(home) = home(&context.environment) else {
        return Vec::new();
    };
    let mut kept = Vec::new();
    let certificate = home.authority().certificate();
    if let Some(folder) = certificate.parent().filter(|it| it.is_dir()) {
        let folder = typed(folder);
        kept.push(format!(
            "kept: the local authority of HTTPS and its key, {folder} (`rm -r {folder}` removes it)"
        ));
    }
    if home.root().is_dir() {
        let folder = typed(home.root());
        kept.push(format!(
            "kept: the settings of registry, ingress and resolver, and what was written of them, \
             {folder} (`rm -r {folder}` removes it)"
        ));
    }
    kept
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData, assert_data_eq, str};

    use super::*;

    fn check(root: &str, other: bool, expected: impl IntoData) {
        let project = ProjectRef {
            id: "3f".to_owned(),
            root: root.into(),
        };
        let left = |kind, what: &str| Leftover {
            kind,
            what: what.to_owned(),
        };
        let kept = vec![
            left(LeftoverKind::Volume, "hob-3f.shop.db.data"),
            left(LeftoverKind::Log, "shop/db"),
        ];
        assert_data_eq!(of_project(&project, kept, other).join("\n"), expected);
    }

    #[test]
    fn commands_are_about_the_project_that_something_is_kept_of() {
        check(
            "/home/me/shop",
            false,
            str![[r#"
kept: volume hob-3f.shop.db.data (`hob down --volumes` removes it)
kept: the last log of shop/db (`hob logs shop/db` shows it, `hob down --volumes` removes it)
"#]],
        );
        check(
            "/home/me/my shop",
            true,
            str![[r#"
kept: volume hob-3f.shop.db.data (`hob down --volumes --project '/home/me/my shop'` removes it)
kept: the last log of shop/db (`hob logs shop/db --project '/home/me/my shop'` shows it, `hob down --volumes --project '/home/me/my shop'` removes it)
"#]],
        );
        check(
            "",
            true,
            str![[r#"
kept: volume hob-3f.shop.db.data (`hob down --all --volumes` removes it)
kept: the last log of shop/db (`hob down --all --volumes` removes it)
"#]],
        );
    }
}
