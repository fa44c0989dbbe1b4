//! What a connection's session is set to, so that only what differs is sent. Pure.

use std::time::Duration;

use super::pool::Flavour;

/// 4^16, some 50 days: as good as none, and within what every engine takes.
const LIMIT_MS_MAX: u64 = 1 << 32;

/// The schema that names mean, and how long a statement may run.
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

    /// The statements, each with its `; `, that make this out of `now`.
    pub(super) fn changes(&self, now: &Self, flavour: Option<Flavour>) -> String {
        let mut text = String::new();
        if self.schema != now.schema {
            text += &match flavour {
                None => format!("SET search_path TO \"{}\"; ", self.schema),
                Some(_) => format!("USE `{}`; ", self.schema),
            };
        }
        let ms = self.limit_ms;
        if ms != now.limit_ms {
            text += &match flavour {
                None => {
                    format!("SET statement_timeout = {}; ", ms.min(i32::MAX.unsigned_abs().into()))
                }
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
        assert_eq!(setting("a", 900).changes(&now, mariadb), "SET max_statement_time=1.024; ");
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
    fn a_limit_is_never_shorter_than_asked_and_less_than_four_times_as_long() {
        for ms in [1, 2, 3, 1_000, 1_024, 1_025, 30_000] {
            let limit = setting("a", ms).limit_ms;
            assert!((ms..4 * ms).contains(&limit), "{ms}: {limit}");
        }
        assert_eq!(Setting::new("a", Duration::MAX).limit_ms, LIMIT_MS_MAX);
    }
}
