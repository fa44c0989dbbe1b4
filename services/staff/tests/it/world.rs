//! The service on a throwaway folder, with a local handle and one over a real port. No test logic.

use std::sync::Arc;

use auth::{PasswordOptions, Passwords};
use kit::{Secret, TestClock};
use rpc::{Ctx, Endpoint, ServeError};
use shard::{Ids, Schema};
use staff::{Deps, Options, Running, Sweep};
use staff_api::{
    Error, Identity, Login, NewStaff, Role, Session, StaffClient, StaffMember, Token, staff_router,
};
use testkit::{TempShards, anonymous_ctx, test_ctx};
use tokio::task::JoinSet;

const PLATFORM: Schema =
    Schema { database: "platform", sets: &[shard::worker::MIGRATIONS], cell_tables: &[] };

/// What everybody signs in with.
pub const PASSWORD: &str = "correct horse battery";

pub struct World {
    pub client: StaffClient,
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
        let db = shards.single(staff::SCHEMA).await;
        let platform = shards.single(PLATFORM).await;
        let lease = shards.options().worker_lease;
        let ids = Ids::lease(&test_ctx("platform"), platform, lease).await.unwrap();
        let entropy = testkit::seeded_entropy(11);
        let passwords =
            Passwords::new(PasswordOptions::cheap_for_tests(), entropy.clone()).unwrap();
        let options = Options { sessions_max: 3, credentials_max: 3, ..Options::default() };
        let Running { client, api, sweep } =
            staff::start(Deps { db, ids, entropy, passwords }, options);
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
        let router = staff_router(world.client.clone());
        world.servers.spawn(async move {
            rpc::serve(listener, [router], &secret, std::future::pending()).await
        });
        world.client = StaffClient::remote(endpoint);
        world
    }

    /// Adds somebody as the platform does.
    pub async fn person(&self, tenant: &str, login: &str, role: Role) -> StaffMember {
        self.client.add(&test_ctx(tenant), new(login, role)).await.unwrap()
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

    pub async fn holder(&self, tenant: &str, token: &Secret<String>) -> Option<Identity> {
        let token = Token { token: token.clone() };
        self.client.authenticate(&anonymous_ctx(tenant), token).await.unwrap()
    }
}

pub fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

pub fn new(login: &str, role: Role) -> NewStaff {
    NewStaff {
        login: login.to_owned(),
        name: format!("{login} of the shop"),
        role,
        password: secret(PASSWORD),
    }
}

/// The context that the bus makes for somebody.
pub fn as_person(tenant: &str, person: &StaffMember) -> Ctx {
    testkit::operator_ctx(tenant, person.id.get(), person.role.permissions())
}
