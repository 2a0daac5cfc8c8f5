//! A registry, asked one question at a time.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;

use crate::http::{Answer, Question, ask};
use crate::manifest::MANIFESTS;
use crate::{Authority, Digest, Error, Reference, Repository, Tag, page, words};

/// How many bytes a page of a list may have.
const PAGE: usize = 16 << 20;

/// The client of one registry.
///
/// It holds no connection: each question opens one of its own, which over
/// loopback costs less than to know whether an old one still stands.
#[derive(Clone, Debug)]
pub struct Client {
    authority: Authority,
    limit: Duration,
}

impl Client {
    /// How long a request may take from its connection to the end of its
    /// answer, unless [`Client::with_limit`] says something else.
    pub const LIMIT: Duration = Duration::from_secs(10);

    /// A client of the registry at `authority`. Nothing is asked yet.
    pub fn new(authority: Authority) -> Self {
        Self {
            authority,
            limit: Self::LIMIT,
        }
    }

    /// The same client with another limit of each request.
    #[must_use]
    pub fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Where the registry answers.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Asks whether a registry answers there (`GET /v2/`).
    ///
    /// # Errors
    /// [`Error::Unreachable`] when nobody listens, [`Error::Slow`] when
    /// somebody does and says nothing, [`Error::NotRegistry`] when somebody
    /// says something else, [`Error::Login`] when it is a registry that wants
    /// to know who asks.
    pub async fn ping(&self) -> Result<(), Error> {
        let answer = self
            .ask(Method::GET, "/v2/", "application/json", PAGE)
            .await?;
        let marked = answer
            .header("docker-distribution-api-version")
            .is_some_and(|version| version.contains("registry/2"));
        let status = answer.status;
        let reason = match status {
            // The header is older than the specification, which has no other
            // mark of a registry; all that are known answer with an object.
            StatusCode::OK if marked || is_object(&answer.body) => return Ok(()),
            StatusCode::UNAUTHORIZED if marked || words::said(&answer.body).is_some() => {
                return Err(login(&answer));
            }
            _ if marked || words::said(&answer.body).is_some() => return Err(refused(&answer)),
            _ => match answer.header("location") {
                Some(target) => format!("it answers {} and leads to {target}", status.as_u16()),
                None => format!(
                    "it answers {}, {:?}",
                    status.as_u16(),
                    words::beginning(&answer.body)
                ),
            },
        };
        Err(Error::NotRegistry {
            url: answer.url,
            reason,
        })
    }

    /// All repositories, sorted (`GET /v2/_catalog`, page after page). One
    /// whose manifests are all gone is still among them: a registry forgets no
    /// name.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn repositories(&self) -> Result<Vec<Repository>, Error> {
        #[derive(Deserialize)]
        struct Page {
            repositories: Option<Vec<String>>,
        }
        let mut found = BTreeSet::new();
        let mut pages = Pages::new("/v2/_catalog".to_owned());
        while let Some(answer) = pages.turn(self).await? {
            let answer = good(answer)?;
            let page: Page = read(&answer)?;
            names(&answer, page.repositories, &mut found)?;
        }
        Ok(found.into_iter().collect())
    }

    /// A repository's tags, sorted (`GET /v2/NAME/tags/list`, page after
    /// page). One that has none, or is not there, has an empty list: versions
    /// differ in whether they answer `[]`, `null` or 404 then.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, Error> {
        #[derive(Deserialize)]
        struct Page {
            tags: Option<Vec<String>>,
        }
        let mut found = BTreeSet::new();
        let mut pages = Pages::new(format!("/v2/{repository}/tags/list"));
        while let Some(answer) = pages.turn(self).await? {
            let answer = match good(answer) {
                Err(Error::NotFound { .. }) => break,
                answer => answer?,
            };
            let page: Page = read(&answer)?;
            names(&answer, page.tags, &mut found)?;
        }
        Ok(found.into_iter().collect())
    }

    /// The digest of what a reference means, or `None` if there is nothing
    /// (`HEAD /v2/NAME/manifests/REFERENCE`): the cheap question whether a tag
    /// is there.
    ///
    /// # Errors
    /// Those of any request but [`Error::NotFound`], and [`Error::Garbage`]
    /// for an answer without a digest.
    pub async fn head(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<Option<Digest>, Error> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let answer = self.ask(Method::HEAD, &path, MANIFESTS, PAGE).await?;
        match good(answer) {
            Err(Error::NotFound { .. }) => Ok(None),
            answer => digest(&answer?, reference).map(Some),
        }
    }

    /// Takes a manifest away, and with it all tags that mean it (`DELETE
    /// /v2/NAME/manifests/DIGEST`). Its layers stay on the disk until the
    /// registry's own `garbage-collect` is run.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not there (any more),
    /// [`Error::DeleteDisabled`] when the registry deletes nothing, and those
    /// of any request.
    pub async fn delete(&self, repository: &Repository, digest: &Digest) -> Result<(), Error> {
        let path = format!("/v2/{repository}/manifests/{digest}");
        let answer = self
            .ask(Method::DELETE, &path, "application/json", PAGE)
            .await?;
        if answer.status == StatusCode::METHOD_NOT_ALLOWED {
            return Err(Error::DeleteDisabled {
                words: words::of(&answer.body),
                url: answer.url,
            });
        }
        good(answer).map(drop)
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        accept: &str,
        most: usize,
    ) -> Result<Answer, Error> {
        let question = Question {
            method,
            path,
            accept,
            most,
        };
        ask(&self.authority, self.limit, question).await
    }
}

/// The pages of one list, asked for one after another.
struct Pages {
    next: Option<String>,
    turned: HashSet<String>,
}

impl Pages {
    fn new(first: String) -> Self {
        Self {
            next: Some(first),
            turned: HashSet::new(),
        }
    }

    async fn turn(&mut self, client: &Client) -> Result<Option<Answer>, Error> {
        let Some(path) = self.next.take() else {
            return Ok(None);
        };
        let answer = client
            .ask(Method::GET, &path, "application/json", PAGE)
            .await?;
        self.next = page::next(&answer)?;
        if !self.turned.insert(path) {
            return Err(Error::garbage(&answer.url, "its pages go round"));
        }
        if self.turned.len() > page::MOST {
            return Err(Error::garbage(&answer.url, "its pages have no end"));
        }
        Ok(Some(answer))
    }
}

/// An answer that is what was asked for.
pub(crate) fn good(answer: Answer) -> Result<Answer, Error> {
    match answer.status {
        status if status.is_success() => Ok(answer),
        StatusCode::UNAUTHORIZED => Err(login(&answer)),
        StatusCode::NOT_FOUND => Err(Error::NotFound {
            words: words::of(&answer.body),
            url: answer.url,
        }),
        _ => Err(refused(&answer)),
    }
}

/// The JSON of an answer.
pub(crate) fn read<'a, T: Deserialize<'a>>(answer: &'a Answer) -> Result<T, Error> {
    serde_json::from_slice(&answer.body)
        .map_err(|error| Error::garbage(&answer.url, error.to_string()))
}

/// The digest that an answer about a manifest has in its head, or that it was
/// asked by.
pub(crate) fn digest(answer: &Answer, reference: &Reference) -> Result<Digest, Error> {
    match (answer.header("docker-content-digest"), reference) {
        (Some(digest), _) => digest
            .parse()
            .map_err(|error| Error::garbage(&answer.url, format!("{error}"))),
        (None, Reference::Digest(digest)) => Ok(digest.clone()),
        (None, Reference::Tag(_)) => Err(Error::garbage(
            &answer.url,
            "it has no `Docker-Content-Digest`",
        )),
    }
}

fn names<T>(
    answer: &Answer,
    names: Option<Vec<String>>,
    into: &mut BTreeSet<T>,
) -> Result<(), Error>
where
    T: std::str::FromStr<Err = crate::NameError> + Ord,
{
    for name in names.unwrap_or_default() {
        let name = name
            .parse()
            .map_err(|error| Error::garbage(&answer.url, format!("{error}")))?;
        into.insert(name);
    }
    Ok(())
}

fn is_object(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body).is_ok()
}

/// An answer to `HEAD` has no words, but a challenge.
fn login(answer: &Answer) -> Error {
    let challenge = || answer.header("www-authenticate").map(str::to_owned);
    let words = words::said(&answer.body).or_else(challenge);
    Error::Login {
        words: words.unwrap_or_else(|| words::beginning(&answer.body)),
        url: answer.url.clone(),
    }
}

fn refused(answer: &Answer) -> Error {
    Error::Refused {
        url: answer.url.clone(),
        status: answer.status.as_u16(),
        words: words::of(&answer.body),
    }
}
