//! The names of the console's cookies. They belong to `/console` alone: who works here and who shops here
//! can be signed in side by side in one browser.

/// Where the cookies belong to.
pub(crate) const PATH: &str = "/console";
/// The session's token. The bus reads it and says who acts.
pub const SESSION_COOKIE: &str = "stoa_staff";
/// The token that forms must send back.
pub(crate) const CSRF_COOKIE: &str = "stoa_desk_csrf";
/// The chosen language; the same as the shop's.
pub(crate) const LANGUAGE_COOKIE: &str = "stoa_lang";
