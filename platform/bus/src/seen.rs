//! What a client has written, so that its next request reads at least that: positions in the logs of database
//! servers, which the client itself carries from one request to the next. Browsers do it with a cookie,
//! programs with the header [`SEEN`]. So it holds whichever instance of the bus a request comes to, without
//! anything that the instances would have to share.
//!
//! Nothing is signed: a position grants nothing. An invented one that is too high, and what is no position at
//! all, only make reads go to primaries. Two answers that overtake each other in a browser may leave the
//! older position, and then the newer write is seen a moment later by that browser, as it is by others.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::response::Response;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use rpc::Session;

use crate::front::Kind;

/// What a program has written. It sends back what the last answer with this header said, or `0` before it
/// has written anything. Without the header it reads from primaries.
pub const SEEN: HeaderName = HeaderName::from_static("x-stoa-seen");

const SEEN_COOKIE: &str = "stoa_seen";
/// Seconds; longer than any replica in use is late.
const AGE_S: u32 = 60;
/// More is told as [`ALL`].
const SERVERS_MAX: usize = 16;
const LENGTH_MAX: usize = 512;
const NAME_LENGTH_MAX: usize = 32;
/// Everything that is committed.
const ALL: &str = "*";
const NOTHING: &str = "0";

/// The session of a request. Replicas are for those who only look: who changes something decides on what is
/// committed last, and a third party that calls back speaks of what somebody else has written.
pub(crate) fn session(kind: Kind, method: &Method, headers: &HeaderMap) -> Session {
    let session = Session::default();
    let brought = match kind {
        Kind::Page(_) => Some(cookie(headers).unwrap_or(NOTHING)),
        Kind::Api => headers.get(SEEN).map(|value| value.to_str().unwrap_or(ALL)),
        Kind::Hook | Kind::Ops => None,
    };
    match brought.and_then(read) {
        Some(positions) if method.is_safe() => bring(&session, &positions),
        Some(positions) => {
            session.mark_latest();
            bring(&session, &positions);
        }
        None => session.mark_latest(),
    }
    session
}

fn bring(session: &Session, positions: &BTreeMap<&str, u64>) {
    for (server, position) in positions {
        session.wrote(server, &position.to_string());
    }
}

/// Gives the client what this request has written, beside what it brought.
pub(crate) fn hand_out(
    kind: Kind,
    before: &BTreeMap<String, String>,
    session: &Session,
    response: &mut Response,
) {
    let positions = session.positions();
    if positions == *before {
        return;
    }
    let text = write(&positions);
    match kind {
        Kind::Page(_) => {
            let attributes = format!("Path=/; HttpOnly; SameSite=Lax; Max-Age={AGE_S}");
            if let Ok(value) = HeaderValue::try_from(format!("{SEEN_COOKIE}={text}; {attributes}"))
            {
                response.headers_mut().append(SET_COOKIE, value);
            }
        }
        Kind::Api => {
            if let Ok(value) = HeaderValue::try_from(text) {
                response.headers_mut().insert(SEEN, value);
            }
        }
        Kind::Hook | Kind::Ops => {}
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let mut pairs = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == SEEN_COOKIE).map(|(_, value)| value)
}

/// `main:4711.other:815`; everything when that cannot be said so.
fn write(positions: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (server, position) in positions {
        let dot = if text.is_empty() { "" } else { "." };
        // writing into a string cannot fail
        let _ = write!(text, "{dot}{server}:{position}");
    }
    let is_told = read(&text).is_some_and(|told| told.len() == positions.len());
    if is_told { text } else { ALL.to_owned() }
}

/// `None` for everything, and for what is not a list of positions.
fn read(text: &str) -> Option<BTreeMap<&str, u64>> {
    if text == NOTHING {
        return Some(BTreeMap::new());
    }
    if text.len() > LENGTH_MAX {
        return None;
    }
    let mut positions = BTreeMap::new();
    for part in text.split('.') {
        let (server, position) = part.split_once(':')?;
        let is_name = (1..=NAME_LENGTH_MAX).contains(&server.len())
            && !server.starts_with('-')
            && server.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let is_number = position.bytes().all(|b| b.is_ascii_digit());
        if !is_name || !is_number || positions.len() == SERVERS_MAX {
            return None;
        }
        positions.insert(server, position.parse().ok()?);
    }
    Some(positions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    fn is_latest(kind: Kind, method: &Method, headers: &HeaderMap) -> bool {
        session(kind, method, headers).is_latest()
    }

    const PAGE: Kind = Kind::Page("stoa_session");

    #[test]
    fn positions_come_back_as_they_were_told() {
        let told = [("main", "4711"), ("shard-7_b", "18446744073709551615")];
        let told: BTreeMap<String, String> = told.map(|(s, p)| (s.to_owned(), p.to_owned())).into();
        let text = write(&told);
        let cookie = format!("theme=dark; {SEEN_COOKIE}={text}; stoa_session=x");
        let page = session(PAGE, &Method::GET, &sent(COOKIE, &cookie));
        let api = session(Kind::Api, &Method::GET, &sent(SEEN, &text));
        for session in [page, api] {
            assert_eq!(session.tokens(), told);
        }
    }

    #[test]
    fn what_is_no_list_of_positions_asks_for_the_latest() {
        let many: Vec<String> = (0..=SERVERS_MAX).map(|n| format!("s{n}:1")).collect();
        let many = many.join(".");
        let long = format!("{}:1", "s".repeat(NAME_LENGTH_MAX + 1));
        let bad = [
            "*",
            "main",
            "main:",
            "main:+5",
            "main:-1",
            "main:1.",
            "main:1,2",
            ":5",
            "-latest:1",
            "main:18446744073709551616",
            "ma in:5",
            "main:0x5",
            many.as_str(),
            long.as_str(),
        ];
        for text in bad {
            let cookie = sent(COOKIE, &format!("{SEEN_COOKIE}={text}"));
            assert!(is_latest(PAGE, &Method::GET, &cookie), "{text}");
            let api = session(Kind::Api, &Method::GET, &sent(SEEN, text));
            assert!(api.is_latest() && api.positions().is_empty(), "{text}");
        }
        let none = HeaderMap::new();
        assert!(!is_latest(PAGE, &Method::GET, &none), "a browser that has written nothing");
        assert!(is_latest(Kind::Api, &Method::GET, &none), "a program that tells nothing");
        assert!(!is_latest(Kind::Api, &Method::GET, &sent(SEEN, "0")));
        assert!(is_latest(Kind::Hook, &Method::GET, &sent(SEEN, "0")));
    }

    #[test]
    fn who_changes_something_reads_the_latest_and_keeps_what_he_brought() {
        let writing = session(Kind::Api, &Method::POST, &sent(SEEN, "main:5"));
        assert!(writing.is_latest());
        assert_eq!(writing.token("main").as_deref(), Some("5"));
    }

    #[test]
    fn what_cannot_be_told_is_told_as_everything() {
        let of = |server: &str| write(&BTreeMap::from([(server.to_owned(), "1".to_owned())]));
        assert_eq!(of("main"), "main:1");
        assert_eq!([of("a.b"), of("a;b"), of(&"s".repeat(33))], [ALL, ALL, ALL]);
        let many = (0..17).map(|n| (format!("s{n}"), "1".to_owned())).collect();
        assert_eq!(write(&many), ALL);
    }
}
