//! Read-your-writes tokens: how far a server's log was when a caller wrote, and what that asks of a read.
//! Positions are numbers; as text they would be compared wrongly (`9/0` against `10/0`).

use rpc::{Actor, ActorKind, Ctx, Session};

/// A position in a server's write-ahead log: bytes from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Position(u64);

impl Position {
    /// Before everything.
    pub(super) const NONE: Self = Self(0);
    /// Nobody knows how far; no replica is ever there.
    pub(super) const UNKNOWN: Self = Self(u64::MAX);

    /// As a server tells it.
    pub(super) fn read(n: i64) -> Option<Self> {
        u64::try_from(n).ok().map(Self)
    }

    /// The number.
    pub(super) const fn number(self) -> u64 {
        self.0
    }

    pub(super) const fn from_number(n: u64) -> Self {
        Self(n)
    }

    /// Bytes from another position to this one.
    pub(super) const fn since(self, other: Self) -> u64 {
        self.0.saturating_sub(other.0)
    }
}

/// What a read must see of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Everything that is committed: the primary.
    Latest,
    /// At least what was committed up to here.
    UpTo(Position),
}

impl Needs {
    /// What a call needs of a server. What the platform does by itself follows what it was told of by a
    /// message, of which no session knows, so it sees the latest.
    pub(super) fn of(ctx: &Ctx, server: &str) -> Self {
        if ctx.wants_latest() {
            return Self::Latest;
        }
        match ctx.session.token(server).map(|token| token.parse()) {
            None => Self::UpTo(Position::NONE),
            Some(Ok(number)) => Self::UpTo(Position(number)),
            // from another version of the program
            Some(Err(_)) => Self::Latest,
        }
    }
}

/// Keeps in a session that it has written a server up to a position.
pub(super) fn wrote(session: &Session, server: &str, position: Position) {
    session.wrote(server, &position.0.to_string());
}

/// Prefers the same replica for the same person, so that what he has seen does not vanish from one request
/// to the next; strangers are told apart by their requests.
pub(super) fn preference(ctx: &Ctx) -> u64 {
    let Actor { kind, id, .. } = &ctx.actor;
    let seed = match kind {
        ActorKind::User | ActorKind::Operator => id.cast_unsigned(),
        ActorKind::Anonymous | ActorKind::System => ctx.trace.span,
    };
    kit::id::mix64(seed)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rpc::TraceId;

    use super::*;

    fn ctx(kind: ActorKind) -> Ctx {
        let tenant = "flora".parse().unwrap();
        let ctx = Ctx::system(tenant, "t", Duration::from_secs(1), TraceId::from_random(1, 1));
        Ctx { actor: Actor { kind, ..Actor::user(1) }, ..ctx }
    }

    #[test]
    fn a_session_needs_what_it_wrote_and_the_platform_the_latest() {
        let user = ctx(ActorKind::User);
        assert_eq!(Needs::of(&user, "main"), Needs::UpTo(Position::NONE));
        wrote(&user.session, "main", Position(10));
        wrote(&user.session, "main", Position(9));
        assert_eq!(Needs::of(&user, "main"), Needs::UpTo(Position(10)), "as numbers");
        assert_eq!(Needs::of(&user, "other"), Needs::UpTo(Position::NONE));
        user.session.wrote("odd", "16/B374D848");
        assert_eq!(Needs::of(&user, "odd"), Needs::Latest);
        assert_eq!(Needs::of(&ctx(ActorKind::System), "main"), Needs::Latest);
        user.session.mark_latest();
        assert_eq!(Needs::of(&user, "main"), Needs::Latest);
    }

    #[test]
    fn a_person_keeps_his_replica() {
        let (one, mut two) = (ctx(ActorKind::User), ctx(ActorKind::User));
        two.trace = TraceId::from_random(5, 5);
        assert_eq!(preference(&one), preference(&two));
    }
}
