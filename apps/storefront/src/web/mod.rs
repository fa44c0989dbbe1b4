//! What stands between requests and handlers of the shop: its cookies, the visit, its error pages. Knows
//! no page's content.

pub(crate) mod cookies;
pub(crate) mod frame;
pub(crate) mod visit;

pub(crate) use ::web::{Answer, Cookies, Failure, Fields, Form, FormToken, answer, page, redirect};
pub(crate) use visit::Visit;
