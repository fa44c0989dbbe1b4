//! The commands on database servers that the settings name, and migrations that are run by a command.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use kit::SystemClock;
use servers::{Mariadb, MariadbOptions, Postgres, PostgresOptions};
use stoa::options::{PlatformOptions, Settings};
use stoa::platform::{Platform, Start};
use tasks::Tasks;
use testkit::seeded_entropy;

fn stoa(config: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stoa"));
    command.args(args).env("STOA_CONFIG", config).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn start(options: PlatformOptions) -> Result<Platform, rpc::Fault> {
    let start = Start {
        options,
        clock: Arc::new(SystemClock),
        entropy: seeded_entropy(1),
        tasks: Tasks::new(),
        metrics: None,
    };
    Platform::start(start).await
}

/// Settings for two servers, which are the same one here, and a data folder.
fn settings(folder: &Path, engine: &str, url: &str, migrate_at_start: bool) -> std::path::PathBuf {
    let file = folder.join(format!("{engine}-{migrate_at_start}.toml"));
    let data = folder.join("data");
    let text = format!(
        "[server]\ndata = {data:?}\n[storage]\nengine = \"{engine}\"\nprefix = \"it_\"\n\
         migrate_at_start = {migrate_at_start}\n\
         [[storage.server]]\nname = \"a\"\nurl = \"{url}\"\n\
         [[storage.server]]\nname = \"b\"\nurl = \"{url}\"\n\
         [storage.directory]\ndefault = \"a\"\nproduct = \"b\"\n\"order_00..order_01\" = \"b\"\n"
    );
    std::fs::write(&file, text).unwrap();
    file
}

async fn migrations(engine: &str, url: &str) {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path(), engine, url, false);
    let options = || Settings::load(Some(config.clone())).unwrap().platform();
    let refused = start(options()).await.err().unwrap().message;
    assert!(refused.contains("Run `stoa migrate`") && refused.contains("platform"), "{refused}");
    let check = stoa(&config, &["migrate", "--check", "--json"]);
    assert_eq!(check.status.code(), Some(1), "{}", text(&check.stderr));
    let report: serde_json::Value = serde_json::from_slice(&check.stdout).unwrap();
    let missing = report["missing"].as_array().unwrap().len();
    assert!(missing > 10, "{report}");
    let ran = stoa(&config, &["migrate", "--json"]);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let report: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["ran"].as_array().unwrap().len(), missing);
    let check = stoa(&config, &["migrate", "--check"]);
    assert!(check.status.success(), "{}", text(&check.stdout));
    // Through the command, which starts the platform by itself: a tenant, and then its cells.
    let add = ["tenant", "add", "shop", "--name", "Shop", "--host", "s.localhost"];
    let added = stoa(&config, &add);
    assert!(added.status.success(), "{}", text(&added.stderr));
    let again = stoa(&config, &["migrate"]);
    assert!(again.status.success(), "{}", text(&again.stderr));
    start(options()).await.unwrap().stop(std::time::Duration::from_secs(5)).await;
    let doctor = stoa(&config, &["doctor"]);
    let told = text(&doctor.stdout);
    assert!(doctor.status.success(), "{told}{}", text(&doctor.stderr));
    for expected in ["server a, primary", "server b, primary", "answers after"] {
        assert!(told.contains(expected), "{told}");
    }
    // Without its settings nobody takes the folder for one with files.
    let data = folder.path().join("data");
    let lost = Command::new(env!("CARGO_BIN_EXE_stoa"))
        .args(["tenant", "list", "--data", data.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(text(&lost.stderr).contains("--config"), "{}", text(&lost.stderr));
}

#[tokio::test]
async fn settings_name_postgres_servers_and_migrations_run_by_a_command() {
    let Ok(server) = Postgres::start(&PostgresOptions::default()) else { return skipped() };
    migrations("postgres", &server.url("postgres")).await;
}

#[tokio::test]
async fn settings_name_mysql_servers_and_migrations_run_by_a_command() {
    let Ok(server) = Mariadb::start(&MariadbOptions::default()) else { return skipped() };
    migrations("mysql", &server.url("")).await;
}

#[tokio::test]
async fn embedded_migrations_run_by_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let config = folder.path().join("stoa.toml");
    let settings = format!("[server]\ndata = {data:?}\n[storage]\nmigrate_at_start = false\n");
    std::fs::write(&config, settings).unwrap();
    let options = || Settings::load(Some(config.clone())).unwrap().platform();
    assert!(start(options()).await.is_err());
    assert_eq!(stoa(&config, &["migrate", "--check"]).status.code(), Some(1));
    assert!(stoa(&config, &["migrate"]).status.success());
    assert!(stoa(&config, &["migrate", "--check"]).status.success());
    start(options()).await.unwrap().stop(std::time::Duration::from_secs(5)).await;
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped() {
    #[expect(clippy::disallowed_macros, reason = "a skipped test says so")]
    {
        eprintln!("skipped: the server's programs are not installed");
    }
}
