//! Servers on free ports, contexts, and waiting with a limit. No test logic.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use kit::Secret;
use rpc::{Actor, Ctx, Endpoint, IdempotencyKey, ServeError, Session, TraceId, Xid};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::greeter::{Events, GreeterClient, Polite, greeter_router};

/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The secret of the test installation.
pub fn secret() -> Secret<String> {
    Secret::new("a-secret-for-tests-only".to_owned())
}

/// Fails when it does not happen in time.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("did not happen: {what}"))
}

/// A context in which everything is set.
pub fn full_ctx(within: Duration) -> Ctx {
    Ctx {
        tenant: "flora".parse().unwrap(),
        actor: Actor::operator(7, vec!["things:*".to_owned(), "naïve \"ü\" 🌷\u{7f}\n".to_owned()]),
        deadline: Instant::now() + within,
        trace: TraceId::from_random(0xfeed, 0xbeef),
        request_id: "req-1".to_owned(),
        idempotency: Some(IdempotencyKey {
            key: "k\"\\1".to_owned(),
            route: "POST /v1/things".to_owned(),
            body_hash: "ab".repeat(32),
        }),
        xid: Some(Xid("tx-9".to_owned())),
        session: Session::default(),
    }
}

/// A server that stops when it is dropped.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    tasks: JoinSet<Result<(), ServeError>>,
}

impl Server {
    /// Serves a handle with [`rpc::serve`].
    pub async fn start(client: GreeterClient) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        Self::run(Some(stop), |listener| async move {
            let stopped = async { stopped.await.unwrap_or(()) };
            rpc::serve(listener, [greeter_router(client)], &secret(), stopped).await
        })
        .await
    }

    /// Serves anything else, to see what a client makes of it.
    pub async fn plain(router: Router) -> Self {
        Self::run(None, |listener| async move { Ok(axum::serve(listener, router).await?) }).await
    }

    async fn run<F: Future<Output = Result<(), ServeError>> + Send + 'static>(
        stop: Option<oneshot::Sender<()>>,
        serve: impl FnOnce(TcpListener) -> F,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener));
        Self { address, stop, tasks }
    }

    /// How to reach it.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::new(&format!("http://{}", self.address), &secret()).unwrap()
    }

    /// A remote handle of it.
    pub fn client(&self) -> GreeterClient {
        GreeterClient::remote(self.endpoint())
    }

    /// Tells it to stop.
    pub fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until it has stopped by itself.
    pub async fn ended(mut self) -> Result<(), ServeError> {
        soon("the server ends", self.tasks.join_next()).await.unwrap().unwrap()
    }
}

/// A polite greeter behind a real port, and what happens inside it.
pub async fn remote() -> (Server, GreeterClient, Arc<Events>) {
    let events = Arc::<Events>::default();
    let server = Server::start(GreeterClient::local(Polite::new(events.clone()))).await;
    let client = server.client();
    (server, client, events)
}
