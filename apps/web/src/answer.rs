//! The kinds of answers: a page, a way to another page, something that is no page.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use maud::Markup;
use rpc::Fault;

use crate::{Failure, Fields};

/// What handlers answer.
pub type Answer = Result<Response, Failure>;

/// What a browser asks for again each time.
const NO_CACHE: &str = "no-cache";

/// A page. Pages show carts, names and tokens: nobody keeps them.
#[must_use]
pub fn page(status: StatusCode, markup: Markup) -> Response {
    html(status, Body::from(markup.into_string()))
}

/// A page that is drawn already.
#[must_use]
pub fn html(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// To another page, by GET, whatever this request was.
///
/// # Errors
/// When the address cannot stand in a header.
pub fn redirect(to: impl std::fmt::Display) -> Answer {
    let location = HeaderValue::try_from(to.to_string()).map_err(Fault::internal)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

/// Something that is no page: a stylesheet, a picture.
#[must_use]
pub fn asset(
    content: impl Into<Body>,
    content_type: &'static str,
    cache: &'static str,
) -> Response {
    let mut response = Response::new(content.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// How long an asset may be kept: for ever when it was asked for by its current version (`?v=…`), else
/// not at all, so that nobody keeps new content under an old address.
#[must_use]
pub fn cache_of(uri: &Uri, current: &str) -> &'static str {
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    if query.text("v") == current { ui::assets::CACHE_FOR_EVER } else { NO_CACHE }
}

/// Adds the security headers; nothing leaves without them.
#[must_use]
pub fn harden(mut response: Response) -> Response {
    for (name, value) in ui::policy::HEADERS {
        let name = HeaderName::from_static(name);
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
