//! Restoring into a database of a server in which something is: the built program, and `psql` beside it.

use std::path::Path;
use std::process::{Command, Output};

use servers::{Postgres, PostgresOptions};

const DATABASE: &str = "mall";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server with a platform of one tenant, and the backup of it.
struct Case {
    server: Postgres,
    folder: tempfile::TempDir,
}

impl Case {
    fn new(server: Postgres) -> Self {
        server.ensure_database(DATABASE).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (data, url) = (folder.path().join("data"), server.url(DATABASE));
        let settings = format!(
            "[server]\ndata = {data:?}\n[storage]\nengine = \"postgres\"\nprefix = \"it_\"\n\
             [[storage.server]]\nname = \"a\"\nurl = \"{url}\"\n"
        );
        std::fs::write(folder.path().join("stoa.toml"), settings).unwrap();
        let case = Self { server, folder };
        case.does(&["tenant", "add", "shop", "--name", "Shop", "--host", "s.localhost"]);
        case.does(&["backup", case.backup().to_str().unwrap()]);
        case
    }

    fn backup(&self) -> std::path::PathBuf {
        self.folder.path().join("backup")
    }

    fn stoa(&self, args: &[&str]) -> Output {
        let config = self.folder.path().join("stoa.toml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_stoa"));
        command.args(args).env("STOA_CONFIG", config).output().unwrap()
    }

    fn does(&self, args: &[&str]) -> String {
        let done = self.stoa(args);
        assert!(done.status.success(), "{args:?}: {}{}", text(&done.stdout), text(&done.stderr));
        text(&done.stdout)
    }

    fn sql(&self, statement: &str) -> String {
        self.server.sql(DATABASE, statement).unwrap()
    }

    fn has(&self, table: &str) -> bool {
        !self.sql(&format!("SELECT to_regclass('{table}')")).is_empty()
    }

    fn restore(&self, backup: &Path, more: &[&str]) -> Output {
        let (backup, url) = (backup.to_str().unwrap(), self.server.url(DATABASE));
        self.stoa(&[&["restore", backup, "--database-url", &url], more].concat())
    }
}

/// What a newer version of the program has made since, and what is not the platform's.
const SINCE: &str = "
    CREATE SCHEMA it_coupon;
    CREATE TABLE it_coupon.schema_migrations (LIKE it_product.schema_migrations);
    CREATE TABLE it_coupon.coupons (id BIGINT);
    CREATE TABLE it_product.brands_by_name (spu_id BIGINT, owner TEXT);
    CREATE VIEW it_product.all_spus AS SELECT * FROM it_product.schema_migrations;
    CREATE SCHEMA it_demo_order_00;
    CREATE TABLE it_demo_order_00.schema_migrations (LIKE it_product.schema_migrations);
    CREATE SCHEMA it_demo_coupon;
    CREATE TABLE it_demo_coupon.schema_migrations (LIKE it_product.schema_migrations);
    CREATE SCHEMA it_reporting;
    CREATE TABLE it_reporting.schema_migrations (version TEXT);
    CREATE TABLE it_reporting.figures (id BIGINT);
    CREATE SCHEMA replaced_it_reporting;
    CREATE TABLE replaced_it_reporting.figures (id BIGINT);
    CREATE TABLE letters (id BIGINT)";

/// What of that stays.
const KEPT: [&str; 5] = [
    "it_demo_order_00.schema_migrations",
    "it_demo_coupon.schema_migrations",
    "it_reporting.figures",
    "replaced_it_reporting.figures",
    "letters",
];

#[test]
fn a_restore_with_reset_replaces_all_that_is_there_of_the_platform_and_nothing_else() {
    let Ok(server) = Postgres::start(&PostgresOptions::default()) else { return skipped() };
    let case = Case::new(server);
    case.does(&["tenant", "add", "later", "--name", "Later", "--host", "l.localhost"]);
    case.sql(SINCE);
    let refused = case.restore(&case.backup(), &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("--reset"), "{}", text(&refused.stderr));
    assert!(case.has("it_coupon.coupons") && case.does(&["tenant", "list"]).contains("later"));

    let done = case.restore(&case.backup(), &["--reset"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let told = text(&done.stdout);
    let (replaced, after) = told.split_once("are restored into").unwrap();
    assert!(replaced.contains("it_coupon, ") && replaced.contains("it_product"), "{told}");
    assert!(!replaced.contains("it_reporting") && !after.contains("it_coupon"), "{told}");
    for gone in ["it_coupon.coupons", "it_product.brands_by_name", "it_product.all_spus"] {
        assert!(!case.has(gone), "{gone} is still there");
    }
    let schemas = case.sql("SELECT nspname FROM pg_namespace ORDER BY nspname");
    assert!(!schemas.contains("it_coupon"), "{schemas}");
    assert_eq!(schemas.matches("replaced_").count(), 1, "{schemas}");
    for kept in KEPT {
        assert!(case.has(kept), "{kept} was not the platform's");
    }
    let tenants = case.does(&["tenant", "list"]);
    assert!(tenants.contains("shop") && !tenants.contains("later"), "{tenants}");
    case.does(&["doctor"]);
}

#[test]
fn a_restore_that_fails_leaves_what_is_there_and_one_after_it_succeeds() {
    let Ok(server) = Postgres::start(&PostgresOptions::default()) else { return skipped() };
    let case = Case::new(server);
    case.does(&["tenant", "add", "later", "--name", "Later", "--host", "l.localhost"]);
    case.sql(
        "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$;
         CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('CREATE INDEX')
             EXECUTE FUNCTION refuse()",
    );
    let failed = case.restore(&case.backup(), &["--reset"]);
    assert_eq!(failed.status.code(), Some(1));
    let said = text(&failed.stderr);
    assert!(said.contains("nothing was changed") && said.contains("the disk is full"), "{said}");
    assert!(case.does(&["tenant", "list"]).contains("later"), "something has changed");
    case.sql("DROP EVENT TRIGGER refuse");
    let done = case.restore(&case.backup(), &["--reset"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(!case.does(&["tenant", "list"]).contains("later"));
}

#[test]
fn a_backup_leaves_out_what_somebody_else_has_made_under_the_same_prefix() {
    let Ok(server) = Postgres::start(&PostgresOptions::default()) else { return skipped() };
    let case = Case::new(server);
    case.sql(SINCE);
    let later = case.folder.path().join("later");
    case.does(&["backup", later.to_str().unwrap()]);
    let manifest = std::fs::read_to_string(later.join("manifest.json")).unwrap();
    assert!(manifest.contains("\"coupon\""), "{manifest}");
    assert!(!manifest.contains("reporting") && !manifest.contains("demo_"), "{manifest}");
}

#[test]
fn without_a_prefix_nothing_can_be_told_from_what_others_have_so_nothing_is_replaced() {
    let Ok(server) = Postgres::start(&PostgresOptions::default()) else { return skipped() };
    let case = Case::new(server);
    // a backup of a platform without a prefix; only the manifest is asked
    let file = case.backup().join("manifest.json");
    let manifest = std::fs::read_to_string(&file).unwrap();
    let manifest = manifest.replace("\"it_\"", "\"\"");
    std::fs::write(&file, manifest).unwrap();
    case.sql("CREATE SCHEMA search; CREATE TABLE search.ours (n BIGINT)");
    let refused = case.restore(&case.backup(), &["--reset"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("no prefix") && said.contains("nothing was changed"), "{said}");
    assert!(case.has("search.ours"));
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped() {
    #[expect(clippy::disallowed_macros, reason = "a skipped test says so")]
    {
        eprintln!("skipped: the server's programs are not installed");
    }
}
