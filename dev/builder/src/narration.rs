//! What an engine tells while it builds, from either builder: lines for
//! people, and what is kept of them to explain a failure.

use std::collections::{BTreeMap, VecDeque};

use crate::build::Output;
use crate::error::BuildError;
use crate::trace::{Log, Status, Vertex};

/// What has been told so far.
#[derive(Debug, Default)]
pub(crate) struct Narration {
    steps: BTreeMap<String, Step>,
    /// The key of the step that failed, or of the classic builder's last one.
    failed: Option<String>,
    /// The number of the classic builder's last step.
    number: usize,
    /// The image's id once it is there.
    pub(crate) image: Option<String>,
    /// The engine's last word when it failed.
    pub(crate) error: Option<String>,
}

#[derive(Debug, Default)]
struct Step {
    name: String,
    announced: bool,
    error: String,
    tail: VecDeque<String>,
    /// The beginning of a line whose end has not come.
    open: Vec<u8>,
}

/// The step that failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// As the builder names it; the classic one's without `Step 3/7 : `.
    pub(crate) name: String,
    /// The classic builder's number of the step.
    pub(crate) number: Option<usize>,
    pub(crate) tail: Vec<String>,
    /// The builder's own words about the step, perhaps none.
    pub(crate) error: String,
}

#[derive(serde::Deserialize)]
struct Message {
    id: Option<String>,
    aux: Option<serde_json::Value>,
    stream: Option<String>,
    error: Option<String>,
}

/// The key of the classic builder's only running step.
const CLASSIC: &str = "classic";

impl Narration {
    /// Takes one line of the answer's body; what is no message is passed over.
    pub(crate) fn take(&mut self, line: &[u8], progress: &mut impl FnMut(Output)) {
        let Ok(message) = serde_json::from_slice::<Message>(line) else {
            return;
        };
        if let Some(error) = message.error {
            self.error = Some(error.trim().to_owned());
        }
        if let Some(stream) = message.stream {
            self.stream(&stream, progress);
        }
        match (message.id.as_deref(), message.aux) {
            (Some("moby.buildkit.trace"), Some(serde_json::Value::String(text))) => {
                if let Some(status) = Status::from_base64(&text) {
                    self.status(status, progress);
                }
            }
            (_, Some(serde_json::Value::Object(aux))) => {
                if let Some(id) = aux.get("ID").and_then(|id| id.as_str()) {
                    self.image = Some(id.to_owned());
                }
            }
            _ => {}
        }
    }

    /// What failed, once the answer has ended.
    pub(crate) fn failed(&self) -> Option<Failed> {
        let key = self.failed.as_ref()?;
        let step = self.steps.get(key)?;
        Some(Failed {
            name: step.name.clone(),
            number: (key == CLASSIC).then_some(self.number),
            tail: step.tail.iter().cloned().collect(),
            error: step.error.clone(),
        })
    }

    fn status(&mut self, status: Status, progress: &mut impl FnMut(Output)) {
        for Vertex {
            digest,
            name,
            cached,
            started,
            completed,
            error,
        } in status.vertexes
        {
            let step = self.steps.entry(digest.clone()).or_default();
            if !name.is_empty() {
                step.name = name;
            }
            if (started || cached) && !step.announced && is_of_interest(&step.name) {
                step.announced = true;
                let text = if cached {
                    format!("{} (cached)", step.name)
                } else {
                    step.name.clone()
                };
                progress(Output { step: None, text });
            }
            if completed {
                step.finish(progress);
            }
            if !error.is_empty() {
                step.error = error;
                // What else was running is cancelled with the one that failed.
                let cancelled = step.error.contains("context canceled");
                let first = self.failed.as_ref().and_then(|key| self.steps.get(key));
                if first.is_none_or(|first| first.error.contains("context canceled") && !cancelled)
                {
                    self.failed = Some(digest);
                }
            }
        }
        for Log { vertex, message } in status.logs {
            self.steps
                .entry(vertex)
                .or_default()
                .text(&message, progress);
        }
    }

    fn stream(&mut self, text: &str, progress: &mut impl FnMut(Output)) {
        if let Some((number, name)) = classic_step(text) {
            let mut old = self.steps.remove(CLASSIC).unwrap_or_default();
            old.finish(progress);
            progress(Output {
                step: None,
                text: text.trim().to_owned(),
            });
            self.number = number;
            self.failed = Some(CLASSIC.into());
            let step = Step {
                name,
                announced: true,
                ..Step::default()
            };
            self.steps.insert(CLASSIC.into(), step);
            return;
        }
        // That builder paints what came on stderr.
        let text = text
            .strip_prefix("\x1b[91m")
            .and_then(|text| text.strip_suffix("\x1b[0m"))
            .unwrap_or(text);
        if !is_classic_note(text) {
            self.steps
                .entry(CLASSIC.into())
                .or_default()
                .text(text.as_bytes(), progress);
        }
    }
}

impl Step {
    fn text(&mut self, bytes: &[u8], progress: &mut impl FnMut(Output)) {
        for byte in bytes {
            match byte {
                b'\n' => self.end_of_line(progress),
                byte => self.open.push(*byte),
            }
        }
    }

    fn finish(&mut self, progress: &mut impl FnMut(Output)) {
        if !self.open.is_empty() {
            self.end_of_line(progress);
        }
    }

    fn end_of_line(&mut self, progress: &mut impl FnMut(Output)) {
        let line = std::mem::take(&mut self.open);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches('\r');
        // A progress bar writes over itself: what it said last counts.
        let text = line.rsplit('\r').next().unwrap_or(line).to_owned();
        if self.tail.len() == BuildError::OUTPUT {
            self.tail.pop_front();
        }
        self.tail.push_back(text.clone());
        let step = (!self.name.is_empty()).then(|| self.name.clone());
        progress(Output { step, text });
    }
}

/// Not what the engine does for itself.
fn is_of_interest(name: &str) -> bool {
    !name.starts_with("[internal]") && name != "copy /context /"
}

/// `Step 3/7 : RUN make` as 3 and `RUN make`.
fn classic_step(text: &str) -> Option<(usize, String)> {
    let (count, name) = text.strip_prefix("Step ")?.split_once(" : ")?;
    let (number, _) = count.split_once('/')?;
    Some((number.parse().ok()?, name.trim().to_owned()))
}

/// What the classic builder says about its own doings.
fn is_classic_note(text: &str) -> bool {
    const NOTES: [&str; 5] = [
        " ---> ",
        "Removing intermediate container ",
        "Successfully built ",
        "Successfully tagged ",
        "[Warning] One or more build-args",
    ];
    text.trim().is_empty() || NOTES.iter().any(|note| text.starts_with(note))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str]) -> (Narration, Vec<String>) {
        let mut narration = Narration::default();
        let mut told = Vec::new();
        for line in lines {
            narration.take(line.as_bytes(), &mut |Output { step, text }| {
                told.push(step.map_or(text.clone(), |step| format!("{step} | {text}")));
            });
        }
        (narration, told)
    }

    #[test]
    fn the_classic_builder_tells_steps_and_output() {
        let (narration, told) = told(&[
            r#"{"stream":"Step 1/2 : FROM a"}"#,
            r#"{"stream":"\n"}"#,
            r#"{"stream":" ---> 123\n"}"#,
            r#"{"stream":"Step 2/2 : RUN x"}"#,
            r#"{"stream":"\u001b[91mone\ntw\u001b[0m"}"#,
            r#"{"stream":"o\n10%\r20%\n"}"#,
            r#"{"errorDetail":{"code":3,"message":"m"},"error":"m"}"#,
        ]);
        assert_eq!(
            told,
            [
                "Step 1/2 : FROM a",
                "Step 2/2 : RUN x",
                "RUN x | one",
                "RUN x | two",
                "RUN x | 20%"
            ]
        );
        assert_eq!(
            narration.failed(),
            Some(Failed {
                name: "RUN x".into(),
                number: Some(2),
                tail: ["one", "two", "20%"].map(String::from).to_vec(),
                error: String::new()
            })
        );
        assert_eq!(narration.error.as_deref(), Some("m"));
    }

    #[test]
    fn an_image_has_an_id_from_either_builder() {
        let (narration, _) = told(&[
            r#"{"id":"moby.image.id","aux":{"ID":"sha256:1"}}"#,
            "no json",
        ]);
        assert_eq!(narration.image.as_deref(), Some("sha256:1"));
        let (narration, _) = told(&[r#"{"aux":{"ID":"sha256:2"}}"#]);
        assert_eq!(narration.image.as_deref(), Some("sha256:2"));
    }

    #[test]
    fn a_step_that_was_only_cancelled_is_not_the_one_that_failed() {
        let vertex = |digest: &str, error: &str| Vertex {
            digest: digest.into(),
            name: format!("[{digest} 1/1] RUN x"),
            started: true,
            error: error.into(),
            ..Vertex::default()
        };
        let mut narration = Narration::default();
        let vertexes = vec![
            vertex("a", "context canceled"),
            vertex("b", "exit code: 1"),
            vertex("c", "context canceled"),
        ];
        narration.status(
            Status {
                vertexes,
                logs: Vec::new(),
            },
            &mut |_| {},
        );
        assert_eq!(
            narration.failed().expect("one failed").name,
            "[b 1/1] RUN x"
        );
    }

    #[test]
    fn only_the_last_lines_of_a_step_are_kept() {
        let mut narration = Narration::default();
        narration.stream("Step 1/1 : RUN x", &mut |_| {});
        for line in 0..100 {
            narration.stream(&format!("{line}\n"), &mut |_| {});
        }
        let tail = narration.failed().expect("a step").tail;
        assert_eq!((tail.len(), tail[0].as_str()), (BuildError::OUTPUT, "60"));
    }
}
