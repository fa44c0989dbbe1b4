//! A logical database as a service holds it: transactions and reads by route, cells as placements need
//! them. Where the files are and how they are written is the engine's business.

mod moved;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Instant;

use futures::future::BoxFuture;
use kit::{Place, SharedClock};
use rpc::{Ctx, Fault};
use tokio::sync::oneshot;

use crate::body::{Body, Failed, Ran, erase};
use crate::error::DbError;
use crate::find::Looks;
use crate::options::Options;
use crate::schema::Schema;
use crate::server::{Connected, ServerDb};
use crate::servers::Backend;
use crate::shards::FolderLock;
use crate::sqlite::{self, File, ReadPool};
use crate::tx::{Lost, Tx, TxParts};
use crate::write::Write;

/// Where a transaction goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// The whole of a database that is not sharded. Refused by one that is: it needs a shard key.
    Whole,
    /// The cell of an id or of a user.
    Place(Place),
    /// One logical database without a cell: for the platform's own tables that stand once in each.
    /// Sharded tables are refused here.
    Db(u8),
}

impl From<Place> for Route {
    fn from(place: Place) -> Self {
        Self::Place(place)
    }
}

/// A logical database. Cheap to clone.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

/// A handle that keeps nothing open.
pub(crate) struct WeakDatabase(Weak<Inner>);

impl WeakDatabase {
    pub(crate) fn upgrade(&self) -> Option<Database> {
        self.0.upgrade().map(Database)
    }
}

struct Inner {
    schema: Schema,
    options: Options,
    clock: SharedClock,
    readers: Arc<ReadPool>,
    connected: Arc<Connected>,
    files: RwLock<Files>,
    // One caller at a time; a tokio lock because it is held across the opening.
    opening: tokio::sync::Mutex<()>,
    looks: Looks,
    searches: moved::Searches,
    // The folder is in use as long as any database of it is.
    lock: FolderLock,
}

#[derive(Default)]
struct Files {
    by_db: BTreeMap<u8, Home>,
    cells: BTreeSet<Place>,
}

/// What holds a logical database.
#[derive(Clone)]
enum Home {
    File(Arc<File>),
    Server(Arc<ServerDb>),
}

impl Home {
    fn file(&self) -> Option<&Arc<File>> {
        match self {
            Self::File(file) => Some(file),
            Self::Server(_) => None,
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.0.schema.database)
    }
}

impl Database {
    pub(crate) fn new(
        schema: Schema,
        options: Options,
        clock: SharedClock,
        readers: Arc<ReadPool>,
        connected: Arc<Connected>,
        lock: FolderLock,
    ) -> Self {
        Self(Arc::new(Inner {
            schema,
            options,
            clock,
            readers,
            connected,
            files: RwLock::default(),
            opening: tokio::sync::Mutex::new(()),
            looks: Looks::default(),
            searches: moved::Searches::default(),
            lock,
        }))
    }

    pub(crate) fn schema(&self) -> Schema {
        self.0.schema
    }

    pub(crate) fn downgrade(&self) -> WeakDatabase {
        WeakDatabase(Arc::downgrade(&self.0))
    }

    /// The logical database's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.schema.database
    }

    /// What holds it at this moment: once a replica has taken a primary's place, another server than the
    /// settings name.
    pub async fn backend(&self) -> Backend {
        match &self.0.options.backend {
            Backend::Servers(servers) => Backend::Servers(self.0.connected.current(servers).await),
            Backend::Embedded => Backend::Embedded,
        }
    }

    /// Whether its rows are spread over cells.
    #[must_use]
    pub fn is_sharded(&self) -> bool {
        self.0.schema.is_sharded()
    }

    /// Whether a table of it stands once in each cell; else it stands once in each logical database.
    #[must_use]
    pub fn is_of_cells(&self, table: &str) -> bool {
        self.0.schema.cell_tables.contains(&table)
    }

    /// The platform's clock.
    #[must_use]
    pub fn clock(&self) -> &SharedClock {
        &self.0.clock
    }

    /// The cells that are open, ascending.
    #[must_use]
    pub fn cells(&self) -> Vec<Place> {
        self.files().cells.iter().copied().collect()
    }

    /// Those that exist, ascending: `[0]` where nothing is sharded.
    #[must_use]
    pub fn databases(&self) -> Vec<u8> {
        self.files().by_db.keys().copied().collect()
    }

    /// Whether a cell is open. Another process may have made others since: [`Database::find_cell`].
    #[must_use]
    pub fn has_cell(&self, place: Place) -> bool {
        !self.is_sharded() || self.files().cells.contains(&place)
    }

    /// Makes sure that these cells have their tables, creating files and running migrations as needed.
    /// There is nothing to do for a database that is not sharded.
    ///
    /// # Errors
    /// When a file cannot be opened, or its schema is not of this program.
    pub async fn ensure_cells(&self, places: &[Place]) -> Result<(), Fault> {
        if !self.is_sharded() {
            return Ok(());
        }
        if let Some(beyond) = places.iter().find(|p| Place::new(p.db, p.table).is_none()) {
            return Err(Fault::bug(format!("{beyond} is not one of the 32 × 32 places")));
        }
        let _one_at_a_time = self.0.opening.lock().await;
        let mut wanted = BTreeMap::<u8, BTreeSet<u8>>::new();
        for place in places {
            let tables = wanted.entry(place.db).or_default();
            if !self.files().cells.contains(place) {
                tables.insert(place.table);
            }
        }
        // together: making tables is mostly waiting for the disk
        let missing = wanted.into_iter().filter(|(_, tables)| !tables.is_empty());
        let opening = missing.map(|(db, tables)| self.open_file(db, tables.into_iter().collect()));
        futures::future::try_join_all(opening).await.map(|_| ())
    }

    /// Whether a cell exists: an id that names another was not made here. One that another process has made is
    /// opened, with those beside it. An id may be made up: servers are looked at a few times a second at most,
    /// and nothing is made.
    ///
    /// # Errors
    /// When the server does not answer, or the schema is not of this program.
    pub async fn find_cell(&self, ctx: &Ctx, place: Place) -> Result<bool, Fault> {
        if self.has_cell(place) {
            return Ok(true);
        }
        // a folder has one process
        let Backend::Servers(servers) = &self.0.options.backend else { return Ok(false) };
        let look = || self.0.connected.cells(servers, self.0.schema, place.db);
        let finding = async {
            let tables = self.0.looks.tables(place.db, look).await?;
            if !tables.contains(&place.table) {
                return Ok(false);
            }
            let cells: Vec<Place> = tables.iter().map(|t| Place { table: *t, ..place }).collect();
            self.ensure_cells(&cells).await?;
            tracing::info!(database = self.name(), %place, "opened what another process has made");
            Ok(true)
        };
        let (_, wait) = self.deadline(ctx)?;
        let late = |_| Err(DbError::Timeout("looking for a cell").into());
        tokio::time::timeout(wait, finding).await.unwrap_or_else(late)
    }

    pub(crate) async fn open_single(&self) -> Result<(), Fault> {
        let _one_at_a_time = self.0.opening.lock().await;
        self.open_file(0, Vec::new()).await
    }

    async fn open_file(&self, db: u8, tables: Vec<u8>) -> Result<(), Fault> {
        let existing = self.files().by_db.get(&db).cloned();
        let (schema, options, now) = (self.0.schema, self.0.options.clone(), self.0.clock.now());
        let home = match (existing, &self.0.options.backend) {
            (Some(Home::File(file)), _) => {
                file.add_cells(schema, tables.clone(), now).await?;
                Home::File(file)
            }
            (_, Backend::Servers(servers)) => {
                let connected = &self.0.connected;
                Home::Server(Arc::new(connected.open(servers, schema, db, &tables, now).await?))
            }
            (_, Backend::Embedded) => {
                let cells = tables.clone();
                let lock = Arc::clone(&self.0.lock);
                let open = move || File::open(schema, &options, db, &cells, now, lock);
                let file = tokio::task::spawn_blocking(open).await.map_err(Fault::internal)??;
                Home::File(Arc::new(file))
            }
        };
        let mut files = self.0.files.write().unwrap_or_else(PoisonError::into_inner);
        files.by_db.insert(db, home);
        files.cells.extend(tables.into_iter().map(|table| Place { db, table }));
        Ok(())
    }

    /// Runs a transaction and answers after its commit is durable.
    ///
    /// The body may run more than once (a server engine retries deadlocks; the embedded one runs those
    /// again that were rolled back because of another) and may await nothing but its [`Tx`]. When it
    /// returns an error, everything it did is rolled back. Other transactions may share the physical
    /// commit; a failing one rolls back alone. A call that is dropped before its turn never begins; one
    /// that is dropped later may commit all the same.
    ///
    /// # Errors
    /// The body's own, or a [`Fault`] of the database: out of time (the outcome may be unknown),
    /// unroutable, overloaded, or a failed commit.
    pub async fn tx<T, E, F, Fut>(&self, ctx: &Ctx, route: Route, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: Fn(Tx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (body, kept) = erase(body);
        kept.after(self.writing(ctx, route, false, body).await)
    }

    /// As [`Database::tx`], for a body of one statement that may safely run twice: a server commits it at once
    /// (whatever the body returns then), in one round trip instead of three, and gets it again when the
    /// connection breaks under it. A second statement is refused, on every engine.
    ///
    /// The embedded engine, and a server that has replicas, run it as [`Database::tx`] does: what a body did is
    /// rolled back there when it returns an error. So a body must rely on neither, and fail for nothing but what
    /// its statement says. One that was given up at its deadline may commit later all the same: a server ends the
    /// statement after up to four times the time that it had.
    ///
    /// # Errors
    /// As [`Database::tx`].
    pub async fn tx_one<T, E, F, Fut>(&self, ctx: &Ctx, route: Route, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: Fn(Tx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (body, kept) = erase(body);
        kept.after(self.writing(ctx, route, true, body).await)
    }

    /// Not generic, nor is anything below it: that is compiled here, once, and not again for each body.
    fn writing<'a>(
        &'a self,
        ctx: &'a Ctx,
        route: Route,
        single: bool,
        body: Body,
    ) -> BoxFuture<'a, Ran> {
        Box::pin(self.write(ctx, route, single, body))
    }

    async fn write(&self, ctx: &Ctx, route: Route, single: bool, body: Body) -> Ran {
        let (home, number, place) = self.home_of(route).map_err(Fault::from)?;
        let (deadline, wait) = self.deadline(ctx)?;
        let file = match home {
            Home::File(file) => file,
            Home::Server(db) => {
                let parts = self.0.writing(place, single);
                return self.on_server(db, number, (ctx, deadline), parts, &body).await;
            }
        };
        let (send, receive) = oneshot::channel();
        let inner = Arc::clone(&self.0);
        let parts = move || inner.writing(place, single);
        let write = Write { parts, deadline, body, outcome: None, send };
        file.submit(Box::new(write)).map_err(Fault::from)?;
        answer(receive, wait).await
    }

    /// Reads on one snapshot, from a replica that has what the caller's session has written, else from the
    /// primary. What the platform itself does, and what asks for the latest, reads from the primary.
    ///
    /// # Errors
    /// As [`Database::tx`].
    pub async fn read<T, E, F, Fut>(&self, ctx: &Ctx, route: Route, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: Fn(Tx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (body, kept) = erase(body);
        kept.after(self.reading(ctx, route, false, body).await)
    }

    /// As [`Database::read`], for a body of one statement, which is its own snapshot: a server answers it in
    /// one round trip instead of three. A second statement is refused, on every engine.
    ///
    /// # Errors
    /// As [`Database::tx`].
    pub async fn read_one<T, E, F, Fut>(&self, ctx: &Ctx, route: Route, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: Fn(Tx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (body, kept) = erase(body);
        kept.after(self.reading(ctx, route, true, body).await)
    }

    /// As [`Database::writing`].
    fn reading<'a>(
        &'a self,
        ctx: &'a Ctx,
        route: Route,
        single: bool,
        body: Body,
    ) -> BoxFuture<'a, Ran> {
        Box::pin(self.look(ctx, route, single, body))
    }

    async fn look(&self, ctx: &Ctx, route: Route, single: bool, body: Body) -> Ran {
        let (home, number, place) = self.home_of(route).map_err(Fault::from)?;
        let (deadline, wait) = self.deadline(ctx)?;
        let file = match home {
            Home::File(file) => file,
            Home::Server(db) => {
                let parts = self.0.reading(place, single);
                return self.on_server(db, number, (ctx, deadline), parts, &body).await;
            }
        };
        let (send, receive) = oneshot::channel();
        let inner = Arc::clone(&self.0);
        self.0
            .readers
            .submit(
                file.path(),
                Box::new(move |conn| {
                    let result = match conn {
                        Ok(conn) => {
                            let parts = inner.reading(place, single);
                            sqlite::run_snapshot(conn, deadline, parts, &body)
                        }
                        Err(e) => Err(Failed::from(Fault::from(e))),
                    };
                    // The caller may have stopped waiting.
                    let _ = send.send(result);
                }),
            )
            .map_err(Fault::from)?;
        answer(receive, wait).await
    }

    /// Asks the engine whether every file of this database is sound. Slow: it reads all of it.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub async fn check(&self) -> Result<Vec<(String, String)>, Fault> {
        // a server checks its own pages
        let path = |home: &Home| home.file().map(|file| file.path());
        let paths: Vec<_> = self.files().by_db.values().filter_map(path).collect();
        let check =
            move || paths.iter().map(|p| sqlite::check(p)).collect::<Result<Vec<_>, DbError>>();
        tokio::task::spawn_blocking(check).await.map_err(Fault::internal)?.map_err(Fault::from)
    }

    /// The files that are open; no other is opened while the guard lives.
    pub(crate) async fn hold_files(&self) -> (tokio::sync::MutexGuard<'_, ()>, Vec<Arc<File>>) {
        let guard = self.0.opening.lock().await;
        let files = self.files().by_db.values().filter_map(Home::file).cloned().collect();
        (guard, files)
    }

    /// What holds it, its number, and the cell.
    fn home_of(&self, route: Route) -> Result<(Home, u8, Option<Place>), DbError> {
        let name = || self.0.schema.database.to_owned();
        let sharded = self.is_sharded();
        let files = self.files();
        let (db, place) = match route {
            Route::Whole if sharded => {
                let what = "a transaction without a route".to_owned();
                return Err(DbError::Unroutable { database: name(), what });
            }
            Route::Place(place) if sharded => {
                if !files.cells.contains(&place) {
                    return Err(DbError::NoSuchCell { database: name(), place });
                }
                (place.db, Some(place))
            }
            Route::Whole | Route::Place(_) => (0, None),
            Route::Db(db) => (db, None),
        };
        let home = files.by_db.get(&db).cloned().map(|home| (home, db, place));
        home.ok_or_else(|| DbError::NoSuchCell { database: name(), place: Place { db, table: 0 } })
    }

    fn files(&self) -> std::sync::RwLockReadGuard<'_, Files> {
        self.0.files.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn deadline(&self, ctx: &Ctx) -> Result<(Instant, std::time::Duration), Fault> {
        ctx.check_deadline()?;
        let wait = ctx.remaining().min(self.0.options.statement_timeout);
        Ok((Instant::now() + wait, wait))
    }
}

impl Inner {
    fn parts(&self, place: Option<Place>, read_only: bool) -> TxParts {
        TxParts {
            schema: self.schema,
            place,
            clock: Arc::clone(&self.clock),
            read_only,
            single: false,
            rows_max: self.options.rows_max,
            lost: Lost::default(),
        }
    }

    fn writing(&self, place: Option<Place>, single: bool) -> TxParts {
        TxParts { single, ..self.parts(place, false) }
    }

    fn reading(&self, place: Option<Place>, single: bool) -> TxParts {
        TxParts { single, ..self.parts(place, true) }
    }
}

async fn answer(receive: oneshot::Receiver<Ran>, wait: std::time::Duration) -> Ran {
    // A little longer than the engine's own limit, which gives the better answer.
    let grace = std::time::Duration::from_millis(50);
    match tokio::time::timeout(wait + grace, receive).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Fault::from(DbError::Closed).into()),
        Err(_) => Err(Fault::from(DbError::Timeout("waiting for the answer")).into()),
    }
}
