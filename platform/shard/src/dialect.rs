//! The engines, and how the text of a migration is written for each. Migrations are written once, in a
//! subset that all engines share, with placeholders where they differ. Pure; knows no connection.

use std::fmt::Write as _;

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// Embedded: one file per logical database.
    Sqlite,
    /// PostgreSQL 15 or later.
    Postgres,
    /// MySQL 8, or MariaDB 10.11.
    Mysql,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Mysql];

    /// Its name in settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Engine {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|e| e.name() == s);
        known.ok_or_else(|| "`sqlite`, `postgres` or `mysql`".to_owned())
    }
}

/// The text of a migration for an engine; `table` is the two digits for a migration of a cell.
///
/// The subset: columns are BIGINT, TEXT, BOOLEAN and BLOB. Placeholders:
/// - `{t}`: the digits of the physical table;
/// - `{text:N}`: text of at most N characters that stands in a key or an index. MySQL cannot index text
///   without a bound, and all columns of a key together may have 3,072 bytes there, 4 for a character;
/// - `{blob:N}`: the same for bytes;
/// - `{name:x}`: a name that is a reserved word somewhere (`lines`, `key`, `rank`);
/// - `{covers:, a, b}`: behind the key of an index, further columns, so that SQLite answers from the index alone.
///   The others write nothing: PostgreSQL would lose its short way for rows that change (HOT), and MySQL
///   cannot index text without a bound;
/// - `{of:things}`: behind `DROP INDEX name`, its table `things_{t}`, which MySQL wants to be told.
///
/// # Errors
/// A placeholder that does not exist.
pub fn render(sql: &str, engine: Engine, table: &str) -> Result<String, String> {
    let mut text = String::with_capacity(sql.len() + 64);
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('{') {
        words(&mut text, before, engine);
        let (inside, then) = after.split_once('}').ok_or("a `{` without its `}`")?;
        placeholder(&mut text, inside, engine, table)?;
        rest = then;
    }
    words(&mut text, rest, engine);
    Ok(text)
}

fn placeholder(text: &mut String, inside: &str, engine: Engine, table: &str) -> Result<(), String> {
    let unknown = || format!("`{{{inside}}}` is no placeholder of a migration");
    let (kind, argument) = inside.split_once(':').unwrap_or((inside, ""));
    let length = || argument.parse::<u32>().map_err(|_| unknown());
    // writing to a String cannot fail
    let _ = match (kind, engine) {
        ("t", _) if argument.is_empty() => write!(text, "{table}"),
        ("text", Engine::Mysql) => write!(text, "VARCHAR({})", length()?),
        // in the order of its bytes, as the others, whatever the server's locale
        ("text", Engine::Postgres) => length().map(|_| write!(text, "TEXT COLLATE \"C\""))?,
        ("text", Engine::Sqlite) => length().map(|_| write!(text, "TEXT"))?,
        ("blob", Engine::Mysql) => write!(text, "VARBINARY({})", length()?),
        ("blob", Engine::Postgres) => length().map(|_| write!(text, "BYTEA"))?,
        ("blob", Engine::Sqlite) => length().map(|_| write!(text, "BLOB"))?,
        ("name", Engine::Mysql) => write!(text, "`{argument}`"),
        ("name", Engine::Postgres) => write!(text, "\"{argument}\""),
        ("name" | "covers", Engine::Sqlite) => write!(text, "{argument}"),
        ("of", Engine::Mysql) if !table.is_empty() => write!(text, " ON {argument}_{table}"),
        ("of", Engine::Mysql) => write!(text, " ON {argument}"),
        ("covers" | "of", _) => Ok(()),
        _ => return Err(unknown()),
    };
    Ok(())
}

/// The engine's words for the types and defaults of the subset.
fn words(text: &mut String, sql: &str, engine: Engine) {
    if engine == Engine::Sqlite {
        text.push_str(sql);
        return;
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = sql;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, then) = rest.split_at(end);
        text.push_str(match (word, engine) {
            ("BLOB", Engine::Postgres) => "BYTEA",
            ("BLOB", Engine::Mysql) => "LONGBLOB",
            ("TEXT", Engine::Mysql) => "LONGTEXT",
            _ => word,
        });
        let next = then.find(is_word).unwrap_or(then.len());
        let (between, after) = then.split_at(next);
        if word == "DEFAULT" && engine == Engine::Mysql && between.trim_start().starts_with('\'') {
            // text has no plain default on MySQL 8
            rest = quoted_default(text, then);
        } else {
            text.push_str(between);
            rest = after;
        }
    }
}

/// Writes `'…'` as `('…')`; what is left.
fn quoted_default<'a>(text: &mut String, then: &'a str) -> &'a str {
    let begin = then.find('\'').unwrap_or(0);
    let end = then[begin + 1..].find('\'').map_or(then.len(), |n| begin + n + 2);
    let _ = write!(text, "{}({})", &then[..begin], &then[begin..end]);
    &then[end..]
}

/// The statements of a text, without its comments. None of ours has a `;` inside a literal.
pub(crate) fn statements(sql: &str) -> impl Iterator<Item = String> + '_ {
    let plain: String = sql
        .lines()
        .map(|line| line.split_once("--").map_or(line, |(code, _)| code))
        .collect::<Vec<_>>()
        .join("\n");
    let parts: Vec<String> = plain.split(';').map(|s| s.trim().to_owned()).collect();
    parts.into_iter().filter(|s| !s.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: &str = "CREATE TABLE carts_{t} (tenant {text:32} NOT NULL, {name:lines} TEXT NOT NULL, -- a; b
        hash {blob:32}, body BLOB, note TEXT NOT NULL DEFAULT '[]', TEXTS BIGINT NOT NULL DEFAULT 0);
        CREATE INDEX x ON carts_{t} (tenant)";

    #[test]
    fn a_migration_is_written_for_each_engine() {
        let sqlite = render(SQL, Engine::Sqlite, "07").unwrap();
        assert!(sqlite.starts_with("CREATE TABLE carts_07 (tenant TEXT NOT NULL, lines TEXT NOT"));
        assert!(sqlite.contains("hash BLOB, body BLOB, note TEXT NOT NULL DEFAULT '[]', TEXTS"));
        let postgres = render(SQL, Engine::Postgres, "07").unwrap();
        assert!(
            postgres.contains("tenant TEXT COLLATE \"C\" NOT NULL, \"lines\" TEXT NOT NULL"),
            "{postgres}"
        );
        assert!(postgres.contains("hash BYTEA, body BYTEA, note TEXT NOT NULL DEFAULT '[]'"));
        let mysql = render(SQL, Engine::Mysql, "07").unwrap();
        assert!(
            mysql.contains("tenant VARCHAR(32) NOT NULL, `lines` LONGTEXT NOT NULL"),
            "{mysql}"
        );
        assert!(mysql.contains("hash VARBINARY(32), body LONGBLOB, note LONGTEXT NOT NULL DEFAULT ('[]'), TEXTS BIGINT NOT NULL DEFAULT 0)"), "{mysql}");
    }

    #[test]
    fn an_index_covers_more_where_that_pays_and_is_dropped_as_the_engine_wants() {
        let sql = "DROP INDEX x{of:carts}; CREATE INDEX y ON carts_{t} (tenant, id{covers:, note})";
        let sqlite = "DROP INDEX x; CREATE INDEX y ON carts_07 (tenant, id, note)";
        assert_eq!(render(sql, Engine::Sqlite, "07").unwrap(), sqlite);
        let postgres = "DROP INDEX x; CREATE INDEX y ON carts_07 (tenant, id)";
        assert_eq!(render(sql, Engine::Postgres, "07").unwrap(), postgres);
        let mysql = "DROP INDEX x ON carts_07; CREATE INDEX y ON carts_07 (tenant, id)";
        assert_eq!(render(sql, Engine::Mysql, "07").unwrap(), mysql);
    }

    #[test]
    fn an_unknown_placeholder_is_refused() {
        for wrong in ["{x}", "{text}", "{text:}", "{t:3}", "{text:9", "{blob:x}"] {
            assert!(render(wrong, Engine::Mysql, "00").is_err(), "{wrong}");
        }
    }

    #[test]
    fn statements_are_told_apart_without_comments() {
        let sqlite = render(SQL, Engine::Sqlite, "07").unwrap();
        let all: Vec<_> = statements(&sqlite).collect();
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(all[1].starts_with("CREATE INDEX"));
    }
}
