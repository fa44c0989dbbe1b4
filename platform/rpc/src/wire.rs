//! A context as headers, and back. Pure: every header has a limit, and what does not parse is refused
//! whole, never guessed.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use kit::{ErrorCode, TenantCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::ctx::{Actor, Ctx, DEADLINE_MAX, Session, TraceId, Xid};
use crate::fault::Fault;

/// Set on an answer that is a typed error or a refusal.
pub(crate) const ERROR: HeaderName = HeaderName::from_static("x-stoa-error");
/// Read-your-writes tokens, both ways.
pub(crate) const SESSION: HeaderName = HeaderName::from_static("x-stoa-session");
const DEADLINE: HeaderName = HeaderName::from_static("x-stoa-deadline-ms");
const TRACE: HeaderName = HeaderName::from_static("traceparent");
const TENANT: HeaderName = HeaderName::from_static("x-stoa-tenant");
const ACTOR: HeaderName = HeaderName::from_static("x-stoa-actor");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const IDEMPOTENCY: HeaderName = HeaderName::from_static("x-stoa-idempotency");
const XID: HeaderName = HeaderName::from_static("x-stoa-xid");

/// The longest request, in bytes.
pub(crate) const REQUEST_MAX: usize = 4 * 1024 * 1024;
/// The longest request id and transaction id, in bytes.
const NAME_MAX: usize = 128;
/// The longest header that holds JSON, in bytes: room for an operator with some hundred permissions, or
/// for all the tokens of a session.
const JSON_MAX: usize = 16 * 1024;
/// A `traceparent` of version 00 has 55 bytes; later versions may be longer.
const TRACE_MAX: usize = 256;

/// The body of an answer that is not a success.
#[derive(Serialize, Deserialize)]
pub(crate) struct ErrorBody {
    /// The service's own error; absent when the service was never asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<serde_json::Value>,
    /// The same as a fault, for callers that do not know this error yet.
    pub fault: Fault,
}

/// A request is longer than [`REQUEST_MAX`].
pub(crate) fn too_large() -> Fault {
    Fault::new(ErrorCode::TooLarge, format!("a request has at most {REQUEST_MAX} bytes"))
}

/// The context as headers, for a hop that calls itself `trace`.
///
/// # Errors
/// `DeadlineExceeded` when less than a millisecond is left; `Internal` when a part does not fit.
pub(crate) fn write(ctx: &Ctx, trace: TraceId) -> Result<HeaderMap, Fault> {
    let left = ctx.remaining().min(DEADLINE_MAX).as_millis();
    if left == 0 {
        return Err(Fault::new(ErrorCode::DeadlineExceeded, "the request ran out of time"));
    }
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(DEADLINE, visible(&DEADLINE, &left.to_string())?);
    headers.insert(TRACE, visible(&TRACE, &trace.to_string())?);
    headers.insert(TENANT, visible(&TENANT, ctx.tenant.as_str())?);
    headers.insert(ACTOR, json(&ACTOR, &ctx.actor)?);
    headers.insert(REQUEST_ID, visible(&REQUEST_ID, &ctx.request_id)?);
    if let Some(key) = &ctx.idempotency {
        headers.insert(IDEMPOTENCY, json(&IDEMPOTENCY, key)?);
    }
    if let Some(Xid(xid)) = &ctx.xid {
        headers.insert(XID, visible(&XID, xid)?);
    }
    let tokens = ctx.session.tokens();
    if !tokens.is_empty() {
        headers.insert(SESSION, write_tokens(&tokens)?);
    }
    Ok(headers)
}

/// The context that headers describe; `salt` makes the hop's span differ from others of the same caller.
///
/// # Errors
/// `Invalid`, naming the header.
pub(crate) fn read(headers: &HeaderMap, salt: u64) -> Result<Ctx, Fault> {
    let deadline = required(&DEADLINE, text(headers, &DEADLINE, 20)?)?;
    let left: u64 = deadline.parse().map_err(|_| malformed(&DEADLINE, "is not a number"))?;
    let tenant: TenantCode = required(&TENANT, text(headers, &TENANT, 32)?)?
        .parse()
        .map_err(|_| malformed(&TENANT, "is not a tenant's code"))?;
    let trace = TraceId::parse(required(&TRACE, text(headers, &TRACE, TRACE_MAX)?)?)
        .ok_or_else(|| malformed(&TRACE, "is not a trace context"))?;
    let actor: Actor = required(&ACTOR, from_json(headers, &ACTOR)?)?;
    let request_id = required(&REQUEST_ID, name(headers, &REQUEST_ID)?)?;
    let session = Session::default();
    for (database, token) in read_tokens(headers)? {
        session.wrote(&database, &token);
    }
    Ok(Ctx {
        tenant,
        actor,
        deadline: Instant::now() + Duration::from_millis(left).min(DEADLINE_MAX),
        trace: trace.child(salt),
        request_id,
        idempotency: from_json(headers, &IDEMPOTENCY)?,
        xid: name(headers, &XID)?.map(Xid),
        session,
    })
}

/// Tokens as a header.
///
/// # Errors
/// `Internal` when they do not fit.
pub(crate) fn write_tokens(tokens: &BTreeMap<String, String>) -> Result<HeaderValue, Fault> {
    json(&SESSION, tokens)
}

/// The tokens of a request or an answer; none when the header is absent.
///
/// # Errors
/// `Invalid`.
pub(crate) fn read_tokens(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Fault> {
    let tokens: BTreeMap<String, String> = from_json(headers, &SESSION)?.unwrap_or_default();
    let marks = tokens.keys().filter(|name| Session::is_mark(name)).count();
    if marks > Session::MARKS_MAX || tokens.len() - marks > Session::TOKENS_MAX {
        return Err(malformed(&SESSION, "has too many tokens"));
    }
    Ok(tokens)
}

fn malformed(header: &HeaderName, what: &str) -> Fault {
    Fault::invalid(header.as_str(), format!("the header {header} {what}"))
}

fn required<T>(header: &HeaderName, value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| malformed(header, "is missing"))
}

fn visible(header: &HeaderName, value: &str) -> Result<HeaderValue, Fault> {
    let fits = (1..=NAME_MAX).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic());
    if !fits {
        return Err(unsendable(header));
    }
    HeaderValue::from_str(value).map_err(|_| unsendable(header))
}

fn json(header: &HeaderName, value: &impl Serialize) -> Result<HeaderValue, Fault> {
    let text = serde_json::to_string(value).map_err(Fault::internal)?;
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && !c.is_ascii_control() {
            ascii.push(c);
        } else {
            // Inside a JSON string, the only place for it, an escape means the same.
            for unit in c.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    if ascii.len() > JSON_MAX {
        return Err(unsendable(header));
    }
    HeaderValue::from_str(&ascii).map_err(|_| unsendable(header))
}

fn unsendable(header: &HeaderName) -> Fault {
    Fault::bug(format!("the context does not fit the header {header}"))
}

/// A header that may be absent, but not twice, too long, or outside ASCII.
fn text<'a>(
    headers: &'a HeaderMap,
    header: &HeaderName,
    max: usize,
) -> Result<Option<&'a str>, Fault> {
    let mut values = headers.get_all(header).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(malformed(header, "is given twice"));
    }
    if value.len() > max {
        return Err(malformed(header, "is too long"));
    }
    value.to_str().map(Some).map_err(|_| malformed(header, "is not ASCII"))
}

fn name(headers: &HeaderMap, header: &HeaderName) -> Result<Option<String>, Fault> {
    match text(headers, header, NAME_MAX)? {
        Some(s) if s.is_empty() || !s.bytes().all(|b| b.is_ascii_graphic()) => {
            Err(malformed(header, "is not a name"))
        }
        other => Ok(other.map(str::to_owned)),
    }
}

fn from_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    header: &HeaderName,
) -> Result<Option<T>, Fault> {
    let Some(text) = text(headers, header, JSON_MAX)? else { return Ok(None) };
    // What the parser says may repeat a value, so it is not passed on.
    serde_json::from_str(text).map(Some).map_err(|_| malformed(header, "does not decode"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ctx::{ActorKind, IdempotencyKey};

    fn any_ctx() -> impl Strategy<Value = Ctx> {
        let kind = prop_oneof![
            Just(ActorKind::Anonymous),
            Just(ActorKind::User),
            Just(ActorKind::Operator),
            Just(ActorKind::System)
        ];
        let actor = (kind, any::<i64>(), ".{0,40}", prop::collection::vec(".{0,30}", 0..8))
            .prop_map(|(kind, id, name, permissions)| Actor { kind, id, name, permissions });
        let key = ("[!-~]{1,255}", ".{0,100}", "[0-9a-f]{64}")
            .prop_map(|(key, route, body_hash)| IdempotencyKey { key, route, body_hash });
        let tokens = prop::collection::btree_map(".{0,20}", ".{0,20}", 0..40);
        let trace = (any::<u128>(), any::<u64>()).prop_map(|(t, s)| TraceId::from_random(t, s));
        (
            "[a-z][a-z0-9]{1,31}",
            actor,
            trace,
            "[!-~]{1,128}",
            prop::option::of(key),
            prop::option::of("[!-~]{1,128}"),
            tokens,
        )
            .prop_map(|(tenant, actor, trace, request_id, idempotency, xid, tokens)| {
                let session = Session::default();
                for (database, token) in &tokens {
                    session.wrote(database, token);
                }
                Ctx {
                    tenant: tenant.parse().unwrap(),
                    actor,
                    deadline: Instant::now() + Duration::from_secs(30),
                    trace,
                    request_id,
                    idempotency,
                    xid: xid.map(Xid),
                    session,
                }
            })
    }

    proptest! {
        #[test]
        fn a_context_survives_its_headers(ctx in any_ctx()) {
            let back = read(&write(&ctx, ctx.trace).unwrap(), 1).unwrap();
            prop_assert_eq!(&back.tenant, &ctx.tenant);
            prop_assert_eq!(&back.actor, &ctx.actor);
            prop_assert_eq!(back.trace, ctx.trace.child(1));
            prop_assert_eq!(&back.request_id, &ctx.request_id);
            prop_assert_eq!(&back.idempotency, &ctx.idempotency);
            prop_assert_eq!(&back.xid, &ctx.xid);
            prop_assert_eq!(back.session.tokens(), ctx.session.tokens());
            prop_assert!(back.remaining() <= Duration::from_secs(30));
        }

        #[test]
        fn whatever_a_header_holds_is_read_or_refused(
            ctx in any_ctx(),
            which in 0_usize..8,
            bytes in prop::collection::vec(32_u8..=255, 0..300),
        ) {
            let all = [DEADLINE, TRACE, TENANT, ACTOR, REQUEST_ID, IDEMPOTENCY, XID, SESSION];
            let mut headers = write(&ctx, ctx.trace).unwrap();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.insert(all[which].clone(), value);
            }
            if let Err(fault) = read(&headers, 0) {
                prop_assert_eq!(fault.code, ErrorCode::Invalid);
            }
        }
    }
}
