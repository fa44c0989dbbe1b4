//! One connection to the broker, made again whenever it is lost. Knows nothing of what goes over it, and does
//! not repeat what was under way: whoever waited is told, and tries again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use kit::SharedEntropy;
use lapin::options::ConfirmSelectOptions;
use lapin::{Channel, Connection, ConnectionProperties, Event};
use tasks::{TaskKind, Tasks};
use tokio::sync::{Notify, watch};

use crate::error::{Error, within};
use crate::options::Options;

const LINK: TaskKind = TaskKind::new("broker.link").restarting();
/// How long a connection may take to be closed that is given up.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);
/// So many messages may go unconfirmed on one connection.
const UNANSWERED_MAX: u32 = 1_000;
/// How often a connection is looked at that says nothing.
const LOOK: Duration = Duration::from_millis(250);

/// A connection, and a channel of it on which what is published is confirmed.
pub(crate) struct Live {
    connection: Connection,
    pub(crate) publishing: Channel,
    condemned: Notify,
    unanswered: AtomicU32,
}

impl Live {
    /// Another channel of the connection.
    pub(crate) async fn channel(&self) -> Result<Channel, Error> {
        Ok(self.connection.create_channel().await?)
    }

    /// Has this connection replaced: something was not answered on it. Of the next one nothing is known yet.
    pub(crate) fn condemn(&self) {
        self.condemned.notify_one();
    }

    /// Counts a message that was not confirmed in time. One queue that does not answer is no reason to drop what
    /// others are about to; but each leaves something behind in the channel, so that there is an end to it.
    pub(crate) fn unanswered(&self) {
        if self.unanswered.fetch_add(1, Ordering::Relaxed) >= UNANSWERED_MAX {
            self.condemn();
        }
    }

    fn is_well(&self) -> bool {
        self.connection.status().connected() && self.publishing.status().connected()
    }
}

/// What has to be done on a new connection before anybody uses it.
pub(crate) type Prepare =
    dyn Fn(Arc<Live>) -> BoxFuture<'static, Result<(), Error>> + Send + Sync + 'static;

/// The handle to a connection that may be there or not. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Link {
    live: watch::Receiver<Option<Arc<Live>>>,
    connect_within: Duration,
}

impl Link {
    /// Begins to connect. The connection is closed when the tasks stop and the last handle is dropped: what
    /// is being finished then can still be told to the broker.
    pub(crate) fn start(
        tasks: &Tasks,
        name: &'static str,
        options: &Options,
        entropy: SharedEntropy,
        prepare: Arc<Prepare>,
    ) -> Self {
        let (sender, live) = watch::channel(None);
        let options_too = options.clone();
        let keeper = Keeper { name, options: options_too, entropy, prepare, live: sender };
        let keeper = Arc::new(keeper);
        tasks.spawn_restarting(LINK, move || {
            let keeper = Arc::clone(&keeper);
            async move { keeper.keep().await }
        });
        Self { live, connect_within: options.connect_within }
    }

    /// The connection; waits for it as long as connecting may take.
    pub(crate) async fn live(&self) -> Result<Arc<Live>, Error> {
        let mut live = self.live.clone();
        let found = tokio::time::timeout(self.connect_within, live.wait_for(Option::is_some)).await;
        match found {
            Ok(Ok(found)) => found.clone().ok_or(Error::Disconnected),
            _ => Err(Error::Disconnected),
        }
    }

    /// Waits until this connection is there no more. For ever once nobody looks after connections, because
    /// everything stops.
    pub(crate) async fn gone(&self, live: &Arc<Live>) {
        let mut now = self.live.clone();
        let is_it =
            |now: &Option<Arc<Live>>| now.as_ref().is_some_and(|now| Arc::ptr_eq(now, live));
        if now.wait_for(|now| !is_it(now)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// A new channel of the connection.
    pub(crate) async fn channel(&self) -> Result<Channel, Error> {
        let live = self.live().await?;
        within(self.connect_within, "open a channel", live.channel()).await
    }

    /// Has the connection that is there now, if one is, replaced: what stood at the broker is gone.
    pub(crate) fn renew(&self) {
        let live = self.live.borrow().clone();
        if let Some(live) = live {
            live.condemn();
        }
    }
}

struct Keeper {
    name: &'static str,
    options: Options,
    entropy: SharedEntropy,
    prepare: Arc<Prepare>,
    live: watch::Sender<Option<Arc<Live>>>,
}

impl Keeper {
    /// Runs until it is dropped.
    async fn keep(&self) -> Result<(), Error> {
        let mut failures = 0;
        loop {
            let lost = match self.connect().await {
                Ok(live) => {
                    failures = 0;
                    tracing::info!(connection = self.name, "connected to the broker");
                    self.live.send_replace(Some(Arc::clone(&live)));
                    let lost = self.watch(&live).await;
                    self.live.send_replace(None);
                    // whoever waits for an answer on it is told now; it may be closed already
                    let close = live.connection.close(200, "replaced".into());
                    let _ = tokio::time::timeout(CLOSE_WITHIN, close).await;
                    lost
                }
                Err(e) => e.to_string(),
            };
            failures += 1;
            // Without randomness the pause is its shortest; that must not stop us.
            let random = self.entropy.next_u64().unwrap_or_default();
            let pause = self.options.reconnect.pause(failures, random);
            tracing::warn!(
                connection = self.name,
                failures,
                error = lost,
                retry_after_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                "there is no connection to the broker; it is tried again"
            );
            metrics::counter!("broker_connections_lost_total", "connection" => self.name)
                .increment(1);
            tokio::time::sleep(pause).await;
        }
    }

    async fn connect(&self) -> Result<Arc<Live>, Error> {
        let name = format!("{}:{}", self.options.prefix, self.name);
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let uri = self.options.uri()?;
        within(self.options.connect_within, "connect", async {
            let connection = Connection::connect_uri(uri, properties).await?;
            let publishing = connection.create_channel().await?;
            publishing.confirm_select(ConfirmSelectOptions::default()).await?;
            let live = Arc::new(Live {
                connection,
                publishing,
                condemned: Notify::new(),
                unanswered: AtomicU32::new(0),
            });
            (self.prepare)(Arc::clone(&live)).await?;
            Ok::<_, Error>(live)
        })
        .await
    }

    /// Waits for its end, and says why.
    async fn watch(&self, live: &Live) -> String {
        let mut events = std::pin::pin!(live.connection.events_listener());
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Event::Error(e)) => return e.to_string(),
                    Some(Event::ConnectionBlocked(why)) => {
                        tracing::warn!(connection = self.name, why, "the broker takes nothing for now");
                    }
                    Some(_) => {}
                    None => return "the connection has ended".to_owned(),
                },
                () = live.condemned.notified() => return "something was not answered".to_owned(),
                () = tokio::time::sleep(LOOK) => if !live.is_well() {
                    return "the connection or its channel was closed".to_owned();
                },
            }
        }
    }
}
