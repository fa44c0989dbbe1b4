//! What a row is locked under. A lock's key in the table is a hash of 128 bits: of one length whatever the row's
//! own key is (no engine's limit on keys applies, and the index stays small), and two rows that share a hash, should
//! that ever be, only exclude one another. Beside it stands a text for people, cut where it is long.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Cell;
use crate::value::Value;

/// The longest text.
const TEXT_MAX: usize = 160;

/// The key of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LockKey {
    /// What is compared. Locks are taken in ascending sequence of it.
    #[serde(with = "hex_bytes")]
    pub hash: [u8; 16],
    /// What people read.
    pub text: String,
}

impl LockKey {
    /// The lock of a row: its resource, where it is in it, its table and the values of its primary key.
    #[must_use]
    pub fn of_row(resource: &str, cell: Cell, table: &str, key: &[Value]) -> Self {
        let digest = Sha256::digest(encode(resource, cell, table, key));
        let mut hash = [0; 16];
        hash.copy_from_slice(&digest[..16]);
        Self { hash, text: text(resource, cell, table, key) }
    }
}

/// Each part with its length before it, so that no two rows have the same encoding whatever their keys contain.
fn encode(resource: &str, cell: Cell, table: &str, key: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    let mut part = |tag: u8, content: &[u8]| {
        bytes.push(tag);
        bytes.extend((content.len() as u64).to_be_bytes());
        bytes.extend(content);
    };
    part(b'r', resource.as_bytes());
    part(b'd', &[cell.db]);
    part(b'n', cell.table.as_slice());
    part(b't', table.as_bytes());
    for value in key {
        match value {
            Value::Null => part(b'0', &[]),
            Value::Int(n) => part(b'i', &n.to_be_bytes()),
            Value::Bool(b) => part(b'o', &[u8::from(*b)]),
            Value::Text(s) => part(b's', s.as_bytes()),
            Value::Blob(b) => part(b'b', b),
        }
    }
    bytes
}

fn text(resource: &str, cell: Cell, table: &str, key: &[Value]) -> String {
    use std::fmt::Write as _;
    let mut text = resource.to_owned();
    // writing to a String cannot fail
    let _ = match cell.table {
        Some(n) => write!(text, "_{:02}.{table}_{n:02}[", cell.db),
        None => write!(text, ".{table}["),
    };
    for (i, value) in key.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{value}");
    }
    text.push(']');
    if text.len() > TEXT_MAX {
        let mut end = TEXT_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

mod hex_bytes {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(hash: &[u8; 16], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&hex::encode(hash))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<[u8; 16], D::Error> {
        let text = String::deserialize(d)?;
        let bytes = hex::decode(text).map_err(serde::de::Error::custom)?;
        bytes.try_into().map_err(|_| serde::de::Error::custom("a hash has 16 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CELL: Cell = Cell { db: 4, table: Some(7) };

    #[test]
    fn a_lock_can_be_read_by_people_and_survives_the_wire() {
        let key = LockKey::of_row("things", CELL, "parts", &["flora".into(), 5.into()]);
        assert_eq!(key.text, "things_04.parts_07[flora, 5]");
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<LockKey>(&json).unwrap(), key);
        let long = LockKey::of_row("things", CELL, "parts", &["ä".repeat(500).into()]);
        assert!(long.text.len() <= TEXT_MAX + 4 && long.text.ends_with('…'));
    }

    #[test]
    fn rows_of_different_cells_tables_and_resources_have_different_locks() {
        let key = [Value::from(1)];
        let other = Cell { db: 4, table: None };
        let all = [
            LockKey::of_row("a", CELL, "t", &key),
            LockKey::of_row("b", CELL, "t", &key),
            LockKey::of_row("a", other, "t", &key),
            LockKey::of_row("a", CELL, "u", &key),
            LockKey::of_row("a", CELL, "t", &["1".into()]),
            LockKey::of_row("a", CELL, "t", &[true.into()]),
        ];
        let hashes: std::collections::BTreeSet<_> = all.iter().map(|k| k.hash).collect();
        assert_eq!(hashes.len(), all.len());
    }

    proptest! {
        #[test]
        fn keys_that_differ_are_encoded_differently(
            a in proptest::collection::vec("[a_,\\]]{0,4}", 0..4),
            b in proptest::collection::vec("[a_,\\]]{0,4}", 0..4),
        ) {
            let values = |k: &[String]| k.iter().map(|s| s.as_str().into()).collect::<Vec<Value>>();
            let of = |k: &[String]| encode("r", CELL, "t", &values(k));
            prop_assert_eq!(of(&a) == of(&b), a == b);
        }
    }
}
