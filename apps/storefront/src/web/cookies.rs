//! The cookies of a visitor: reading them, and writing them with the attributes that all of ours have.
//! They belong to the tenant's host alone, no script sees them, and other sites' forms do not bring them.

use std::fmt::Write as _;

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

/// The session's token. The bus reads it and says who acts.
pub const SESSION_COOKIE: &str = "stoa_session";
/// The token of an anonymous cart.
pub(crate) const CART_COOKIE: &str = "stoa_cart";
/// The chosen language.
pub(crate) const LANGUAGE_COOKIE: &str = "stoa_lang";
/// The token that forms must send back.
const CSRF_COOKIE: &str = "stoa_csrf";
/// The same where there is https: with this prefix a browser takes it from this very host only, so that a
/// neighbouring host cannot plant one.
const CSRF_COOKIE_SECURE: &str = "__Host-stoa_csrf";

/// How long a language is remembered, in seconds: a year.
pub(crate) const LANGUAGE_AGE_S: u64 = 365 * 24 * 3_600;
/// How long an anonymous cart lives, in seconds: 30 days, as in the service.
pub(crate) const CART_AGE_S: u64 = 30 * 24 * 3_600;

/// The longest value that is read, in bytes.
const VALUE_LENGTH_MAX: usize = 512;

/// The name of the cookie with the token of forms.
pub(crate) const fn csrf_cookie(secure: bool) -> &'static str {
    if secure { CSRF_COOKIE_SECURE } else { CSRF_COOKIE }
}

/// The first cookie of a name that has a sane value.
pub(crate) fn read(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(n, _)| *n == name)
        .map(|(_, value)| value.trim_matches('"'))
        .find(|v| (1..=VALUE_LENGTH_MAX).contains(&v.len()) && v.bytes().all(is_cookie_byte))
        .map(str::to_owned)
}

const fn is_cookie_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

/// Writes cookies into an answer.
pub(crate) struct Cookies {
    secure: bool,
}

impl Cookies {
    pub(crate) const fn new(secure: bool) -> Self {
        Self { secure }
    }

    /// Sets a cookie; without an age it lives as long as the browser is open. A value that no cookie can
    /// have is not set.
    pub(crate) fn set(&self, response: &mut Response, name: &str, value: &str, age_s: Option<u64>) {
        if !value.bytes().all(is_cookie_byte) || value.len() > VALUE_LENGTH_MAX {
            return;
        }
        let mut text = String::new();
        // writing into a string cannot fail
        let _ = write!(text, "{name}={value}; Path=/; HttpOnly; SameSite=Lax");
        if let Some(age) = age_s {
            let _ = write!(text, "; Max-Age={age}");
        }
        if self.secure {
            text.push_str("; Secure");
        }
        if let Ok(header) = HeaderValue::try_from(text) {
            response.headers_mut().append(SET_COOKIE, header);
        }
    }

    /// Takes a cookie away.
    pub(crate) fn clear(&self, response: &mut Response, name: &str) {
        self.set(response, name, "", Some(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_static(cookie))])
    }

    #[test]
    fn the_session_cookie_is_the_one_that_the_bus_reads() {
        assert_eq!(SESSION_COOKIE, bus::SESSION_COOKIE);
    }

    #[test]
    fn a_cookie_is_found_among_others_and_a_broken_one_is_none() {
        assert_eq!(read(&headers("a=1; stoa_cart=xyz; b=2"), "stoa_cart").unwrap(), "xyz");
        assert_eq!(read(&headers("stoa_cart=; stoa_cart=x"), "stoa_cart").unwrap(), "x");
        for none in ["", "xstoa_cart=1", "stoa_cart", "stoa_cart=a b"] {
            assert_eq!(read(&headers(none), "stoa_cart"), None, "{none}");
        }
    }

    #[test]
    fn a_cookie_is_closed_to_scripts_and_other_sites_and_to_http_where_told() {
        let set = |secure, value: &str| {
            let mut response = Response::default();
            Cookies::new(secure).set(&mut response, "n", value, Some(5));
            response.headers().get(SET_COOKIE).map(|v| v.to_str().unwrap().to_owned())
        };
        assert_eq!(set(false, "v").unwrap(), "n=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=5");
        assert!(set(true, "v").unwrap().ends_with("; Secure"));
        assert_eq!(set(false, "v; Domain=evil.test"), None);
    }
}
