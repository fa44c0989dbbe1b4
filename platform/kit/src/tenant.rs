//! The tenant's code: the first column of every row and every unique key.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A tenant's code: 2 to 32 characters of `a-z`, `0-9` and `-`, starting with a letter and not ending
/// with a dash, so that it can be a host name's first label. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantCode(Arc<str>);

/// Not a tenant code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tenant code is 2 to 32 characters of a-z, 0-9 and -, starts with a letter and does not end with -"
)]
pub struct InvalidTenantCode;

impl TenantCode {
    /// Stands for the platform itself, where a call is for no tenant: finding a tenant by host, listing
    /// tenants, leasing a worker number. No tenant may take it.
    #[must_use]
    pub fn platform() -> Self {
        Self("platform".into())
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantCode {
    type Err = InvalidTenantCode;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let ok = (2..=32).contains(&s.len())
            && s.starts_with(|c: char| c.is_ascii_lowercase())
            && !s.ends_with('-')
            && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if ok { Ok(Self(s.into())) } else { Err(InvalidTenantCode) }
    }
}

impl fmt::Display for TenantCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TenantCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for TenantCode {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TenantCode {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_host_labels_are_codes() {
        for good in ["flora", "a1", "my-shop", "x234567890123456789012345678901z"] {
            assert!(good.parse::<TenantCode>().is_ok(), "{good}");
        }
        for bad in ["", "a", "1a", "-a", "a-", "Flora", "a_b", "x2345678901234567890123456789012z"]
        {
            assert!(bad.parse::<TenantCode>().is_err(), "{bad}");
        }
    }
}
