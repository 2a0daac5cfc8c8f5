//! Who a service's programs run as.
//!
//! Looked up in the texts of `/etc/passwd` and `/etc/group` (passwd(5),
//! group(5)) and nowhere else: the system's other name services are libraries
//! that the agent does not load, and a container has none.

use std::fs;
use std::path::Path;

use rustix::process::{getegid, geteuid};

/// A user that a program can be started as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The user's name, when it has one.
    pub name: Option<String>,
    /// The user's folder; `/` when nobody says what it is.
    pub home: String,
}

/// Why nothing can run as a user.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It stands in no list.
    #[error("there is no user `{0}` in /etc/passwd; give its number or make it")]
    User(String),
    /// It stands in no list.
    #[error("there is no group `{0}` in /etc/group; give its number or make it")]
    Group(String),
    /// Nothing is said.
    #[error("`{0}` names no user; try `1000:1000`")]
    Empty(String),
    /// Only root becomes somebody else.
    #[error("cannot run as user `{wanted}`: hob's agent is user {own}, not root")]
    NotRoot {
        /// Who was asked for.
        wanted: String,
        /// Who the agent is.
        own: u32,
    },
}

/// The user that `text` names: `uid`, `uid:gid`, `name` or `name:group`.
///
/// # Errors
/// It is unknown, or this process may not become it.
pub fn find(text: &str) -> Result<User, Error> {
    // A system without these files knows numbers only.
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let user = parse(text, &read("/etc/passwd"), &read("/etc/group"))?;
    let (own, group) = (geteuid(), getegid());
    if !own.is_root() && (user.uid, user.gid) != (own.as_raw(), group.as_raw()) {
        return Err(Error::NotRoot {
            wanted: text.to_owned(),
            own: own.as_raw(),
        });
    }
    Ok(user)
}

/// The folder of the user that this process is, when `/etc/passwd` says.
pub fn own_home() -> Option<String> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let own = geteuid().as_raw();
    Entry::all(&passwd)
        .find(|it| it.uid == own)
        .map(|it| it.home.to_owned())
}

impl User {
    fn new(uid: u32, gid: u32, entry: Option<&Entry<'_>>) -> Self {
        let home = entry.map_or("", |it| it.home);
        Self {
            uid,
            gid,
            name: entry.map(|it| it.name.to_owned()),
            home: if home.is_empty() { "/" } else { home }.to_owned(),
        }
    }

    /// What a login would set: `HOME`, and the name where there is one.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let name = self.name.as_deref();
        let named = ["USER", "LOGNAME"].into_iter().zip([name, name]);
        let named = named.filter_map(|(variable, name)| Some((variable, name?)));
        [("HOME", self.home.as_str())].into_iter().chain(named)
    }

    /// Makes a folder and gives it to this user; there may be one already.
    ///
    /// # Errors
    /// It cannot be made or given away.
    pub fn make_folder(user: Option<&Self>, folder: &Path) -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        match user {
            // Of the folder itself: what it may be linked to is not hob's.
            Some(user) => std::os::unix::fs::lchown(folder, Some(user.uid), Some(user.gid)),
            None => Ok(()),
        }
    }
}

/// A line of `/etc/passwd`.
struct Entry<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

impl<'a> Entry<'a> {
    /// All that can be read; others read past the rest, too.
    fn all(passwd: &'a str) -> impl Iterator<Item = Self> {
        passwd.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|name| !name.is_empty())?;
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            let home = fields.nth(1).unwrap_or_default();
            Some(Self {
                name,
                uid,
                gid,
                home,
            })
        })
    }
}

fn parse(text: &str, passwd: &str, group: &str) -> Result<User, Error> {
    let (user, of) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    if user.is_empty() || of == Some("") {
        return Err(Error::Empty(text.to_owned()));
    }
    let number: Option<u32> = user.parse().ok();
    // A name may consist of digits; it comes before the number.
    let entry = Entry::all(passwd)
        .find(|it| it.name == user)
        .or_else(|| Entry::all(passwd).find(|it| Some(it.uid) == number));
    let uid = entry.as_ref().map(|it| it.uid).or(number);
    let uid = uid.ok_or_else(|| Error::User(user.to_owned()))?;
    let gid = match of {
        Some(of) => group_number(of, group).ok_or_else(|| Error::Group(of.to_owned()))?,
        // Docker's word for a number that stands nowhere: the group 0.
        None => entry.as_ref().map_or(0, |it| it.gid),
    };
    Ok(User::new(uid, gid, entry.as_ref()))
}

fn group_number(of: &str, group: &str) -> Option<u32> {
    let named = group.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(of)).then(|| fields.nth(1)?.parse().ok())?
    });
    named.or_else(|| of.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        broken\n\
        app:x:1001:1002:An app:/home/app:/bin/sh\n\
        42:x:7:8::/seven:\n\
        bare:x:1003:1003:::\n";
    const GROUP: &str = "root:x:0:\nwww:x:33:app\n";

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let told = match parse(text, PASSWD, GROUP) {
            Ok(user) => {
                let variables = user.variables();
                let variables = variables.map(|(name, value)| format!(" {name}={value}"));
                format!("{}:{}{}", user.uid, user.gid, variables.collect::<String>())
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn users_are_known_by_name_and_by_number() {
        check("app", "1001:1002 HOME=/home/app USER=app LOGNAME=app");
        check("1001", "1001:1002 HOME=/home/app USER=app LOGNAME=app");
        check("app:www", "1001:33 HOME=/home/app USER=app LOGNAME=app");
        check("app:12", "1001:12 HOME=/home/app USER=app LOGNAME=app");
        check("5000:6000", "5000:6000 HOME=/");
        check("5000", "5000:0 HOME=/");
        check("bare", "1003:1003 HOME=/ USER=bare LOGNAME=bare");
    }

    #[test]
    fn a_name_of_digits_comes_before_the_number() {
        check("42", "7:8 HOME=/seven USER=42 LOGNAME=42");
    }

    #[test]
    fn who_stands_in_no_list_is_an_error() {
        check(
            "nobody-here",
            "there is no user `nobody-here` in /etc/passwd; give its number or make it",
        );
        check(
            "app:nobody-here",
            "there is no group `nobody-here` in /etc/group; give its number or make it",
        );
        check("", "`` names no user; try `1000:1000`");
        check("app:", "`app:` names no user; try `1000:1000`");
        check(
            "4294967296",
            "there is no user `4294967296` in /etc/passwd; give its number or make it",
        );
    }
}
