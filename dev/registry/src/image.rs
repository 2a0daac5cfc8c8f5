//! An image's whole name: where, what, which.

use std::fmt;

use crate::{Authority, NameError, Repository, Tag};

/// The name that an engine pushes to and a cluster pulls from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Image {
    /// The registry.
    pub authority: Authority,
    /// The repository in it.
    pub repository: Repository,
    /// The tag in that.
    pub tag: Tag,
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.authority, self.repository, self.tag)
    }
}

/// The image of a stack's service: `AUTHORITY/STACK/SERVICE:TAG`.
///
/// # Errors
/// Says which of the three names is none, or that registry and repository
/// have together more than the 255 characters that clients take.
pub fn image_reference(
    authority: &Authority,
    stack: &str,
    service: &str,
    tag: &str,
) -> Result<Image, NameError> {
    let image = Image {
        authority: authority.clone(),
        repository: format!("{stack}/{service}").parse()?,
        tag: tag.parse()?,
    };
    let name = format!("{authority}/{}", image.repository);
    if name.len() > Repository::LONGEST {
        return Err(NameError {
            what: "name of an image",
            text: name,
            reason: "it has more than 255 characters",
        });
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stack: &str, service: &str, tag: &str, expected: &str) {
        let authority = "127.0.0.1:5000".parse().expect("an address");
        let found = match image_reference(&authority, stack, service, tag) {
            Ok(image) => image.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn an_image_is_named_by_stack_service_and_tag() {
        check(
            "polykube",
            "goapi",
            "3f2a",
            "127.0.0.1:5000/polykube/goapi:3f2a",
        );
    }

    #[test]
    fn what_is_no_name_is_said() {
        check(
            "poly",
            "Api",
            "1",
            "\"poly/Api\" is no repository: it has upper case letters",
        );
        check("poly", "api", "", "\"\" is no tag: it is empty");
        let long = "a".repeat(120);
        check(
            &long,
            &long,
            "1",
            &format!(
                "\"127.0.0.1:5000/{long}/{long}\" is no name of an image: it has more than 255 characters"
            ),
        );
    }
}
