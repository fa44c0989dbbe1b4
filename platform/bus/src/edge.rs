//! The one piece of code around every handler: names the request, admits it, runs it within its
//! deadline, finishes the answer and writes it down.

use std::convert::Infallible;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http_kit::Problem;
use http_kit::edge::guarded;
use http_kit::problem::seal;
use kit::TenantCode;
use tokio::time::Instant;
use tower::Service as _;
use tracing::Instrument as _;

use crate::front::{Admitted, Edge, Front, Kind, Names};
use crate::headers::REQUEST_ID;
use crate::observe::{Answered, UNMATCHED};
use crate::seen;

/// Middleware for [`axum::middleware::from_fn_with_state`].
pub(crate) async fn edge(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let Edge { front, kind } = edge;
    let _in_flight = front.observer.begin();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let (response, request_id, tenant) = match front.names(request.headers()) {
        Ok(names) => {
            let span = tracing::debug_span!("request", request_id = names.request_id);
            let (response, tenant) =
                answer(&front, kind, &names, began, request, next).instrument(span).await;
            (response, names.request_id, tenant)
        }
        Err(problem) => (problem.into_response(), "unnamed".to_owned(), None),
    };
    let mut response = seal(response, &request_id);
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    front.observer.record(&Answered {
        method: &method,
        route: route.as_ref().map_or(UNMATCHED, MatchedPath::as_str),
        status: response.status(),
        took: began.elapsed(),
        tenant: tenant.as_ref(),
        request_id: &request_id,
        is_quiet: kind == Kind::Ops,
    });
    response
}

async fn answer(
    front: &Front,
    kind: Kind,
    names: &Names,
    began: Instant,
    request: Request,
    next: Next,
) -> (Response, Option<TenantCode>) {
    let deadline = match front.deadline(kind, began, request.headers()) {
        Ok(deadline) => deadline,
        Err(problem) => return (problem.into_response(), None),
    };
    let mut tenant = None;
    let response = guarded(deadline, async {
        match pass(front, kind, names, deadline, request, next, &mut tenant).await {
            Ok(response) => response,
            Err(problem) => problem.into_response(),
        }
    })
    .await;
    (response, tenant)
}

async fn pass(
    front: &Front,
    kind: Kind,
    names: &Names,
    deadline: Instant,
    request: Request,
    next: Next,
    tenant: &mut Option<TenantCode>,
) -> Result<Response, Problem> {
    // a body cannot be shared between threads, its head can
    let (mut head, body) = request.into_parts();
    let admitted = front.admit(kind, &head, names, deadline).await?;
    if let Admitted::Tenant(ctx, token) = admitted {
        *tenant = Some(ctx.tenant.clone());
        let (session, brought) = (ctx.session.clone(), ctx.session.positions());
        head.extensions.insert(*ctx);
        let mut response = next.run(Request::from_parts(head, body)).await;
        seen::hand_out(kind, &brought, &session, &mut response);
        if let (true, Some(token), Some(tenant)) = (session.is_ended(), token, tenant) {
            front.sessions.forget(&token, tenant);
        }
        return Ok(response);
    }
    let request = Request::from_parts(head, body);
    Ok(match admitted {
        Admitted::Bare(pages) => run(pages, request).await,
        Admitted::Open | Admitted::Tenant(..) => next.run(request).await,
    })
}

/// A router is always ready and never fails.
async fn run(mut router: Router, request: Request) -> Response {
    let answered: Result<Response, Infallible> = router.call(request).await;
    match answered {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
