//! Opaque tokens: 256 random bits with a prefix that says what kind it is, so that a leaked one is
//! recognised. Only the SHA-256 of a token is kept: random bits need no salt and no slow hash.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kit::{Entropy, Secret};
use rpc::Fault;
use sha2::{Digest as _, Sha256};

/// Random bytes in a token.
const RANDOM_BYTES: usize = 32;
/// Their length as base64url without padding.
const RANDOM_CHARS: usize = 43;

/// A kind of token: its prefix, such as `xy_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenKind(&'static str);

/// What is kept of a token: its SHA-256 in hex. Cannot be turned back into the token.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TokenHash(String);

impl TokenKind {
    /// A kind with a prefix of its own.
    #[must_use]
    pub const fn new(prefix: &'static str) -> Self {
        Self(prefix)
    }

    /// A new token, and what to keep of it.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn mint(self, entropy: &dyn Entropy) -> Result<(Secret<String>, TokenHash), Fault> {
        let mut bytes = [0; RANDOM_BYTES];
        entropy.fill(&mut bytes).map_err(Fault::internal)?;
        let text = format!("{}{}", self.0, URL_SAFE_NO_PAD.encode(bytes));
        let hash = TokenHash::of(&text);
        Ok((Secret::new(text), hash))
    }

    /// What to look a presented token up by; `None` when it cannot be one of this kind.
    #[must_use]
    pub fn recognise(self, presented: &Secret<String>) -> Option<TokenHash> {
        let text = presented.expose();
        let random = text.strip_prefix(self.0)?;
        let shaped = random.len() == RANDOM_CHARS
            && random.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        shaped.then(|| TokenHash::of(text))
    }
}

/// The token in the text of an `Authorization` header: `Bearer TOKEN`.
#[must_use]
pub fn bearer(header: &str) -> Option<Secret<String>> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    let is_bearer = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty();
    is_bearer.then(|| Secret::new(token.to_owned()))
}

impl TokenHash {
    fn of(text: &str) -> Self {
        Self(hex::encode(Sha256::digest(text.as_bytes())))
    }

    /// As it stands in a table: 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    /// A few digits are enough to tell two apart in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({}…)", self.0.get(..8).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: TokenKind = TokenKind::new("xy_");

    #[test]
    fn a_token_is_recognised_by_its_own_kind_only() {
        let entropy = testkit::seeded_entropy(1);
        let (token, hash) = KIND.mint(entropy.as_ref()).unwrap();
        assert_eq!(token.expose().len(), 3 + RANDOM_CHARS);
        assert_eq!(KIND.recognise(&token), Some(hash.clone()));
        assert_eq!(TokenKind::new("zz_").recognise(&token), None);
        let (other, other_hash) = KIND.mint(entropy.as_ref()).unwrap();
        assert_ne!(other, token);
        assert_ne!(other_hash, hash);
    }

    #[test]
    fn what_is_no_token_is_not_even_hashed() {
        for bad in ["", "xy_", "xy_short", &format!("xy_{}", "é".repeat(43)), &"x".repeat(100_000)]
        {
            assert_eq!(KIND.recognise(&Secret::new((*bad).to_owned())), None);
        }
    }

    #[test]
    fn only_a_bearer_header_has_a_token() {
        assert_eq!(bearer("Bearer abc").unwrap().expose(), "abc");
        assert_eq!(bearer("bearer  abc ").unwrap().expose(), "abc");
        for bad in ["", "Bearer", "Bearer ", "Basic abc", "abc"] {
            assert_eq!(bearer(bad), None, "{bad}");
        }
    }

    #[test]
    fn neither_token_nor_whole_hash_is_printed() {
        let (token, hash) = KIND.mint(testkit::seeded_entropy(1).as_ref()).unwrap();
        assert_eq!(format!("{token:?}"), "***");
        assert!(!format!("{hash:?}").contains(hash.as_str()));
    }
}
