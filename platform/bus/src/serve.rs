//! Accepting connections: as many as allowed, without Nagle's delay, and drained at the end.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tasks::{TaskKind, Tasks};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::options::ServeOptions;

const CONNECTION: TaskKind = TaskKind::new("bus.connection").finishing();

/// How long to wait after a failed accept, as when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` is done or the tasks are cancelled. Then accepts no more, lets open requests
/// finish within the drain time, and returns.
///
/// # Errors
/// When the options allow no connection at all.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServeOptions,
    tasks: &Tasks,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let slots = u32::try_from(options.connections_max.min(Semaphore::MAX_PERMITS))
        .unwrap_or(u32::MAX)
        .min(1 << 20);
    if slots == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "connections_max must be above 0"));
    }
    let server = Server {
        router,
        slots: Arc::new(Semaphore::new(slots as usize)),
        // dropping this future, too, tells connections to finish
        draining: CancellationToken::new(),
        http: http(&options),
    };
    let _drain_on_drop = server.draining.clone().drop_guard();
    tokio::select! {
        () = server.accept_all(&listener, tasks) => {}
        () = shutdown => {}
        () = tasks.cancelled() => {}
    }
    drop(listener);
    server.draining.cancel();
    if tokio::time::timeout(options.drain, server.slots.acquire_many(slots)).await.is_err() {
        let open = (slots as usize).saturating_sub(server.slots.available_permits());
        tracing::warn!(
            connections.open = open,
            "some connections did not finish in time and are cut"
        );
    }
    Ok(())
}

fn http(options: &ServeOptions) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(options.head_timeout)
        .max_buf_size(options.head_bytes_max.max(8 << 10))
        .keep_alive(true);
    http
}

struct Server {
    router: Router,
    slots: Arc<Semaphore>,
    draining: CancellationToken,
    http: http1::Builder,
}

impl Server {
    async fn accept_all(&self, listener: &TcpListener, tasks: &Tasks) {
        loop {
            // a closed semaphore would mean that the server is gone; nobody closes it
            let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => self.start(stream, slot, tasks),
                Err(e) => {
                    tracing::warn!(error = %e, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn start(&self, stream: TcpStream, slot: OwnedSemaphorePermit, tasks: &Tasks) {
        if let Err(e) = stream.set_nodelay(true) {
            tracing::debug!(error = %e, "TCP_NODELAY could not be set");
        }
        let router = self.router.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let router = router.clone();
            async move { router.oneshot(request.map(Body::new)).await }
        });
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        let draining = self.draining.clone();
        tasks.spawn(CONNECTION, async move {
            let _slot = slot;
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = draining.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            // clients go away, send garbage and time out: not our failure, so not an error
            if let Err(e) = ended {
                tracing::debug!(error = %e, "a connection ended early");
            }
            Ok::<(), Infallible>(())
        });
    }
}
