//! What stands between requests and handlers of the console: its cookies, the visit, its error page.

pub(crate) mod cookies;
pub(crate) mod frame;
pub(crate) mod upload;
pub(crate) mod visit;

use axum::http::StatusCode;
use kit::ErrorCode;
use rpc::{Ctx, Fault};

use crate::layout::again::{AgainPage, Labels, render_again};
use crate::nav::Section;

/// What the slug of a call ends with whose twin, under the same key, has not been answered yet.
const IN_FLIGHT: &str = "in_flight";

/// Whether the same form is being dealt with right now: a second click, and nothing that failed.
pub(crate) fn is_in_flight(fault: &Fault) -> bool {
    fault.code == ErrorCode::Conflict && fault.slug().ends_with(IN_FLIGHT)
}

/// A call that changes something, with less time than there is: who waits for it in vain has some left to tell
/// what became of it, before the bus ends the request.
pub(crate) fn leaving_time(ctx: &Ctx) -> Ctx {
    ctx.within(ctx.remaining() / 4 * 3)
}

/// What a page shows around a form that was sent; `None` when that cannot be had now, or not in time.
pub(crate) async fn around<T>(
    visit: &Visit,
    gathered: impl Future<Output = Result<T, Failure>>,
) -> Result<Option<T>, Failure> {
    let late = || Fault::new(ErrorCode::DeadlineExceeded, "a page was not gathered in time").into();
    let within = visit.ctx.remaining() / 2;
    match tokio::time::timeout(within, gathered).await.unwrap_or_else(|_| Err(late())) {
        Ok(gathered) => Ok(Some(gathered)),
        Err(Failure::Fault(fault)) if fault.code.is_retryable() => {
            ::web::frame::log(&fault, &visit.ctx.request_id);
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

/// The form alone, as it was sent, to be sent again.
pub(crate) fn alone(
    visit: &Visit,
    section: Section,
    to: impl std::fmt::Display,
    sent: &Fields,
    labels: Labels<'_>,
) -> Answer {
    let (shell, request_id) = (visit.shell(Some(section)), visit.ctx.request_id.clone());
    let form = AgainPage::of(shell, to.to_string(), sent, labels, request_id);
    Ok(page(StatusCode::SERVICE_UNAVAILABLE, render_again(&form)))
}

pub(crate) use ::web::{Answer, Cookies, Failure, Fields, Form, FormToken, answer, page, redirect};
pub(crate) use visit::Visit;
