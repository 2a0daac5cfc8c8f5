//! What is said of the ingress's certificate authority: whether it signs for
//! what is wanted, and who trusts it. Pure.

use super::Check;
use crate::verbs::doctor::facts::Certificates;
use crate::verbs::doctor::words::listed;

const NAME: &str = "certificates";

pub(super) fn certificates(certificates: &Certificates) -> Vec<Check> {
    let mut checks = vec![signed(certificates)];
    let has_databases = !certificates.stores.databases.is_empty();
    if certificates.noted.is_some() && has_databases && !certificates.stores.certutil {
        let detail = "`certutil` is not installed: browsers with a list of their own keep it";
        checks.push(Check::warning(NAME, detail).command("apt-get install libnss3-tools"));
    }
    checks
}

fn signed(certificates: &Certificates) -> Check {
    let about = &certificates.about;
    let name = &about.name;
    if certificates.served && !certificates.does {
        let domains = certificates.domains.iter().map(String::as_str);
        let missing: Vec<&str> = domains.filter(|it| !about.permits(it)).collect();
        let detail = match missing.is_empty() {
            true => format!("{name} ends on {}", certificates.until),
            false => format!("{name} does not sign for {}", listed(&missing)),
        };
        let again = match certificates.noted {
            Some(_) => "hob ingress ca uninstall && hob ingress up --https",
            None => "hob ingress up --https",
        };
        return Check::warning(NAME, detail).command(again);
    }
    let domains: Vec<&str> = about.domains.iter().map(String::as_str).collect();
    let detail = format!(
        "{name}, for {} until {}",
        listed(&domains),
        certificates.until
    );
    match &certificates.noted {
        // Another one is trusted than the one that signs.
        Some(noted) if noted.name != *name => {
            let detail = format!("{} is trusted, and {name} signs", noted.name);
            Check::warning(NAME, detail).command("hob ingress ca uninstall")
        }
        Some(noted) => Check::ok(
            NAME,
            format!("{detail}; trusted by {}", listed(&noted.stores)),
        ),
        None => Check::ok(
            NAME,
            format!("{detail}; `hob ingress ca install` has it trusted"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use hob_authority::About;
    use hob_authority::trust::{Database, Plan, Stores, System, Trusted};
    use snapbox::{IntoData, assert_data_eq, str};

    use super::super::{Fix, State};
    use super::*;

    /// An authority for one domain, and what is otherwise.
    #[track_caller]
    fn check(otherwise: impl FnOnce(&mut Certificates), expected: impl IntoData) {
        let domains = BTreeSet::from(["test".to_owned()]);
        let mut found = Certificates {
            about: About {
                name: "hob local authority 0a1b2c3d".to_owned(),
                domains: domains.clone(),
                until: 0,
            },
            until: "2036-11-26".to_owned(),
            domains,
            does: true,
            served: true,
            noted: None,
            stores: Stores {
                system: Some(System::Debian),
                ..Stores::default()
            },
        };
        otherwise(&mut found);
        let lines = certificates(&found).into_iter().map(|check| {
            let mark = if check.state == State::Ok { "ok" } else { "!" };
            let fix = match check.fix {
                Some(Fix::Command(fix) | Fix::Words(fix)) => format!("\n  {fix}"),
                None => String::new(),
            };
            format!("{mark} {}: {}{fix}\n", check.name, check.detail)
        });
        assert_data_eq!(lines.collect::<String>(), expected);
    }

    /// As if `hob ingress ca install` had been there.
    fn install_it(found: &mut Certificates) {
        let trusted = Trusted {
            name: &found.about.name,
            pem: "PEM\n",
            file: Path::new("/ca.pem"),
        };
        found.noted = Some(Plan::of(&found.stores, &trusted, None).noted().clone());
    }

    #[test]
    fn who_signs_and_who_trusts_it_is_said() {
        check(
            |_| {},
            str![[r#"
ok certificates: hob local authority 0a1b2c3d, for test until 2036-11-26; `hob ingress ca install` has it trusted

"#]],
        );
        check(
            install_it,
            str![[r#"
ok certificates: hob local authority 0a1b2c3d, for test until 2036-11-26; trusted by the system's store

"#]],
        );
    }

    #[test]
    fn what_keeps_a_browser_from_the_doors_is_a_warning() {
        check(
            |found| {
                found.domains.insert("lan".to_owned());
                found.does = false;
            },
            str![[r#"
! certificates: hob local authority 0a1b2c3d does not sign for lan
  hob ingress up --https

"#]],
        );
        check(
            |found| {
                install_it(found);
                found.does = false;
            },
            str![[r#"
! certificates: hob local authority 0a1b2c3d ends on 2036-11-26
  hob ingress ca uninstall && hob ingress up --https

"#]],
        );
        check(
            |found| {
                install_it(found);
                found.about.name = "hob local authority 99999999".to_owned();
            },
            str![[r#"
! certificates: hob local authority 0a1b2c3d is trusted, and hob local authority 99999999 signs
  hob ingress ca uninstall

"#]],
        );
        check(
            |found| {
                install_it(found);
                found.stores.databases.push(Database {
                    folder: "/home/ann/.pki/nssdb".into(),
                    owner: None,
                });
            },
            str![[r#"
ok certificates: hob local authority 0a1b2c3d, for test until 2036-11-26; trusted by the system's store
! certificates: `certutil` is not installed: browsers with a list of their own keep it
  apt-get install libnss3-tools

"#]],
        );
    }
}
