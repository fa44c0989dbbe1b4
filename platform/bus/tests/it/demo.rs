//! A bus with two tenants, a few routes and pages, listening on a free port.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::response::Html;
use axum::routing::{get, post};
use bus::{Authenticator, Bus, Deps, Options, ServeOptions, TenantDirectory};
use http_kit::{Access, Api, Json, Path, Problem, RawBody, ReqCtx, routes};
use kit::{ErrorCode, Secret, SeededEntropy, TenantCode, TestClock, Timestamp};
use reqwest::{Client, RequestBuilder, Response};
use rpc::{Actor, Fault};
use serde_json::{Value, json};
use tasks::Tasks;
use telemetry::Health;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub const WAIT: Duration = Duration::from_secs(30);

/// Hosts of tenants; counts how often it is asked.
pub struct Directory {
    pub hosts: Mutex<HashMap<String, TenantCode>>,
    pub asked: AtomicUsize,
}

#[async_trait]
impl TenantDirectory for Directory {
    async fn by_host(&self, host: &str) -> Result<Option<TenantCode>, Fault> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if host == "broken.test" {
            return Err(Fault::new(ErrorCode::Unavailable, "the directory is away"));
        }
        Ok(self.hosts.lock().unwrap().get(host).cloned())
    }
}

/// Tokens `flora-user`, `flora-staff`, `gadget-user`; ended ones are over.
pub struct Tokens {
    pub ended: Mutex<HashSet<String>>,
    pub asked: AtomicUsize,
}

#[async_trait]
impl Authenticator for Tokens {
    async fn authenticate(
        &self,
        token: &Secret<String>,
        tenant: &TenantCode,
        _: Timestamp,
    ) -> Result<Option<Actor>, Fault> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let token = token.expose();
        if self.ended.lock().unwrap().contains(token) {
            return Ok(None);
        }
        Ok(match token.strip_prefix(&format!("{tenant}-")) {
            Some("user") => Some(Actor::user(5)),
            Some("staff") => Some(Actor::operator(9, vec!["things:*".into()])),
            _ => None,
        })
    }
}

#[utoipa::path(get, path = "/v1/store/me", responses((status = 200, body = Value)))]
async fn me(ReqCtx(ctx): ReqCtx) -> Json<Value> {
    Json(json!({
        "tenant": ctx.tenant,
        "actor": ctx.actor.principal(),
        "request_id": ctx.request_id,
        "trace": ctx.trace.to_string(),
        "left_ms": u64::try_from(ctx.remaining().as_millis()).unwrap(),
    }))
}

#[utoipa::path(get, path = "/v1/store/things/{id}", params(("id" = i64, Path)), responses((status = 200, body = i64)))]
async fn thing(Path(id): Path<i64>) -> Json<i64> {
    Json(id)
}

#[utoipa::path(post, path = "/v1/store/things", request_body = Value, responses((status = 200, body = Value)))]
async fn create(ReqCtx(ctx): ReqCtx, Json(body): Json<Value>) -> Json<Value> {
    let key = ctx.idempotency.unwrap();
    Json(json!({ "key": key.key, "route": key.route, "body": body }))
}

#[utoipa::path(get, path = "/v1/admin/things", responses((status = 200, body = String)))]
async fn admin() -> &'static str {
    "for staff"
}

#[utoipa::path(get, path = "/v1/store/hang", responses((status = 200)))]
async fn hang() {
    std::future::pending().await
}

#[utoipa::path(get, path = "/v1/store/bug", responses((status = 200)))]
async fn bug() -> Result<(), Problem> {
    Err(Fault::bug("the cause of it").into())
}

/// For tests that hold a request open.
#[derive(Clone, Default)]
pub struct Gate {
    pub entered: Arc<Notify>,
    pub release: Arc<Notify>,
}

fn api() -> Api {
    Api::new(())
        .route(Access::Public, routes!(me))
        .route(Access::Public, routes!(thing))
        .route(Access::User.idempotent(), routes!(create))
        .route(Access::Permission("things:read"), routes!(admin))
        .route(Access::Public, routes!(hang))
        .route(Access::Public, routes!(bug))
}

/// Writes as a service would, up to a position.
async fn wrote(Path(position): Path<u64>, ReqCtx(ctx): ReqCtx) {
    ctx.session.wrote("main", &position.to_string());
}

/// What a service would know of what the client has written.
async fn positions(ReqCtx(ctx): ReqCtx) -> axum::Json<Value> {
    axum::Json(json!({ "latest": ctx.session.is_latest(), "main": ctx.session.token("main") }))
}

fn held(gate: Gate) -> Router {
    Router::new().route(
        "/held",
        get(move || async move {
            gate.entered.notify_one();
            gate.release.notified().await;
            "released"
        }),
    )
}

fn pages() -> Router {
    let who = |ReqCtx(ctx): ReqCtx| async move { Html(ctx.actor.principal()) };
    Router::new()
        .route("/", get(who))
        .route("/form", post(who))
        .route("/write/{position}", post(wrote))
        .route("/positions", get(positions))
        .route(
            "/left",
            post(|ReqCtx(ctx): ReqCtx| async move { ctx.remaining().as_secs().to_string() }),
        )
        .fallback(|| async { (axum::http::StatusCode::NOT_FOUND, Html("no such page")) })
}

/// Pages with a session cookie of their own, and a way to end a session.
fn desk() -> Router {
    let who = |ReqCtx(ctx): ReqCtx| async move { Html(ctx.actor.principal()) };
    let leave = |ReqCtx(ctx): ReqCtx| async move { ctx.session.mark_ended() };
    Router::new().route("/desk", get(who)).route("/desk/leave", post(leave))
}

/// A running bus.
pub struct Demo {
    pub addr: SocketAddr,
    pub client: Client,
    pub clock: Arc<TestClock>,
    pub directory: Arc<Directory>,
    pub tokens: Arc<Tokens>,
    pub health: Health,
    pub gate: Gate,
    pub bus: Bus,
    pub tasks: Tasks,
    pub stop: CancellationToken,
    pub stopped: CancellationToken,
}

impl Demo {
    pub async fn start() -> Self {
        Self::with(Options::default(), ServeOptions::default()).await
    }

    pub async fn with(options: Options, serve: ServeOptions) -> Self {
        crate::logs::init();
        let clock = TestClock::at(Timestamp::from_millis(1_000_000));
        let hosts = ["flora", "gadget"].map(|t| (format!("{t}.localhost"), t.parse().unwrap()));
        let directory = Arc::new(Directory {
            hosts: Mutex::new(HashMap::from(hosts)),
            asked: AtomicUsize::new(0),
        });
        let tokens = Arc::new(Tokens { ended: Mutex::default(), asked: AtomicUsize::new(0) });
        let (health, gate) = (Health::new(), Gate::default());
        let deps = Deps {
            clock: clock.clone(),
            entropy: SeededEntropy::new(7),
            directory: directory.clone(),
            authenticator: tokens.clone(),
            health: health.clone(),
            metrics: Some(telemetry::metrics::install().unwrap()),
        };
        let (routes, document) = api().finish();
        let hook = |ReqCtx(ctx): ReqCtx, RawBody(body): RawBody| async move {
            format!("{} {} {}", ctx.tenant, ctx.actor.principal(), body.len())
        };
        let bus = Bus::builder(deps)
            .options(Options { bare_hosts: vec!["localhost".into()], ..options })
            .api(routes)
            .hooks(Router::new().route("/v1/hooks/test", post(hook)))
            .pages(pages())
            .pages(held(gate.clone()))
            .pages_with(desk(), "desk_session")
            .bare_pages(Router::new().route("/", get(|| async { "all tenants" })))
            .openapi(document)
            .build()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let tasks = Tasks::new();
        let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
        let (router, t, s, done) = (bus.router(), tasks.clone(), stop.clone(), stopped.clone());
        tasks.spawn(tasks::TaskKind::new("test.serve").finishing(), async move {
            let served = bus::serve(listener, router, serve, &t, s.cancelled()).await;
            done.cancel();
            served
        });
        let client = Client::builder().no_proxy().timeout(WAIT).build().unwrap();
        Self { addr, client, clock, directory, tokens, health, gate, bus, tasks, stop, stopped }
    }

    pub fn request(&self, method: &str, host: &str, path: &str) -> RequestBuilder {
        let method = method.parse().unwrap();
        self.client.request(method, format!("http://{}{path}", self.addr)).header("host", host)
    }

    /// Of tenant `flora`.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request("GET", "flora.localhost", path)
    }

    pub async fn json(&self, request: RequestBuilder) -> Value {
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Who `/v1/store/me` says the caller is, or the status of the refusal.
    pub async fn actor(&self, token: &str) -> Result<String, u16> {
        let answer = self.get("/v1/store/me").bearer_auth(token).send().await.unwrap();
        match answer.status().as_u16() {
            200 => Ok(answer.json::<Value>().await.unwrap()["actor"].as_str().unwrap().to_owned()),
            status => Err(status),
        }
    }
}

/// Checks what every problem document promises, and gives its code.
pub async fn problem(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let headers = answer.headers().clone();
    let text = answer.text().await.unwrap();
    assert_eq!(headers["content-type"], "application/problem+json", "{status} {text}");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["status"], status);
    assert_eq!(body["request_id"], headers["x-request-id"].to_str().unwrap());
    let code = body["code"].as_str().unwrap().to_owned();
    assert_eq!(body["type"], format!("https://stoa.dev/problems/{code}"));
    assert!(
        body["title"].is_string() && body["detail"].is_string() && body["retryable"].is_boolean()
    );
    if status == 401 {
        assert_eq!(headers["www-authenticate"], "Bearer");
    }
    (status, code)
}

pub async fn refused(request: RequestBuilder) -> (u16, String) {
    problem(request.send().await.unwrap()).await
}

pub fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
