//! What stands between requests and handlers: cookies, forms, the visit, failures. Knows no page's
//! content.

pub(crate) mod answer;
pub(crate) mod cookies;
pub(crate) mod failure;
pub(crate) mod fields;
pub(crate) mod frame;
pub(crate) mod visit;

pub(crate) use answer::{page, redirect};
pub(crate) use cookies::Cookies;
pub(crate) use failure::Failure;
pub(crate) use fields::{Fields, Form};
pub(crate) use visit::Visit;

/// What handlers answer.
pub(crate) type Answer = Result<axum::response::Response, Failure>;
