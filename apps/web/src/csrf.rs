//! The token that every form must send back: random, in a cookie that no script sees, compared with the
//! form's hidden field. It is not signed, because it need not be: the bus refuses forms of other origins
//! before they get here, and the cookie is `SameSite=Lax`.

use axum::http::HeaderMap;
use axum::response::Response;
use kit::SharedEntropy;
use rpc::Fault;
use subtle::ConstantTimeEq as _;

use crate::Cookies;
use crate::cookies;

/// The token of a visitor.
#[derive(Clone)]
pub struct FormToken {
    /// The token.
    pub value: String,
    /// Whether it was made for this request, so that the browser does not know it yet.
    pub is_new: bool,
}

impl std::fmt::Debug for FormToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FormToken(is_new: {})", self.is_new)
    }
}

impl FormToken {
    /// The visitor's token, or a new one.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn open(headers: &HeaderMap, cookie: &str, entropy: &SharedEntropy) -> Result<Self, Fault> {
        match cookies::read(headers, cookie).filter(|t| is_token(t)) {
            Some(value) => Ok(Self { value, is_new: false }),
            None => Self::fresh(entropy),
        }
    }

    /// A new one, as after signing in: a token that somebody knew before must not be good for a session.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn fresh(entropy: &SharedEntropy) -> Result<Self, Fault> {
        Ok(Self { value: token(entropy)?, is_new: true })
    }

    /// Whether a form's token is this one. A visitor whose token was made for this very request has not
    /// seen a form of ours yet.
    #[must_use]
    pub fn is_sent_by(&self, sent: &str) -> bool {
        !self.is_new && bool::from(sent.as_bytes().ct_eq(self.value.as_bytes()))
    }

    /// Gives a new token to the browser, unless the handler has given it one already.
    pub fn hand_out(&self, response: &mut Response, cookies: &Cookies, cookie: &str) {
        let set = response.headers().get_all(axum::http::header::SET_COOKIE);
        let has = set.iter().any(|c| {
            c.as_bytes().strip_prefix(cookie.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
        });
        if self.is_new && !has {
            cookies.set(response, cookie, &self.value, None);
        }
    }
}

/// 128 random bits in hexadecimal, as for a form that must take effect once.
///
/// # Errors
/// When the source of randomness fails.
pub fn token(entropy: &SharedEntropy) -> Result<String, Fault> {
    let mut random = [0; 16];
    entropy.fill(&mut random).map_err(Fault::internal)?;
    Ok(hex::encode(random))
}

/// Whether a text has the shape of a [`token`].
#[must_use]
pub fn is_token(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::COOKIE;

    use super::*;

    #[test]
    fn only_the_token_that_the_browser_knows_is_good() {
        let entropy = testkit::seeded_entropy(7);
        let new = FormToken::open(&HeaderMap::new(), "t", &entropy).unwrap();
        assert!(new.is_new && !new.is_sent_by(&new.value), "nobody has seen it yet");
        let cookie = HeaderValue::try_from(["t=", &new.value].concat()).unwrap();
        let known = HeaderMap::from_iter([(COOKIE, cookie)]);
        let known = FormToken::open(&known, "t", &entropy).unwrap();
        assert!(!known.is_new && known.is_sent_by(&new.value));
        for wrong in ["", "0", &new.value[1..]] {
            assert!(!known.is_sent_by(wrong), "{wrong}");
        }
        assert!(!format!("{known:?}").contains(&known.value));
    }
}
