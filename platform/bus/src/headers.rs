//! The headers that the bus itself reads: host, request id, trace, time limit, tenant. Pure.

use std::borrow::Cow;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, Method, Uri};
use kit::TenantCode;

/// Names a request; sent back with every answer.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Shortens the time a request may take, in milliseconds.
pub const REQUEST_TIMEOUT_MS: HeaderName = HeaderName::from_static("x-request-timeout-ms");
/// Narrows a request to a tenant.
pub const TENANT: HeaderName = HeaderName::from_static("x-stoa-tenant");

const REQUEST_ID_LENGTH_MAX: usize = 64;
const HOST_LENGTH_MAX: usize = 255;

/// The client's own request id, if it is sane: up to 64 letters, digits, `.`, `_`, `-`.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let sane = (1..=REQUEST_ID_LENGTH_MAX).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    sane.then_some(id)
}

/// The host's name in lower case, without port and final dot.
pub(crate) fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<Cow<'a, str>> {
    let mut named = headers.get_all(HOST).iter();
    let text = match (named.next(), named.next()) {
        (Some(value), None) => value.to_str().ok()?,
        (None, _) => uri.authority()?.as_str(),
        (Some(_), Some(_)) => return None,
    };
    let name = without_port(text).trim_end_matches('.');
    let well_formed = (1..=HOST_LENGTH_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    if !well_formed {
        return None;
    }
    Some(if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    })
}

fn without_port(text: &str) -> &str {
    if let Some(end) = text.find(']') {
        return &text[..=end];
    }
    text.split_once(':').map_or(text, |(name, _)| name)
}

/// How long the request may take: the usual time, or less if the client says so. `None` when the header
/// is not a number of milliseconds.
pub(crate) fn timeout(headers: &HeaderMap, usual: Duration) -> Option<Duration> {
    let Some(value) = headers.get(REQUEST_TIMEOUT_MS) else { return Some(usual) };
    let ms: u64 = value.to_str().ok()?.parse().ok()?;
    (ms > 0).then(|| usual.min(Duration::from_millis(ms)))
}

/// Whether the body is a form with files.
pub(crate) fn brings_files(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], |t| t.as_bytes());
    let wanted = b"multipart/form-data";
    kind.get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(wanted))
}

/// The tenant that the client names. `Err` when it is not a tenant code.
pub(crate) fn tenant(headers: &HeaderMap) -> Result<Option<TenantCode>, ()> {
    let mut values = headers.get_all(TENANT).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map_err(|_| ())?.parse().map(Some).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

/// Whether another site's page sent this form. Browsers say so; programs say nothing and are believed.
pub(crate) fn is_forged(method: &Method, headers: &HeaderMap) -> bool {
    if method.is_safe() {
        return false;
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = headers.get(ORIGIN).and_then(|o| o.to_str().ok()) else {
        return headers.contains_key(ORIGIN);
    };
    let host = headers.get(HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    origin.split_once("://").is_none_or(|(_, authority)| !authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_host_is_compared_without_port_case_and_final_dot() {
        let uri = Uri::from_static("/x");
        for (text, name) in [
            ("flora.localhost:8080", Some("flora.localhost")),
            ("Flora.Example.", Some("flora.example")),
            ("[::1]:80", Some("[::1]")),
            ("", None),
            (":80", None),
            ("a b", None),
            ("a/b", None),
        ] {
            assert_eq!(host(&with(HOST, text), &uri).as_deref(), name, "{text}");
        }
        let absolute = Uri::from_static("http://flora.test:1/x");
        assert_eq!(host(&HeaderMap::new(), &absolute).as_deref(), Some("flora.test"));
        assert_eq!(host(&HeaderMap::new(), &uri), None);
        let mut two = with(HOST, "a");
        two.append(HOST, HeaderValue::from_static("b"));
        assert_eq!(host(&two, &uri), None);
    }

    #[test]
    fn a_client_may_only_shorten_its_time() {
        let usual = Duration::from_secs(10);
        let of = |v: &str| timeout(&with(REQUEST_TIMEOUT_MS, v), usual);
        assert_eq!(timeout(&HeaderMap::new(), usual), Some(usual));
        assert_eq!(of("250"), Some(Duration::from_millis(250)));
        assert_eq!(of("99999"), Some(usual));
        for bad in ["0", "-1", "1.5", "soon", ""] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_odd_request_id_is_not_taken() {
        let long = "x".repeat(65);
        for bad in ["", "a b", "a\"b", "a;b", long.as_str()] {
            assert_eq!(request_id(&with(REQUEST_ID, bad)), None, "{bad}");
        }
        assert_eq!(request_id(&with(REQUEST_ID, "A-1._b")), Some("A-1._b"));
    }

    #[test]
    fn a_form_of_another_site_is_seen() {
        let post = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs
                .iter()
                .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)));
            is_forged(&Method::POST, &HeaderMap::from_iter(pairs))
        };
        assert!(!post(&[("host", "a.test:80")]));
        assert!(!post(&[("host", "a.test:80"), ("origin", "http://a.test:80")]));
        assert!(!post(&[("sec-fetch-site", "same-origin")]));
        assert!(post(&[("host", "a.test"), ("origin", "http://b.test")]));
        assert!(post(&[("host", "a.test"), ("origin", "null")]));
        assert!(post(&[("sec-fetch-site", "cross-site")]));
        assert!(post(&[("sec-fetch-site", "same-site")]));
        assert!(!is_forged(&Method::GET, &with(ORIGIN, "http://b.test")));
    }
}
