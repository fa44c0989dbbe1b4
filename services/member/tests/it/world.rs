//! The service on a throwaway folder, with a local handle and one over a real port. No test logic.

use std::sync::Arc;

use auth::{PasswordOptions, Passwords};
use kit::{Secret, TestClock};
use member::{Deps, Options, Running, Sweep};
use member_api::{Error, Login, MemberClient, Register, Session, Token, member_router};
use rpc::{Ctx, Endpoint, ServeError};
use shard::{Ids, Schema};
use testkit::{TempShards, anonymous_ctx, test_ctx, user_ctx};
use tokio::task::JoinSet;
use types::{Address, MemberId};

const PLATFORM: Schema =
    Schema { database: "platform", sets: &[shard::worker::MIGRATIONS], cell_tables: &[] };

/// What everybody signs in with.
pub const PASSWORD: &str = "correct horse battery";

pub struct World {
    pub client: MemberClient,
    pub router: axum::Router,
    pub document: utoipa::openapi::OpenApi,
    pub sweep: Sweep,
    pub clock: Arc<TestClock>,
    pub shards: TempShards,
    servers: JoinSet<Result<(), ServeError>>,
}

impl World {
    pub async fn new() -> Self {
        let clock = testkit::test_clock();
        let shards = TempShards::with_clock(clock.clone());
        let db = shards.single(member::SCHEMA).await;
        let platform = shards.single(PLATFORM).await;
        let lease = shards.options().worker_lease;
        let ids = Ids::lease(&test_ctx("platform"), platform, lease).await.unwrap();
        let entropy = testkit::seeded_entropy(11);
        let passwords =
            Passwords::new(PasswordOptions::cheap_for_tests(), entropy.clone()).unwrap();
        let options = Options { sessions_max: 3, ..Options::default() };
        let Running { client, api, sweep } =
            member::start(Deps { db, ids, entropy, passwords }, options);
        assert!(api.schema_conflicts().is_empty());
        let (router, document) = api.finish();
        Self { client, router, document, sweep, clock, shards, servers: JoinSet::new() }
    }

    /// The same service behind a real port.
    pub async fn over_the_wire() -> Self {
        let mut world = Self::new().await;
        let secret = Secret::new("a-secret-for-tests-only".to_owned());
        let (listener, address) = testkit::free_listener().await;
        let endpoint = Endpoint::new(&format!("http://{address}"), &secret).unwrap();
        let router = member_router(world.client.clone());
        world.servers.spawn(async move {
            rpc::serve(listener, [router], &secret, std::future::pending()).await
        });
        world.client = MemberClient::remote(endpoint);
        world
    }

    /// Registers somebody.
    pub async fn member(&self, tenant: &str, login: &str) -> Session {
        self.client.register(&anonymous_ctx(tenant), new(login)).await.unwrap()
    }

    pub async fn sign_in(
        &self,
        tenant: &str,
        login: &str,
        password: &str,
    ) -> Result<Session, Error> {
        let login = Login { login: login.to_owned(), password: secret(password) };
        self.client.login(&anonymous_ctx(tenant), login).await
    }

    pub async fn holder(&self, tenant: &str, token: &Secret<String>) -> Option<MemberId> {
        let token = Token { token: token.clone() };
        self.client.authenticate(&anonymous_ctx(tenant), token).await.unwrap()
    }
}

pub fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

pub fn new(login: &str) -> Register {
    Register {
        login: login.to_owned(),
        password: secret(PASSWORD),
        name: "Anna".to_owned(),
        locale: Some("en".parse().unwrap()),
    }
}

/// The context that the bus makes for a member.
pub fn as_member(tenant: &str, session: &Session) -> Ctx {
    user_ctx(tenant, session.member.id.get())
}

/// An address in a street of its own.
pub fn address(street: &str) -> Address {
    Address {
        name: "Anna Unmistakable".to_owned(),
        phone: "+86 20 1234".to_owned(),
        country: "CN".to_owned(),
        region: "Guangdong".to_owned(),
        city: "Guangzhou".to_owned(),
        street: street.to_owned(),
        postal_code: "510000".to_owned(),
    }
}
