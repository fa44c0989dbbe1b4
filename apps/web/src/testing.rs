//! For tests of applications: a browser without JavaScript. It keeps cookies, sends forms with the token
//! it was given, follows nothing by itself. In place of the bus it says who acts. It panics where a test
//! should fail.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod html;

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use rpc::{Actor, Ctx};
use tower::ServiceExt as _;

/// The largest page that is looked at, in bytes.
const PAGE_MAX: usize = 4 << 20;

/// A browser on one application.
#[derive(Debug)]
pub struct Browser {
    router: Router,
    /// Who acts, and for which tenant: what the bus would say.
    pub ctx: Ctx,
    /// The name of the cookie with the token of forms.
    pub csrf_cookie: &'static str,
    /// The cookies.
    pub jar: BTreeMap<String, String>,
    /// The languages that are asked for.
    pub accept_language: &'static str,
    /// The cookie that signs in, and as whom: he acts while it is in the jar.
    pub session: Option<(&'static str, Actor)>,
}

/// What came back.
#[derive(Debug)]
pub struct Seen {
    /// The status.
    pub status: StatusCode,
    /// The head.
    pub headers: HeaderMap,
    /// The text.
    pub body: String,
}

impl Seen {
    /// Where it leads; empty when it leads nowhere.
    #[must_use]
    pub fn location(&self) -> &str {
        self.headers.get("location").and_then(|l| l.to_str().ok()).unwrap_or_default()
    }

    /// The value of the first field of a name.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        let (_, rest) = self.body.split_once(&format!("name=\"{name}\"")).unwrap();
        let (tag, _) = rest.split_once('>').unwrap();
        let (_, value) = tag.split_once("value=\"").unwrap();
        value.split_once('"').unwrap().0.to_owned()
    }

    /// It contains a text.
    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        assert!(self.body.contains(text), "`{text}` is not in {}: {}", self.status, self.body);
        self
    }

    /// It does not contain a text.
    #[track_caller]
    pub fn hides(&self, text: &str) -> &Self {
        assert!(!self.body.contains(text), "`{text}` is in {}", self.body);
        self
    }

    /// It has this status, and is a page unless it leads elsewhere.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        let kind = self.headers.get("content-type").and_then(|t| t.to_str().ok());
        if !self.status.is_redirection() {
            assert_eq!(kind, Some("text/html; charset=utf-8"));
        }
        self
    }

    /// It leads to an address.
    #[track_caller]
    pub fn leads_to(&self, to: &str) -> &Self {
        assert_eq!((self.status.as_u16(), self.location()), (303, to), "{}", self.body);
        self
    }
}

/// What is sent as a form.
const FORM: &str = "application/x-www-form-urlencoded";

impl Browser {
    /// A browser that already has a token for forms.
    #[must_use]
    pub fn new(router: Router, ctx: Ctx, csrf_cookie: &'static str) -> Self {
        let mut browser = Self::unknown(router, ctx, csrf_cookie);
        browser.jar.insert(csrf_cookie.to_owned(), "a".repeat(32));
        browser
    }

    /// A browser that has never been here.
    #[must_use]
    pub fn unknown(router: Router, ctx: Ctx, csrf_cookie: &'static str) -> Self {
        let jar = BTreeMap::new();
        Self { router, ctx, csrf_cookie, jar, accept_language: "en", session: None }
    }

    /// The same browser where a cookie signs somebody in.
    #[must_use]
    pub fn signed_in_by(mut self, cookie: &'static str, actor: Actor) -> Self {
        self.session = Some((cookie, actor));
        self
    }

    /// The same browser with somebody else in front of it.
    #[must_use]
    pub fn acting(mut self, actor: Actor) -> Self {
        self.ctx.actor = actor;
        self
    }

    /// The token that forms send.
    #[must_use]
    pub fn token(&self) -> String {
        self.jar.get(self.csrf_cookie).cloned().unwrap_or_default()
    }

    /// Opens a page.
    pub async fn get(&mut self, path: &str) -> Seen {
        self.send("GET", path, FORM, Body::empty()).await
    }

    /// Sends a form with the visitor's token.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let token = self.token();
        let mut with_token = vec![("csrf", token.as_str())];
        with_token.extend(fields);
        self.post_bare(path, &with_token).await
    }

    /// Sends a form as it is.
    pub async fn post_bare(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.send("POST", path, FORM, Body::from(form.finish())).await
    }

    /// Asks for something with another method than GET, without a form.
    pub async fn ask(&mut self, method: &str, path: &str) -> Seen {
        self.send(method, path, FORM, Body::empty()).await
    }

    /// Sends anything.
    pub async fn send(&mut self, method: &str, path: &str, kind: &str, body: Body) -> Seen {
        let cookies: Vec<String> = self.jar.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("cookie", cookies.join("; "))
            .header("accept-language", self.accept_language)
            .header("content-type", kind)
            .extension(self.acting_ctx())
            .body(body)
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all("set-cookie") {
            self.keep(cookie.to_str().unwrap());
        }
        let kind = parts.headers.get("content-type").and_then(|t| t.to_str().ok());
        // a stream of events has no end to wait for
        let body = match kind {
            Some("text/event-stream") => String::new(),
            _ => {
                let bytes = to_bytes(body, PAGE_MAX).await.unwrap();
                String::from_utf8_lossy(&bytes).into_owned()
            }
        };
        Seen { status: parts.status, headers: parts.headers, body }
    }

    fn acting_ctx(&self) -> Ctx {
        let session = self.session.as_ref().filter(|(cookie, _)| self.jar.contains_key(*cookie));
        let actor = session.map_or(&self.ctx.actor, |(_, actor)| actor).clone();
        Ctx { actor, ..self.ctx.clone() }
    }

    fn keep(&mut self, cookie: &str) {
        assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
        let (name, rest) = cookie.split_once('=').unwrap();
        let value = rest.split(';').next().unwrap();
        if rest.contains("Max-Age=0") {
            self.jar.remove(name);
        } else {
            self.jar.insert(name.to_owned(), value.to_owned());
        }
    }
}
