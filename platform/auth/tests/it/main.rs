//! The promises of password hashes that need a runtime: what fits, what is refused, who waits.

#![expect(clippy::unwrap_used, reason = "a helper fails the test that uses it")]

use std::time::Duration;

use auth::{PasswordHash, PasswordOptions, Passwords};
use kit::{ErrorCode, Secret};
use rpc::Ctx;
use tokio::task::JoinSet;

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn passwords(options: PasswordOptions) -> Passwords {
    Passwords::new(options, testkit::seeded_entropy(7)).unwrap()
}

fn ctx() -> Ctx {
    testkit::test_ctx("flora")
}

#[tokio::test]
async fn only_the_right_password_fits_and_an_unknown_login_fits_none() {
    let p = passwords(PasswordOptions::cheap_for_tests());
    let hash = p.hash(&ctx(), secret("correct horse")).await.unwrap();
    assert!(p.verify(&ctx(), secret("correct horse"), Some(hash.clone())).await.unwrap());
    assert!(!p.verify(&ctx(), secret("correct horsf"), Some(hash.clone())).await.unwrap());
    assert!(!p.verify(&ctx(), secret("correct horse"), None).await.unwrap());
    let again = p.hash(&ctx(), secret("correct horse")).await.unwrap();
    assert_ne!(again, hash, "every hash has a salt of its own");
    assert!(!format!("{hash:?} {p:?}").contains(hash.as_str()));
}

#[tokio::test]
async fn the_default_is_argon2id_with_19_mib_and_two_passes_and_outlives_other_options() {
    let p = passwords(PasswordOptions::default());
    let hash = p.hash(&ctx(), secret("correct horse")).await.unwrap();
    assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
    let other = passwords(PasswordOptions::cheap_for_tests());
    let stored = PasswordHash::from_stored(hash.as_str());
    assert!(other.verify(&ctx(), secret("correct horse"), Some(stored)).await.unwrap());
}

#[tokio::test]
async fn a_damaged_hash_is_our_fault_and_not_a_wrong_password() {
    let p = passwords(PasswordOptions::cheap_for_tests());
    let stored = PasswordHash::from_stored("$argon2id$nonsense");
    let fault = p.verify(&ctx(), secret("x"), Some(stored)).await.unwrap_err();
    assert_eq!(fault.code, ErrorCode::Internal);
}

#[tokio::test]
async fn who_comes_when_the_queue_is_full_is_refused_at_once() {
    let one = PasswordOptions { concurrent: 1, queue_max: 2, ..PasswordOptions::default() };
    let p = passwords(one);
    let mut all = JoinSet::new();
    for _ in 0..10 {
        let p = p.clone();
        all.spawn(async move { p.hash(&ctx(), secret("correct horse")).await });
    }
    let results = all.join_all().await;
    let (done, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(done.len(), 3, "one works, two wait");
    assert!(refused.iter().all(|r| r.as_ref().unwrap_err().code == ErrorCode::Unavailable));
    assert!(p.hash(&ctx(), secret("correct horse")).await.is_ok(), "places are given back");
}

#[tokio::test]
async fn a_passed_deadline_is_refused_before_any_work() {
    let p = passwords(PasswordOptions::cheap_for_tests());
    let late = ctx().within(Duration::ZERO);
    let fault = p.hash(&late, secret("correct horse")).await.unwrap_err();
    assert_eq!(fault.code, ErrorCode::DeadlineExceeded);
}

#[test]
fn options_out_of_range_are_refused() {
    let tiny = PasswordOptions { memory_kib: 1, ..PasswordOptions::default() };
    assert!(Passwords::new(tiny, testkit::seeded_entropy(7)).is_err());
}
