//! Signatures of callbacks: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`, as several providers
//! write them. Pure: the time is given. Whether a body makes sense is not looked at.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use kit::{Secret, Timestamp};
use sha2::Sha256;

use crate::provider::BadSignature;

/// How far the signer's clock may be from ours; also how long a stolen callback could be sent again.
pub const TOLERANCE: Duration = Duration::from_secs(300);
/// The longest header that is looked at, in bytes.
const HEADER_BYTES_MAX: usize = 512;
/// Signatures in one header at most: more than one while a secret is being changed.
const SIGNATURES_MAX: usize = 4;

type HmacSha256 = Hmac<Sha256>;

fn mac(secret: &Secret<String>, at: &str, body: &str) -> Option<HmacSha256> {
    let mut mac = HmacSha256::new_from_slice(secret.expose().as_bytes()).ok()?;
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    Some(mac)
}

/// The header for a body that is sent now. `None` for a secret that is no key.
#[must_use]
pub fn sign(secret: &Secret<String>, body: &str, now: Timestamp) -> Option<String> {
    let at = now.millis().div_euclid(1_000).to_string();
    let mac = mac(secret, &at, body)?.finalize().into_bytes();
    Some(format!("t={at},v1={}", hex::encode(mac)))
}

/// Checks a header against a body. Compares in constant time.
///
/// # Errors
/// When no signature holds, or its time is not ours.
pub fn verify(
    secret: &Secret<String>,
    header: &str,
    body: &str,
    now: Timestamp,
) -> Result<(), BadSignature> {
    if header.len() > HEADER_BYTES_MAX {
        return Err(BadSignature);
    }
    let (mut at, mut signatures) = (None, Vec::new());
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", value)) if at.is_none() => at = Some(value),
            Some(("v1", value)) if signatures.len() < SIGNATURES_MAX => {
                signatures.push(hex::decode(value).map_err(|_| BadSignature)?);
            }
            // Other schemes may stand beside ours.
            Some((name, _)) if name != "t" && name != "v1" => {}
            _ => return Err(BadSignature),
        }
    }
    let at = at.filter(|t| t.bytes().all(|b| b.is_ascii_digit())).ok_or(BadSignature)?;
    let seconds: i64 = at.parse().map_err(|_| BadSignature)?;
    let signed_at = Timestamp::from_millis(seconds.saturating_mul(1_000));
    if now.since(signed_at) > TOLERANCE || signed_at.since(now) > TOLERANCE {
        return Err(BadSignature);
    }
    let mac = mac(secret, at, body).ok_or(BadSignature)?;
    let holds = signatures.iter().any(|s| mac.clone().verify_slice(s).is_ok());
    if holds { Ok(()) } else { Err(BadSignature) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(s: &str) -> Secret<String> {
        Secret::new(s.to_owned())
    }

    #[test]
    fn the_form_is_the_one_that_openssl_computes() {
        let header = sign(&secret("key"), "{}", Timestamp::from_millis(1_748_736_000_999)).unwrap();
        let known = "e1ef42da973c0a159204c59add72f66b261cfc79d8f27d64a61e5a7f00b46622";
        assert_eq!(header, format!("t=1748736000,v1={known}"));
    }

    #[test]
    fn a_signature_holds_for_its_body_secret_and_time_only() {
        let at = |s: i64| Timestamp::from_millis(1_748_736_000_000 + s * 1_000);
        let header = sign(&secret("key"), "body", at(0)).unwrap();
        let check = |k: &str, h: &str, b: &str, s: i64| verify(&secret(k), h, b, at(s)).is_ok();
        assert!(check("key", &header, "body", 0));
        assert!(check("key", &header, "body", 300) && check("key", &header, "body", -300));
        assert!(!check("key", &header, "body", 301) && !check("key", &header, "body", -301));
        assert!(!check("other", &header, "body", 0) && !check("key", &header, "Body", 0));
        let moved = header.replace("t=1748736000", "t=1748736001");
        assert!(!check("key", &moved, "body", 0));
        let two = format!("{header},v1={}", "00".repeat(32));
        assert!(check("key", &two, "body", 0), "a second signature may be another secret's");
        for bad in ["", "t=1", "v1=00", "t=,v1=", "t=x,v1=00", "t=1748736000,v1=zz", "é", "t=1,t=1"]
        {
            assert!(!check("key", bad, "body", 0), "{bad}");
        }
        assert!(!check("key", &format!("{header},{}", "a=b,".repeat(200)), "body", 0));
    }
}
