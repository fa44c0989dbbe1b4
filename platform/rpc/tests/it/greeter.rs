//! The worked example: a service's interface as an `api` crate would have it, and an implementation.
//! It must not know whether it is called locally or over the wire.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kit::{ErrorCode, TenantCode};
use rpc::{Actor, Ctx, Fault, IdempotencyKey, ServiceError, Xid};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

// ---- the interface ----

/// Whom to greet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hello {
    /// The name; "nobody" and "moon" are refused.
    pub name: String,
}

/// A greeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// What is said.
    pub text: String,
}

/// Asks what the callee sees of the call.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Look {
    /// Look only when no more than so many milliseconds are left.
    #[serde(default)]
    pub when_left_ms: Option<u64>,
}

/// What callees saw, the one that was called first at the front.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen(pub Vec<Sight>);

/// What one callee saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// The tenant.
    pub tenant: TenantCode,
    /// Who acts.
    pub actor: Actor,
    /// The trace, as a header.
    pub trace: String,
    /// The request's id.
    pub request_id: String,
    /// The client's key.
    pub idempotency: Option<IdempotencyKey>,
    /// The transaction.
    pub xid: Option<Xid>,
    /// The tokens that came along.
    pub tokens: BTreeMap<String, String>,
    /// The time left.
    pub left_ms: u64,
}

/// Writes something down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Write {
    /// Where.
    pub database: String,
    /// The token that the database gives for it.
    pub token: String,
    /// Fail afterwards.
    pub then_fail: bool,
}

/// How greeting fails.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GreeterError {
    /// There is nobody.
    #[error("nobody is there")]
    Nobody,
    /// Greeted too often.
    #[error("{name} was greeted {limit} times already")]
    TooOften {
        /// Who.
        name: String,
        /// How often one may.
        limit: u32,
    },
    /// What every call can have.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ServiceError for GreeterError {
    fn into_fault(self) -> Fault {
        let (code, text) = (self.code(), self.to_string());
        match self {
            Self::Fault(fault) => fault,
            Self::Nobody => Fault::new(code, text).with_slug("nobody"),
            Self::TooOften { .. } => Fault::new(code, text).with_slug("too_often"),
        }
    }

    fn code(&self) -> ErrorCode {
        match self {
            Self::Nobody => ErrorCode::NotFound,
            Self::TooOften { .. } => ErrorCode::Conflict,
            Self::Fault(fault) => fault.code,
        }
    }
}

/// Greets.
#[rpc::service(name = "greeter")]
pub trait Greeter: Send + Sync + 'static {
    /// Says hello.
    ///
    /// # Errors
    /// `Nobody`, `TooOften`.
    async fn hello(&self, ctx: &Ctx, req: Hello) -> Result<Greeting, GreeterError>;

    /// Tells what arrived.
    async fn look(&self, ctx: &Ctx, req: Look) -> Result<Seen, GreeterError>;

    /// Leaves a read-your-writes token.
    async fn write(&self, ctx: &Ctx, req: Write) -> Result<(), GreeterError>;

    /// Breaks, with an internal cause.
    async fn stumble(&self, ctx: &Ctx, req: ()) -> Result<(), GreeterError>;

    /// Returns when it is woken.
    async fn nap(&self, ctx: &Ctx, req: ()) -> Result<(), GreeterError>;

    /// An old method: newer ones replaced it, and it lives on as a default.
    async fn hello_v0(&self, ctx: &Ctx, req: String) -> Result<String, GreeterError> {
        Ok(self.hello(ctx, Hello { name: req }).await?.text)
    }
}

// ---- pure answers, which the mock shares ----

/// The rule of greeting.
pub fn greet(req: &Hello) -> Result<Greeting, GreeterError> {
    match req.name.as_str() {
        "nobody" => Err(GreeterError::Nobody),
        "moon" => Err(GreeterError::TooOften { name: req.name.clone(), limit: 3 }),
        name => Ok(Greeting { text: format!("Hello, {name}") }),
    }
}

/// What a callee sees.
pub fn sight(ctx: &Ctx) -> Sight {
    Sight {
        tenant: ctx.tenant.clone(),
        actor: ctx.actor.clone(),
        trace: ctx.trace.to_string(),
        request_id: ctx.request_id.clone(),
        idempotency: ctx.idempotency.clone(),
        xid: ctx.xid.clone(),
        tokens: ctx.session.tokens(),
        left_ms: u64::try_from(ctx.remaining().as_millis()).unwrap(),
    }
}

/// Writes, and fails if asked.
pub fn write_down(ctx: &Ctx, req: &Write) -> Result<(), GreeterError> {
    ctx.session.wrote(&req.database, &req.token);
    if req.then_fail { Err(GreeterError::Nobody) } else { Ok(()) }
}

/// A fault whose cause is nobody's business.
pub fn stumbled() -> GreeterError {
    Fault::bug("the password is hunter2").into()
}

// ---- an implementation ----

/// What happens inside a [`Polite`], for tests to wait for.
#[derive(Debug, Default)]
pub struct Events {
    /// Calls that reached the service.
    pub calls: AtomicU32,
    /// A nap began.
    pub asleep: Notify,
    /// Ends one nap.
    pub wake: Notify,
    /// A nap was dropped before it ended.
    pub cancelled: Notify,
}

/// Greets politely; passes `look` on to `next`, if there is one.
pub struct Polite {
    events: Arc<Events>,
    next: Option<GreeterClient>,
}

impl Polite {
    /// A greeter that is the last of its chain.
    pub fn new(events: Arc<Events>) -> Self {
        Self { events, next: None }
    }

    /// A greeter that asks another one, too.
    pub fn before(next: GreeterClient) -> Self {
        Self { events: Arc::default(), next: Some(next) }
    }

    fn called(&self) {
        self.events.calls.fetch_add(1, Ordering::SeqCst);
    }
}

#[rpc::async_trait]
impl Greeter for Polite {
    async fn hello(&self, _ctx: &Ctx, req: Hello) -> Result<Greeting, GreeterError> {
        self.called();
        greet(&req)
    }

    async fn look(&self, ctx: &Ctx, req: Look) -> Result<Seen, GreeterError> {
        self.called();
        let mut sights = vec![sight(ctx)];
        if let Some(next) = &self.next {
            while req.when_left_ms.is_some_and(|ms| ctx.remaining().as_millis() > u128::from(ms)) {
                tokio::task::yield_now().await;
            }
            sights.extend(next.look(ctx, Look::default()).await?.0);
        }
        Ok(Seen(sights))
    }

    async fn write(&self, ctx: &Ctx, req: Write) -> Result<(), GreeterError> {
        self.called();
        write_down(ctx, &req)
    }

    async fn stumble(&self, _ctx: &Ctx, (): ()) -> Result<(), GreeterError> {
        self.called();
        Err(stumbled())
    }

    async fn nap(&self, _ctx: &Ctx, (): ()) -> Result<(), GreeterError> {
        self.called();
        let mut nap = Nap { events: self.events.clone(), over: false };
        self.events.asleep.notify_one();
        self.events.wake.notified().await;
        nap.over = true;
        Ok(())
    }
}

struct Nap {
    events: Arc<Events>,
    over: bool,
}

impl Drop for Nap {
    fn drop(&mut self) {
        if !self.over {
            self.events.cancelled.notify_one();
        }
    }
}
