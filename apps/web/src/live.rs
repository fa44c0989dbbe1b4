//! Live updates: a hub that tells open pages that something they show has changed, and the stream of
//! server-sent events that carries it. A note says what changed, never how: the page asks again, so what a
//! visitor may see is decided where it always is. Notes may get lost (a page that lags is told to look
//! again); nothing but comfort hangs on them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream::{self, Stream};
use kit::{ErrorCode, TenantCode};
use rpc::{Ctx, Fault};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use types::OrderId;

/// Notes that wait for a slow stream before it is told to look again.
const NOTES_MAX: usize = 256;

/// What a page can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// One order: its status, payments, parcels.
    Order(OrderId),
    /// Any order of the tenant.
    Orders,
}

/// Limits of live updates.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Streams that are open at once in this process; a visitor beyond them has pages that do not update
    /// by themselves.
    pub streams_max: usize,
    /// Streams of one tenant: one shop's crowd does not silence the others.
    pub tenant_max: usize,
    /// Streams of one visitor: so many pages may be looked at side by side.
    pub visitor_max: usize,
    /// How long a stream lives. The browser opens a new one, and is asked anew who it is.
    pub age_max: Duration,
    /// How often a quiet stream shows that it lives.
    pub heartbeat: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            streams_max: 2_000,
            tenant_max: 500,
            visitor_max: 10,
            age_max: Duration::from_secs(300),
            heartbeat: Duration::from_secs(15),
        }
    }
}

/// The streams of a tenant. It is there as long as one of them is.
struct Listeners {
    notes: broadcast::Sender<Key>,
    visitors: HashMap<String, usize>,
}

impl Listeners {
    fn new() -> Self {
        Self { notes: broadcast::channel(NOTES_MAX).0, visitors: HashMap::new() }
    }

    fn count(&self) -> usize {
        self.visitors.values().sum()
    }
}

type Open = Arc<Mutex<HashMap<TenantCode, Listeners>>>;

/// Hands notes to all open streams of this process. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    open: Open,
    closing: CancellationToken,
    options: Options,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hub({} tenants)", lock(&self.open).len())
    }
}

impl Hub {
    /// A hub whose streams end when `closing` is cancelled, so that a server can stop.
    #[must_use]
    pub fn new(options: Options, closing: CancellationToken) -> Self {
        Self { open: Open::default(), closing, options }
    }

    /// Tells everybody of the tenant who waits for it.
    pub fn tell(&self, tenant: &TenantCode, key: Key) {
        if let Some(listeners) = lock(&self.open).get(tenant) {
            // whoever listened may just have left: that is fine
            let _ = listeners.notes.send(key);
        }
    }

    /// The answer that tells a page of every change of `keys` for a while. Whether the visitor may know
    /// of them is for the caller to have asked.
    ///
    /// # Errors
    /// `Unavailable` when too many streams are open, of all, of the tenant or of the visitor.
    pub fn stream(&self, ctx: &Ctx, keys: Vec<Key>) -> Result<Response, Fault> {
        let (notes, place) = self.enter(ctx).ok_or_else(|| {
            Fault::new(ErrorCode::Unavailable, "too many pages wait for updates; reload instead")
        })?;
        let waiting = Waiting {
            notes,
            keys,
            until: Instant::now() + self.options.age_max,
            closing: self.closing.clone(),
            greeted: false,
            _place: place,
        };
        let keep_alive = KeepAlive::new().interval(self.options.heartbeat);
        Ok(Sse::new(events(waiting)).keep_alive(keep_alive).into_response())
    }

    /// Takes a place, if there is one left.
    fn enter(&self, ctx: &Ctx) -> Option<(broadcast::Receiver<Key>, Place)> {
        let mut open = lock(&self.open);
        let visitor = ctx.actor.principal();
        let all: usize = open.values().map(Listeners::count).sum();
        let (ours, own) = open
            .get(&ctx.tenant)
            .map_or((0, 0), |l| (l.count(), l.visitors.get(&visitor).copied().unwrap_or(0)));
        let Options { streams_max, tenant_max, visitor_max, .. } = self.options;
        if all >= streams_max || ours >= tenant_max || own >= visitor_max {
            return None;
        }
        let listeners = open.entry(ctx.tenant.clone()).or_insert_with(Listeners::new);
        *listeners.visitors.entry(visitor.clone()).or_default() += 1;
        let place = Place { open: Arc::clone(&self.open), tenant: ctx.tenant.clone(), visitor };
        Some((listeners.notes.subscribe(), place))
    }
}

/// Nothing that can panic runs under the lock, so what it guards is whole even if it were poisoned.
fn lock(open: &Open) -> MutexGuard<'_, HashMap<TenantCode, Listeners>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stream's place; given back when the stream is dropped, however it ends.
struct Place {
    open: Open,
    tenant: TenantCode,
    visitor: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        let Some(listeners) = open.get_mut(&self.tenant) else { return };
        if let Some(count) = listeners.visitors.get_mut(&self.visitor) {
            *count -= 1;
            if *count == 0 {
                listeners.visitors.remove(&self.visitor);
            }
        }
        if listeners.visitors.is_empty() {
            open.remove(&self.tenant);
        }
    }
}

struct Waiting {
    notes: broadcast::Receiver<Key>,
    keys: Vec<Key>,
    until: Instant,
    closing: CancellationToken,
    greeted: bool,
    _place: Place,
}

impl Waiting {
    /// Waits for a note of ours. False when the stream is over.
    async fn next(&mut self) -> bool {
        loop {
            let note = tokio::select! {
                note = self.notes.recv() => note,
                () = tokio::time::sleep_until(self.until) => return false,
                () = self.closing.cancelled() => return false,
            };
            match note {
                Ok(key) if self.keys.contains(&key) => return true,
                Ok(_) => {}
                // what was missed may have been ours
                Err(RecvError::Lagged(_)) => return true,
                Err(RecvError::Closed) => return false,
            }
        }
    }
}

/// First a greeting with the pause before a browser tries again, then one event per note.
fn events(waiting: Waiting) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(waiting, |mut waiting| async move {
        if !waiting.greeted {
            waiting.greeted = true;
            let hello = Event::default().retry(Duration::from_secs(3)).comment("hello");
            return Some((Ok(hello), waiting));
        }
        waiting.next().await.then(|| (Ok(Event::default().data("changed")), waiting))
    })
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;

    fn hub(options: Options) -> (Hub, CancellationToken) {
        let closing = CancellationToken::new();
        (Hub::new(options, closing.clone()), closing)
    }

    fn order(n: i64) -> Key {
        Key::Order(OrderId::from_i64(n).unwrap())
    }

    fn tenant(code: &str) -> TenantCode {
        code.parse().unwrap()
    }

    fn visitor(code: &str, id: i64) -> Ctx {
        Ctx { actor: rpc::Actor::user(id), ..testkit::test_ctx(code) }
    }

    async fn next(body: &mut axum::body::BodyDataStream) -> Option<String> {
        let chunk = body.next().await?.unwrap();
        Some(String::from_utf8(chunk.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_page_hears_of_its_own_order_only_and_the_stream_ends_with_the_server() {
        let (hub, closing) = hub(Options::default());
        let answer = hub.stream(&visitor("flora", 1), vec![order(1)]).unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut body = answer.into_body().into_data_stream();
        assert!(next(&mut body).await.unwrap().contains("retry"));
        hub.tell(&tenant("flora"), order(2));
        hub.tell(&tenant("gadget"), order(1));
        hub.tell(&tenant("flora"), order(1));
        assert_eq!(next(&mut body).await.unwrap(), "data: changed\n\n");
        closing.cancel();
        assert_eq!(next(&mut body).await, None);
    }

    #[tokio::test]
    async fn no_visitor_and_no_tenant_takes_all_streams_and_a_closed_one_makes_room() {
        let options =
            Options { streams_max: 4, tenant_max: 3, visitor_max: 2, ..Options::default() };
        let (hub, _closing) = hub(options);
        let open = |code, id| hub.stream(&visitor(code, id), vec![Key::Orders]);
        let mut ours = vec![open("flora", 1).unwrap(), open("flora", 1).unwrap()];
        assert_eq!(open("flora", 1).unwrap_err().code, ErrorCode::Unavailable, "the visitor's");
        ours.push(open("flora", 2).unwrap());
        assert!(open("flora", 3).is_err(), "the tenant's");
        let other = open("gadget", 1).unwrap();
        assert!(open("gadget", 2).is_err(), "all");
        drop(ours.pop());
        assert!(open("gadget", 2).is_ok(), "a closed one makes room");
        drop((ours, other));
        assert_eq!(format!("{hub:?}"), "Hub(0 tenants)", "nothing stays behind");
    }

    #[tokio::test]
    async fn a_page_that_lags_is_told_to_look_again() {
        let (hub, _closing) = hub(Options::default());
        let answer = hub.stream(&visitor("flora", 1), vec![order(1)]).unwrap();
        let mut body = answer.into_body().into_data_stream();
        next(&mut body).await.unwrap();
        for n in 2..2 + i64::try_from(NOTES_MAX).unwrap() * 2 {
            hub.tell(&tenant("flora"), order(n));
        }
        assert_eq!(next(&mut body).await.unwrap(), "data: changed\n\n");
    }
}
