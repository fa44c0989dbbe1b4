//! The secret that the processes of one installation share: whoever knows it may act as anybody. It must
//! not leave this crate in readable form.

use http::HeaderValue;
use http::header::AUTHORIZATION;
use kit::Secret;
use subtle::ConstantTimeEq as _;

/// Not fit to be the shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the shared rpc secret must be 16 to 256 visible ASCII characters")]
pub struct InvalidSecret;

/// The `authorization` header that carries the secret.
pub(crate) fn authorization(secret: &Secret<String>) -> Result<HeaderValue, InvalidSecret> {
    let text = secret.expose();
    if !(16..=256).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(InvalidSecret);
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| InvalidSecret)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether a request carries it. How long the comparison takes tells nothing of the secret but its
/// length.
pub(crate) fn is_carried(headers: &http::HeaderMap, wanted: &HeaderValue) -> bool {
    headers
        .get(AUTHORIZATION)
        .is_some_and(|given| bool::from(given.as_bytes().ct_eq(wanted.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_or_unprintable_secret_is_refused() {
        for bad in ["", "short", "has a space in it, sadly", "ééééééééééééééééééééé"]
        {
            assert_eq!(authorization(&Secret::new(bad.to_owned())), Err(InvalidSecret), "{bad}");
        }
        let good = authorization(&Secret::new("0123456789abcdef".to_owned())).unwrap();
        assert!(!format!("{good:?}").contains("0123"), "a secret is not printed");
    }
}
