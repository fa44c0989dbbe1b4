//! A small typed HTTP client. It connects to the loopback address and names the tenant by its host
//! header, as a browser behind a name server would. It does not retry: a test wants to see every answer.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::header::{CONTENT_TYPE, HOST, HeaderMap};
use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

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
}

impl Caller {
    /// Nobody yet: no session, no cart.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(base: &str, host: &str) -> Result<Self> {
        let http = Client::builder().timeout(ANSWER_WITHIN).build()?;
        let (base, host) = (base.to_owned(), host.to_owned());
        Ok(Self { http, base, host, token: None, cart: None })
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
        send(self.request(Method::GET, path)).await
    }

    /// Sends a body.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        send(self.request(Method::POST, path).json(body)).await
    }

    /// Sends a body with an idempotency key.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post_keyed(&self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        send(self.request(Method::POST, path).header("idempotency-key", key).json(body)).await
    }

    /// Sends text that claims to be JSON.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post_text(&self, path: &str, body: String) -> Result<Answer> {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/json");
        send(request.body(body)).await
    }

    /// Replaces.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        send(self.request(Method::PUT, path).json(body)).await
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
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let path = response.url().path().to_owned();
    let body = response.text().await?;
    Ok(Answer { status, path, headers, body })
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
        let good = (200..300).contains(&self.status);
        ensure!(good, "{} answered {}: {}", self.path, self.status, self.shown());
        let shown = || format!("{} answered {}: {}", self.path, self.status, self.shown());
        serde_json::from_str(&self.body).with_context(shown)
    }

    /// What a refusal says.
    ///
    /// # Errors
    /// When it is not a problem document with this status.
    pub fn refused(self, status: u16) -> Result<ProblemDocument> {
        let shown = format!("{} answered {}: {}", self.path, self.status, self.shown());
        ensure!(self.status == status, "a {status} was expected, {shown}");
        let media_type = self.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
        ensure!(media_type == Some("application/problem+json"), "{media_type:?}: {shown}");
        let problem: ProblemDocument = serde_json::from_str(&self.body).context(shown)?;
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
        let problem = serde_json::from_str::<ProblemDocument>(&self.body);
        problem.map(|p| p.code).unwrap_or_default()
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
