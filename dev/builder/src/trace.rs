//! BuildKit's progress as an engine sends it: base64 of a protobuf
//! `StatusResponse`. Only what is shown is read; the fields are those of
//! <https://github.com/moby/buildkit/blob/master/api/services/control/control.proto>.

/// One message of progress.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) vertexes: Vec<Vertex>,
    pub(crate) logs: Vec<Log>,
}

/// A step of the build, told again whenever it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Vertex {
    pub(crate) digest: String,
    pub(crate) name: String,
    pub(crate) cached: bool,
    pub(crate) started: bool,
    pub(crate) completed: bool,
    /// Empty when nothing is wrong.
    pub(crate) error: String,
}

/// Output of a step, not cut at line ends.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) vertex: String,
    pub(crate) message: Vec<u8>,
}

impl Status {
    /// `None` when `text` is no such message.
    pub(crate) fn from_base64(text: &str) -> Option<Self> {
        let mut status = Self::default();
        each(&base64(text)?, |field, value| match (field, value) {
            (1, Value::Bytes(bytes)) => vertex(bytes).map(|vertex| status.vertexes.push(vertex)),
            (3, Value::Bytes(bytes)) => log(bytes).map(|log| status.logs.push(log)),
            _ => Some(()),
        })?;
        Some(status)
    }
}

fn vertex(bytes: &[u8]) -> Option<Vertex> {
    let mut vertex = Vertex::default();
    each(bytes, |field, value| {
        match (field, value) {
            (1, Value::Bytes(digest)) => vertex.digest = text(digest),
            (3, Value::Bytes(name)) => vertex.name = text(name),
            (4, Value::Number(cached)) => vertex.cached = cached != 0,
            (5, _) => vertex.started = true,
            (6, _) => vertex.completed = true,
            (7, Value::Bytes(error)) => vertex.error = text(error),
            _ => {}
        }
        Some(())
    })?;
    Some(vertex)
}

fn log(bytes: &[u8]) -> Option<Log> {
    let mut log = Log::default();
    each(bytes, |field, value| {
        match (field, value) {
            (1, Value::Bytes(vertex)) => log.vertex = text(vertex),
            (4, Value::Bytes(message)) => log.message = message.to_vec(),
            _ => {}
        }
        Some(())
    })?;
    Some(log)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Every field of a message with its number; wire format:
/// <https://protobuf.dev/programming-guides/encoding/>.
fn each<'a>(mut bytes: &'a [u8], mut take: impl FnMut(u64, Value<'a>) -> Option<()>) -> Option<()> {
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut bytes)?),
            1 => Value::Bytes(split(&mut bytes, 8)?),
            2 => {
                let length = varint(&mut bytes)?;
                Value::Bytes(split(&mut bytes, usize::try_from(length).ok()?)?)
            }
            5 => Value::Bytes(split(&mut bytes, 4)?),
            _ => return None,
        };
        take(key >> 3, value)?;
    }
    Some(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn split<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (part, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(part)
}

/// Standard base64, padded.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for group in text.chunks(4) {
        let mut bits: u32 = 0;
        for byte in group {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - group.len());
        let whole = bits.to_be_bytes();
        bytes.extend_from_slice(whole.get(1..group.len()).unwrap_or_default());
        if group.len() == 1 {
            return None;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_every_length() {
        for (text, plain) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
        ] {
            assert_eq!(base64(text).expect(text), plain.as_bytes());
        }
        assert_eq!(base64("+/+/").expect("symbols"), [0xfb, 0xff, 0xbf]);
        assert_eq!(base64("Z"), None);
        assert_eq!(base64("Zm 9"), None);
    }

    /// As an engine of version 20.10 sent it.
    #[test]
    fn a_running_step_and_its_output() {
        let status = Status::from_base64("Cp4BCkdzaGEyNTY6ZDMzMDFjMjcyNjFiYTllYTk2MDA2MjRlYzljYzA4NTNkNWQ2OWM0YWVlZjM1NGZlYzg2NzZhYWIyNGQyZTcyMBo3W3N0YWdlLTAgMS80XSBGUk9NIGRvY2tlci5pby9saWJyYXJ5L2RlYmlhbjp0cml4aWUtc2xpbSoMCJ6PsNgGEOGaiLQBMgwIno+w2AYQ65+5tQE=").expect("readable");
        let vertex = &status.vertexes[0];
        assert_eq!(
            vertex.name,
            "[stage-0 1/4] FROM docker.io/library/debian:trixie-slim"
        );
        assert!(vertex.started && vertex.completed && !vertex.cached && vertex.error.is_empty());

        let status = Status::from_base64("Gl8KR3NoYTI1NjoyZWYwMmIyMmNlYzNjNjE5MzFlYzAyZWQwMTYxNTJmOGU5MjE3MmUyMTNmZDdhNjI3YjZkNzRkOTFlZjY4NmEzEgwIno+w2AYQjOHQowMYAiIEZXJyCg==").expect("readable");
        assert_eq!(status.logs[0].message, b"err\n");
        assert!(status.logs[0].vertex.starts_with("sha256:2ef02b22"));
    }

    #[test]
    fn a_message_that_is_cut_off_is_none() {
        assert_eq!(Status::from_base64("Gl8KR3No"), None);
    }
}
