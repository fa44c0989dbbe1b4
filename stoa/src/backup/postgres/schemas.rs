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

/// A schema as an identifier.
pub(super) fn quoted(prefix: &str, database: &str) -> String {
    identifier(&[prefix, database].concat())
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What a schema holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A record of migrations as this program keeps it.
    Platform,
    /// Nothing at all: its making was cut off.
    Nothing,
    /// Something else, and so somebody else's.
    Other,
}

/// Every schema and what it holds. Other programs have a `schema_migrations` as well, with other columns.
const ALL: &str = "SELECT n.nspname, CASE
         WHEN (SELECT COUNT(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
             WHERE c.relnamespace = n.oid AND c.relname = 'schema_migrations' AND c.relkind = 'r'
             AND NOT a.attisdropped
             AND a.attname IN ('owner', 'cell', 'version', 'name', 'checksum', 'applied_at')) = 6 THEN 'platform'
         WHEN NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relnamespace = n.oid)
             AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_proc WHERE pronamespace = n.oid)
             AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_type WHERE typnamespace = n.oid) THEN 'nothing'
         ELSE 'other' END
     FROM pg_catalog.pg_namespace n ORDER BY n.nspname";

async fn all(url: &Secret<String>) -> anyhow::Result<Vec<(String, Kind)>> {
    let parse = |line: &str| {
        let (schema, kind) = line.rsplit_once('|')?;
        let kind = match kind {
            "platform" => Kind::Platform,
            "nothing" => Kind::Nothing,
            _ => Kind::Other,
        };
        Some((schema.to_owned(), kind))
    };
    Ok(ask(url, ALL).await?.lines().filter_map(parse).collect())
}

/// Which of some schemas are of the platform with a prefix: what stands behind it, for each. One that neither
/// this program nor the backup knows is of a newer version of the program, unless there is a platform with a
/// longer prefix that it begins with, too.
fn own<'a>(
    schemas: &'a [(String, Kind)],
    prefix: &str,
    of_backup: &BTreeSet<&str>,
) -> Vec<&'a str> {
    let known = Databases::names();
    let is_known =
        |database: &str| of_backup.contains(database) || known.iter().any(|k| k == database);
    let behind = || {
        let all = schemas.iter().filter(|(_, kind)| *kind != Kind::Other);
        all.filter_map(|(schema, kind)| Some((schema.strip_prefix(prefix)?, *kind)))
    };
    // `demo_order_07` behind `stoa_` tells of a platform with the prefix `stoa_demo_`
    let longer = |database: &'a str| {
        let rest = known.iter().find_map(|k| database.strip_suffix(k.as_str()))?;
        (rest.ends_with('_') && !is_known(database)).then_some(rest)
    };
    let migrated = behind().filter(|(_, kind)| *kind == Kind::Platform);
    let others: BTreeSet<&str> = migrated.filter_map(|(database, _)| longer(database)).collect();
    let is_own = |database: &str, kind: Kind| {
        let is_others = || others.iter().any(|other| database.starts_with(other));
        is_known(database) || (kind == Kind::Platform && !is_others())
    };
    behind()
        .filter(|(database, kind)| is_own(database, *kind))
        .map(|(database, _)| database)
        .collect()
}

/// The databases of the platform with a prefix that are to be backed up.
pub(super) async fn to_back_up(
    url: &Secret<String>,
    prefix: &str,
) -> anyhow::Result<BTreeSet<String>> {
    let mut all = all(url).await?;
    all.retain(|(_, kind)| *kind == Kind::Platform);
    Ok(own(&all, prefix, &BTreeSet::new()).into_iter().map(str::to_owned).collect())
}

/// What there is of the platform whose backup this is, whether the backup has it or not.
pub(super) async fn of_platform(
    url: &Secret<String>,
    manifest: &Manifest,
) -> anyhow::Result<Vec<String>> {
    let mut all = all(url).await?;
    all.retain(|(schema, _)| !schema.starts_with(REPLACED));
    let prefix = manifest.prefix.as_str();
    let own = own(&all, prefix, &of_backup(manifest));
    Ok(own.into_iter().map(|database| [prefix, database].concat()).collect())
}

fn of_backup(manifest: &Manifest) -> BTreeSet<&str> {
    manifest.files.iter().flat_map(|f| &f.databases).map(|d| d.database.as_str()).collect()
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

/// SQL that forgets where databases had moved to: what is restored is here.
pub(super) fn forget_moves(prefix: &str) -> String {
    let (schema, table) = shard::moving::NOTES;
    format!("DROP TABLE IF EXISTS {}.{table};\n", identifier(&[prefix, schema].concat()))
}

/// Drops what was put aside, each schema in a transaction of its own.
pub(super) async fn drop_replaced(url: &Secret<String>, manifest: &Manifest) -> anyhow::Result<()> {
    let all = all(url).await?;
    let aside = replaced(&manifest.prefix);
    for database in own(&all, &aside, &of_backup(manifest)) {
        let schema = [aside.as_str(), database].concat();
        ask(url, &format!("DROP SCHEMA {} CASCADE", identifier(&schema))).await?;
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

    fn found(schemas: &[(&str, Kind)], prefix: &str) -> Vec<String> {
        let all: Vec<_> = schemas.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        own(&all, prefix, &BTreeSet::from(["of_backup"])).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn what_is_known_and_what_a_newer_version_has_made_is_the_platforms() {
        use Kind::{Nothing, Platform};
        let all = [
            ("a_order_07", Platform),
            ("a_test_card", Platform),
            ("a_coupon", Platform),
            ("a_of_backup", Nothing),
            ("a_search", Nothing),
        ];
        let own = found(&all, "a_");
        assert_eq!(own, ["order_07", "test_card", "coupon", "of_backup", "search"]);
    }

    #[test]
    fn what_somebody_else_has_made_is_not_the_platforms_whatever_it_is_called() {
        use Kind::{Nothing, Other, Platform};
        let all = [
            ("a_reporting", Other),
            ("a_order_07", Other),
            ("a_empty", Nothing),
            ("b_order_07", Platform),
        ];
        assert!(found(&all, "a_").is_empty());
    }

    #[test]
    fn a_longer_prefix_is_another_platforms_with_all_that_begins_with_it() {
        use Kind::Platform;
        let all = [
            ("a_order_07", Platform),
            ("a_demo_order_00", Platform),
            ("a_demo_coupon", Platform),
            ("a_x_y_platform", Platform),
        ];
        assert_eq!(found(&all, "a_"), ["order_07"]);
        assert_eq!(found(&all, "a_demo_"), ["order_00", "coupon"]);
        let newer = [("a_demo_coupon", Platform)];
        assert_eq!(found(&newer, "a_"), ["demo_coupon"], "nothing tells of another");
    }

    #[test]
    fn whatever_a_schema_is_called_it_is_one_identifier() {
        assert_eq!(quoted("stoa_", "order_07"), "\"stoa_order_07\"");
        let aside = put_aside(&["a\"b".to_owned()]);
        assert_eq!(aside, "ALTER SCHEMA \"a\"\"b\" RENAME TO \"replaced_a\"\"b\";\n");
    }
}
