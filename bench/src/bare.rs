//! The bare handler: an axum route that answers fixed bytes by id, in a process of its own. It is what
//! HTTP alone costs on this machine; nothing of the product stands between.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::Path as FilePath;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::args::BareServer;

/// The route; the same as the product read's.
pub const ROUTE: &str = "/v1/store/products/{id}";
/// What the server's HTTP layer writes by itself.
const OWN_HEADERS: &[&str] = &["date", "content-length", "connection", "transfer-encoding"];

/// An answer to give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixed {
    /// The id in the path.
    pub id: String,
    /// Headers, in their sequence.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Fixed {
    /// What was answered once, to be answered again.
    ///
    /// # Errors
    /// When it is not text.
    pub fn from_answer(id: &str, headers: &HeaderMap, body: &[u8]) -> Result<Self> {
        let own = |name: &HeaderName| OWN_HEADERS.contains(&name.as_str());
        let text = |value: &HeaderValue| anyhow::Ok(value.to_str()?.to_owned());
        let headers = headers
            .iter()
            .filter(|(name, _)| !own(name))
            .map(|(name, value)| Ok((name.as_str().to_owned(), text(value)?)))
            .collect::<Result<_>>()?;
        let body = std::str::from_utf8(body).context("the answer is not text")?.to_owned();
        Ok(Self { id: id.to_owned(), headers, body })
    }
}

type Answers = Arc<HashMap<String, (HeaderMap, Bytes)>>;

/// Serves until standard input ends.
///
/// # Errors
/// When the answers cannot be read or no port is free.
pub fn run(args: &BareServer) -> Result<()> {
    let answers: Vec<Fixed> = serde_json::from_slice(&std::fs::read(&args.answers)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(answers, &args.ready_file))
}

async fn serve(answers: Vec<Fixed>, ready_file: &FilePath) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let listener = listener.tap_io(|stream| {
        // Without it the measurement would say so itself.
        let _ = stream.set_nodelay(true);
    });
    let ready = serde_json::json!({ "base_url": format!("http://{address}") });
    let beside = ready_file.with_extension("tmp");
    std::fs::write(&beside, ready.to_string())?;
    std::fs::rename(&beside, ready_file)?;
    let ended = async {
        let mut input = tokio::io::stdin();
        let mut byte = [0_u8; 1];
        while matches!(input.read(&mut byte).await, Ok(n) if n > 0) {}
    };
    tokio::select! {
        served = async { axum::serve(listener, router(answers)?).await.map_err(anyhow::Error::from) } => served,
        () = ended => Ok(()),
    }
}

/// The route with its answers.
///
/// # Errors
/// When a header cannot be one.
pub(crate) fn router(answers: Vec<Fixed>) -> Result<Router> {
    let mut by_id = HashMap::new();
    for answer in answers {
        let mut headers = HeaderMap::new();
        for (name, value) in answer.headers {
            headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
        by_id.insert(answer.id, (headers, Bytes::from(answer.body)));
    }
    let state: Answers = Arc::new(by_id);
    Ok(Router::new().route(ROUTE, get(answer)).with_state(state))
}

async fn answer(State(answers): State<Answers>, Path(id): Path<String>) -> Response {
    match answers.get(&id) {
        Some((headers, body)) => (headers.clone(), body.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_keeps_its_headers_but_not_those_of_the_connection() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("content-type", "application/json"), ("date", "now"), ("etag", "\"1\"")]
        {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let fixed = Fixed::from_answer("7", &headers, b"{}").unwrap();
        let names: Vec<&str> = fixed.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["content-type", "etag"]);
        assert!(Fixed::from_answer("7", &headers, &[0xff]).is_err());
    }
}
