//! A takeover as an operator's command asks for it: done when the server that it is about takes a commit, and
//! not when another one does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kit::{ErrorCode, SystemClock, TenantCode};
use servers::{Error, Postgres, PostgresOptions, ReplicaOptions};
use stoa::access::{Access, open_endpoint};
use stoa::operator::FailOver;
use stoa::options::Settings;
use stoa::platform::{Platform, Start};
use tasks::Tasks;
use testkit::seeded_entropy;
use tokio::task::block_in_place;

const DATABASE: &str = "postgres";
/// Enough to promote a replica and to ask for a first commit.
const FIRST: Duration = Duration::from_secs(10);
const WITHIN: Duration = Duration::from_secs(50);

/// Everything on `a` but the catalogue, which is on `b`.
fn settings(folder: &Path, a: &Postgres, b: &Postgres, replica: &Postgres) -> Settings {
    let file = folder.join("stoa.toml");
    let (data, [a, b, replica]) = (folder.join("data"), [a, b, replica].map(|s| s.url(DATABASE)));
    let text = format!(
        "[server]\ndata = {data:?}\n[storage]\nengine = \"postgres\"\nprefix = \"it_\"\n\
         [[storage.server]]\nname = \"a\"\nurl = \"{a}\"\n\
         [[storage.server]]\nname = \"b\"\nurl = \"{b}\"\nreplicas = [\"{replica}\"]\n\
         [storage.directory]\ndefault = \"a\"\nproduct = \"b\"\n"
    );
    std::fs::write(&file, text).unwrap();
    Settings::load(Some(file)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_takeover_is_done_when_the_server_that_it_is_about_takes_a_commit() {
    let start = || block_in_place(|| Postgres::start(&PostgresOptions::default()));
    let (a, mut b) = match (start(), start()) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(Error::Missing { .. }), _) => return,
        (a, b) => panic!("{a:?} {b:?}"),
    };
    let replica = block_in_place(|| b.replica(&ReplicaOptions::default())).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = settings(folder.path(), &a, &b, &replica).platform();
    let platform = Platform::start(Start {
        options,
        clock: Arc::new(SystemClock),
        entropy: seeded_entropy(1),
        tasks: Tasks::new(),
        metrics: None,
    });
    let platform = Box::pin(platform).await.unwrap();
    let data = folder.path().join("data");
    open_endpoint(&platform, &data).await.unwrap();
    let access = Access::to_server(&data).await.unwrap().unwrap();

    // promoted, it waits with every commit for a replica of its own, and there is none
    block_in_place(|| {
        replica.sql(DATABASE, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'").unwrap();
        replica.sql(DATABASE, "SELECT pg_reload_conf()").unwrap();
        replica.catch_up(&b).unwrap();
        b.kill().unwrap();
    });
    let request = FailOver { server: "b".to_owned(), without: Vec::new() };
    let ctx = access.ctx(TenantCode::platform(), FIRST).unwrap();
    let told = access.operator.fail_over(&ctx, request.clone()).await.unwrap_err();
    assert_eq!(told.code, ErrorCode::DeadlineExceeded, "{told:?}");
    let is_replica = || replica.sql(DATABASE, "SELECT pg_is_in_recovery()").unwrap();
    assert_eq!(block_in_place(is_replica), "f", "so it was the commit that was waited for");

    block_in_place(|| replica.set_synchronous(None)).unwrap();
    let ctx = access.ctx(TenantCode::platform(), WITHIN).unwrap();
    let done = access.operator.fail_over(&ctx, request).await.unwrap();
    assert_eq!(done.primary, format!("127.0.0.1:{}", replica.port()));
    platform.stop(Duration::from_secs(5)).await;
}
