//! What callers of the trait may rely on, whichever handle they hold.

use std::time::Duration;

use kit::{Cursor, ErrorCode, Limit};
use member_api::{
    ChangePassword, Error, Get, List, Me, Register, SignOutEverywhere, Token, UpdateProfile,
};
use rpc::ServiceError as _;
use testkit::{anonymous_ctx, operator_ctx, user_ctx};

use crate::books;
use crate::world::{PASSWORD, World, as_member, new, secret};

#[tokio::test]
async fn a_local_handle_keeps_the_contract() {
    suite(&World::new().await).await;
}

#[tokio::test]
async fn a_remote_handle_keeps_the_contract() {
    suite(&World::over_the_wire().await).await;
}

async fn suite(world: &World) {
    somebody_registers_and_signs_in_and_out(world).await;
    a_login_is_unique_in_its_tenant_whatever_the_case(world).await;
    a_token_of_one_tenant_is_nothing_in_another(world).await;
    a_session_ends_after_thirty_days(world).await;
    only_the_newest_sessions_stay(world).await;
    a_profile_is_changed_by_its_owner(world).await;
    a_new_password_ends_all_other_sessions(world).await;
    whoever_signs_out_everywhere_is_out_everywhere(world).await;
    staff_find_members(world).await;
    bad_input_is_refused_before_anything_changes(world).await;
    books::a_book_is_its_owners_and_offers_one_address_first(world).await;
    books::a_book_holds_fifty_addresses(world).await;
}

async fn somebody_registers_and_signs_in_and_out(world: &World) {
    let first = world.member("flora", "Anna@Flora.example").await;
    assert_eq!(first.member.login, "Anna@Flora.example");
    assert!(first.token.expose().starts_with("sm_"));
    assert_eq!(world.holder("flora", &first.token).await, Some(first.member.id));
    let session = world.sign_in("flora", "anna@flora.EXAMPLE", PASSWORD).await.unwrap();
    assert_eq!(session.member, first.member);
    assert_eq!(world.client.me(&as_member("flora", &session), Me {}).await.unwrap(), first.member);

    let token = || Token { token: session.token.clone() };
    world.client.logout(&anonymous_ctx("flora"), token()).await.unwrap();
    assert_eq!(world.holder("flora", &session.token).await, None);
    world.client.logout(&anonymous_ctx("flora"), token()).await.unwrap();
    assert!(world.holder("flora", &first.token).await.is_some(), "the other session goes on");

    let refusals = [("anna@flora.example", "wrong horse"), ("nobody@b", PASSWORD), ("", "")];
    for (login, password) in refusals {
        let refused = world.sign_in("flora", login, password).await.unwrap_err();
        assert_eq!(refused, Error::BadLogin, "{login}");
    }
    for nonsense in ["", "sm_", "nonsense", &format!("sm_{}", "a".repeat(43))] {
        assert_eq!(world.holder("flora", &secret(nonsense)).await, None, "{nonsense}");
    }
    let nobody = world.client.me(&anonymous_ctx("flora"), Me {}).await.unwrap_err();
    assert_eq!(nobody.code(), ErrorCode::Unauthenticated);
}

async fn a_login_is_unique_in_its_tenant_whatever_the_case(world: &World) {
    let ctx = anonymous_ctx("flora");
    let taken = world.client.register(&ctx, new("ANNA@flora.example")).await.unwrap_err();
    assert_eq!(taken, Error::LoginTaken);
    assert_eq!(taken.into_fault().slug(), "login_taken");
    world.member("gadget", "anna@flora.example").await;
}

async fn a_token_of_one_tenant_is_nothing_in_another(world: &World) {
    let here = world.sign_in("flora", "anna@flora.example", PASSWORD).await.unwrap();
    let there = world.sign_in("gadget", "anna@flora.example", PASSWORD).await.unwrap();
    assert_ne!(here.member.id, there.member.id);
    assert_eq!(world.holder("gadget", &here.token).await, None);
    assert_eq!(world.holder("flora", &there.token).await, None);
    let foreign = Token { token: here.token.clone() };
    world.client.logout(&anonymous_ctx("gadget"), foreign).await.unwrap();
    assert!(world.holder("flora", &here.token).await.is_some(), "no other tenant ends it");
    let stranger = world.client.me(&as_member("gadget", &here), Me {}).await.unwrap_err();
    assert_eq!(stranger.code(), ErrorCode::NotFound);
}

async fn a_session_ends_after_thirty_days(world: &World) {
    let session = world.sign_in("flora", "anna@flora.example", PASSWORD).await.unwrap();
    let lasts = Duration::from_secs(30 * 24 * 3_600);
    world.clock.advance(lasts - Duration::from_micros(1));
    assert!(world.holder("flora", &session.token).await.is_some());
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(world.holder("flora", &session.token).await, None, "using it does not prolong it");
}

async fn only_the_newest_sessions_stay(world: &World) {
    let mut sessions = Vec::new();
    for _ in 0..4 {
        world.clock.advance(Duration::from_secs(1));
        sessions.push(world.sign_in("flora", "anna@flora.example", PASSWORD).await.unwrap());
    }
    let mut holds = Vec::new();
    for session in &sessions {
        holds.push(world.holder("flora", &session.token).await.is_some());
    }
    assert_eq!(holds, [false, true, true, true]);
}

async fn a_profile_is_changed_by_its_owner(world: &World) {
    let session = world.sign_in("flora", "anna@flora.example", PASSWORD).await.unwrap();
    let ctx = as_member("flora", &session);
    let rename = UpdateProfile { name: Some("Anna Li".into()), locale: None };
    let changed = world.client.update_profile(&ctx, rename).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.locale.clone()), ("Anna Li", session.member.locale));
    let zh = Some("zh-CN".parse().unwrap());
    let speak = UpdateProfile { name: None, locale: zh.clone() };
    let changed = world.client.update_profile(&ctx, speak).await.unwrap();
    assert_eq!((changed.name.as_str(), &changed.locale), ("Anna Li", &zh));
    let nothing = UpdateProfile { name: None, locale: None };
    assert_eq!(world.client.update_profile(&ctx, nothing.clone()).await.unwrap(), changed);
    let operator = operator_ctx("flora", 1, &["*"]);
    assert!(world.client.update_profile(&operator, nothing).await.is_err());
}

async fn a_new_password_ends_all_other_sessions(world: &World) {
    let first = world.member("outlet", "pia@outlet.example").await;
    let second = world.sign_in("outlet", "pia@outlet.example", PASSWORD).await.unwrap();
    let other = world.member("outlet", "piet@outlet.example").await;
    let ctx = as_member("outlet", &second);
    let change = async |current: &str, new: &str| {
        let req = ChangePassword { current: secret(current), new: secret(new) };
        world.client.change_password(&ctx, req).await
    };
    let wrong = change("wrong horse", "a new password").await.unwrap_err();
    assert_eq!(wrong, Error::WrongPassword);
    let fault = wrong.into_fault();
    assert_eq!((fault.code, fault.fields[0].pointer.as_str()), (ErrorCode::Invalid, "/current"));
    let short = change(PASSWORD, "short").await.unwrap_err().into_fault();
    assert_eq!(short.fields[0].pointer, "/new");
    assert!(world.holder("outlet", &first.token).await.is_some(), "a refusal changes nothing");
    assert!(!ctx.session.is_ended(), "nor does it end the session that it came with");
    let new = change(PASSWORD, "a new password").await.unwrap();
    assert!(ctx.session.is_ended(), "the bus forgets the token that this call came with");
    assert_eq!(new.member, first.member);
    assert_eq!(world.holder("outlet", &new.token).await, Some(first.member.id));
    for ended in [&first.token, &second.token] {
        assert_eq!(world.holder("outlet", ended).await, None);
    }
    assert!(world.holder("outlet", &other.token).await.is_some(), "nobody else's session ends");
    let old = world.sign_in("outlet", "pia@outlet.example", PASSWORD).await;
    assert_eq!(old.unwrap_err(), Error::BadLogin);
    world.sign_in("outlet", "pia@outlet.example", "a new password").await.unwrap();
    let nobody = ChangePassword { current: secret(PASSWORD), new: secret(PASSWORD) };
    let nobody = world.client.change_password(&anonymous_ctx("outlet"), nobody).await.unwrap_err();
    assert_eq!(nobody.code(), ErrorCode::Unauthenticated);
}

async fn whoever_signs_out_everywhere_is_out_everywhere(world: &World) {
    let first = world.member("outlet", "otto@outlet.example").await;
    let second = world.sign_in("outlet", "otto@outlet.example", PASSWORD).await.unwrap();
    let other = world.sign_in("outlet", "piet@outlet.example", PASSWORD).await.unwrap();
    let ctx = as_member("outlet", &first);
    world.client.sign_out_everywhere(&ctx, SignOutEverywhere {}).await.unwrap();
    assert!(ctx.session.is_ended(), "the bus forgets the token that this call came with");
    for ended in [&first.token, &second.token] {
        assert_eq!(world.holder("outlet", ended).await, None);
    }
    assert!(world.holder("outlet", &other.token).await.is_some());
    let nobody = anonymous_ctx("outlet");
    let nobody = world.client.sign_out_everywhere(&nobody, SignOutEverywhere {}).await;
    assert_eq!(nobody.unwrap_err().code(), ErrorCode::Unauthenticated);
}

async fn staff_find_members(world: &World) {
    for n in 0..3 {
        world.clock.advance(Duration::from_secs(1));
        world.member("flora", &format!("shopper{n}@b.example")).await;
    }
    let staff = operator_ctx("flora", 1, &["members:read"]);
    let mut seen = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let list = List { login: None, cursor, limit: Limit::new(3).unwrap() };
        let page = world.client.list(&staff, list).await.unwrap();
        seen.extend(page.items.into_iter().map(|m| m.login));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let newest_first =
        ["shopper2@b.example", "shopper1@b.example", "shopper0@b.example", "Anna@Flora.example"];
    assert_eq!(seen, newest_first);

    let one =
        |login: &str| List { login: Some(login.to_owned()), cursor: None, limit: Limit::default() };
    let found = world.client.list(&staff, one("SHOPPER1@b.example")).await.unwrap().items;
    assert_eq!(found.len(), 1);
    let id = found[0].id;
    assert_eq!(world.client.get(&staff, Get { id }).await.unwrap(), found[0]);
    for nobody in ["nobody@b.example", "shopper1", ""] {
        assert!(world.client.list(&staff, one(nobody)).await.unwrap().items.is_empty());
    }
    let elsewhere = operator_ctx("gadget", 1, &["*"]);
    let foreign = world.client.get(&elsewhere, Get { id }).await.unwrap_err();
    assert_eq!(foreign.code(), ErrorCode::NotFound);
    for ctx in [anonymous_ctx("flora"), user_ctx("flora", id.get()), operator_ctx("flora", 1, &[])]
    {
        assert!(world.client.get(&ctx, Get { id }).await.is_err());
        assert!(world.client.list(&ctx, one("shopper1@b.example")).await.is_err());
    }
    let bad = List { cursor: Some(Cursor::encode(&"x")), login: None, limit: Limit::default() };
    assert_eq!(world.client.list(&staff, bad).await.unwrap_err().code(), ErrorCode::Invalid);
}

async fn bad_input_is_refused_before_anything_changes(world: &World) {
    let ctx = anonymous_ctx("flora");
    for (login, password) in [("no address", PASSWORD), ("late@b.example", "1234567")] {
        let bad = Register { password: secret(password), ..new(login) };
        let refused = world.client.register(&ctx, bad).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Invalid);
    }
    assert!(world.client.register(&ctx, new("late@b.example")).await.is_ok());
    let long = world.sign_in("flora", "late@b.example", &"x".repeat(129)).await.unwrap_err();
    assert_eq!(long.code(), ErrorCode::Invalid);
}

#[tokio::test]
async fn of_many_who_register_one_login_at_once_one_gets_it() {
    let world = World::new().await;
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let client = world.client.clone();
        all.spawn(async move { client.register(&anonymous_ctx("flora"), new("a@b")).await });
    }
    let results = all.join_all().await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    assert!(results.iter().flat_map(|r| r.as_ref().err()).all(|e| *e == Error::LoginTaken));
}
