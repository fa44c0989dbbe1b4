//! What a connection's session is set to, so that only what differs is sent. Pure.

use std::time::Duration;

use super::pool::Flavour;

/// 4^16, some 50 days: as good as none, and within what every engine takes.
const LIMIT_MS_MAX: u64 = 1 << 32;
/// PostgreSQL keeps them in 31 bits.
const POSTGRES_MS_MAX: u64 = (1 << 31) - 1;
/// However little time a transaction has: who is slow on a loaded machine must not lose its connection by it.
const IDLE_MS_MIN: u64 = 4_096;

/// The schema that names mean, how long a statement may run, and how long a transaction may stand still between two
/// of them: a process that was stopped must not keep its locks from everybody else. That is at least as long as a
/// statement may run, and so as the whole transaction has time, because its body may await something in between.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Setting {
    schema: String,
    /// Milliseconds; a power of four, so that callers with about as much time left share it. 0: not set yet.
    limit_ms: u64,
}

impl Setting {
    /// A limit is rounded up: to less than four times of what was asked for.
    pub(super) fn new(schema: &str, limit: Duration) -> Self {
        let ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).clamp(1, LIMIT_MS_MAX);
        let mut limit_ms = 1;
        while limit_ms < ms {
            limit_ms *= 4;
        }
        Self { schema: schema.to_owned(), limit_ms }
    }

    /// The schema; empty before one is set.
    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    /// How long a transaction may stand still, in milliseconds. 0: not set yet.
    fn idle_ms(&self) -> u64 {
        if self.limit_ms == 0 { 0 } else { self.limit_ms.max(IDLE_MS_MIN) }
    }

    /// The statements, each with its `; `, that make this out of `now`.
    pub(super) fn changes(&self, now: &Self, flavour: Option<Flavour>) -> String {
        let mut text = String::new();
        if self.schema != now.schema {
            text += &match flavour {
                None => format!("SET search_path TO \"{}\"; ", self.schema),
                Some(_) => format!("USE `{}`; ", self.schema),
            };
        }
        let (ms, idle) = (self.limit_ms, self.idle_ms());
        if ms != now.limit_ms {
            text += &match flavour {
                None => format!("SET statement_timeout = {}; ", ms.min(POSTGRES_MS_MAX)),
                // seconds
                Some(Flavour::Mariadb) => {
                    format!("SET max_statement_time={}.{:03}; ", ms / 1_000, ms % 1_000)
                }
                // milliseconds, and reads only: what keeps a write waiting is locks, in seconds
                Some(Flavour::Mysql) => {
                    let seconds = ms.div_ceil(1_000);
                    format!(
                        "SET max_execution_time={ms}, innodb_lock_wait_timeout={seconds}, \
                         lock_wait_timeout={seconds}; "
                    )
                }
            };
        }
        if idle != now.idle_ms() {
            text += &match flavour {
                None => format!(
                    "SET idle_in_transaction_session_timeout = {}; ",
                    idle.min(POSTGRES_MS_MAX)
                ),
                Some(Flavour::Mariadb) => {
                    format!("SET idle_transaction_timeout={}; ", idle.div_ceil(1_000))
                }
                // it has no such limit
                Some(Flavour::Mysql) => String::new(),
            };
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(schema: &str, ms: u64) -> Setting {
        Setting::new(schema, Duration::from_millis(ms))
    }

    #[test]
    fn only_what_differs_is_sent() {
        let now = setting("a", 10_000);
        assert_eq!(setting("a", 4_990).changes(&now, None), "");
        assert_eq!(setting("b", 4_990).changes(&now, None), "SET search_path TO \"b\"; ");
        let mariadb = Some(Flavour::Mariadb);
        assert_eq!(
            setting("a", 900).changes(&now, mariadb),
            "SET max_statement_time=1.024; SET idle_transaction_timeout=5; "
        );
        assert_eq!(
            setting("a", 20_000).changes(&now, None),
            "SET statement_timeout = 65536; SET idle_in_transaction_session_timeout = 65536; "
        );
        let shorter = setting("a", 100).changes(&setting("a", 900), None);
        assert_eq!(shorter, "SET statement_timeout = 256; ");
        let all = setting("a", 100).changes(&Setting::default(), Some(Flavour::Mysql));
        let writes = "innodb_lock_wait_timeout=1, lock_wait_timeout=1; ";
        assert_eq!(all, ["USE `a`; SET max_execution_time=256, ", writes].concat());
        let longer = setting("a", 3_000).changes(&setting("a", 100), Some(Flavour::Mysql));
        assert!(
            longer.contains("max_execution_time=4096, innodb_lock_wait_timeout=5,"),
            "{longer}"
        );
    }

    #[test]
    fn a_transaction_may_stand_still_as_long_as_it_has_time_and_some_seconds_at_least() {
        assert_eq!(Setting::default().idle_ms(), 0);
        for ms in [1, 1_000, 10_000, 30_000] {
            assert!(setting("a", ms).idle_ms() >= ms.max(4_000), "{ms}");
        }
        let all = setting("a", u64::MAX).changes(&Setting::default(), None);
        assert_eq!(all.matches("= 2147483647; ").count(), 2, "{all}");
    }

    #[test]
    fn a_limit_is_never_shorter_than_asked_and_less_than_four_times_as_long() {
        for ms in [1, 2, 3, 1_000, 1_024, 1_025, 30_000] {
            let limit = setting("a", ms).limit_ms;
            assert!((ms..4 * ms).contains(&limit), "{ms}: {limit}");
        }
        assert_eq!(Setting::new("a", Duration::MAX).limit_ms, LIMIT_MS_MAX);
    }
}
