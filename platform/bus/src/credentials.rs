//! Where a caller's token stands in a request. Reads headers; decides nothing.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use kit::Secret;

/// The cookie that holds a browser's session token.
pub const SESSION_COOKIE: &str = "stoa_session";

/// The longest token, in characters.
const TOKEN_LENGTH_MAX: usize = 512;

/// There is an `Authorization` header, but not a bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Authorization header is not one bearer token")]
pub struct Malformed;

/// The bearer token, if the request has an `Authorization` header.
///
/// # Errors
/// When the header is there but holds no well-formed bearer token.
pub fn bearer(headers: &HeaderMap) -> Result<Option<Secret<String>>, Malformed> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Malformed);
    }
    let text = value.to_str().map_err(|_| Malformed)?;
    let (scheme, token) = text.split_once(' ').ok_or(Malformed)?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && is_token(token) {
        return Ok(Some(Secret::new(token.to_owned())));
    }
    Err(Malformed)
}

/// The token in the cookie of a name. What is not a token counts as none: a browser cannot mend a cookie.
#[must_use]
pub fn cookie(headers: &HeaderMap, wanted: &str) -> Option<Secret<String>> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value.trim_matches('"'))
        .filter(|token| is_token(token))
        .map(|token| Secret::new(token.to_owned()))
}

/// The token in the session cookie of the pages.
#[must_use]
pub fn session_cookie(headers: &HeaderMap) -> Option<Secret<String>> {
    cookie(headers, SESSION_COOKIE)
}

/// The bearer token, else the session cookie: for pages. API routes take bearer tokens only.
///
/// # Errors
/// As [`bearer`].
pub fn bearer_or_cookie(headers: &HeaderMap) -> Result<Option<Secret<String>>, Malformed> {
    Ok(bearer(headers)?.or_else(|| session_cookie(headers)))
}

fn is_token(text: &str) -> bool {
    (1..=TOKEN_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn a_bearer_token_is_read_and_anything_else_refused() {
        let read =
            |v| bearer(&headers(&[(AUTHORIZATION, v)])).map(|t| t.map(|t| t.expose().clone()));
        assert_eq!(bearer(&HeaderMap::new()).unwrap(), None);
        assert_eq!(read("Bearer abc-1.~+/=").unwrap().unwrap(), "abc-1.~+/=");
        assert_eq!(read("bearer  x").unwrap().unwrap(), "x");
        for bad in ["Bearer", "Bearer ", "Basic abc", "abc", "Bearer a b", "Bearer a\"b", ""] {
            assert_eq!(read(bad), Err(Malformed), "{bad}");
        }
        let twice = headers(&[(AUTHORIZATION, "Bearer a"), (AUTHORIZATION, "Bearer b")]);
        assert_eq!(bearer(&twice), Err(Malformed));
    }

    #[test]
    fn the_cookie_is_found_among_others_and_the_header_wins() {
        let jar = [(COOKIE, "a=1; stoa_session=tok; b=2")];
        assert_eq!(session_cookie(&headers(&jar)).unwrap().expose(), "tok");
        let both = [(COOKIE, "stoa_session=tok"), (AUTHORIZATION, "Bearer head")];
        assert_eq!(bearer_or_cookie(&headers(&both)).unwrap().unwrap().expose(), "head");
        for none in ["stoa_session=", "stoa_session=a b", "xstoa_session=tok", "stoa_session"] {
            assert!(session_cookie(&headers(&[(COOKIE, none)])).is_none(), "{none}");
        }
    }
}
