//! Several calls at once: limits hold. On engines with many writers these are several transactions at the
//! same time.

use member_api::{ChangePassword, Error, Login};
use testkit::anonymous_ctx;
use tokio::task::JoinSet;

use crate::world::{PASSWORD, World, as_member, new, secret};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_attempts_at_a_login_that_nobody_has_only_five_are_told_anything() {
    let world = World::new().await;
    let mut all = JoinSet::new();
    for n in 0..40 {
        let client = world.client.clone();
        all.spawn(async move {
            let password = secret(&format!("wrong horse {n}"));
            let login = Login { login: "nobody@b.example".into(), password };
            client.login(&anonymous_ctx("flora"), login).await
        });
    }
    let results: Vec<_> = all.join_all().await.into_iter().map(Result::unwrap_err).collect();
    let told = results.iter().filter(|e| **e == Error::BadLogin).count();
    let locked = results.iter().filter(|e| matches!(e, Error::Locked { .. })).count();
    assert_eq!((told, locked), (5, 35));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_sign_in_at_once_a_member_has_so_many_sessions() {
    let world = World::new().await;
    world.member("flora", "anna@b.example").await;
    let mut all = JoinSet::new();
    for _ in 0..12 {
        let client = world.client.clone();
        all.spawn(async move {
            let login = Login { login: "anna@b.example".into(), password: secret(PASSWORD) };
            client.login(&anonymous_ctx("flora"), login).await.unwrap()
        });
    }
    let mut holding = 0;
    for session in all.join_all().await {
        holding += usize::from(world.holder("flora", &session.token).await.is_some());
    }
    assert_eq!(holding, 3, "the most of this world");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_register_with_one_login_one_is_a_member() {
    let world = World::new().await;
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let client = world.client.clone();
        all.spawn(
            async move { client.register(&anonymous_ctx("flora"), new("anna@b.example")).await },
        );
    }
    let results = all.join_all().await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    assert!(results.into_iter().filter_map(Result::err).all(|e| e == Error::LoginTaken));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_in_while_the_password_changes_is_out_unless_he_knew_the_new_one() {
    let world = World::new().await;
    for round in 0..8 {
        let login = format!("anna{round}@b.example");
        let anna = world.member("flora", &login).await;
        let mut all = JoinSet::new();
        for _ in 0..6 {
            let (client, login) = (world.client.clone(), login.clone());
            all.spawn(async move {
                let login = Login { login, password: secret(PASSWORD) };
                client.login(&anonymous_ctx("flora"), login).await.ok()
            });
        }
        let (client, ctx) = (world.client.clone(), as_member("flora", &anna));
        let new = secret("another password");
        let change = ChangePassword { current: secret(PASSWORD), new };
        // Attempts with the old password, which is none any more, count as failures; the change does not wait
        // for them.
        let changed = client.change_password(&ctx, change).await.unwrap();
        for session in all.join_all().await.into_iter().flatten() {
            assert!(world.holder("flora", &session.token).await.is_none());
        }
        assert!(world.holder("flora", &changed.token).await.is_some());
    }
}
