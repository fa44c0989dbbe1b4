//! Notes of where logical databases have moved to, kept on the servers themselves: a process whose settings
//! are older than a move asks the server that it knows, and is sent on. Nobody but a move writes them.

use std::time::Instant;

use sea_query::{Value, Values};

use super::super::conn::Conn;
use super::super::explain::explain;
use super::super::{Connected, ServerDb};
use super::end::End;
use crate::dialect::Engine;
use crate::error::DbError;
use crate::moving::NOTES;
use crate::schema::Schema;
use crate::servers::Servers;

/// How long it may take to ask a server for a note.
const ASK_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);
/// The table of notes, in the schema of [`directory`].
pub(super) const TABLE: &str = NOTES.1;
pub(super) const HAS_NOTES: &str = "SELECT 1::BIGINT AS one FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'moves'";

/// What a server knows of a logical database besides its rows. Each names the other server of the move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Note {
    /// It is here and takes writes, and a copy is being made there.
    Copying(String),
    /// It is here and takes no writes any more, or is about to; the copy there is completed.
    Leaving(String),
    /// It is there.
    Left(String),
    /// A copy from there is being made; it is not here yet.
    Arriving(String),
}

impl Note {
    pub(super) fn read(state: &str, server: String) -> Result<Self, DbError> {
        match state {
            "copying" => Ok(Self::Copying(server)),
            "leaving" => Ok(Self::Leaving(server)),
            "left" => Ok(Self::Left(server)),
            "arriving" => Ok(Self::Arriving(server)),
            other => Err(DbError::Schema(format!("a note says `{other}`; use the newer program"))),
        }
    }

    pub(super) fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Copying(to) => ("copying", to),
            Self::Leaving(to) => ("leaving", to),
            Self::Left(to) => ("left", to),
            Self::Arriving(from) => ("arriving", from),
        }
    }
}

/// The schema that holds the notes of a platform.
pub(crate) fn directory(prefix: &str) -> String {
    [prefix, NOTES.0].concat()
}

/// The note about a schema.
pub(super) fn select(directory: &str) -> String {
    format!("SELECT state, server FROM \"{directory}\".{TABLE} WHERE name = $1")
}

/// What the server of a connection knows of a logical database.
pub(crate) async fn look(
    conn: &mut Conn,
    directory: &str,
    schema: &str,
) -> Result<Option<Note>, DbError> {
    let text = |s: &str| Value::String(Some(s.to_owned()));
    // moves are PostgreSQL's
    if conn.engine() != Engine::Postgres
        || conn.query(HAS_NOTES, Values(vec![text(directory)]), 1, false).await?.is_empty()
    {
        return Ok(None);
    }
    let rows = conn.query(&select(directory), Values(vec![text(schema)]), 1, false).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let wrong = |e: rpc::Fault| DbError::Schema(e.chain());
    let state: String = row.get("state").map_err(wrong)?;
    Note::read(&state, row.get("server").map_err(wrong)?).map(Some)
}

/// Whether there is a logical database in a schema.
const IS_MADE: &str = "SELECT 1::BIGINT AS one FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'schema_migrations'";

/// Refuses to change the tables of a logical database that is moving, or is not here any more.
pub(crate) async fn still_here(conn: &mut Conn, db: &ServerDb) -> Result<(), DbError> {
    match look(conn, &db.directory, &db.schema).await? {
        None => Ok(()),
        Some(_) => Err(DbError::Moving(format!(
            "{} is being moved; its tables can be changed once the move is completed, or taken back",
            db.schema
        ))),
    }
}

impl Connected {
    /// Refuses to make a logical database anew that another server has: its settings were changed, and it was
    /// not moved.
    pub(crate) async fn not_elsewhere(
        &self,
        servers: &Servers,
        database: &str,
        db: &ServerDb,
    ) -> Result<(), DbError> {
        if servers.engine != Engine::Postgres || servers.servers.len() < 2 {
            return Ok(());
        }
        let mut conn = db.server.acquire("", Instant::now() + ASK_WITHIN).await?;
        conn.ask_within(ASK_WITHIN).await?;
        let schema = Value::String(Some(db.schema.clone()));
        if !conn.query(IS_MADE, Values(vec![schema]), 1, false).await?.is_empty() {
            return Ok(());
        }
        let here = db.server.name();
        for other in servers.servers.iter().filter(|s| s.name != here) {
            let mut end = End::connect(servers, &other.name).await?;
            let made = sqlx::query(IS_MADE).bind(&db.schema).fetch_optional(&mut end.conn).await;
            if made.map_err(explain)?.is_some() {
                return Err(DbError::Open(format!(
                    "the settings say that {database} is on `{here}`, but `{0}` has it; put `{0}` back into \
                     [storage.directory], and move it: stoa shard move {database} --to {here}",
                    other.name
                )));
            }
        }
        Ok(())
    }

    /// Where a logical database is: at the server that the settings name, or where the notes lead from there.
    pub(crate) async fn home(
        &self,
        servers: &Servers,
        schema: Schema,
        db: u8,
    ) -> Result<ServerDb, DbError> {
        let database = schema.database_name(db);
        let name = [&servers.prefix, database.as_str()].concat();
        let directory = directory(&servers.prefix);
        let mut at = servers.directory.server(&database).to_owned();
        let mut sent_by: Option<String> = None;
        // a move may happen while the notes are read
        for _ in 0..=2 * servers.servers.len() {
            let server = self.server(servers, &database, &at).await?;
            let note = {
                let mut conn = server.acquire("", Instant::now() + ASK_WITHIN).await?;
                conn.ask_within(ASK_WITHIN).await?;
                look(&mut conn, &directory, &name).await?
            };
            match note {
                None | Some(Note::Copying(_) | Note::Leaving(_)) => {
                    return Ok(ServerDb { server, schema: name, directory });
                }
                Some(Note::Left(to)) => sent_by = Some(std::mem::replace(&mut at, to)),
                Some(Note::Arriving(from)) if sent_by.as_ref() == Some(&from) => break,
                Some(Note::Arriving(from)) => sent_by = Some(std::mem::replace(&mut at, from)),
            }
        }
        Err(DbError::Moving(format!(
            "{database} is on its way to `{at}`; if that lasts, `stoa shard move {database} --to {at}` completes it"
        )))
    }
}
