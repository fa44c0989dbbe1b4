//! Who may call a route, declared beside the route and enforced before its handler. Whether a thing
//! belongs to the caller is not decided here but in the service.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::{DefaultBodyLimit, Request};
use axum::response::{IntoResponse as _, Response};
use futures::future::Either;
use kit::ErrorCode;
use rpc::{ActorKind, Ctx};
use tower::{Layer, Service};

use crate::BODY_BYTES_MAX;
use crate::idempotency;
use crate::problem::Problem;

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody, signed in or not.
    Public,
    /// An end user who is signed in.
    User,
    /// Whoever works for the tenant, whatever his permissions.
    Operator,
    /// An operator with this permission, such as `things:read`.
    Permission(&'static str),
}

impl Access {
    /// The rule with this access that also requires an `Idempotency-Key`.
    #[must_use]
    pub const fn idempotent(self) -> RouteRule {
        RouteRule::new(self).idempotent()
    }

    /// The rule with this access and another limit for the body, in bytes.
    #[must_use]
    pub const fn body_max(self, bytes: usize) -> RouteRule {
        RouteRule::new(self).body_max(bytes)
    }

    /// Lets the caller pass or says why not.
    ///
    /// # Errors
    /// 401 when nobody is signed in, 403 when the wrong one is.
    pub fn check(self, ctx: &Ctx) -> Result<(), Problem> {
        let kind = ctx.actor.kind;
        let passes = match self {
            Self::Public => true,
            Self::User => kind == ActorKind::User,
            Self::Operator => matches!(kind, ActorKind::Operator | ActorKind::System),
            Self::Permission(permission) => return Ok(ctx.require(permission)?),
        };
        if passes {
            return Ok(());
        }
        Err(if kind == ActorKind::Anonymous {
            Problem::new(ErrorCode::Unauthenticated, "sign in first")
        } else {
            Problem::new(ErrorCode::Forbidden, "this is not for this kind of account")
        })
    }
}

/// All that is declared beside a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteRule {
    /// Who may call.
    pub access: Access,
    /// Whether the `Idempotency-Key` header is required.
    pub idempotent: bool,
    /// The largest body, in bytes.
    pub body_max: usize,
}

impl RouteRule {
    /// No idempotency key, the usual body limit.
    #[must_use]
    pub const fn new(access: Access) -> Self {
        Self { access, idempotent: false, body_max: BODY_BYTES_MAX }
    }

    /// Requires the `Idempotency-Key` header.
    #[must_use]
    pub const fn idempotent(self) -> Self {
        Self { idempotent: true, ..self }
    }

    /// Another limit for the body, in bytes.
    #[must_use]
    pub const fn body_max(self, bytes: usize) -> Self {
        Self { body_max: bytes, ..self }
    }

    /// Everything that stands before the handler, as one layer.
    pub(crate) fn layer(self) -> (DefaultBodyLimit, GuardLayer) {
        (DefaultBodyLimit::max(self.body_max), GuardLayer(self))
    }
}

impl From<Access> for RouteRule {
    fn from(access: Access) -> Self {
        Self::new(access)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct GuardLayer(RouteRule);

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { rule: self.0, inner }
    }
}

/// Enforces a [`RouteRule`].
#[derive(Debug, Clone)]
pub(crate) struct Guard<S> {
    rule: RouteRule,
    inner: S,
}

type Answer = Result<Response, Infallible>;
type Boxed = Pin<Box<dyn Future<Output = Answer> + Send>>;

impl<S> Service<Request> for Guard<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Ready<Answer>, Either<S::Future, Boxed>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let allowed = match request.extensions().get::<Ctx>() {
            Some(ctx) => self.rule.access.check(ctx),
            None => Err(crate::extract::no_context()),
        };
        if let Err(problem) = allowed {
            return Either::Left(ready(Ok(problem.into_response())));
        }
        if !self.rule.idempotent {
            return Either::Right(Either::Left(self.inner.call(request)));
        }
        // the service that was polled ready is the one to call; a fresh clone stays behind
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let body_max = self.rule.body_max;
        Either::Right(Either::Right(Box::pin(async move {
            match idempotency::bind(request, body_max).await {
                Ok(request) => inner.call(request).await,
                Err(problem) => Ok(problem.into_response()),
            }
        })))
    }
}
