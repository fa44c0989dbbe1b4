//! What a server's failures mean. Texts stay causes; what counts is whether to try again, and whether a
//! unique key was taken.

use sqlx::Error;

use crate::error::DbError;

/// Tells the failures apart that callers treat differently.
pub(crate) fn explain(e: Error) -> DbError {
    match e {
        Error::Database(e) => {
            let text = e.message().to_owned();
            if let Some(pg) = e.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
                return postgres(pg.code(), text);
            }
            match e.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
                Some(my) => mysql(my.number(), text),
                None => DbError::Engine(text),
            }
        }
        Error::PoolTimedOut => DbError::Overloaded("the connections".to_owned()),
        Error::PoolClosed => DbError::Closed,
        Error::Io(e) => DbError::Down(e.to_string()),
        Error::Tls(e) => DbError::Down(e.to_string()),
        Error::WorkerCrashed => DbError::Down("the connection's task ended".to_owned()),
        Error::Protocol(e) => DbError::Down(e),
        e => DbError::Engine(e.to_string()),
    }
}

/// SQLSTATE: PostgreSQL's documentation, appendix A.
fn postgres(code: &str, text: String) -> DbError {
    match code {
        "23505" => DbError::Unique(text),
        // deadlock_detected, serialization_failure
        "40P01" | "40001" => DbError::Retry(text),
        // query_canceled by statement_timeout, lock_not_available
        "57014" | "55P03" => DbError::Timeout("a statement was stopped"),
        // too_many_connections and its kin
        "53300" => DbError::Overloaded(text),
        // shut down, crashed, starting; a replica that was asked to write; a transaction that stood still for too long
        "57P01" | "57P02" | "57P03" | "25006" | "25P03" => DbError::Down(text),
        // what the fence of a move raises
        "SM001" => DbError::Moving(text),
        // undefined_table
        "42P01" => no_such_table(&text, '"'),
        code if code.starts_with("08") => DbError::Down(text),
        code => DbError::Engine(format!("{code}: {text}")),
    }
}

/// Error numbers: MariaDB's and MySQL's server error reference.
fn mysql(number: u16, text: String) -> DbError {
    match number {
        1062 => DbError::Unique(text),
        // deadlock, lock wait timeout, record changed since last read
        1213 | 1205 | 1020 => DbError::Retry(text),
        // interrupted, max_statement_time, max_execution_time
        1317 | 1969 | 3024 => DbError::Timeout("a statement was stopped"),
        1040 | 1203 => DbError::Overloaded(text),
        // shutdown, killed, read only
        1053 | 1927 | 1290 | 1792 | 1836 => DbError::Down(text),
        1146 => no_such_table(&text, '\''),
        number => DbError::Engine(format!("{number}: {text}")),
    }
}

/// In the words of the embedded engine, which the transaction looks for.
fn no_such_table(text: &str, quote: char) -> DbError {
    let name = text.split(quote).nth(1).unwrap_or(text);
    let name = name.rsplit('.').next().unwrap_or(name);
    DbError::Engine(format!("no such table: {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_tried_again_is_told_from_what_may_not() {
        let pg = |code: &str| postgres(code, "relation \"orders\" does not exist".to_owned());
        assert!(
            matches!(pg("40P01"), DbError::Retry(_)) && matches!(pg("40001"), DbError::Retry(_))
        );
        assert!(
            matches!(pg("23505"), DbError::Unique(_)) && matches!(pg("08006"), DbError::Down(_))
        );
        assert!(matches!(pg("25006"), DbError::Down(_)) && matches!(pg("25P03"), DbError::Down(_)));
        assert!(
            matches!(pg("57P01"), DbError::Down(_)) && matches!(pg("57014"), DbError::Timeout(_))
        );
        assert_eq!(pg("42P01").to_string(), "no such table: orders");
        assert!(
            matches!(pg("23514"), DbError::Engine(_)) && matches!(pg("SM001"), DbError::Moving(_))
        );
        let my = |number| mysql(number, "Table 'order_00.orders' doesn't exist".to_owned());
        assert!(matches!(my(1213), DbError::Retry(_)) && matches!(my(1205), DbError::Retry(_)));
        assert!(matches!(my(1062), DbError::Unique(_)) && matches!(my(1969), DbError::Timeout(_)));
        assert_eq!(my(1146).to_string(), "no such table: orders");
    }
}
