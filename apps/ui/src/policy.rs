//! The security headers of every page, in one place. Values only.

/// Nothing but our own script runs, and it talks to this host only; nothing is embedded; styles and forms of this
/// host only, pictures from here or over https. No inline style or script is needed, so none is allowed.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
     connect-src 'self'; img-src 'self' https:; style-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// Addresses of pages may name orders: other sites do not get to see them. `no-referrer` would also take
/// the `Origin` away that the front door checks forms by.
pub const REFERRER_POLICY: &str = "same-origin";

/// Names and values of the headers.
pub const HEADERS: [(&str, &str); 3] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("referrer-policy", REFERRER_POLICY),
    ("x-content-type-options", "nosniff"),
];
