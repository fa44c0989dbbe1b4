//! A logical database goes to another server: the steps that `crate::moving` tells of, in their order. Every
//! step finds from the notes what is to be done, so that a move that was cut off anywhere is gone on with.

mod copy;
mod end;
mod locate;
pub(super) mod notes;
mod steps;

use self::end::End;
use self::notes::Note;
use crate::error::DbError;
use crate::moving::{MoveEnd, Moved, Mover, Plan, Stand, Watch};

pub(crate) use locate::locate;

impl Stand {
    fn of(note: Option<&Note>) -> Self {
        match note {
            None | Some(Note::Arriving(_)) => Self::Settled,
            Some(Note::Copying(to)) => Self::Copying(to.clone()),
            Some(Note::Leaving(to)) => Self::Fenced(to.clone()),
            Some(Note::Left(to)) => Self::OnTheWay(to.clone()),
        }
    }
}

/// Where a logical database is, and what was begun there.
struct Found {
    at: End,
    /// [`Note::Left`] only when it has not arrived.
    note: Option<Note>,
}

/// The names of its schemas.
struct Names {
    database: String,
    /// Where it lives.
    schema: String,
    /// A copy that is being made.
    coming: String,
    /// What was left behind.
    left: String,
}

impl Names {
    fn of(mover: &Mover) -> Self {
        let database = mover.database();
        let schema = [&mover.servers.prefix, database.as_str()].concat();
        let (coming, left) = (["moving_", &schema].concat(), left(&schema));
        Self { database, schema, coming, left }
    }
}

/// What a schema is called that was left behind. No platform takes it for one of its own.
fn left(schema: &str) -> String {
    ["moved_", schema].concat()
}

/// Where it is, following the notes from where the settings say.
async fn find(mover: &Mover, names: &Names) -> Result<Found, DbError> {
    let mut name = mover.servers.directory.server(&names.database).to_owned();
    for _ in 0..=2 * mover.servers.servers.len() {
        let mut at = End::connect(&mover.servers, &name).await?;
        match at.note(&names.schema).await? {
            Some(Note::Left(to)) => {
                let mut next = End::connect(&mover.servers, &to).await?;
                let came = next.note(&names.schema).await?;
                if came == Some(Note::Arriving(at.name.clone())) {
                    return Ok(Found { at, note: Some(Note::Left(to)) });
                }
                name = to;
            }
            Some(Note::Arriving(from)) => name = from,
            note => return Ok(Found { at, note }),
        }
    }
    Err(DbError::Open(format!(
        "the notes of where {} has moved to lead nowhere; they are in the tables `{}.{}`",
        names.database,
        notes::directory(&mover.servers.prefix),
        notes::TABLE
    )))
}

/// The same, with everybody else kept away.
async fn find_alone(mover: &Mover, names: &Names) -> Result<Found, DbError> {
    loop {
        let mut found = find(mover, names).await?;
        found.at.lock(&names.schema).await?;
        let now = find(mover, names).await?;
        if (&now.at.name, &now.note) == (&found.at.name, &found.note) {
            return Ok(found);
        }
        // another one was faster; look at what he has done
    }
}

/// See [`Mover::plan`].
pub(crate) async fn plan(mover: &Mover, to: &str) -> Result<Plan, DbError> {
    let names = Names::of(mover);
    let mut target = End::connect(&mover.servers, to).await?;
    let mut found = find(mover, &names).await?;
    let stand = Stand::of(found.note.as_ref());
    // what has left has another name
    let schema = match stand {
        Stand::OnTheWay(_) => &names.left,
        _ => &names.schema,
    };
    if !found.at.has_schema(schema).await? {
        return Err(not_made(&names, &found.at));
    }
    if found.at.name != to && !matches!(stand, Stand::OnTheWay(_)) {
        steps::is_free(&mut target, &names).await?;
    }
    let (tables, rows, bytes) = steps::size(&mut found.at, schema).await?;
    let (database, at) = (names.database, found.at.name);
    Ok(Plan { database, at, to: to.to_owned(), stand, tables, rows, bytes })
}

fn not_made(names: &Names, at: &End) -> DbError {
    DbError::Open(format!(
        "there is no {} yet, on `{}` or elsewhere, so there is nothing to move; name its server in \
         [storage.directory], and it is made there when it is needed",
        names.database, at.name
    ))
}

/// See [`Mover::run`].
pub(crate) async fn run(mover: &Mover, to: &str, watch: Watch<'_>) -> Result<Moved, DbError> {
    let names = Names::of(mover);
    let mut target = End::connect(&mover.servers, to).await?;
    let mut found = find_alone(mover, &names).await?;
    if let Some(Note::Left(next)) = found.note.clone() {
        // it was decided: it is completed before anything else
        let from = found.at.name.clone();
        steps::look_again(mover, &names, &mut found.at, &next).await?;
        steps::arrive(mover, &names, &mut found.at, &next, watch).await?;
        if next == to {
            return Ok(ended(names, &from, to, MoveEnd::Moved));
        }
        drop(found);
        found = find_alone(mover, &names).await?;
    }
    let from = found.at.name.clone();
    match found.note.clone() {
        None if from == to && !found.at.has_schema(&names.schema).await? => {
            Err(not_made(&names, &found.at))
        }
        None if from == to => Ok(ended(names, to, to, MoveEnd::WasThere)),
        Some(Note::Copying(next) | Note::Leaving(next)) if from == to => {
            steps::take_back(mover, &names, &mut found.at, &next).await?;
            Ok(ended(names, &next, to, MoveEnd::TakenBack))
        }
        Some(Note::Copying(next) | Note::Leaving(next)) if next != to => {
            let database = &names.database;
            Err(DbError::Open(format!(
                "a move of {database} from `{from}` to `{next}` was begun; complete it with --to {next}, or take it \
                 back with --to {from}"
            )))
        }
        note => {
            if !found.at.has_schema(&names.schema).await? {
                return Err(not_made(&names, &found.at));
            }
            let fenced = matches!(note, Some(Note::Leaving(_)));
            match steps::carry(mover, &names, found.at, &mut target, fenced, watch).await {
                Err(e) => Err(steps::let_go(mover, &names, &from, e).await),
                moved => moved,
            }
        }
    }
}

fn ended(names: Names, from: &str, to: &str, end: MoveEnd) -> Moved {
    Moved {
        database: names.database,
        from: from.to_owned(),
        to: to.to_owned(),
        end,
        rows: 0,
        rows_late: 0,
        refused: std::time::Duration::ZERO,
    }
}

/// See [`Mover::drop_left`].
pub(crate) async fn drop_left(mover: &Mover) -> Result<Vec<String>, DbError> {
    let names = Names::of(mover);
    let mut found = find_alone(mover, &names).await?;
    if let Some(note) = &found.note {
        let (_, to) = note.words();
        let database = &names.database;
        return Err(DbError::Open(format!(
            "{database} is being moved to `{to}`; complete the move first, with --to {to}"
        )));
    }
    if !found.at.has_schema(&names.schema).await? {
        return Err(not_made(&names, &found.at));
    }
    let mut dropped = Vec::new();
    for server in &mover.servers.servers {
        let mut end = End::connect(&mover.servers, &server.name).await?;
        if end.has_schema(&names.left).await? {
            steps::drop_schema(&mut end, &names.left).await?;
            dropped.push(server.name.clone());
        }
    }
    Ok(dropped)
}
