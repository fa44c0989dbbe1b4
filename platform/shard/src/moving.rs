//! Moving a logical database to another server while the program runs: `order_04` from `a` to `b`, with no
//! new ids. PostgreSQL only. What this is made of is in `server::moving`.
//!
//! 1. A note of the intention is left on the old server. The tables are made on the new one by the program's
//!    own migrations, and filled while the old place is written to.
//! 2. *Fence*: one table of the old place after the other refuses writes, by a trigger. It waits for who has
//!    written already, so nothing is changed there afterwards by anybody, whatever map he has. Reads go on.
//! 3. What has changed meanwhile is found by checksums of parts of the tables, and copied. All parts are equal
//!    then, or the move stops.
//! 4. *Switch*: the old schema gets another name in the transaction that leaves the note where the database
//!    has gone; then the new one gets its name. A process with an old map finds no table, reads the note, and
//!    runs its transaction again at the new place.
//!
//! It can be cut off anywhere: the notes tell how far it was. The same command goes on, one back to where the
//! database is takes it back.

use std::time::Duration;

use kit::SharedClock;

use crate::dialect::Engine;
use crate::error::DbError;
use crate::schema::Schema;
use crate::server::moving;
use crate::servers::{Backend, Servers};

/// Where the notes of moves are on a server: what stands behind the prefix in the name of their schema, and the
/// table.
pub const NOTES: (&str, &str) = ("directory", "moves");

/// Moves one logical database.
pub struct Mover {
    pub(crate) servers: Servers,
    pub(crate) schema: Schema,
    pub(crate) db: u8,
    pub(crate) clock: SharedClock,
}

/// Is told of the progress, and says whether to go on. A move that it ends can be taken up again.
pub type Watch<'a> = &'a mut (dyn FnMut(&Progress) -> bool + Send);

/// How far a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is done now.
    pub step: Step,
    /// Tables in all.
    pub tables: usize,
    /// Tables that are done in this step.
    pub tables_done: usize,
    /// The size of the tables in all.
    pub bytes: u64,
    /// The size of those that are done in this step.
    pub bytes_done: u64,
}

/// The steps of a move, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The intention is written down; the tables are made.
    Preparing,
    /// Rows are copied; the old place is written to.
    Copying,
    /// From here on the old place takes no writes.
    Fencing,
    /// What has changed since it was copied is copied.
    Comparing,
    /// The old place is given up.
    Leaving,
    /// The new place is taken.
    Arriving,
    /// Writes go to the new place.
    Done,
}

/// How a logical database stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stand {
    /// It is there, and nobody moves it.
    Settled,
    /// A copy is being made on this server, or a move was cut off while it was.
    Copying(String),
    /// It takes no writes, and is to go on on this server.
    Fenced(String),
    /// It has left, and has to arrive on this server.
    OnTheWay(String),
}

/// What a move would bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The logical database.
    pub database: String,
    /// The server that has it.
    pub at: String,
    /// The server that it is to go to.
    pub to: String,
    /// Whether a move was begun.
    pub stand: Stand,
    /// Its tables.
    pub tables: usize,
    /// Its rows.
    pub rows: u64,
    /// Its size with its indexes.
    pub bytes: u64,
}

/// A move that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The logical database.
    pub database: String,
    /// The server that had it when the move began.
    pub from: String,
    /// The server that has it.
    pub to: String,
    /// What was done.
    pub end: MoveEnd,
    /// Rows that are there, all compared.
    pub rows: u64,
    /// How many of them were copied while writes were refused.
    pub rows_late: u64,
    /// For how long writes were refused; zero when an earlier run had refused them.
    pub refused: Duration,
}

/// How a move ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveEnd {
    /// It is at its new place.
    Moved,
    /// It was there already.
    WasThere,
    /// A move that was begun was taken back.
    TakenBack,
}

/// Where a logical database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The logical database.
    pub database: String,
    /// The server that has it, or is to have it.
    pub server: String,
    /// What the settings say, when that is another.
    pub settings: Option<String>,
    /// Whether a move was begun.
    pub stand: Stand,
    /// Its size with its indexes; nothing when it has not been made yet.
    pub bytes: Option<u64>,
    /// Servers that still have what was left there.
    pub left_on: Vec<String>,
}

impl Mover {
    /// For a logical database: `db` of a sharded one.
    ///
    /// # Errors
    /// When it is not on PostgreSQL servers.
    pub fn new(
        backend: &Backend,
        schema: Schema,
        db: u8,
        clock: SharedClock,
    ) -> Result<Self, DbError> {
        let servers = servers(backend)?.clone();
        Ok(Self { servers, schema, db, clock })
    }

    /// What a move to a server would bring; changes nothing.
    ///
    /// # Errors
    /// Words for the operator: it cannot be moved there.
    pub async fn plan(&self, to: &str) -> Result<Plan, DbError> {
        moving::plan(self, to).await
    }

    /// Moves it to a server; goes on with a move there that was cut off. To the server that has it: takes back
    /// a move that was begun.
    ///
    /// # Errors
    /// Words for the operator. The database is where it was, or on its way with nothing lost; run it again.
    pub async fn run(&self, to: &str, watch: Watch<'_>) -> Result<Moved, DbError> {
        moving::run(self, to, watch).await
    }

    /// Drops what it has left on other servers; from which.
    ///
    /// # Errors
    /// Words for the operator: it is on its way, or a server does not answer.
    pub async fn drop_left(&self) -> Result<Vec<String>, DbError> {
        moving::drop_left(self).await
    }

    /// Its name.
    #[must_use]
    pub fn database(&self) -> String {
        self.schema.database_name(self.db)
    }
}

/// Where logical databases are, in the order of their names here. Asks the servers that have them, or had.
///
/// # Errors
/// Words for the operator: they are not on PostgreSQL servers, or one does not answer.
pub async fn locate(backend: &Backend, databases: &[String]) -> Result<Vec<Location>, DbError> {
    moving::locate(servers(backend)?, databases).await
}

fn servers(backend: &Backend) -> Result<&Servers, DbError> {
    match backend {
        Backend::Servers(servers) if servers.engine == Engine::Postgres => Ok(servers),
        Backend::Servers(_) => Err(DbError::Misuse(
            "databases move between PostgreSQL servers only; on MySQL stop the program, copy the database with the \
             server's own tools, and name its new server in the settings",
        )),
        Backend::Embedded => Err(DbError::Misuse(
            "the databases are embedded: all of them are files in one folder, there is no server to move one to",
        )),
    }
}
