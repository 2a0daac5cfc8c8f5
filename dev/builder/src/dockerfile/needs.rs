//! What a Dockerfile asks of a builder.

use super::Dockerfile;
use super::parse::is_dockers_own;

/// Something that not every builder has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) line: usize,
    /// As it is written, like `RUN --mount`.
    pub(crate) what: String,
}

/// Flags that only BuildKit has.
const FLAGS: [(&str, &[&str]); 3] = [
    ("RUN", &["mount", "network", "security", "device"]),
    ("COPY", &["chmod", "link", "parents", "exclude"]),
    (
        "ADD",
        &[
            "chmod",
            "link",
            "checksum",
            "keep-git-dir",
            "exclude",
            "unpack",
        ],
    ),
];

impl Dockerfile {
    /// The first thing that the classic builder does not have. `# syntax=`
    /// with Docker's own frontend is none: that builder reads it as a comment.
    pub(crate) fn needs_buildkit(&self) -> Option<Need> {
        if let Some((line, image)) = &self.syntax
            && !is_dockers_own(image)
        {
            return Some(Need {
                line: *line,
                what: format!("# syntax={image}"),
            });
        }
        self.instructions().find_map(|one| {
            let flag = one.flags.iter().find(|(name, _)| {
                FLAGS.iter().any(|(keyword, flags)| {
                    *keyword == one.keyword && flags.contains(&name.as_str())
                })
            });
            let what = match (&one.heredoc, flag) {
                (_, Some((name, _))) => format!("{} --{name}", one.keyword),
                (Some(heredoc), None) => format!("{} {heredoc}", one.keyword),
                (None, None) => return None,
            };
            Some(Need {
                line: one.line,
                what,
            })
        })
    }

    /// The first thing that BuildKit's own frontend has only since engine 23:
    /// heredocs and `--link`. A `# syntax=` brings a frontend along.
    pub(crate) fn needs_newer_buildkit(&self) -> Option<Need> {
        if self.syntax.is_some() {
            return None;
        }
        self.instructions().find_map(|one| {
            let what = match &one.heredoc {
                Some(heredoc) => format!("{} {heredoc}", one.keyword),
                None if one.flags.iter().any(|(name, _)| name == "link") => {
                    format!("{} --link", one.keyword)
                }
                None => return None,
            };
            Some(Need {
                line: one.line,
                what,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn needs(text: &str) -> [Option<(usize, String)>; 2] {
        let read = Dockerfile::parse(Path::new("Dockerfile"), text).expect("readable");
        [read.needs_buildkit(), read.needs_newer_buildkit()]
            .map(|need| need.map(|need| (need.line, need.what)))
    }

    #[test]
    fn mounts_heredocs_and_flags_need_buildkit() {
        assert_eq!(
            needs("FROM a\nRUN --mount=type=cache,target=/c x"),
            [Some((2, "RUN --mount".into())), None]
        );
        let heredoc = Some((2, "RUN <<EOF".to_owned()));
        assert_eq!(
            needs("FROM a\nRUN <<EOF\nx\nEOF"),
            [heredoc.clone(), heredoc]
        );
        let link = Some((3, "COPY --link".to_owned()));
        assert_eq!(needs("FROM a\n\nCOPY --link x y"), [link.clone(), link]);
    }

    #[test]
    fn plain_instructions_need_nothing() {
        assert_eq!(
            needs(
                "FROM --platform=linux/amd64 a\nCOPY --from=b --chown=1 x y\nRUN echo --mount\nHEALTHCHECK --interval=1s CMD x"
            ),
            [None, None]
        );
    }

    #[test]
    fn dockers_own_syntax_is_a_comment_to_the_classic_builder() {
        assert_eq!(needs("# syntax=docker/dockerfile:1\nFROM a"), [None, None]);
        assert_eq!(
            needs("# syntax=me/mine\nFROM a"),
            [Some((1, "# syntax=me/mine".into())), None]
        );
        assert_eq!(
            needs("# syntax=docker/dockerfile:1\nFROM a\nRUN <<E\nE")[1],
            None
        );
    }
}
