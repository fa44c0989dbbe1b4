//! Two connections and the tasks that use them: one publishes, the other consumes, because a broker that
//! slows a publisher down slows the whole connection down.

use std::sync::Arc;

use futures::FutureExt as _;
use kit::{SharedClock, SharedEntropy};
use outbox::{Consumer, Deliver};
use tasks::Tasks;
use tokio::sync::watch;

use crate::consume;
use crate::dead::DeadLetters;
use crate::error::{Error, within};
use crate::link::{Link, Live};
use crate::options::Options;
use crate::publish::Publisher;
use crate::topology::Topology;

/// A broker that is published to, and whose queues are worked on, until the tasks stop. When the connection
/// is lost it is made again, for as long as it takes.
#[derive(Clone)]
pub struct Broker {
    publishing: Link,
    consuming: Link,
    declared: watch::Receiver<bool>,
    topology: Arc<Topology>,
    options: Arc<Options>,
    dead: DeadLetters,
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Broker({})", self.options.prefix)
    }
}

impl Broker {
    /// Begins to connect, and to work for the consumers. Nothing is published before their queues stand, so
    /// that nothing they want is lost; where consumers run in other processes, those are started first.
    ///
    /// # Errors
    /// When an option is wrong, or consumers cannot have the names they have. That the broker is not there is
    /// no error.
    pub fn start(
        tasks: &Tasks,
        options: Options,
        clock: SharedClock,
        entropy: SharedEntropy,
        consumers: impl IntoIterator<Item = Consumer>,
    ) -> Result<Self, Error> {
        options.validate()?;
        let topology = Arc::new(Topology::new(&options, consumers.into_iter().collect())?);
        let (stand, declared) = watch::channel(false);
        let (stand, wanted) = (Arc::new(stand), Arc::clone(&topology));
        let declare = move |live: Arc<Live>| {
            let (stand, wanted) = (Arc::clone(&stand), Arc::clone(&wanted));
            async move {
                wanted.declare(&live).await?;
                stand.send_replace(true);
                Ok(())
            }
            .boxed()
        };
        let nothing = |_: Arc<Live>| async { Ok(()) }.boxed();
        let link =
            |name, prepare| Link::start(tasks, name, &options, Arc::clone(&entropy), prepare);
        let consuming = link("consuming", Arc::new(declare));
        let publishing = link("publishing", Arc::new(nothing));
        let options = Arc::new(options);
        let dead = DeadLetters {
            link: consuming.clone(),
            topology: Arc::clone(&topology),
            options: Arc::clone(&options),
            clock,
            entropy,
        };
        consume::start(tasks, &dead);
        Ok(Self { publishing, consuming, declared, topology, options, dead })
    }

    /// Waits until everything is declared and can be published to.
    ///
    /// # Errors
    /// When that takes longer than connecting may.
    pub async fn ready(&self) -> Result<(), Error> {
        let mut declared = self.declared.clone();
        let both = async {
            declared.wait_for(|declared| *declared).await.map_err(|_| Error::Disconnected)?;
            self.publishing.live().await.map(|_| ())
        };
        within(self.options.connect_within, "be there", both).await
    }

    /// What relays deliver to.
    #[must_use]
    pub fn publisher(&self) -> Arc<dyn Deliver> {
        Arc::new(Publisher {
            link: self.publishing.clone(),
            declaring: self.consuming.clone(),
            topology: Arc::clone(&self.topology),
            declared: self.declared.clone(),
            confirm_within: self.options.confirm_within,
        })
    }

    /// What consumers could not do.
    #[must_use]
    pub fn dead_letters(&self) -> DeadLetters {
        self.dead.clone()
    }
}
