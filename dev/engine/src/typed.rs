//! [`typed`]: paths in commands that a person is told to type.

use std::path::Path;

/// A path as a person types it: quoted where a shell would take it apart.
#[must_use]
pub fn typed(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_typed_so_that_a_shell_keeps_it_whole() {
        let check = |path: &str, expected: &str| assert_eq!(typed(Path::new(path)), expected);
        check("/home/me/my-shop_2", "/home/me/my-shop_2");
        check("/home/me/my shop", "'/home/me/my shop'");
        check("/it's", r"'/it'\''s'");
        check("/$(x)", "'/$(x)'");
        check("", "''");
    }
}
