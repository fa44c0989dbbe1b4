//! The schemas of a platform on a server: which are its own, and putting them aside for those of a backup. A
//! dump knows only what there was when it was made; what came into being since then has to go as well, and
//! what belongs to another platform in the same database must stay.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use kit::Secret;

use super::{PSQL, program};
use crate::backup::Manifest;
use crate::platform::Databases;

/// What stands before the name of a schema that is replaced. No platform takes it for one of its own.
const REPLACED: &str = "replaced_";

/// What stands before the names of schemas that were replaced.
pub(super) fn replaced(prefix: &str) -> String {
    [REPLACED, prefix].concat()
}

/// Whether what stands behind a prefix is the database of a platform with a longer one: `demo_order_07`
/// behind `stoa_` belongs to the prefix `stoa_demo_`.
pub(super) fn is_of_another(database: &str) -> bool {
    let known = Databases::names();
    let is_longer = |name: &String| database.ends_with(&["_", name].concat());
    !known.iter().any(|name| name == database) && known.iter().any(is_longer)
}

/// A schema as an identifier.
pub(super) fn quoted(prefix: &str, database: &str) -> String {
    identifier(&[prefix, database].concat())
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What there is of the platform whose backup this is, whether the backup has it or not.
pub(super) async fn of_platform(
    url: &Secret<String>,
    manifest: &Manifest,
) -> anyhow::Result<Vec<String>> {
    let prefix = manifest.prefix.as_str();
    let sql = "SELECT nspname, EXISTS (SELECT 1 FROM pg_catalog.pg_tables
             WHERE schemaname = nspname AND tablename = 'schema_migrations')
         FROM pg_catalog.pg_namespace ORDER BY nspname";
    let of_backup: BTreeSet<&str> =
        manifest.files.iter().flat_map(|f| &f.databases).map(|d| d.database.as_str()).collect();
    let known = Databases::names();
    let is_own = |database: &str, is_migrated: bool| {
        let is_known = of_backup.contains(database) || known.iter().any(|k| k == database);
        // A newer version of the program has databases that this one does not know.
        is_known || (is_migrated && !is_of_another(database))
    };
    let mut own = Vec::new();
    for line in ask(url, sql).await?.lines() {
        let Some((schema, is_migrated)) = line.rsplit_once('|') else { continue };
        let database = schema.strip_prefix(prefix).filter(|_| !schema.starts_with(REPLACED));
        if database.is_some_and(|d| is_own(d, is_migrated == "t")) {
            own.push(schema.to_owned());
        }
    }
    Ok(own)
}

/// SQL that puts schemas aside. Dropping them in the same transaction would take a lock for every table of
/// both the old and the new ones, which is more than a server has.
pub(super) fn put_aside(schemas: &[String]) -> String {
    let rename = |schema: &String| {
        let (from, to) = (identifier(schema), identifier(&replaced(schema)));
        format!("ALTER SCHEMA {from} RENAME TO {to};\n")
    };
    schemas.iter().map(rename).collect()
}

/// Drops what was put aside, each schema in a transaction of its own.
pub(super) async fn drop_replaced(url: &Secret<String>, manifest: &Manifest) -> anyhow::Result<()> {
    let aside = replaced(&manifest.prefix);
    let sql = "SELECT nspname FROM pg_catalog.pg_namespace ORDER BY nspname";
    let all = ask(url, sql).await?;
    for schema in all.lines().filter(|schema| schema.starts_with(&aside)) {
        ask(url, &format!("DROP SCHEMA {} CASCADE", identifier(schema))).await?;
    }
    Ok(())
}

/// `psql` that runs what it reads and ends at the first mistake.
pub(super) fn psql(url: &Secret<String>) -> Command {
    let mut command = program(PSQL, url);
    command.args(["-XAtq", "-v", "ON_ERROR_STOP=1"]);
    command
}

/// The rows of one statement, a line each.
async fn ask(url: &Secret<String>, sql: &str) -> anyhow::Result<String> {
    let mut command = psql(url);
    command
        .arg("-c")
        .arg(sql)
        .stdin(Stdio::null())
        .env("PGOPTIONS", "-c client_min_messages=warning");
    let run = move || {
        let done = command.output();
        let missing =
            format!("{PSQL} cannot be started; on Debian: apt-get install postgresql-client");
        let done = done.context(missing)?;
        let said = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "{PSQL} failed: {}", said.trim());
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    };
    tokio::task::spawn_blocking(run).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_prefix_is_another_platforms() {
        for own in ["order_07", "platform", "test_card", "coupon", "order_99"] {
            assert!(!is_of_another(own), "{own}");
        }
        for other in ["demo_order_07", "demo_platform", "a_b_search"] {
            assert!(is_of_another(other), "{other}");
        }
    }

    #[test]
    fn whatever_a_schema_is_called_it_is_one_identifier() {
        assert_eq!(quoted("stoa_", "order_07"), "\"stoa_order_07\"");
        let aside = put_aside(&["a\"b".to_owned()]);
        assert_eq!(aside, "ALTER SCHEMA \"a\"\"b\" RENAME TO \"replaced_a\"\"b\";\n");
    }
}
