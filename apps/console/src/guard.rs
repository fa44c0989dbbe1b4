//! Who may open which page. A route cannot be added without its rule; the rules are also a table, so that
//! a test can try every route with every role. The services check permissions again: this decides what is
//! shown, not what is allowed.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use rpc::ActorKind;

use crate::App;
use crate::web::{Failure, Visit, frame};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody: signing in.
    Open,
    /// Whoever signed in to the console.
    SignedIn,
    /// Whoever has this permission.
    May(&'static str),
}

/// A route with who may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The method.
    pub method: Method,
    /// The path as the router matches it.
    pub pattern: &'static str,
    /// Who may use it.
    pub access: Access,
}

/// The routes of the console as they are put together.
pub(crate) struct Pages {
    router: Router<App>,
    rules: Vec<Rule>,
}

impl Pages {
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), rules: Vec::new() }
    }

    /// Adds a page.
    pub(crate) fn get<H, T>(self, pattern: &'static str, access: Access, handler: H) -> Self
    where
        H: axum::handler::Handler<T, App>,
        T: 'static,
    {
        self.add(Method::GET, pattern, access, get(handler))
    }

    /// Adds what a form is sent to.
    pub(crate) fn post<H, T>(self, pattern: &'static str, access: Access, handler: H) -> Self
    where
        H: axum::handler::Handler<T, App>,
        T: 'static,
    {
        self.add(Method::POST, pattern, access, post(handler))
    }

    /// Adds what files are sent to, with a limit of its own on the body, in bytes.
    pub(crate) fn upload<H, T>(
        self,
        pattern: &'static str,
        access: Access,
        body_max: usize,
        handler: H,
    ) -> Self
    where
        H: axum::handler::Handler<T, App>,
        T: 'static,
    {
        let handler = post(handler).layer(DefaultBodyLimit::max(body_max));
        self.add(Method::POST, pattern, access, handler)
    }

    fn add(
        mut self,
        method: Method,
        pattern: &'static str,
        access: Access,
        handler: MethodRouter<App>,
    ) -> Self {
        let guarded = handler.layer(from_fn(move |visit: Visit, request: Request, next: Next| {
            check(access, visit, request, next)
        }));
        self.router = self.router.route(pattern, guarded);
        self.rules.push(Rule { method, pattern, access });
        self
    }

    /// The finished router and its table.
    pub(crate) fn finish(self, app: App) -> (Router, Vec<Rule>) {
        let pages = self.rules.iter().filter(|r| r.method == Method::GET).map(|r| r.pattern);
        let framed = frame::Framed { app: app.clone(), pages: pages.collect() };
        let nothing = || async { Failure::not_found() };
        let router = self
            .router
            .route("/console/{*rest}", axum::routing::any(nothing))
            .method_not_allowed_fallback(|| async {
                Failure::of_status(StatusCode::METHOD_NOT_ALLOWED)
            })
            .layer(from_fn_with_state(framed, frame::frame))
            .with_state(app);
        (router, self.rules)
    }
}

async fn check(
    access: Access,
    visit: Visit,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let signed_in = visit.ctx.actor.kind == ActorKind::Operator;
    match access {
        Access::Open => {}
        Access::SignedIn | Access::May(_) if !signed_in => {
            return Err(Failure::SignIn(visit.here.clone()));
        }
        Access::SignedIn => {}
        Access::May(permission) => visit.ctx.require(permission)?,
    }
    Ok(next.run(request).await)
}
