//! Where logical databases are, for operators and backups: what servers say of their schemas and notes, each
//! asked once. Reads only.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use super::super::explain::explain;
use super::end::{End, quoted};
use super::left;
use super::notes::{self, Note};
use crate::error::DbError;
use crate::moving::{Location, Stand};
use crate::servers::Servers;

/// What one server has.
struct Seen {
    notes: BTreeMap<String, Note>,
    /// Sizes by schema.
    schemas: BTreeMap<String, u64>,
}

/// See [`crate::moving::locate`].
pub(crate) async fn locate(
    servers: &Servers,
    databases: &[String],
) -> Result<Vec<Location>, DbError> {
    let mut seen = BTreeMap::new();
    let mut found = Vec::with_capacity(databases.len());
    for database in databases {
        found.push(one(servers, database, &mut seen).await?);
    }
    Ok(found)
}

async fn one(
    servers: &Servers,
    database: &str,
    all: &mut BTreeMap<String, Seen>,
) -> Result<Location, DbError> {
    let named = servers.directory.server(database);
    let schema = [&servers.prefix, database].concat();
    let mut server = named.to_owned();
    let mut stand = Stand::Settled;
    for _ in 0..=2 * servers.servers.len() {
        let note = seen(servers, &server, all).await?.notes.get(&schema).cloned();
        match note {
            Some(Note::Left(to)) => {
                let came = seen(servers, &to, all).await?.notes.get(&schema);
                if came == Some(&Note::Arriving(server.clone())) {
                    stand = Stand::OnTheWay(to);
                    break;
                }
                server = to;
            }
            Some(Note::Arriving(from)) => server = from,
            note => {
                stand = Stand::of(note.as_ref());
                break;
            }
        }
    }
    let at = match &stand {
        Stand::OnTheWay(_) => left(&schema),
        _ => schema.clone(),
    };
    let bytes = seen(servers, &server, all).await?.schemas.get(&at).copied();
    let has_left = |(name, seen): (&String, &Seen)| {
        let is_left = *name != server && seen.schemas.contains_key(&left(&schema));
        is_left.then(|| name.clone())
    };
    let left_on = all.iter().filter_map(has_left).collect();
    let settings = (named != server).then(|| named.to_owned());
    Ok(Location { database: database.to_owned(), server, settings, stand, bytes, left_on })
}

async fn seen<'a>(
    servers: &Servers,
    server: &str,
    all: &'a mut BTreeMap<String, Seen>,
) -> Result<&'a Seen, DbError> {
    if !all.contains_key(server) {
        let look = look(servers, server).await?;
        all.insert(server.to_owned(), look);
    }
    all.get(server).ok_or(DbError::Misuse("a server that was seen is not"))
}

async fn look(servers: &Servers, server: &str) -> Result<Seen, DbError> {
    let mut end = End::connect(servers, server).await?;
    let sql = "SELECT n.nspname::TEXT, COALESCE(SUM(pg_total_relation_size(c.oid)), 0)::BIGINT
         FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r'
         GROUP BY n.nspname";
    let schemas = sqlx::query_as::<_, (String, i64)>(sql).fetch_all(&mut end.conn).await;
    let schemas = schemas.map_err(explain)?;
    let schemas = schemas.into_iter().map(|(name, bytes)| (name, bytes.unsigned_abs())).collect();
    let directory = notes::directory(&servers.prefix);
    let has = sqlx::query(notes::HAS_NOTES).bind(&directory).fetch_optional(&mut end.conn).await;
    if has.map_err(explain)?.is_none() {
        return Ok(Seen { notes: BTreeMap::new(), schemas });
    }
    let select = format!("SELECT name, state, server FROM {}.{}", quoted(&directory), notes::TABLE);
    let rows = sqlx::query_as::<_, (String, String, String)>(AssertSqlSafe(select));
    let rows = rows.fetch_all(&mut end.conn).await.map_err(explain)?;
    let note =
        |(name, state, server): (String, String, String)| Ok((name, Note::read(&state, server)?));
    let notes = rows.into_iter().map(note).collect::<Result<_, DbError>>()?;
    Ok(Seen { notes, schemas })
}
