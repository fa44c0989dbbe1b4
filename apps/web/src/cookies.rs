//! Cookies: reading them, and writing them with the attributes that all of ours have. They belong to the
//! tenant's host alone, no script sees them, and other sites' forms do not bring them.

use std::fmt::Write as _;

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

/// The longest value that is read, in bytes.
const VALUE_LENGTH_MAX: usize = 512;

/// The first cookie of a name that has a sane value.
#[must_use]
pub fn read(headers: &HeaderMap, name: &str) -> Option<String> {
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
#[derive(Debug, Clone, Copy)]
pub struct Cookies {
    secure: bool,
    path: &'static str,
}

impl Cookies {
    /// For the whole host. `secure` wherever there is https.
    #[must_use]
    pub const fn new(secure: bool) -> Self {
        Self { secure, path: "/" }
    }

    /// For a part of the host only.
    #[must_use]
    pub const fn under(secure: bool, path: &'static str) -> Self {
        Self { secure, path }
    }

    /// Sets a cookie; without an age it lives as long as the browser is open. A value that no cookie can
    /// have is not set.
    pub fn set(&self, response: &mut Response, name: &str, value: &str, age_s: Option<u64>) {
        if !value.bytes().all(is_cookie_byte) || value.len() > VALUE_LENGTH_MAX {
            return;
        }
        let mut text = String::new();
        // writing into a string cannot fail
        let _ = write!(text, "{name}={value}; Path={}; HttpOnly; SameSite=Lax", self.path);
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
    pub fn clear(&self, response: &mut Response, name: &str) {
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
    fn a_cookie_is_found_among_others_and_a_broken_one_is_none() {
        assert_eq!(read(&headers("a=1; basket=xyz; b=2"), "basket").unwrap(), "xyz");
        assert_eq!(read(&headers("basket=; basket=x"), "basket").unwrap(), "x");
        for none in ["", "xbasket=1", "basket", "basket=a b"] {
            assert_eq!(read(&headers(none), "basket"), None, "{none}");
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
