//! Who may call, idempotency keys, versions.

use rpc::Actor;
use sha2::{Digest as _, Sha256};

use crate::demo::{ask, change_with, create_with, get, operator, user};

const THING: &str = r#"{"name":"x","amount":1}"#;

#[tokio::test]
async fn a_rule_is_enforced_before_the_handler() {
    for (actor, status) in [(Actor::anonymous(), 401), (operator("*"), 403), (user(), 201)] {
        assert_eq!(ask(actor, create_with(Some("k"), THING)).await.status, status);
    }
    for (actor, status) in [
        (Actor::anonymous(), 401),
        (user(), 403),
        (operator("things:read"), 403),
        (operator("things:*"), 200),
    ] {
        let answer = ask(actor, change_with(Some("\"5\""), "5")).await;
        assert_eq!(answer.status, status);
        if status == 401 {
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
    for (actor, status) in [(user(), 403), (operator("nothing:at-all"), 200)] {
        assert_eq!(ask(actor, get("/v1/admin/me")).await.status, status);
    }
    assert_eq!(ask(Actor::anonymous(), get("/v1/store/things")).await.status, 200);
}

#[tokio::test]
async fn an_idempotent_route_binds_key_route_and_body() {
    let answer = ask(user(), create_with(Some("k-1"), THING)).await;
    let hashed = [b"/v1/store/things\0".as_slice(), THING.as_bytes()].concat();
    let hash = hex::encode(Sha256::digest(hashed));
    assert_eq!(answer.headers["seen"], format!("k-1|POST /v1/store/things|{hash}"));
    assert!(!answer.headers.contains_key("idempotent-replayed"));
    let again = ask(user(), create_with(Some("k-1"), r#"{"name":"x","amount":2}"#)).await;
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.headers["location"], "/v1/store/things/1");
}

#[tokio::test]
async fn a_missing_or_malformed_key_is_400_and_names_the_header() {
    let long = "k".repeat(256);
    for (key, code) in [
        (None, "idempotency_key_missing"),
        (Some(""), "idempotency_key_invalid"),
        (Some("two words"), "idempotency_key_invalid"),
        (Some(long.as_str()), "idempotency_key_invalid"),
    ] {
        let answer = ask(user(), create_with(key, THING)).await;
        assert_eq!((answer.status.as_u16(), answer.problem().code.as_str()), (400, code));
        assert_eq!(answer.pointer(), "Idempotency-Key");
    }
    let stranger = ask(Actor::anonymous(), create_with(None, THING)).await;
    assert_eq!(stranger.status, 401, "who may not call learns nothing of the header");
}

#[tokio::test]
async fn a_stale_version_is_412_and_a_missing_one_400() {
    let ok = ask(operator("*"), change_with(Some("\"5\""), "5")).await;
    assert_eq!(ok.headers["etag"], "\"5\"");
    let stale = ask(operator("*"), change_with(Some("\"4\""), "5")).await;
    assert_eq!(
        (stale.status.as_u16(), stale.problem().code.as_str()),
        (412, "precondition_failed")
    );
    let missing = ask(operator("*"), change_with(None, "5")).await;
    assert_eq!((missing.status.as_u16(), missing.pointer().as_str()), (400, "If-Match"));
}
