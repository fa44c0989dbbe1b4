//! What stands between requests and handlers of the console: its cookies, the visit, its error page.

pub(crate) mod cookies;
pub(crate) mod frame;
pub(crate) mod upload;
pub(crate) mod visit;

use kit::ErrorCode;
use rpc::Fault;

/// What the slug of a call ends with whose twin, under the same key, has not been answered yet.
const IN_FLIGHT: &str = "in_flight";

/// Whether the same form is being dealt with right now: a second click, and nothing that failed.
pub(crate) fn is_in_flight(fault: &Fault) -> bool {
    fault.code == ErrorCode::Conflict && fault.slug().ends_with(IN_FLIGHT)
}

pub(crate) use ::web::{Answer, Cookies, Failure, Fields, Form, FormToken, answer, page, redirect};
pub(crate) use visit::Visit;
