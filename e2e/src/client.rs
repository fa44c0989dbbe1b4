//! A small typed HTTP client. It connects to the loopback address and names the tenant by its host
//! header, as a browser behind a name server would. It does not retry, unless it is told to be patient: a
//! test wants to see every answer.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::header::{CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::logs;
use crate::wait::until_heard;

/// How long an answer may take; longer than the server's own limit, so that its refusal is seen.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// What an error shows of a body at most, in characters.
const SHOWN_CHARS_MAX: usize = 2_000;

/// Somebody who sends requests to one tenant.
#[derive(Debug, Clone)]
pub struct Caller {
    http: Client,
    base: String,
    host: String,
    token: Option<String>,
    cart: Option<String>,
    patient: bool,
}

impl Caller {
    /// Nobody yet: no session, no cart.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(base: &str, host: &str) -> Result<Self> {
        let http = Client::builder().timeout(ANSWER_WITHIN).build()?;
        let (base, host) = (base.to_owned(), host.to_owned());
        Ok(Self { http, base, host, token: None, cart: None, patient: false })
    }

    /// The same with a session.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same with an anonymous cart.
    #[must_use]
    pub fn with_cart(&self, cart: &str) -> Self {
        Self { cart: Some(cart.to_owned()), ..self.clone() }
    }

    /// The same, but asking again whenever too much is going on, as the answer says one may. For whoever is
    /// part of a load, and sends nothing that means something else when it is sent twice.
    #[must_use]
    pub fn patient(&self) -> Self {
        Self { patient: true, ..self.clone() }
    }

    /// The same at a server that has another address since it was started anew.
    #[must_use]
    pub fn moved(&self, base: &str, host: &str) -> Self {
        Self { base: base.to_owned(), host: host.to_owned(), ..self.clone() }
    }

    /// Reads.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a body.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Sends a body with an idempotency key.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post_keyed(&self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        self.send(self.request(Method::POST, path).header("idempotency-key", key).json(body)).await
    }

    /// Sends text that claims to be JSON.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post_text(&self, path: &str, body: String) -> Result<Answer> {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/json");
        self.send(request.body(body)).await
    }

    /// Replaces.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        if !self.patient {
            return send(request).await;
        }
        let ask = || async {
            let again = request.try_clone().context("a request that can be sent only once")?;
            send(again).await
        };
        Box::pin(until_heard(ask)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request =
            self.http.request(method, format!("{}{path}", self.base)).header(HOST, &self.host);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(cart) = &self.cart {
            request = request.header("x-cart-token", cart);
        }
        request
    }
}

async fn send(request: RequestBuilder) -> Result<Answer> {
    let response = request.send().await.with_context(unheard)?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let path = response.url().path().to_owned();
    let body = response.text().await.with_context(unheard)?;
    Ok(Answer { status, path, headers, body })
}

fn unheard() -> String {
    format!("there was no answer{}", logs::tails())
}

/// An answer, whatever it says.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    /// What a good answer holds.
    ///
    /// # Errors
    /// When it is not good, or not what was expected; with the whole answer.
    pub fn ok<T: DeserializeOwned>(self) -> Result<T> {
        ensure!((200..300).contains(&self.status), "{}", self.told());
        serde_json::from_str(&self.body).with_context(|| self.told())
    }

    /// What a refusal says.
    ///
    /// # Errors
    /// When it is not a problem document with this status.
    pub fn refused(self, status: u16) -> Result<ProblemDocument> {
        ensure!(self.status == status, "a {status} was expected, {}", self.told());
        let media_type = self.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let is_problem = media_type == Some("application/problem+json");
        ensure!(is_problem, "{media_type:?}: {}", self.told());
        let problem: ProblemDocument =
            serde_json::from_str(&self.body).with_context(|| self.told())?;
        if problem.status != status || problem.code.is_empty() {
            bail!("a problem that does not fit its status {status}: {problem:?}");
        }
        Ok(problem)
    }

    /// Whether it repeats an earlier answer to the same idempotency key.
    #[must_use]
    pub fn is_replayed(&self) -> bool {
        self.headers.get("idempotent-replayed").is_some_and(|v| v == "true")
    }

    /// The problem's code; empty for a good answer.
    #[must_use]
    pub fn code(&self) -> String {
        self.problem().map(|p| p.code).unwrap_or_default()
    }

    /// Whether it is this refusal.
    #[must_use]
    pub fn is_refusal(&self, status: u16, code: &str) -> bool {
        self.status == status && self.code() == code
    }

    /// Whether it says that nothing is wrong with the request, only too much is going on: the server's time
    /// or room has run out, or the same request is still being worked on. It may be sent again as it is. A
    /// limit of one's own (429) is not that.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.status, 409 | 503 | 504) && self.problem().is_some_and(|p| p.retryable)
    }

    fn problem(&self) -> Option<ProblemDocument> {
        serde_json::from_str(&self.body).ok()
    }

    /// The whole of it for an error, and how the logs of the test's servers end.
    fn told(&self) -> String {
        let Self { path, status, .. } = self;
        format!("{path} answered {status}: {}{}", self.shown(), logs::tails())
    }

    /// After how many seconds one may ask again, when it says so.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        self.headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
    }

    /// As much of the body as a person wants to see.
    #[must_use]
    pub fn shown(&self) -> String {
        self.body.chars().take(SHOWN_CHARS_MAX).collect()
    }
}

/// An RFC 9457 problem as a client reads it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ProblemDocument {
    /// The HTTP status.
    pub status: u16,
    /// A stable name.
    pub code: String,
    /// What happened.
    pub detail: String,
    /// Whether the same request may succeed later.
    #[serde(default)]
    pub retryable: bool,
    /// What is wrong, place by place.
    #[serde(default)]
    pub errors: Vec<ProblemPlace>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ProblemPlace {
    /// Where.
    pub pointer: String,
    /// What.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let (path, headers, body) = ("/v1/x".to_owned(), HeaderMap::new(), body.to_owned());
        Answer { status, path, headers, body }
    }

    #[test]
    fn only_what_may_be_sent_again_as_it_is_is_busy() {
        let problem = |status: u16, code: &str, retryable: bool| {
            let body = format!(
                r#"{{"status":{status},"code":"{code}","detail":"x","retryable":{retryable}}}"#
            );
            answer(status, &body)
        };
        assert!(problem(503, "unavailable", true).is_busy());
        assert!(problem(504, "deadline_exceeded", true).is_busy());
        assert!(problem(409, "idempotency_in_flight", true).is_busy());
        assert!(!problem(409, "sold_out", false).is_busy());
        assert!(!problem(429, "too_many_unpaid_orders", true).is_busy());
        assert!(!answer(503, "gone").is_busy(), "a server says so itself");
        assert!(problem(409, "sold_out", false).is_refusal(409, "sold_out"));
        assert!(!problem(409, "sold_out", false).is_refusal(409, "checkout_over"));
    }
}
