//! Settings as a tree of TOML values that remembers where every value came from. Pure; no IO.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::error::{Error, Source};

/// The merged layers.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) values: Table,
    origins: BTreeMap<String, Source>,
}

impl Tree {
    /// Lays `text` over what is there.
    pub(crate) fn merge_text(&mut self, text: &str, source: &Source) -> Result<(), Error> {
        let table: Table = text.parse().map_err(|e| syntax(&e, text, source))?;
        merge(&mut self.values, table, "", source, &mut self.origins);
        Ok(())
    }

    /// Sets one key out of text, in the type that the key has already.
    pub(crate) fn set_text(&mut self, path: &[String], text: &str, source: &Source) {
        let value = typed(self.get(path), text);
        let Some((last, sections)) = path.split_last() else { return };
        let mut table = &mut self.values;
        for section in sections {
            let Some(inner) = section_of(table, section) else { return };
            table = inner;
        }
        table.insert(last.clone(), value);
        self.origins.insert(path.join("."), source.clone());
    }

    fn get(&self, path: &[String]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.values.get(first)?, |v, key| v.as_table()?.get(key))
    }

    /// Where the value at `key` came from: itself, or the nearest section or part that was set.
    pub(crate) fn origin(&self, key: &str) -> Source {
        let mut at = key;
        loop {
            if let Some(source) = self.origins.get(at) {
                return source.clone();
            }
            match at.rfind(['.', '[']) {
                Some(cut) => at = &at[..cut],
                None => return Source::Unset,
            }
        }
    }
}

fn merge(
    into: &mut Table,
    from: Table,
    prefix: &str,
    source: &Source,
    origins: &mut BTreeMap<String, Source>,
) {
    for (key, value) in from {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(inner) => {
                origins.entry(path.clone()).or_insert_with(|| source.clone());
                if let Some(slot) = section_of(into, &key) {
                    merge(slot, inner, &path, source, origins);
                }
            }
            value => {
                into.insert(key, value);
                origins.insert(path, source.clone());
            }
        }
    }
}

/// The section of that name, made anew when there is none or something else.
fn section_of<'a>(table: &'a mut Table, key: &str) -> Option<&'a mut Table> {
    if !table.get(key).is_some_and(Value::is_table) {
        table.insert(key.to_owned(), Value::Table(Table::new()));
    }
    table.get_mut(key).and_then(Value::as_table_mut)
}

fn syntax(e: &toml::de::Error, text: &str, source: &Source) -> Error {
    let at = e.span().map_or(0, |s| s.start).min(text.len());
    let line = text.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
    Error::Syntax { origin: source.clone(), line, message: e.message().to_owned() }
}

/// Text as a value of the type that `known` has; where nothing is known, as TOML if it is that, else as
/// the text itself.
fn typed(known: Option<&Value>, text: &str) -> Value {
    let plain = || Value::String(text.to_owned());
    let parsed = || {
        let mut table: Table = format!("v = {text}").parse().ok()?;
        if table.len() == 1 { table.remove("v") } else { None }
    };
    match known {
        Some(Value::String(_)) => plain(),
        _ => parsed().unwrap_or_else(plain),
    }
}

/// The known name that looks most like `name`, if one is near enough to be a slip of the finger.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.len() / 3).clamp(1, 3);
    known
        .map(|k| (distance(name, k), k))
        .filter(|(d, _)| *d <= allowed)
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

/// Levenshtein distance, by bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substitute = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_key_and_a_stranger_does_not() {
        let known = ["port", "host", "timeout"];
        assert_eq!(nearest("prot", known.into_iter()), None);
        assert_eq!(nearest("pot", known.into_iter()), Some("port"));
        assert_eq!(nearest("timout", known.into_iter()), Some("timeout"));
        assert_eq!(nearest("colour", known.into_iter()), None);
    }

    #[test]
    fn text_takes_the_type_of_the_key() {
        assert_eq!(typed(Some(&Value::String("x".into())), "5"), Value::String("5".into()));
        assert_eq!(typed(Some(&Value::Integer(1)), "5"), Value::Integer(5));
        assert_eq!(typed(Some(&Value::Integer(1)), "five"), Value::String("five".into()));
        assert_eq!(typed(None, "true"), Value::Boolean(true));
        assert_eq!(typed(None, "30s"), Value::String("30s".into()));
        assert_eq!(typed(None, "1\nx = 2"), Value::String("1\nx = 2".into()));
    }
}
