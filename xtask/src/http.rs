//! A very small HTTP/1.1 client for checks against a local server: one request per connection, any Host header, bodies
//! that break the rules on purpose. It is not for anything but tests of this repository.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// An answer may not be larger.
const ANSWER_MAX: usize = 32 << 20;
/// Connecting, and every read and write, must be done within this.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A request.
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// The Host header; the connection goes to the address given to [`send`].
    pub host: &'a str,
    /// Other headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// What is sent after the headers.
    pub body: Body<'a>,
}

/// The body of a request.
pub enum Body<'a> {
    /// None, and no length.
    Empty,
    /// This text.
    Text(&'a str),
    /// So many letters `a`, made while they are sent.
    Filler(usize),
}

/// An answer.
#[derive(Debug, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, decoded if it was chunked.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The address in `http://IP:PORT`.
///
/// # Errors
/// When it is anything else; host names are not looked up.
pub fn address(base_url: &str) -> Result<SocketAddr> {
    let rest = base_url
        .strip_prefix("http://")
        .with_context(|| format!("{base_url} does not begin with http://"))?;
    rest.trim_end_matches('/').parse().with_context(|| format!("{base_url} is not http://IP:PORT"))
}

/// Sends a request and returns the answer. The server may answer before it has read everything.
///
/// # Errors
/// When no connection or no whole answer comes within the limits.
pub fn send(to: SocketAddr, request: &Request<'_>) -> Result<Response> {
    let what = || format!("{} {} to {to}", request.method, request.path);
    let stream = TcpStream::connect_timeout(&to, TIMEOUT).with_context(what)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let writer = stream.try_clone()?;
    std::thread::scope(|scope| {
        // A server that refuses a large body stops reading it: the write then fails, and only the answer counts.
        scope.spawn(|| write_request(&writer, request).is_ok());
        let answer = read_answer(&stream);
        let _already_closed = stream.shutdown(Shutdown::Both);
        answer
    })
    .with_context(what)
}

fn write_request(mut to: &TcpStream, request: &Request<'_>) -> std::io::Result<()> {
    let mut head = format!(
        "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
        request.method, request.path, request.host
    );
    for (name, value) in request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = match request.body {
        Body::Empty => None,
        Body::Text(text) => Some(text.len()),
        Body::Filler(length) => Some(length),
    };
    if let Some(length) = length {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    head.push_str("\r\n");
    to.write_all(head.as_bytes())?;
    match request.body {
        Body::Empty => Ok(()),
        Body::Text(text) => to.write_all(text.as_bytes()),
        Body::Filler(mut left) => {
            let block = [b'a'; 64 << 10];
            while left > 0 {
                let now = left.min(block.len());
                to.write_all(&block[..now])?;
                left -= now;
            }
            Ok(())
        }
    }
}

fn read_answer(mut from: &TcpStream) -> Result<Response> {
    let mut seen = Vec::new();
    let mut block = [0_u8; 64 << 10];
    loop {
        let got = match from.read(&mut block) {
            Ok(got) => got,
            // After an early refusal the connection may be reset; what has arrived still counts.
            Err(_) if parse(&seen, true)?.is_some() => 0,
            Err(error) => return Err(error).context("no whole answer"),
        };
        seen.extend_from_slice(&block[..got]);
        if let Some(answer) = parse(&seen, got == 0)? {
            return Ok(answer);
        }
        if got == 0 || seen.len() > ANSWER_MAX {
            bail!("the answer is cut off or too large ({} bytes)", seen.len());
        }
    }
}

/// The answer in these bytes, or `None` while more is needed. `ended` says that nothing more will come.
fn parse(bytes: &[u8], ended: bool) -> Result<Option<Response>> {
    let Some(head_len) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..head_len]).context("the answer's head is not text")?;
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .with_context(|| format!("not an answer: {first}"))?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(k, v)| (k.to_ascii_lowercase(), v.trim().to_owned()))
        .collect();
    let mut answer = Response { status, headers, body: Vec::new() };
    let rest = &bytes[head_len + 4..];
    if answer.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    {
        let Some(body) = unchunk(rest)? else { return Ok(None) };
        answer.body = body;
        return Ok(Some(answer));
    }
    let length = answer.header("content-length").and_then(|value| value.parse::<usize>().ok());
    match length {
        Some(length) if rest.len() >= length => answer.body = rest[..length].to_vec(),
        None if ended => answer.body = rest.to_vec(),
        _ => return Ok(None),
    }
    Ok(Some(answer))
}

fn unchunk(mut bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let Some(line_len) = find(bytes, b"\r\n") else { return Ok(None) };
        let size =
            std::str::from_utf8(&bytes[..line_len]).ok().and_then(|line| line.split(';').next());
        let size = size
            .and_then(|hex| usize::from_str_radix(hex.trim(), 16).ok())
            .filter(|size| *size <= ANSWER_MAX);
        let size = size.context("a chunk has no size, or one over the limit")?;
        let start = line_len + 2;
        if size == 0 {
            return Ok(Some(body));
        }
        let Some(chunk) = bytes.get(start..start + size) else { return Ok(None) };
        body.extend_from_slice(chunk);
        bytes = bytes.get(start + size + 2..).unwrap_or_default();
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_body_of_known_length_is_read_as_far_as_it_goes() {
        let bytes = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}extra";
        let answer = parse(bytes, false).unwrap().unwrap();
        assert_eq!(
            (answer.status, answer.header("content-type"), answer.body.as_slice()),
            (404, Some("application/json"), b"{}".as_slice())
        );
        assert!(parse(&bytes[..bytes.len() - 6], false).unwrap().is_none(), "one byte is missing");
    }

    #[test]
    fn a_chunked_body_is_put_together() {
        let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        assert_eq!(parse(bytes, false).unwrap().unwrap().body, b"abcde");
        assert!(parse(&bytes[..bytes.len() - 8], false).unwrap().is_none());
    }

    #[test]
    fn an_early_refusal_of_a_large_body_is_seen() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = server.local_addr().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = server.accept().unwrap();
                let mut head = [0_u8; 16];
                stream.read_exact(&mut head).unwrap();
                stream
                    .write_all(b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n")
                    .unwrap();
            });
            let request = Request {
                method: "POST",
                path: "/",
                host: "a",
                headers: &[],
                body: Body::Filler(64 << 20),
            };
            assert_eq!(send(to, &request).unwrap().status, 413);
        });
    }

    #[test]
    fn only_a_plain_local_address_is_an_address() {
        assert_eq!(address("http://127.0.0.1:80/").unwrap().port(), 80);
        assert!(address("https://127.0.0.1:80").is_err());
    }
}
