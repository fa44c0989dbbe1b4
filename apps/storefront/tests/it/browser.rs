//! A browser without JavaScript: keeps cookies, sends forms with the token it was given, follows nothing
//! by itself. In place of the bus it says who acts.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use rpc::{Actor, Ctx};
use tower::ServiceExt as _;

use crate::data::MEMBER;

pub struct Browser {
    router: Router,
    pub jar: BTreeMap<String, String>,
    pub accept_language: &'static str,
}

/// What came back.
pub struct Seen {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Seen {
    /// Where it leads; empty when it leads nowhere.
    pub fn location(&self) -> &str {
        self.headers.get("location").map_or("", |l| l.to_str().unwrap())
    }

    /// The value of the first field of a name.
    pub fn field(&self, name: &str) -> String {
        let (_, rest) = self.body.split_once(&format!("name=\"{name}\"")).unwrap();
        let (tag, _) = rest.split_once('>').unwrap();
        let (_, value) = tag.split_once("value=\"").unwrap();
        value.split_once('"').unwrap().0.to_owned()
    }

    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        assert!(self.body.contains(text), "`{text}` is not in {}: {}", self.status, self.body);
        self
    }

    #[track_caller]
    pub fn hides(&self, text: &str) -> &Self {
        assert!(!self.body.contains(text), "`{text}` is in {}", self.body);
        self
    }

    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        let kind = self.headers.get("content-type").map(|t| t.to_str().unwrap());
        if !self.status.is_redirection() {
            assert_eq!(kind, Some("text/html; charset=utf-8"));
        }
        self
    }

    #[track_caller]
    pub fn leads_to(&self, to: &str) -> &Self {
        assert_eq!((self.status.as_u16(), self.location()), (303, to), "{}", self.body);
        self
    }
}

impl Browser {
    pub fn new(router: Router) -> Self {
        Self { router, jar: BTreeMap::new(), accept_language: "en" }
    }

    /// As somebody who has been here and signed in.
    pub fn of_member(router: Router) -> Self {
        let mut browser = Self::new(router);
        browser.jar.insert("stoa_session".into(), "sm_token".into());
        browser.jar.insert("stoa_csrf".into(), "a".repeat(32));
        browser
    }

    pub async fn get(&mut self, path: &str) -> Seen {
        self.send("GET", path, String::new()).await
    }

    /// Sends a form with the visitor's token.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let token = self.jar.get("stoa_csrf").cloned().unwrap_or_default();
        let mut with_token = vec![("csrf", token.as_str())];
        with_token.extend(fields);
        self.post_bare(path, &with_token).await
    }

    /// Sends a form as it is.
    pub async fn post_bare(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.send("POST", path, form.finish()).await
    }

    pub async fn send(&mut self, method: &str, path: &str, body: String) -> Seen {
        let actor = match self.jar.contains_key("stoa_session") {
            true => Actor::user(MEMBER),
            false => Actor::anonymous(),
        };
        let ctx = Ctx { actor, ..testkit::test_ctx("flora") };
        let cookies: Vec<String> = self.jar.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("cookie", cookies.join("; "))
            .header("accept-language", self.accept_language)
            .header("content-type", "application/x-www-form-urlencoded")
            .extension(ctx)
            .body(Body::from(body))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all("set-cookie") {
            self.keep(cookie.to_str().unwrap());
        }
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        let body = String::from_utf8(bytes.to_vec()).unwrap();
        Seen { status: parts.status, headers: parts.headers, body }
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
