//! Which names are those of secrets, so that their values are not shown.

/// Words that make a name a secret's wherever they stand in it.
const PARTS: &[&str] = &[
    "APIKEY",
    "CREDENTIAL",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PRIVATE",
    "SECRET",
    "TOKEN",
];

/// Words that do so only as a whole: a `MONKEY` is no `KEY`.
const WORDS: &[&str] = &[
    "AUTH", "CERT", "DSN", "KEY", "PASS", "PIN", "PW", "PWD", "SALT",
];

/// Whether a variable of this name probably holds a secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    PARTS.iter().any(|part| name.contains(part))
        || (name != "PWD"
            && name
                .split(['_', '-', '.'])
                .any(|word| WORDS.contains(&word)))
}

/// Whether a text is a URL that carries a password.
pub(crate) fn holds_password(text: &str) -> bool {
    let Some((_, after)) = text.split_once("://") else {
        return false;
    };
    let authority = after.split(['/', '?', '#']).next().unwrap_or("");
    authority.rsplit_once('@').is_some_and(|(user, _)| {
        user.split_once(':')
            .is_some_and(|(_, word)| !word.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_others() {
        for name in [
            "DB_PASSWORD",
            "github_token",
            "AWS_ACCESS_KEY_ID",
            "my-api.key",
            "DB_PWD",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "MONKEY", "LOG", "PWD", "COMPASS", "KEYBOARD", "PATH", "SPINNER",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn a_url_with_a_password_is_a_secret() {
        assert!(holds_password("postgres://me:word@127.0.0.1/db"));
        for text in [
            "http://a/b:c@d",
            "postgres://me@h/db",
            "me:word@h",
            "http://me:@h",
        ] {
            assert!(!holds_password(text), "{text}");
        }
    }
}
