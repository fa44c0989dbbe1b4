//! The message table as a whole: how far it has come.

use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Func, Query, SelectStatement};
use shard::Row;

use super::outbox::State;
use crate::position::Position;

/// Counts messages by state, timers apart.
pub(crate) fn positions() -> SelectStatement {
    Query::select()
        .columns(["state", "blocking"])
        .expr_as(Expr::col("state").count(), "n")
        .expr_as(Func::max(Expr::col("seq")), "last_seq")
        .from("outbox")
        .group_by_col("state")
        .group_by_col("blocking")
        .to_owned()
}

/// Adds up what [`positions`] found.
pub(crate) fn read_positions(rows: &[Row]) -> Result<Position, Fault> {
    let mut sum = Position::default();
    for row in rows {
        let n: u64 = row.get("n")?;
        let blocking: bool = row.get("blocking")?;
        sum.last_seq = Ord::max(sum.last_seq, row.get("last_seq")?);
        match State::from_number(row.get("state")?)? {
            State::Pending | State::Undecided if blocking => sum.undelivered += n,
            State::Pending | State::Undecided => sum.delayed += n,
            State::Dead => sum.dead += n,
            State::Done => {}
        }
    }
    Ok(sum)
}
