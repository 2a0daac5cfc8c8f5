//! A file as it is at one moment: one that is saved in place while it is read
//! is read again.

use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use tower_http::services::ServeFile;

use crate::server::Body;

/// What is larger is sent as it is read: nobody saves it in place twice a
/// second, and memory is not for that.
const LARGEST: u64 = 4 << 20;

/// How often a file is read again, and the pause before that: an editor is done
/// with a page within a millisecond.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(4);

/// The library's answer for a file, whose length is the one that is announced.
pub(crate) async fn answer(
    path: &Path,
    method: &Method,
    headers: &HeaderMap,
) -> io::Result<Response<Body>> {
    let mut tries = TRIES;
    loop {
        let response = library(path, method, headers).await?;
        let announced = length(&response);
        let small = announced.is_some_and(|length| length <= LARGEST);
        if *method != Method::GET || response.status() != StatusCode::OK || !small {
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        let read = body.collect().await?.to_bytes();
        let is_whole = announced == u64::try_from(read.len()).ok();
        if !is_whole && tries > 0 {
            tries -= 1;
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let length = HeaderValue::from(read.len());
        parts.headers.insert(CONTENT_LENGTH, length);
        let body = Full::new(read).map_err(|never| match never {});
        return Ok(Response::from_parts(parts, body.boxed_unsync()));
    }
}

async fn library(path: &Path, method: &Method, headers: &HeaderMap) -> io::Result<Response<Body>> {
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = method.clone();
    *request.headers_mut() = headers.clone();
    let mut files = ServeFile::new(path).ignore_multi_range_requests(true);
    let response = files.try_call(request).await?;
    Ok(response.map(BodyExt::boxed_unsync))
}

fn length(response: &Response<Body>) -> Option<u64> {
    let length = response.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn an_answer_has_the_length_that_it_announces_while_its_file_is_saved_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        let (long, short) = ("long ".repeat(400), "short ".repeat(30));
        std::fs::write(&path, &long).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let (ends, saved) = (Arc::clone(&over), path.clone());
        let saving = std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                for text in [&short, &long] {
                    std::fs::write(&saved, text).unwrap();
                }
            }
        });
        for _ in 0..2_000 {
            let answer = answer(&path, &Method::GET, &HeaderMap::new())
                .await
                .unwrap();
            let announced = length(&answer).unwrap();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(announced, u64::try_from(body.len()).unwrap());
        }
        over.store(true, Ordering::Relaxed);
        saving.join().unwrap();
    }
}
