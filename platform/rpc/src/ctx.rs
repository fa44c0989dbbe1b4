//! The context of a call: who, for which tenant, until when, and what ties the call to others.
//! Passed by reference, never ambient; a spawned task gets a context of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kit::id::mix64;
use kit::{ErrorCode, TenantCode};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::fault::Fault;

/// What kind of caller it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// Nobody signed in.
    Anonymous,
    /// An end user of a tenant, signed in.
    User,
    /// Somebody who works for a tenant, or a program with a credential of the tenant.
    Operator,
    /// The platform itself: a timer, a consumer, an operator's command line.
    System,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The kind.
    pub kind: ActorKind,
    /// The user's or operator's id; 0 for the others.
    pub id: i64,
    /// For the system: which part of it. Empty otherwise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What an operator may do; empty for the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
}

impl Actor {
    /// Nobody.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self { kind: ActorKind::Anonymous, id: 0, name: String::new(), permissions: Vec::new() }
    }

    /// A signed-in end user.
    #[must_use]
    pub const fn user(id: i64) -> Self {
        Self { kind: ActorKind::User, id, name: String::new(), permissions: Vec::new() }
    }

    /// An operator with permissions.
    #[must_use]
    pub const fn operator(id: i64, permissions: Vec<String>) -> Self {
        Self { kind: ActorKind::Operator, id, name: String::new(), permissions }
    }

    /// A part of the platform.
    pub fn system(name: impl Into<String>) -> Self {
        Self { kind: ActorKind::System, id: 0, name: name.into(), permissions: Vec::new() }
    }

    /// Whether this actor may do what `permission` names. The system may; `*` grants all; `orders:*`
    /// grants everything that begins with `orders:`.
    #[must_use]
    pub fn may(&self, permission: &str) -> bool {
        match self.kind {
            ActorKind::System => true,
            ActorKind::Operator => self.permissions.iter().any(|p| grants(p, permission)),
            ActorKind::Anonymous | ActorKind::User => false,
        }
    }

    /// A stable name of the actor for scoping: `user:5`, `operator:9`, `system:relay`, `anonymous`.
    #[must_use]
    pub fn principal(&self) -> String {
        match self.kind {
            ActorKind::Anonymous => "anonymous".to_owned(),
            ActorKind::User => format!("user:{}", self.id),
            ActorKind::Operator => format!("operator:{}", self.id),
            ActorKind::System => format!("system:{}", self.name),
        }
    }
}

fn grants(granted: &str, wanted: &str) -> bool {
    granted == "*"
        || granted == wanted
        || granted
            .strip_suffix('*')
            .is_some_and(|prefix| prefix.ends_with(':') && wanted.starts_with(prefix))
}

/// A client's idempotency key with what it is scoped to. The bus makes it; services record it with the
/// effect (design §11, §14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyKey {
    /// The header's value: 1 to 255 visible ASCII characters.
    pub key: String,
    /// Method and route template, such as `POST /v1/store/orders`.
    pub route: String,
    /// SHA-256 of the path and the body, in hex: what must be the same when the key comes again.
    pub body_hash: String,
}

/// The id of a global transaction. Travels as a value; a participant joins and never decides.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Xid(pub String);

/// W3C trace context: the trace's id and the caller's span.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId {
    /// 128 bits for the whole trace; never zero.
    pub trace: u128,
    /// 64 bits for the span that calls; never zero.
    pub span: u64,
}

impl TraceId {
    /// A new trace out of random bits; zero is mapped to one, which W3C allows.
    #[must_use]
    pub const fn from_random(trace: u128, span: u64) -> Self {
        Self { trace: if trace == 0 { 1 } else { trace }, span: if span == 0 { 1 } else { span } }
    }

    /// Reads a `traceparent` header of version 00.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
        if version.len() != 2 || version == "ff" || trace.len() != 32 || span.len() != 16 {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok()?;
        let span = u64::from_str_radix(span, 16).ok()?;
        (trace != 0 && span != 0).then_some(Self { trace, span })
    }
}

impl TraceId {
    /// The span of the next hop of the same trace. Two hops of one span differ when their salts do; no
    /// randomness is taken.
    #[must_use]
    pub const fn child(self, salt: u64) -> Self {
        // The odd constant of splitmix64 keeps a salt of 0 from vanishing.
        let mixed = mix64(self.span ^ mix64(salt.wrapping_add(0x9e37_79b9_7f4a_7c15)));
        let mut span = mixed;
        while span == 0 || span == self.span {
            span = span.wrapping_add(1);
        }
        Self { trace: self.trace, span }
    }
}

impl fmt::Display for TraceId {
    /// As a `traceparent` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-01", self.trace, self.span)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The way back: read-your-writes tokens, one per database server that was written during the call. Clones
/// share it, so that what a callee wrote reaches the caller.
#[derive(Debug, Clone, Default)]
pub struct Session(Arc<Mutex<BTreeMap<String, String>>>);

/// Marks are kept beside tokens under names that no server has.
const MARK: char = '-';
const REPLAYED: &str = "-replayed";
const ENDED: &str = "-ended";
const LATEST: &str = "-latest";

impl Session {
    /// The most tokens one session carries; with more it reads everything from primaries.
    pub const TOKENS_MAX: usize = 64;
    /// The most marks beside the tokens.
    pub(crate) const MARKS_MAX: usize = 8;

    /// Whether a name is a mark's.
    pub(crate) fn is_mark(name: &str) -> bool {
        name.starts_with(MARK)
    }

    /// Remembers that `server` was written up to `token`. Tokens that are numbers are positions, of which
    /// the greatest is kept: answers overtake each other.
    pub fn wrote(&self, server: &str, token: &str) {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = map.get_mut(server) {
            let goes_back = match (known.parse::<u64>(), token.parse::<u64>()) {
                (Ok(known), Ok(token)) => token <= known,
                _ => false,
            };
            if !goes_back {
                token.clone_into(known);
            }
        } else if Self::is_mark(server) || map.len() < Self::TOKENS_MAX {
            map.insert(server.to_owned(), token.to_owned());
        } else {
            map.insert(LATEST.to_owned(), "1".to_owned());
        }
    }

    /// The token of a server, if it was written in this session.
    #[must_use]
    pub fn token(&self, server: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(server).cloned()
    }

    /// What this session reads must be what is committed last, whoever wrote it: it is read from primaries.
    pub fn mark_latest(&self) {
        self.wrote(LATEST, "1");
    }

    /// Whether it must.
    #[must_use]
    pub fn is_latest(&self) -> bool {
        self.token(LATEST).is_some()
    }

    /// The tokens without the marks: what a client brings along the next time.
    #[must_use]
    pub fn positions(&self) -> BTreeMap<String, String> {
        let mut all = self.tokens();
        all.retain(|server, _| !Self::is_mark(server));
        all
    }

    /// The answer is one that was given before, for the same idempotency key. Travels back like a token,
    /// under a name that no database has.
    pub fn mark_replayed(&self) {
        self.wrote(REPLAYED, "1");
    }

    /// Whether the answer was given before.
    #[must_use]
    pub fn is_replayed(&self) -> bool {
        self.token(REPLAYED).is_some()
    }

    /// The credential that this request came with has ended, as after signing out: whoever remembers it
    /// must forget it. Travels back like a token.
    pub fn mark_ended(&self) {
        self.wrote(ENDED, "1");
    }

    /// Whether the credential has ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.token(ENDED).is_some()
    }

    /// All tokens and marks.
    #[must_use]
    pub fn tokens(&self) -> BTreeMap<String, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The context of one call.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// The tenant the call is for.
    pub tenant: TenantCode,
    /// Who acts.
    pub actor: Actor,
    /// When the caller stops waiting. Monotonic; sent as time remaining.
    pub deadline: Instant,
    /// The trace.
    pub trace: TraceId,
    /// Names the request in logs and in problem documents.
    pub request_id: String,
    /// The client's idempotency key, where the route takes one.
    pub idempotency: Option<IdempotencyKey>,
    /// The global transaction this call belongs to.
    pub xid: Option<Xid>,
    /// Read-your-writes tokens, both ways.
    pub session: Session,
}

/// The longest a call may take, whatever the caller asks for.
pub const DEADLINE_MAX: Duration = Duration::from_secs(60);

impl Ctx {
    /// A context for a part of the platform that acts on its own: a timer, a consumer, a command.
    pub fn system(tenant: TenantCode, part: &str, within: Duration, trace: TraceId) -> Self {
        Self {
            tenant,
            actor: Actor::system(part),
            deadline: Instant::now() + within.min(DEADLINE_MAX),
            trace,
            request_id: format!("{:032x}", trace.trace),
            idempotency: None,
            xid: None,
            session: Session::default(),
        }
    }

    /// How long is left; zero when the deadline has passed.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Refuses to begin work whose deadline has passed.
    ///
    /// # Errors
    /// `DeadlineExceeded`.
    pub fn check_deadline(&self) -> Result<(), Fault> {
        if self.remaining().is_zero() {
            return Err(Fault::new(ErrorCode::DeadlineExceeded, "the request ran out of time"));
        }
        Ok(())
    }

    /// The same call done by the platform itself, as when a service acts on a user's behalf on rows that
    /// are not the user's.
    #[must_use]
    pub fn as_system(&self, part: &str) -> Self {
        Self { actor: Actor::system(part), idempotency: None, ..self.clone() }
    }

    /// The same call with less time.
    #[must_use]
    pub fn within(&self, d: Duration) -> Self {
        Self { deadline: self.deadline.min(Instant::now() + d), ..self.clone() }
    }

    /// Whether it must read what is committed last, and not what a replica has already. So does the platform
    /// itself: what it does it was told by a message, and a replica may not have what the message is about.
    #[must_use]
    pub fn wants_latest(&self) -> bool {
        self.actor.kind == ActorKind::System || self.session.is_latest()
    }

    /// The signed-in end user.
    ///
    /// # Errors
    /// `Unauthenticated` when there is none.
    pub fn user_id(&self) -> Result<i64, Fault> {
        if self.actor.kind == ActorKind::User {
            return Ok(self.actor.id);
        }
        Err(Fault::new(ErrorCode::Unauthenticated, "sign in first"))
    }

    /// Refuses an actor without the permission.
    ///
    /// # Errors
    /// `Forbidden`, or `Unauthenticated` when nobody is signed in.
    pub fn require(&self, permission: &str) -> Result<(), Fault> {
        if self.actor.may(permission) {
            return Ok(());
        }
        if self.actor.kind == ActorKind::Anonymous {
            return Err(Fault::new(ErrorCode::Unauthenticated, "sign in first"));
        }
        Err(Fault::new(ErrorCode::Forbidden, format!("this needs the permission {permission}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_grants_its_area_only() {
        let a = Actor::operator(1, vec!["orders:*".into(), "stock:read".into()]);
        assert!(a.may("orders:ship") && a.may("stock:read"));
        assert!(!a.may("stock:write") && !a.may("ordersx:read") && !a.may("orders"));
        assert!(!Actor::user(1).may("orders:read"));
        assert!(!Actor::operator(1, vec!["ord*".into()]).may("orders:read"));
    }

    #[test]
    fn a_position_never_goes_back_and_is_compared_as_a_number() {
        let session = Session::default();
        for (token, kept) in [("9", "9"), ("10", "10"), ("9", "10"), ("10", "10"), ("w:1", "w:1")] {
            session.wrote("main", token);
            assert_eq!(session.token("main").as_deref(), Some(kept), "after {token}");
        }
    }

    #[test]
    fn a_session_that_wrote_more_servers_than_it_can_carry_reads_the_latest() {
        let session = Session::default();
        for n in 0..Session::TOKENS_MAX {
            session.wrote(&format!("s{n}"), "1");
        }
        assert!(!session.is_latest());
        session.mark_replayed();
        session.wrote("s0", "2");
        assert!(!session.is_latest());
        session.wrote("one-more", "1");
        assert!(session.is_latest() && session.is_replayed());
        assert_eq!(session.positions().len(), Session::TOKENS_MAX);
    }

    #[test]
    fn a_trace_survives_its_header() {
        let t = TraceId::from_random(0xabc, 0xdef);
        assert_eq!(TraceId::parse(&t.to_string()), Some(t));
        for bad in ["", "00-0-0-01", "00-00000000000000000000000000000000-0000000000000001-01"] {
            assert_eq!(TraceId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_hop_keeps_the_trace_and_has_a_span_of_its_own() {
        let t = TraceId::from_random(7, 9);
        let spans: std::collections::BTreeSet<u64> = (0..1_000).map(|n| t.child(n).span).collect();
        assert_eq!(spans.len(), 1_000);
        assert!(!spans.contains(&0) && !spans.contains(&t.span));
        assert_eq!(t.child(3).trace, t.trace);
        assert_eq!(t.child(3), t.child(3), "no randomness");
    }

    #[tokio::test]
    async fn a_context_never_outlives_its_callers_deadline() {
        let ctx = Ctx::system(
            "flora".parse().unwrap(),
            "test",
            Duration::from_secs(1),
            TraceId::from_random(1, 1),
        );
        assert!(ctx.within(Duration::from_secs(5)).deadline <= ctx.deadline);
        assert!(ctx.within(Duration::ZERO).check_deadline().is_err());
    }
}
