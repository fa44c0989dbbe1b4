//! Values that must never be printed: passwords, tokens, keys. Debug shows `***`, there is no Display
//! and no Serialize; whoever needs the value says so with `expose`.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A value whose Debug form hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself; call it only where it is used.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        // The error of a wrong type would repeat the value.
        T::deserialize(d).map(Self).map_err(|_| D::Error::custom("not a value of the right type"))
    }
}

/// For `#[serde(serialize_with = "kit::secret::reveal")]`: a secret that must cross our own wire
/// (a login request to a remote service) says so at the field.
///
/// # Errors
/// As the serializer.
pub fn reveal<T: serde::Serialize, S: serde::Serializer>(
    secret: &Secret<T>,
    s: S,
) -> Result<S::Ok, S::Error> {
    secret.0.serialize(s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_the_wrong_type_is_not_repeated() {
        let error = serde_json::from_str::<Secret<String>>("12345678").unwrap_err().to_string();
        assert!(!error.contains("1234"), "{error}");
    }

    #[test]
    fn debug_never_shows_the_value() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
    }
}
