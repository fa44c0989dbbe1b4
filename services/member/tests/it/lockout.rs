//! Too many failures lock a login, whether or not anybody has it.

use std::time::Duration;

use member_api::{ChangePassword, Error, Login};
use testkit::anonymous_ctx;
use tokio::task::JoinSet;

use crate::world::{PASSWORD, World, as_member, secret};

const MIN: Duration = Duration::from_secs(60);

async fn fail(world: &World, login: &str) -> Error {
    world.sign_in("flora", login, "wrong horse battery").await.unwrap_err()
}

#[tokio::test]
async fn five_failures_lock_a_known_and_an_unknown_login_alike() {
    let world = World::new().await;
    world.member("flora", "anna@b").await;
    world.member("gadget", "anna@b").await;
    for login in ["anna@b", "nobody@b"] {
        for _ in 0..5 {
            assert_eq!(fail(&world, login).await, Error::BadLogin, "{login}");
        }
        let Error::Locked { until } = fail(&world, login).await else { panic!("{login} is open") };
        assert_eq!(until, kit::Clock::now(&*world.clock).plus(MIN));
    }
    let right = world.sign_in("flora", "ANNA@B", PASSWORD).await.unwrap_err();
    assert!(matches!(right, Error::Locked { .. }), "the right password, too, in any case");
    assert!(world.sign_in("gadget", "anna@b", PASSWORD).await.is_ok(), "not in another tenant");
    world.clock.advance(MIN);
    assert!(world.sign_in("flora", "anna@b", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn each_further_failure_locks_twice_as_long_and_a_success_forgets_them() {
    let world = World::new().await;
    world.member("flora", "anna@b").await;
    for _ in 0..5 {
        fail(&world, "anna@b").await;
    }
    world.clock.advance(MIN);
    assert_eq!(fail(&world, "anna@b").await, Error::BadLogin);
    world.clock.advance(MIN);
    assert!(matches!(fail(&world, "anna@b").await, Error::Locked { .. }), "two minutes now");
    world.clock.advance(MIN);
    assert!(world.sign_in("flora", "anna@b", PASSWORD).await.is_ok());
    for _ in 0..4 {
        assert_eq!(fail(&world, "anna@b").await, Error::BadLogin);
    }
    assert!(world.sign_in("flora", "anna@b", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn guessing_the_current_password_is_limited_like_signing_in() {
    let world = World::new().await;
    let anna = world.member("flora", "anna@b").await;
    let change = async |current: &str| {
        let req = ChangePassword { current: secret(current), new: secret("another password") };
        world.client.change_password(&as_member("flora", &anna), req).await
    };
    for _ in 0..3 {
        assert_eq!(fail(&world, "anna@b").await, Error::BadLogin);
    }
    for _ in 0..2 {
        assert_eq!(change("wrong horse").await.unwrap_err(), Error::WrongPassword);
    }
    assert!(matches!(change(PASSWORD).await.unwrap_err(), Error::Locked { .. }));
    assert!(matches!(fail(&world, "anna@b").await, Error::Locked { .. }), "both count as one");
    world.clock.advance(MIN);
    change(PASSWORD).await.unwrap();
    for _ in 0..4 {
        assert_eq!(fail(&world, "anna@b").await, Error::BadLogin, "a change forgets failures");
    }
}

#[tokio::test]
async fn of_many_changes_at_once_one_is_made() {
    let world = World::new().await;
    let anna = world.member("flora", "anna@b").await;
    let mut all = JoinSet::new();
    for n in 0..4 {
        let (client, ctx) = (world.client.clone(), as_member("flora", &anna));
        all.spawn(async move {
            let new = secret(&format!("new password {n}"));
            client.change_password(&ctx, ChangePassword { current: secret(PASSWORD), new }).await
        });
    }
    let results = all.join_all().await;
    let made: Vec<_> = results.into_iter().filter_map(Result::ok).collect();
    assert_eq!(made.len(), 1, "the others were based on a password that is none any more");
    assert_eq!(world.holder("flora", &made[0].token).await, Some(anna.member.id));
}

#[tokio::test]
async fn of_many_attempts_at_once_only_five_are_told_anything() {
    let world = World::new().await;
    world.member("flora", "anna@b").await;
    let mut all = JoinSet::new();
    for n in 0..40 {
        let client = world.client.clone();
        all.spawn(async move {
            let password = secret(&format!("wrong horse {n}"));
            client.login(&anonymous_ctx("flora"), Login { login: "anna@b".into(), password }).await
        });
    }
    let results: Vec<_> = all.join_all().await.into_iter().map(Result::unwrap_err).collect();
    let told = results.iter().filter(|e| **e == Error::BadLogin).count();
    let locked = results.iter().filter(|e| matches!(e, Error::Locked { .. })).count();
    assert_eq!((told, locked), (5, 35));
}

#[tokio::test]
async fn what_is_over_is_removed_and_what_holds_stays() {
    let world = World::new().await;
    world.member("flora", "anna@b").await;
    let month = Duration::from_secs(30 * 24 * 3_600);
    for n in 0..600 {
        fail(&world, &format!("nobody{n}")).await;
    }
    assert_eq!(world.sweep.once().await.unwrap(), 0);
    world.clock.advance(month);
    let holds = world.sign_in("flora", "anna@b", PASSWORD).await.unwrap();
    fail(&world, "late").await;
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(world.sweep.once().await.unwrap(), 601);
    assert!(world.holder("flora", &holds.token).await.is_some());
    assert_eq!(world.sweep.once().await.unwrap(), 0);
}
