//! Keyset paging: an opaque cursor, a bounded limit, no totals.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

/// A place in a list, opaque to clients: base64url of the JSON of the last key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

/// The cursor was not made by this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that this list handed out")]
pub struct InvalidCursor;

/// The most bytes a cursor may have.
pub const CURSOR_BYTES_MAX: usize = 1_024;

impl Cursor {
    /// A cursor that holds the key. Keys are plain data, so this does not fail in practice; a key that
    /// cannot be written as JSON gives a cursor that decodes to nothing.
    #[must_use]
    pub fn encode<T: Serialize>(key: &T) -> Self {
        Self(URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default()))
    }

    /// The key inside.
    ///
    /// # Errors
    /// When the text is not a cursor of this type of key.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, InvalidCursor> {
        if self.0.len() > CURSOR_BYTES_MAX {
            return Err(InvalidCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(&self.0).map_err(|_| InvalidCursor)?;
        serde_json::from_slice(&bytes).map_err(|_| InvalidCursor)
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Cursor {
    fn from(s: String) -> Self {
        Self(s)
    }
}

/// How many items a page may have: 1 to 100, 20 unless told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Limit(u32);

impl Limit {
    /// The largest page.
    pub const MAX: u32 = 100;

    /// A limit.
    ///
    /// # Errors
    /// When it is 0 or over [`Limit::MAX`].
    pub fn new(n: u32) -> Result<Self, InvalidLimit> {
        if (1..=Self::MAX).contains(&n) { Ok(Self(n)) } else { Err(InvalidLimit) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number as a length.
    #[must_use]
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(u32::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

/// The limit is out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("limit must be between 1 and 100")]
pub struct InvalidLimit;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page out of up to `limit + 1` fetched items: the extra one only tells that there is more.
    pub fn from_overfetch<K: Serialize>(
        mut items: Vec<T>,
        limit: Limit,
        key: impl FnOnce(&T) -> K,
    ) -> Self {
        let more = items.len() > limit.as_usize();
        items.truncate(limit.as_usize());
        let next_cursor =
            if more { items.last().map(|last| Cursor::encode(&key(last))) } else { None };
        Self { items, next_cursor }
    }

    /// The same page with every item converted.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_carries_its_key_and_refuses_another() {
        let c = Cursor::encode(&(5_i64, "x"));
        assert_eq!(c.decode::<(i64, String)>().unwrap(), (5, "x".to_owned()));
        assert!(c.decode::<u8>().is_err());
        assert!(Cursor::from("%%%".to_owned()).decode::<u8>().is_err());
    }

    #[test]
    fn the_extra_item_only_tells_that_there_is_more() {
        let limit = Limit::new(2).unwrap();
        let p = Page::from_overfetch(vec![1, 2, 3], limit, |i| *i);
        assert_eq!(p.items, [1, 2]);
        assert_eq!(p.next_cursor.unwrap().decode::<i32>().unwrap(), 2);
        assert!(Page::from_overfetch(vec![1, 2], limit, |i| *i).next_cursor.is_none());
    }
}
