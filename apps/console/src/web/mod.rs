//! What stands between requests and handlers of the console: its cookies, the visit, its error page.

pub(crate) mod cookies;
pub(crate) mod frame;
pub(crate) mod upload;
pub(crate) mod visit;

pub(crate) use ::web::{Answer, Cookies, Failure, Fields, Form, FormToken, answer, page, redirect};
pub(crate) use visit::Visit;
