//! What callers of the trait may rely on, whichever handle they hold.

use std::time::Duration;

use kit::{Cursor, ErrorCode, Limit};
use rpc::ServiceError as _;
use staff_api::{
    ChangePassword, Error, List, Me, NewCredential, RevokeCredential, Role, Token, UpdateStaff,
};
use testkit::{anonymous_ctx, test_ctx, user_ctx};

use crate::world::{PASSWORD, World, as_person, new, secret};

#[tokio::test]
async fn a_local_handle_keeps_the_contract() {
    suite(&World::new().await).await;
}

#[tokio::test]
async fn a_remote_handle_keeps_the_contract() {
    suite(&World::over_the_wire().await).await;
}

async fn suite(world: &World) {
    somebody_signs_in_and_out(world).await;
    a_session_ends_after_twelve_hours(world).await;
    a_login_is_unique_in_its_tenant_whatever_the_case(world).await;
    a_token_of_one_tenant_is_nothing_in_another(world).await;
    a_disabled_person_is_out_at_once(world).await;
    a_new_role_holds_from_the_next_look(world).await;
    only_the_newest_sessions_stay(world).await;
    a_new_password_ends_all_other_sessions(world).await;
    people_are_listed_by_login(world).await;
    a_credential_holds_until_it_is_revoked(world).await;
}

async fn somebody_signs_in_and_out(world: &World) {
    let anna = world.person("flora", "Anna", Role::Owner).await;
    let session = world.sign_in("flora", "aNNa", PASSWORD).await.unwrap();
    assert_eq!(session.staff, anna);
    assert!(session.token.expose().starts_with("ss_"));
    let identity = world.holder("flora", &session.token).await.unwrap();
    assert_eq!((identity.id, identity.permissions), (anna.id.get(), vec!["*".to_owned()]));
    assert_eq!(world.client.me(&as_person("flora", &anna), Me {}).await.unwrap(), anna);

    let token = || Token { token: session.token.clone() };
    world.client.logout(&anonymous_ctx("flora"), token()).await.unwrap();
    assert_eq!(world.holder("flora", &session.token).await, None);
    world.client.logout(&anonymous_ctx("flora"), token()).await.unwrap();

    for (login, password) in [("anna", "wrong horse battery"), ("nobody", PASSWORD), ("", "")] {
        let refused = world.sign_in("flora", login, password).await.unwrap_err();
        assert_eq!(refused, Error::BadLogin, "{login}");
    }
    for nonsense in ["", "ss_", "sc_x", "nonsense", &format!("ss_{}", "a".repeat(43))] {
        assert_eq!(world.holder("flora", &secret(nonsense)).await, None, "{nonsense}");
    }
}

async fn a_session_ends_after_twelve_hours(world: &World) {
    let session = world.sign_in("flora", "anna", PASSWORD).await.unwrap();
    let began = session.expires_at.minus(Duration::from_secs(12 * 3_600));
    world.clock.advance(Duration::from_secs(12 * 3_600) - Duration::from_micros(1));
    assert!(world.holder("flora", &session.token).await.is_some());
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(world.holder("flora", &session.token).await, None, "using it does not prolong it");
    assert!(kit::Clock::now(&*world.clock) > began);
}

async fn a_login_is_unique_in_its_tenant_whatever_the_case(world: &World) {
    let system = test_ctx("flora");
    let taken = world.client.add(&system, new("ANNA", Role::ReadOnly)).await.unwrap_err();
    assert_eq!(taken, Error::LoginTaken);
    world.person("gadget", "anna", Role::Warehouse).await;
}

async fn a_token_of_one_tenant_is_nothing_in_another(world: &World) {
    let here = world.sign_in("flora", "anna", PASSWORD).await.unwrap();
    let there = world.sign_in("gadget", "anna", PASSWORD).await.unwrap();
    assert_ne!(here.staff.id, there.staff.id);
    assert_eq!(world.holder("gadget", &here.token).await, None);
    assert_eq!(world.holder("flora", &there.token).await, None);
    let foreign = Token { token: here.token.clone() };
    world.client.logout(&anonymous_ctx("gadget"), foreign).await.unwrap();
    assert!(world.holder("flora", &here.token).await.is_some(), "no other tenant ends it");
    let stranger = as_person("gadget", &here.staff);
    let unknown = world.client.me(&stranger, Me {}).await.unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::NotFound);
}

async fn a_disabled_person_is_out_at_once(world: &World) {
    let bert = world.person("flora", "bert", Role::Operations).await;
    let session = world.sign_in("flora", "bert", PASSWORD).await.unwrap();
    let system = test_ctx("flora");
    let set = |enabled| UpdateStaff { id: bert.id, role: None, enabled: Some(enabled) };
    assert!(!world.client.update(&system, set(false)).await.unwrap().enabled);
    assert_eq!(world.holder("flora", &session.token).await, None);
    assert_eq!(world.sign_in("flora", "bert", PASSWORD).await.unwrap_err(), Error::BadLogin);
    world.client.update(&system, set(true)).await.unwrap();
    assert_eq!(world.holder("flora", &session.token).await, None, "old sessions stay over");
    assert!(world.sign_in("flora", "bert", PASSWORD).await.is_ok());
}

async fn a_new_role_holds_from_the_next_look(world: &World) {
    let session = world.sign_in("flora", "bert", PASSWORD).await.unwrap();
    let role = Some(Role::Warehouse);
    let change = UpdateStaff { id: session.staff.id, role, enabled: None };
    world.client.update(&test_ctx("flora"), change).await.unwrap();
    let identity = world.holder("flora", &session.token).await.unwrap();
    assert_eq!(identity.permissions, Role::Warehouse.permissions());
}

async fn only_the_newest_sessions_stay(world: &World) {
    let mut sessions = Vec::new();
    for _ in 0..4 {
        world.clock.advance(Duration::from_secs(1));
        sessions.push(world.sign_in("flora", "bert", PASSWORD).await.unwrap());
    }
    let mut holds = Vec::new();
    for session in &sessions {
        holds.push(world.holder("flora", &session.token).await.is_some());
    }
    assert_eq!(holds, [false, true, true, true]);
}

async fn a_new_password_ends_all_other_sessions(world: &World) {
    let pia = world.person("outlet", "pia", Role::Warehouse).await;
    let first = world.sign_in("outlet", "pia", PASSWORD).await.unwrap();
    let second = world.sign_in("outlet", "pia", PASSWORD).await.unwrap();
    world.person("outlet", "piet", Role::Warehouse).await;
    let other = world.sign_in("outlet", "piet", PASSWORD).await.unwrap();
    let change = async |ctx: rpc::Ctx, current: &str, new: &str| {
        let req = ChangePassword { current: secret(current), new: secret(new) };
        world.client.change_password(&ctx, req).await
    };
    let me = || as_person("outlet", &pia);
    let wrong = change(me(), "wrong horse", "a new password").await.unwrap_err();
    assert_eq!(wrong, Error::WrongPassword);
    let fault = wrong.into_fault();
    assert_eq!((fault.code, fault.fields[0].pointer.as_str()), (ErrorCode::Invalid, "/current"));
    let short = change(me(), PASSWORD, "too short").await.unwrap_err().into_fault();
    assert_eq!(short.fields[0].pointer, "/new");
    assert!(world.holder("outlet", &first.token).await.is_some(), "a refusal changes nothing");
    let new = change(me(), PASSWORD, "a new password").await.unwrap();
    assert_eq!(new.staff, pia);
    assert_eq!(world.holder("outlet", &new.token).await.unwrap().id, pia.id.get());
    for ended in [&first.token, &second.token] {
        assert_eq!(world.holder("outlet", ended).await, None);
    }
    assert!(world.holder("outlet", &other.token).await.is_some(), "nobody else's session ends");
    let old = world.sign_in("outlet", "pia", PASSWORD).await;
    assert_eq!(old.unwrap_err(), Error::BadLogin);
    world.sign_in("outlet", "pia", "a new password").await.unwrap();
    for (ctx, code) in [
        (anonymous_ctx("outlet"), ErrorCode::Unauthenticated),
        (user_ctx("outlet", pia.id.get()), ErrorCode::NotFound),
        (test_ctx("outlet"), ErrorCode::NotFound),
        (as_person("flora", &pia), ErrorCode::NotFound),
    ] {
        let refused = change(ctx, "a new password", PASSWORD).await.unwrap_err();
        assert_eq!(refused.code(), code);
    }
    let off = UpdateStaff { id: pia.id, role: None, enabled: Some(false) };
    world.client.update(&test_ctx("outlet"), off).await.unwrap();
    let refused = change(me(), "a new password", PASSWORD).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NotFound, "who may not sign in does not do it so");
}

async fn people_are_listed_by_login(world: &World) {
    world.person("flora", "Zoe", Role::ReadOnly).await;
    let mut seen = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let list = List { cursor, limit: Limit::new(2).unwrap() };
        let page = world.client.list(&test_ctx("flora"), list).await.unwrap();
        seen.extend(page.items.into_iter().map(|p| p.login));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["Anna", "bert", "Zoe"]);
    let bad = List { cursor: Some(Cursor::encode(&7)), limit: Limit::default() };
    let refused = world.client.list(&test_ctx("flora"), bad).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Invalid);
}

async fn a_credential_holds_until_it_is_revoked(world: &World) {
    let system = test_ctx("flora");
    let new = |name: &str| NewCredential {
        name: name.to_owned(),
        permissions: vec!["stock:*".to_owned(), "products:read".to_owned()],
    };
    let made = world.client.create_credential(&system, new("erp")).await.unwrap();
    assert!(made.token.expose().starts_with("sc_"));
    let identity = world.holder("flora", &made.token).await.unwrap();
    assert_eq!(identity.id, made.credential.id.get());
    assert_eq!(identity.permissions, made.credential.permissions);
    assert_eq!(world.holder("gadget", &made.token).await, None);
    world.client.logout(&system, Token { token: made.token.clone() }).await.unwrap();
    assert!(world.holder("flora", &made.token).await.is_some(), "it is no session");

    for name in ["wms", "ads"] {
        world.client.create_credential(&system, new(name)).await.unwrap();
    }
    let full = world.client.create_credential(&system, new("one more")).await.unwrap_err();
    assert_eq!(full.into_fault().slug(), "too_many_credentials");
    let list = List { cursor: None, limit: Limit::default() };
    let page = world.client.list_credentials(&system, list.clone()).await.unwrap();
    let names: Vec<_> = page.items.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["ads", "wms", "erp"], "newest first");

    let revoke = || RevokeCredential { id: made.credential.id };
    let over = world.client.revoke_credential(&system, revoke()).await.unwrap();
    assert!(over.revoked_at.is_some());
    assert_eq!(world.holder("flora", &made.token).await, None);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.client.revoke_credential(&system, revoke()).await.unwrap(), over);
    let elsewhere = world.client.revoke_credential(&test_ctx("gadget"), revoke()).await;
    assert_eq!(elsewhere.unwrap_err().code(), ErrorCode::NotFound);
    assert!(world.client.create_credential(&system, new("one more")).await.is_ok());
    for ctx in [anonymous_ctx("flora"), user_ctx("flora", 1)] {
        let refused = world.client.list_credentials(&ctx, list.clone()).await.unwrap_err();
        assert!(matches!(refused.code(), ErrorCode::Forbidden | ErrorCode::Unauthenticated));
    }
}
