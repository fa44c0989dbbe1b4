//! The `Idempotency-Key` header: required by some routes, read here, recorded by the service together
//! with its effect. Nothing is stored here.

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use http::{HeaderMap, Method};
use kit::ErrorCode;
use rpc::{Ctx, IdempotencyKey};
use sha2::{Digest as _, Sha256};

use crate::extract;
use crate::problem::Problem;

/// The header's name.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header's name as it is written in documents.
pub const IDEMPOTENCY_KEY_NAME: &str = "Idempotency-Key";
/// The longest key, in characters.
pub const KEY_LENGTH_MAX: usize = 255;

/// Reads key and body, and puts the key with the body's hash into the request's context.
pub(crate) async fn bind(request: Request, body_max: usize) -> Result<Request, Problem> {
    let key = key_of(request.headers())?;
    let (mut parts, body) = request.into_parts();
    let bytes = extract::read_body(body, body_max).await?;
    let route = route_name(&parts.method, parts.extensions.get::<MatchedPath>());
    let ctx = parts.extensions.get_mut::<Ctx>().ok_or_else(extract::no_context)?;
    // The route is a template, so the path is hashed with the body: the same key for another thing is
    // another request, and refused as one.
    let mut hash = Sha256::new();
    hash.update(parts.uri.path().as_bytes());
    hash.update([0]);
    hash.update(&bytes);
    let body_hash = hex::encode(hash.finalize());
    ctx.idempotency = Some(IdempotencyKey { key, route, body_hash });
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn route_name(method: &Method, path: Option<&MatchedPath>) -> String {
    format!("{method} {}", path.map_or("", MatchedPath::as_str))
}

/// The one key of a request.
fn key_of(headers: &HeaderMap) -> Result<String, Problem> {
    let wrong = |code: &str, detail: &str| {
        Err(Problem::new(ErrorCode::Invalid, detail).with_code(code).at(IDEMPOTENCY_KEY_NAME))
    };
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return wrong("idempotency_key_missing", "send the header Idempotency-Key");
    };
    let bytes = value.as_bytes();
    let well_formed = (1..=KEY_LENGTH_MAX).contains(&bytes.len())
        && bytes.iter().all(u8::is_ascii_graphic)
        && values.next().is_none();
    match value.to_str() {
        Ok(key) if well_formed => Ok(key.to_owned()),
        _ => wrong(
            "idempotency_key_invalid",
            "Idempotency-Key must be one value of 1 to 255 visible ASCII characters",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn with(values: &[&[u8]]) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        for v in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(v).unwrap());
        }
        key_of(&headers).map_err(|p| p.body().code.clone())
    }

    #[test]
    fn a_key_is_one_value_of_visible_ascii() {
        assert_eq!(with(&[b"a-1"]).unwrap(), "a-1");
        assert_eq!(with(&[&[b'x'; 255]]).unwrap().len(), 255);
        assert_eq!(with(&[]).unwrap_err(), "idempotency_key_missing");
        for bad in [&[&b""[..]][..], &[b"a b"], &[&[b'x'; 256]], &["é".as_bytes()], &[b"a", b"a"]]
        {
            assert_eq!(with(bad).unwrap_err(), "idempotency_key_invalid", "{bad:?}");
        }
    }
}
