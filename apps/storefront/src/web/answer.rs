//! The two kinds of answers: a page, and a way to another page.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use maud::Markup;
use rpc::Fault;

use super::Failure;

/// A page. Pages show carts, names and tokens: nobody keeps them.
pub(crate) fn page(status: StatusCode, markup: Markup) -> Response {
    let mut response = Response::new(Body::from(markup.into_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// To another page, by GET, whatever this request was.
pub(crate) fn redirect(to: impl std::fmt::Display) -> Result<Response, Failure> {
    let location = HeaderValue::try_from(to.to_string()).map_err(Fault::internal)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

/// Something that is no page: a stylesheet, a picture.
pub(crate) fn asset(text: String, content_type: &'static str, cache: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// Adds the security headers; nothing leaves without them.
pub(crate) fn harden(mut response: Response) -> Response {
    for (name, value) in ui::policy::HEADERS {
        let name = HeaderName::from_static(name);
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
