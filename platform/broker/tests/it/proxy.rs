//! A wire between us and the broker that a test can cut, and on which it can have the broker's words lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tasks::{TaskKind, Tasks};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

const WIRE: TaskKind = TaskKind::new("test.wire");

pub struct Proxy {
    pub address: SocketAddr,
    cut: broadcast::Sender<()>,
    deaf: Arc<AtomicBool>,
    /// Pieces of what the broker said that were lost.
    pub lost: Arc<AtomicU32>,
    tasks: Tasks,
}

impl Proxy {
    pub async fn to(port: u16) -> Self {
        let (listener, address) = testkit::free_listener().await;
        let (cut, _) = broadcast::channel(4);
        let (deaf, lost) = (Arc::<AtomicBool>::default(), Arc::<AtomicU32>::default());
        let tasks = Tasks::new();
        let proxy = Self { address, cut, deaf, lost, tasks };
        let (cut, deaf) = (proxy.cut.clone(), Arc::clone(&proxy.deaf));
        let (lost, tasks) = (Arc::clone(&proxy.lost), proxy.tasks.clone());
        proxy
            .tasks
            .spawn(WIRE, async move { accept(listener, port, cut, (deaf, lost), tasks).await });
        proxy
    }

    /// The address of the broker behind the wire.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@{}/%2f", self.address)
    }

    /// Ends all connections; new ones are taken.
    pub fn cut(&self) {
        // nobody may be connected in this moment
        let _ = self.cut.send(());
    }

    /// Whether what the broker says is lost from now on.
    pub fn deafen(&self, deaf: bool) {
        self.deaf.store(deaf, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    port: u16,
    cut: broadcast::Sender<()>,
    (deaf, lost): (Arc<AtomicBool>, Arc<AtomicU32>),
    tasks: Tasks,
) -> std::io::Result<()> {
    loop {
        let (client, _) = listener.accept().await?;
        let mut end = cut.subscribe();
        let (deaf, lost) = (Arc::clone(&deaf), Arc::clone(&lost));
        tasks.spawn(WIRE, async move {
            let broker = TcpStream::connect(("127.0.0.1", port)).await?;
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_broker, mut to_broker) = broker.into_split();
            let answers = async {
                let mut piece = vec![0; 64 * 1024];
                loop {
                    let n = from_broker.read(&mut piece).await?;
                    if n == 0 {
                        return Ok::<_, std::io::Error>(());
                    }
                    if deaf.load(Ordering::SeqCst) {
                        lost.fetch_add(1, Ordering::SeqCst);
                    } else {
                        to_client.write_all(&piece[..n]).await?;
                    }
                }
            };
            tokio::select! {
                _ = tokio::io::copy(&mut from_client, &mut to_broker) => {}
                _ = answers => {}
                _ = end.recv() => {}
            }
            Ok::<_, std::io::Error>(())
        });
    }
}
