//! The names and ages of the storefront's cookies.

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

/// The name of the cookie with the token of forms.
pub(crate) const fn csrf_cookie(secure: bool) -> &'static str {
    if secure { CSRF_COOKIE_SECURE } else { CSRF_COOKIE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_cookie_is_the_one_that_the_bus_reads() {
        assert_eq!(SESSION_COOKIE, bus::SESSION_COOKIE);
    }
}
