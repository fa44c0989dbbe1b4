//! What can go wrong with a database, and what of it a caller is told. Texts of the engine stay in the
//! cause; the public side learns only whether trying again makes sense.

use kit::{ErrorCode, Place};
use rpc::Fault;

/// A failure of the data layer.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Neither a user nor an id told where the rows are.
    #[error(
        "{database} is sharded: `{what}` needs a shard key; route by user or by id, or use the search index"
    )]
    Unroutable {
        /// The logical database.
        database: String,
        /// The table or statement.
        what: String,
    },
    /// No placement uses this cell, so it has no tables.
    #[error("{database} has no cell {place}")]
    NoSuchCell {
        /// The logical database.
        database: String,
        /// The cell.
        place: Place,
    },
    /// A unique key is taken.
    #[error("a unique key is taken: {0}")]
    Unique(String),
    /// The statement ran past the deadline; whether a commit happened may be unknown.
    #[error("the database did not answer in time ({0})")]
    Timeout(&'static str),
    /// The queue of the database is full.
    #[error("the queue of {0} is full")]
    Overloaded(String),
    /// The database is shut down.
    #[error("the database is closed")]
    Closed,
    /// The engine rolled the whole group of transactions back; nobody was answered.
    #[error("the commit failed: {0}")]
    CommitFailed(String),
    /// The engine rolled it back because of another transaction; run again it may well succeed.
    #[error("the transaction met another: {0}")]
    Retry(String),
    /// The server does not answer, or not as one that can write.
    #[error("the database server is away: {0}")]
    Down(String),
    /// It is on its way to another server, and takes no writes meanwhile.
    #[error("the database is being moved: {0}")]
    Moving(String),
    /// The body of a transaction awaited something else than its transaction.
    #[error("the body of a transaction may await nothing but its transaction")]
    Pended,
    /// The body panicked.
    #[error("the body of a transaction panicked")]
    Panicked,
    /// The transaction was used after its end, or a read was asked to write.
    #[error("{0}")]
    Misuse(&'static str),
    /// A row does not have the column, or not of this type.
    #[error("column {column}: {problem}")]
    Column {
        /// The column.
        column: String,
        /// What is wrong with it.
        problem: String,
    },
    /// More rows than one query may return.
    #[error("a query returned more than {0} rows; page it")]
    TooManyRows(usize),
    /// The schema on disk and in the program do not fit.
    #[error("{0}")]
    Schema(String),
    /// The folder or file could not be opened.
    #[error("{0}")]
    Open(String),
    /// Anything else the engine says.
    #[error("{0}")]
    Engine(String),
}

impl DbError {
    /// The kind of failure for the caller.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Timeout(_) => ErrorCode::DeadlineExceeded,
            Self::Overloaded(_)
            | Self::Closed
            | Self::CommitFailed(_)
            | Self::Retry(_)
            | Self::Down(_)
            | Self::Moving(_) => ErrorCode::Unavailable,
            Self::Unique(_) => ErrorCode::Conflict,
            // Ids come from clients: one that names no cell was not made here.
            Self::NoSuchCell { .. } => ErrorCode::NotFound,
            Self::Unroutable { .. }
            | Self::Pended
            | Self::Panicked
            | Self::Misuse(_)
            | Self::Column { .. }
            | Self::TooManyRows(_)
            | Self::Schema(_)
            | Self::Open(_)
            | Self::Engine(_) => ErrorCode::Internal,
        }
    }
}

impl From<DbError> for Fault {
    fn from(e: DbError) -> Self {
        let text = match e.code() {
            ErrorCode::DeadlineExceeded => "the request ran out of time",
            ErrorCode::Unavailable => "the database is not available right now; try again",
            ErrorCode::Conflict => "this already exists",
            ErrorCode::NotFound => "it does not exist",
            _ => "something went wrong on our side",
        };
        Self::new(e.code(), text).because(e)
    }
}
