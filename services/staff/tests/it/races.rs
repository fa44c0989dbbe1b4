//! Several calls at once: limits hold, the last owner stays one. On engines with many writers these are
//! several transactions at the same time.

use kit::ErrorCode;
use rpc::ServiceError as _;
use staff_api::{Error, Login, NewCredential, Role, UpdateStaff};
use testkit::{anonymous_ctx, test_ctx};
use tokio::task::JoinSet;

use crate::world::{PASSWORD, World, new, secret};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_owners_cannot_take_one_another_away_at_once() {
    let world = World::new().await;
    for round in 0..10 {
        let tenant = format!("shop-{round}");
        let anna = world.person(&tenant, "anna", Role::Owner).await;
        let berta = world.person(&tenant, "berta", Role::Owner).await;
        let mut all = JoinSet::new();
        for (id, role, enabled) in
            [(anna.id, Some(Role::ReadOnly), None), (berta.id, None, Some(false))]
        {
            let (client, ctx) = (world.client.clone(), test_ctx(&tenant));
            all.spawn(async move { client.update(&ctx, UpdateStaff { id, role, enabled }).await });
        }
        let results = all.join_all().await;
        let refused: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert_eq!(refused[0].code(), ErrorCode::Conflict, "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn role_and_enabled_are_changed_at_once_without_undoing_one_another() {
    let world = World::new().await;
    world.person("flora", "anna", Role::Owner).await;
    for round in 0..10 {
        let olga = world.person("flora", &format!("olga{round}"), Role::Operations).await;
        let mut all = JoinSet::new();
        for (role, enabled) in [(Some(Role::Warehouse), None), (None, Some(false))] {
            let (client, ctx) = (world.client.clone(), test_ctx("flora"));
            let update = UpdateStaff { id: olga.id, role, enabled };
            all.spawn(async move { client.update(&ctx, update).await.unwrap() });
        }
        all.join_all().await;
        let same = UpdateStaff { id: olga.id, role: None, enabled: None };
        let now = world.client.update(&test_ctx("flora"), same).await.unwrap();
        assert_eq!((now.role, now.enabled), (Role::Warehouse, false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_attempts_at_a_login_that_nobody_has_only_five_are_told_anything() {
    let world = World::new().await;
    let mut all = JoinSet::new();
    for n in 0..40 {
        let client = world.client.clone();
        all.spawn(async move {
            let password = secret(&format!("wrong horse {n}"));
            client.login(&anonymous_ctx("flora"), Login { login: "nobody".into(), password }).await
        });
    }
    let results: Vec<_> = all.join_all().await.into_iter().map(Result::unwrap_err).collect();
    let told = results.iter().filter(|e| **e == Error::BadLogin).count();
    let locked = results.iter().filter(|e| matches!(e, Error::Locked { .. })).count();
    assert_eq!((told, locked), (5, 35));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_sign_in_at_once_a_person_has_so_many_sessions() {
    let world = World::new().await;
    world.person("flora", "anna", Role::Owner).await;
    let mut all = JoinSet::new();
    for _ in 0..12 {
        let client = world.client.clone();
        all.spawn(async move {
            let login = Login { login: "anna".into(), password: secret(PASSWORD) };
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
async fn of_many_credentials_at_once_so_many_are_made_as_may_be() {
    let world = World::new().await;
    world.person("flora", "anna", Role::Owner).await;
    let mut all = JoinSet::new();
    for n in 0..12 {
        let (client, ctx) = (world.client.clone(), test_ctx("flora"));
        let grant = NewCredential { name: format!("n{n}"), permissions: vec!["stock:read".into()] };
        all.spawn(async move { client.create_credential(&ctx, grant).await });
    }
    let results = all.join_all().await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 3);
    let refused = results.into_iter().filter_map(Result::err);
    assert!(refused.map(|e| e.code()).all(|code| code == ErrorCode::Conflict));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_people_with_one_login_one_is_added() {
    let world = World::new().await;
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let (client, ctx) = (world.client.clone(), test_ctx("flora"));
        all.spawn(async move { client.add(&ctx, new("anna", Role::Owner)).await });
    }
    let results = all.join_all().await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    assert!(results.into_iter().filter_map(Result::err).all(|e| e == Error::LoginTaken));
}
