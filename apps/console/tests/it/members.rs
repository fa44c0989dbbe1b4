//! Members: finding them, and what they ordered.

use kit::{Cursor, ErrorCode, Money, Page};
use member_api::{MemberInfo, MemberMock};
use order_api::{OrderMock, OrderSummary};
use rpc::{Actor, Fault};
use staff_api::Role;
use types::{MemberId, OrderId};

use crate::data::AT;
use crate::world::{World, visitor};

fn member(login: &str) -> MemberInfo {
    MemberInfo {
        id: MemberId::from_i64(55).unwrap(),
        login: login.into(),
        name: "Lucy <Chen>".into(),
        locale: Some("zh-CN".parse().unwrap()),
        created_at: AT,
    }
}

fn order() -> OrderSummary {
    OrderSummary {
        id: OrderId::from_i64(77).unwrap(),
        status: "PAID".into(),
        status_label: "Paid".into(),
        title: "Red roses".into(),
        image_url: None,
        units: 2,
        total: Money::new(129_900, "CNY".parse().unwrap()).unwrap(),
        created_at: AT,
    }
}

fn world(role: Role) -> World {
    let members = MemberMock::new()
        .on_list(|_, req| {
            let all = match req.login.as_deref() {
                Some("lucy@example.com") | None => vec![member("lucy@example.com")],
                Some(_) => vec![],
            };
            let next =
                req.login.is_none().then(|| Cursor::encode(&55)).filter(|_| req.cursor.is_none());
            Ok(Page { items: all, next_cursor: next })
        })
        .on_get(|_, req| match req.id.get() {
            55 => Ok(member("lucy@example.com")),
            _ => Err(Fault::not_found("this member").into()),
        });
    let orders = OrderMock::new().on_list(|_, req| {
        assert_eq!(req.member_id.unwrap().get(), 55, "of this member and nobody else");
        let next = req.cursor.is_none().then(|| Cursor::encode(&77));
        Ok(Page { items: vec![order()], next_cursor: next })
    });
    World { members, orders, ..World::of(role) }
}

#[tokio::test]
async fn members_are_listed_page_by_page_and_found_by_their_login() {
    let mut desk = world(Role::CustomerService).desk();
    let seen = desk.get("/console/members").await;
    seen.is(200).shows("href=\"/console/members/55\"").shows("Lucy &lt;Chen&gt;").shows("简体中文");
    let next = format!("/console/members?cursor={}", Cursor::encode(&55).as_str());
    seen.shows(&format!("href=\"{next}\""));
    desk.get(&next).await.is(200).shows("href=\"/console/members\"").hides("rel=\"next\"");
    let found = desk.get("/console/members?login=+lucy%40example.com+").await;
    found.is(200).shows("value=\"lucy@example.com\"").shows("/console/members/55");
    let nobody = desk.get("/console/members?login=%3Cb%3E").await;
    nobody.is(200).shows("Nobody is registered with this address.").shows("value=\"&lt;b&gt;\"");
}

#[tokio::test]
async fn a_profile_shows_what_its_member_ordered() {
    let mut desk = world(Role::ReadOnly).desk();
    let seen = desk.get("/console/members/55").await;
    seen.is(200).shows("Lucy &lt;Chen&gt;").shows("lucy@example.com");
    seen.shows("href=\"/console/orders/77\"").shows("Red roses · 2 items").shows("¥1,299.00");
    let next = format!("/console/members/55?cursor={}", Cursor::encode(&77).as_str());
    seen.shows(&next);
    desk.get(&next).await.is(200).shows("href=\"/console/members/55\"");
    for unknown in ["/console/members/56", "/console/members/x", "/console/members/-1"] {
        desk.get(unknown).await.is(404);
    }
}

#[tokio::test]
async fn who_may_not_see_orders_sees_the_profile_alone() {
    let mut world = world(Role::Owner);
    world.orders = OrderMock::new().on_list(|_, _| panic!("orders are not asked for"));
    let by = Actor::operator(9, vec!["members:read".into()]);
    let mut desk = visitor(world.start().pages).acting(by);
    desk.get("/console/members/55").await.is(200).shows("lucy@example.com").hides("Orders");
}

#[tokio::test]
async fn a_profile_is_shown_while_orders_are_away() {
    let mut world = world(Role::Owner);
    world.orders = OrderMock::new()
        .on_list(|_, _| Err(Fault::new(ErrorCode::Unavailable, "a cell is away").into()));
    let seen = world.desk().get("/console/members/55").await;
    seen.is(200)
        .shows("lucy@example.com")
        .shows("cannot be shown right now")
        .hides("a cell is away");
}
