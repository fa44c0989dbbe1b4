//! What callers may rely on, whether the service is in their process or behind the wire.

use inventory_api::{
    Adjust, Error, GetStock, InventoryClient, Ledger, ListStock, ListWarehouses, NewWarehouse,
    ReservationState, SetAvailable, Shortage,
};
use kit::{Cursor, ErrorCode, Limit};
use rpc::{Ctx, IdempotencyKey, ServiceError as _, Session};
use testkit::{anonymous_ctx, operator_ctx, test_ctx, user_ctx};

use crate::world::{
    World, add, check_ledger, for_order, ledger_sums, levels, order, reserve, sku, warehouse,
};

async fn suite(client: &InventoryClient) {
    let ctx = &test_ctx("flora");
    without_a_warehouse_a_level_cannot_be_set(client, ctx).await;
    warehouses_come_by_priority_and_codes_are_unique(client, ctx).await;
    an_order_moves_its_stock_through_its_life(client, ctx).await;
    every_verb_may_be_repeated(client, ctx).await;
    lines_of_one_sku_are_summed(client, ctx).await;
    an_order_is_split_only_when_no_warehouse_holds_it(client, ctx).await;
    what_was_given_back_is_over(client, ctx).await;
    another_basket_under_the_same_id_is_refused(client, ctx).await;
    adjustments_stop_at_zero(client, ctx).await;
    levels_are_set_by_difference(client, ctx).await;
    the_ledger_is_paged_and_tells_who(client, ctx).await;
    stock_is_listed_by_sku_and_what_runs_low_too(client).await;
    bad_input_is_refused(client, ctx).await;
    only_those_who_may_do(client).await;
    a_tenant_sees_its_own(client, ctx).await;
}

#[tokio::test]
async fn a_local_handle_keeps_the_contract() {
    let world = World::new().await;
    suite(&world.client).await;
}

#[tokio::test]
async fn a_remote_handle_keeps_the_contract() {
    let world = World::new().await;
    suite(&world.remote().await).await;
}

async fn first(client: &InventoryClient, ctx: &Ctx) -> types::WarehouseId {
    client.list_warehouses(ctx, ListWarehouses {}).await.unwrap()[0].id
}

async fn without_a_warehouse_a_level_cannot_be_set(client: &InventoryClient, ctx: &Ctx) {
    let req =
        SetAvailable { warehouse_id: None, levels: vec![(sku(1), 5)], reason: "import".to_owned() };
    let fault = client.set_available(ctx, req).await.unwrap_err().into_fault();
    assert_eq!(fault.slug(), "no_warehouse");
    assert!(fault.message.contains("POST /v1/admin/warehouses"), "{fault}");
    let error = reserve(client, ctx, 1, &[(1, 1)]).await.unwrap_err();
    assert!(matches!(error, Error::SoldOut(short) if short[0].available == 0));
}

async fn warehouses_come_by_priority_and_codes_are_unique(client: &InventoryClient, ctx: &Ctx) {
    warehouse(client, ctx, "west", 2).await;
    warehouse(client, ctx, "east", 1).await;
    let all = client.list_warehouses(ctx, ListWarehouses {}).await.unwrap();
    assert_eq!(all.iter().map(|w| w.code.as_str()).collect::<Vec<_>>(), ["east", "west"]);
    let again = NewWarehouse { code: "east".to_owned(), name: "East".to_owned(), priority: 0 };
    assert_eq!(client.add_warehouse(ctx, again).await, Err(Error::CodeTaken));
}

async fn an_order_moves_its_stock_through_its_life(client: &InventoryClient, ctx: &Ctx) {
    let place = first(client, ctx).await;
    add(client, ctx, place, 10, 5).await;
    let held = reserve(client, ctx, 10, &[(10, 3)]).await.unwrap();
    assert_eq!(held.state, ReservationState::Reserved);
    assert!(held.expires_at.is_some());
    assert_eq!((held.parcels.len(), held.parcels[0].warehouse_id), (1, place));
    assert_eq!(levels(client, ctx, 10).await, (2, 3, 0));
    assert_eq!(
        client.sell(ctx, for_order(10)).await,
        Err(Error::WrongState(ReservationState::Reserved)),
        "an order that is not bound cannot be paid"
    );
    client.bind(ctx, for_order(10)).await.unwrap();
    let bound = client.get_reservation(ctx, for_order(10)).await.unwrap();
    assert_eq!((bound.state, bound.expires_at), (ReservationState::Bound, None));
    assert_eq!(bound.parcels, held.parcels);
    client.sell(ctx, for_order(10)).await.unwrap();
    assert_eq!(levels(client, ctx, 10).await, (2, 0, 3));
    assert_eq!(
        client.release(ctx, for_order(10)).await,
        Err(Error::WrongState(ReservationState::Sold))
    );
    let kept = client.get_reservation(ctx, for_order(10)).await.unwrap();
    assert_eq!((kept.state, kept.parcels), (ReservationState::Sold, held.parcels));
    check_ledger(client, ctx, 10).await;
    reserve(client, ctx, 11, &[(10, 2)]).await.unwrap();
    client.bind(ctx, for_order(11)).await.unwrap();
    client.release(ctx, for_order(11)).await.unwrap();
    assert_eq!(levels(client, ctx, 10).await, (2, 0, 3), "a closed order gives back");
    check_ledger(client, ctx, 10).await;
}

async fn every_verb_may_be_repeated(client: &InventoryClient, ctx: &Ctx) {
    let place = first(client, ctx).await;
    add(client, ctx, place, 20, 50).await;
    let held = reserve(client, ctx, 20, &[(20, 2)]).await.unwrap();
    for _ in 0..100 {
        assert_eq!(reserve(client, ctx, 20, &[(20, 2)]).await.unwrap(), held);
    }
    client.bind(ctx, for_order(20)).await.unwrap();
    let bound = client.get_reservation(ctx, for_order(20)).await.unwrap();
    for _ in 0..100 {
        client.bind(ctx, for_order(20)).await.unwrap();
    }
    assert_eq!(client.get_reservation(ctx, for_order(20)).await.unwrap(), bound);
    assert_eq!(reserve(client, ctx, 20, &[(20, 2)]).await.unwrap(), bound);
    let sold = client.sell(ctx, for_order(20)).await.unwrap();
    for _ in 0..100 {
        assert_eq!(client.sell(ctx, for_order(20)).await.unwrap(), sold);
    }
    client.bind(ctx, for_order(20)).await.unwrap();
    assert_eq!(client.get_reservation(ctx, for_order(20)).await.unwrap(), sold);
    reserve(client, ctx, 21, &[(20, 2)]).await.unwrap();
    for _ in 0..100 {
        client.release(ctx, for_order(21)).await.unwrap();
    }
    assert_eq!(levels(client, ctx, 20).await, (48, 0, 2));
    assert_eq!(
        ledger_sums(client, ctx, 20).await.1,
        5,
        "one row for every change, none for a repeat"
    );
    check_ledger(client, ctx, 20).await;
}

async fn lines_of_one_sku_are_summed(client: &InventoryClient, ctx: &Ctx) {
    let place = first(client, ctx).await;
    add(client, ctx, place, 30, 5).await;
    let error = reserve(client, ctx, 30, &[(30, 3), (31, 1), (30, 3)]).await.unwrap_err();
    let short = |s, wanted, available| Shortage { sku_id: sku(s), wanted, available };
    assert_eq!(error, Error::SoldOut(vec![short(30, 6, 5), short(31, 1, 0)]));
    assert_eq!(error.into_fault().fields[0].pointer, "/lines/30");
    assert_eq!(levels(client, ctx, 30).await, (5, 0, 0), "nothing changes");
    let none = client.get_reservation(ctx, for_order(30)).await.unwrap_err();
    assert_eq!(none.code(), ErrorCode::NotFound);
    let held = reserve(client, ctx, 30, &[(30, 3), (30, 2)]).await.unwrap();
    assert_eq!(held.parcels[0].lines.len(), 1);
    assert_eq!(held.parcels[0].lines[0].quantity.get(), 5);
}

async fn an_order_is_split_only_when_no_warehouse_holds_it(client: &InventoryClient, ctx: &Ctx) {
    let all = client.list_warehouses(ctx, ListWarehouses {}).await.unwrap();
    let (east, west) = (all[0].id, all[1].id);
    add(client, ctx, east, 40, 2).await;
    add(client, ctx, west, 40, 4).await;
    let whole = reserve(client, ctx, 40, &[(40, 3)]).await.unwrap();
    let from = |r: &inventory_api::Reservation| {
        r.parcels.iter().map(|p| (p.warehouse_id, p.lines[0].quantity.get())).collect::<Vec<_>>()
    };
    assert_eq!(from(&whole), [(west, 3)]);
    let split = reserve(client, ctx, 41, &[(40, 3)]).await.unwrap();
    assert_eq!(from(&split), [(east, 2), (west, 1)]);
    assert_eq!(from(&client.get_reservation(ctx, for_order(41)).await.unwrap()), from(&split));
    client.release(ctx, for_order(41)).await.unwrap();
    check_ledger(client, ctx, 40).await;
}

async fn what_was_given_back_is_over(client: &InventoryClient, ctx: &Ctx) {
    let place = first(client, ctx).await;
    add(client, ctx, place, 50, 5).await;
    assert_eq!(client.bind(ctx, for_order(50)).await, Err(Error::ReservationOver));
    // The release comes before its reserve: the late reserve must not take stock.
    client.release(ctx, for_order(50)).await.unwrap();
    assert_eq!(reserve(client, ctx, 50, &[(50, 1)]).await, Err(Error::ReservationOver));
    reserve(client, ctx, 51, &[(50, 1)]).await.unwrap();
    client.release(ctx, for_order(51)).await.unwrap();
    assert_eq!(reserve(client, ctx, 51, &[(50, 1)]).await, Err(Error::ReservationOver));
    assert_eq!(client.bind(ctx, for_order(51)).await, Err(Error::ReservationOver));
    let sold = client.sell(ctx, for_order(51)).await;
    assert_eq!(sold, Err(Error::WrongState(ReservationState::Released)));
    let sold = client.sell(ctx, for_order(52)).await.unwrap_err();
    assert_eq!(sold.code(), ErrorCode::NotFound);
    assert_eq!(levels(client, ctx, 50).await, (5, 0, 0));
}

async fn another_basket_under_the_same_id_is_refused(client: &InventoryClient, ctx: &Ctx) {
    let place = first(client, ctx).await;
    add(client, ctx, place, 60, 9).await;
    reserve(client, ctx, 60, &[(60, 1)]).await.unwrap();
    let other = reserve(client, ctx, 60, &[(60, 5)]).await;
    assert_eq!(other, Err(Error::WrongState(ReservationState::Reserved)));
    assert_eq!(levels(client, ctx, 60).await, (8, 1, 0));
}

async fn adjustments_stop_at_zero(client: &InventoryClient, ctx: &Ctx) {
    let warehouse_id = first(client, ctx).await;
    let adjust =
        |delta| Adjust { sku_id: sku(70), warehouse_id, delta, reason: "broken".to_owned() };
    let none = client.adjust(ctx, adjust(-1)).await;
    assert_eq!(none, Err(Error::WouldBeNegative { available: 0 }));
    client.adjust(ctx, adjust(5)).await.unwrap();
    reserve(client, ctx, 70, &[(70, 3)]).await.unwrap();
    let held = client.adjust(ctx, adjust(-3)).await;
    assert_eq!(held, Err(Error::WouldBeNegative { available: 2 }), "what is reserved is not there");
    assert_eq!(client.adjust(ctx, adjust(-2)).await.unwrap().available, 0);
    check_ledger(client, ctx, 70).await;

    let keyed = |key: &str, body: &str| Ctx {
        idempotency: Some(IdempotencyKey {
            key: key.to_owned(),
            route: "POST /v1/admin/stock/adjustments".to_owned(),
            body_hash: body.to_owned(),
        }),
        session: Session::default(),
        ..ctx.clone()
    };
    let (one, two) = (keyed("k1", "a"), keyed("k1", "a"));
    let stock = client.adjust(&one, adjust(4)).await.unwrap();
    assert_eq!(client.adjust(&two, adjust(4)).await.unwrap(), stock);
    assert!(!one.session.is_replayed() && two.session.is_replayed());
    assert_eq!(levels(client, ctx, 70).await.0, 4, "added once");
    let reused = client.adjust(&keyed("k1", "b"), adjust(5)).await.unwrap_err().into_fault();
    assert_eq!(reused.slug(), "idempotency_key_reused");
}

async fn levels_are_set_by_difference(client: &InventoryClient, ctx: &Ctx) {
    let all = client.list_warehouses(ctx, ListWarehouses {}).await.unwrap();
    let set = async |warehouse_id, levels: &[(i64, i64)]| {
        let levels = levels.iter().map(|(s, n)| (sku(*s), *n)).collect();
        let req = SetAvailable { warehouse_id, levels, reason: "import".to_owned() };
        client.set_available(ctx, req).await
    };
    set(None, &[(80, 7), (81, 0)]).await.unwrap();
    reserve(client, ctx, 80, &[(80, 2)]).await.unwrap();
    set(None, &[(80, 7), (81, 3)]).await.unwrap();
    set(None, &[(80, 7), (81, 3)]).await.unwrap();
    set(Some(all[1].id), &[(81, 1)]).await.unwrap();
    assert_eq!(levels(client, ctx, 80).await, (7, 2, 0));
    assert_eq!(levels(client, ctx, 81).await, (4, 0, 0));
    assert_eq!(ledger_sums(client, ctx, 80).await.1, 3, "what is so already is not written");
    check_ledger(client, ctx, 80).await;
    check_ledger(client, ctx, 81).await;
    let unknown = types::WarehouseId::from_i64(1).unwrap();
    assert!(set(Some(unknown), &[(80, 1)]).await.is_err());
    let stock = client.get_stock(ctx, GetStock { sku_ids: vec![sku(81)] }).await.unwrap();
    let shape: Vec<_> = stock[0].warehouses.iter().map(|w| (w.warehouse_id, w.available)).collect();
    assert_eq!(shape, [(all[0].id, 3), (all[1].id, 1)], "by priority");
}

async fn the_ledger_is_paged_and_tells_who(client: &InventoryClient, ctx: &Ctx) {
    let warehouse_id = first(client, ctx).await;
    let staff = operator_ctx("flora", 9, &["stock:*"]);
    for n in 1..=5 {
        let reason = format!("delivery {n}");
        let req = Adjust { sku_id: sku(90), warehouse_id, delta: n, reason };
        client.adjust(&staff, req).await.unwrap();
    }
    reserve(client, ctx, 90, &[(90, 1)]).await.unwrap();
    let page = async |cursor| {
        let limit = Limit::new(4).unwrap();
        client.ledger(&staff, Ledger { sku_id: sku(90), cursor, limit }).await
    };
    let newest = page(None).await.unwrap();
    assert_eq!(
        (newest.items[0].kind.as_str(), newest.items[0].order_id),
        ("reserve", Some(order(90)))
    );
    assert_eq!(
        (newest.items[1].reason.as_str(), newest.items[1].by.as_str()),
        ("delivery 5", "operator:9")
    );
    let oldest = page(newest.next_cursor).await.unwrap();
    assert_eq!(oldest.items.iter().map(|e| e.available).collect::<Vec<_>>(), [2, 1]);
    assert!(oldest.next_cursor.is_none());
    let bad = page(Some(Cursor::from("?".to_owned()))).await.unwrap_err();
    assert_eq!(bad.code(), ErrorCode::Invalid);
}

async fn stock_is_listed_by_sku_and_what_runs_low_too(client: &InventoryClient) {
    // A tenant of its own: what others have stocked is not listed.
    let ctx = &test_ctx("outlet");
    let (east, west) =
        (warehouse(client, ctx, "east", 1).await, warehouse(client, ctx, "west", 2).await);
    for (s, here, there) in [(1, 50, 0), (2, 3, 3), (3, 1, 30), (4, 0, 2), (5, 4, 0)] {
        for (place, n) in [(east, here), (west, there)].into_iter().filter(|(_, n)| *n > 0) {
            add(client, ctx, place, s, n).await;
        }
    }
    reserve(client, ctx, 900, &[(5, 4)]).await.unwrap();
    let staff = &operator_ctx("outlet", 9, &["stock:read"]);
    let list = async |warehouse_id, below| {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let limit = Limit::new(2).unwrap();
            let req = ListStock { warehouse_id, below, cursor, limit };
            let page = client.list_stock(staff, req).await.unwrap();
            found.extend(page.items.iter().map(|s| (s.sku_id.get(), s.available)));
            cursor = page.next_cursor;
            if cursor.is_none() {
                return found;
            }
        }
    };
    assert_eq!(list(None, None).await, [(1, 50), (2, 6), (3, 31), (4, 2), (5, 0)]);
    assert_eq!(list(None, Some(7)).await, [(2, 6), (4, 2), (5, 0)]);
    assert_eq!(list(None, Some(6)).await, [(4, 2), (5, 0)], "fewer than, over all warehouses");
    assert_eq!(list(None, Some(1)).await, [(5, 0)]);
    assert_eq!(list(Some(west), None).await, [(2, 6), (3, 31), (4, 2)]);
    assert_eq!(list(Some(east), Some(4)).await, [(2, 6), (3, 31), (5, 0)], "what is there counts");
    let req =
        |below| ListStock { warehouse_id: None, below, cursor: None, limit: Limit::default() };
    for below in [0, -1, 1_000_000_001] {
        let fault = client.list_stock(staff, req(Some(below))).await.unwrap_err().into_fault();
        assert_eq!((fault.code, fault.fields[0].pointer.as_str()), (ErrorCode::Invalid, "below"));
    }
    for nobody in [anonymous_ctx("outlet"), user_ctx("outlet", 5)] {
        let refused = client.list_stock(&nobody, req(None)).await.unwrap_err();
        assert!(matches!(refused.code(), ErrorCode::Forbidden | ErrorCode::Unauthenticated));
    }
}

async fn bad_input_is_refused(client: &InventoryClient, ctx: &Ctx) {
    let warehouse_id = first(client, ctx).await;
    let new = |code: &str, name: &str| NewWarehouse {
        code: code.to_owned(),
        name: name.to_owned(),
        priority: 0,
    };
    for (code, name, at) in
        [("", "n", "/code"), ("a b", "n", "/code"), ("c", "", "/name"), ("c", "a\u{0}", "/name")]
    {
        let fault = client.add_warehouse(ctx, new(code, name)).await.unwrap_err().into_fault();
        assert_eq!((fault.code, fault.fields[0].pointer.as_str()), (ErrorCode::Invalid, at));
    }
    for (delta, reason) in [(0, "r"), (1_000_000_001, "r"), (i64::MIN, "r"), (1, ""), (1, "\n")] {
        let reason = reason.to_owned();
        let req = Adjust { sku_id: sku(1), warehouse_id, delta, reason };
        assert_eq!(client.adjust(ctx, req).await.unwrap_err().code(), ErrorCode::Invalid);
    }
    let reason = "r".to_owned();
    let elsewhere = types::WarehouseId::from_i64(1).unwrap();
    let req = Adjust { sku_id: sku(1), warehouse_id: elsewhere, delta: 1, reason };
    let fault = client.adjust(ctx, req).await.unwrap_err().into_fault();
    assert_eq!(fault.fields[0].pointer, "/warehouse_id");
    let many = client.get_stock(ctx, GetStock { sku_ids: vec![sku(1); 201] }).await;
    assert_eq!(many.unwrap_err().code(), ErrorCode::Invalid);
    assert_eq!(reserve(client, ctx, 1, &[]).await.unwrap_err().code(), ErrorCode::Invalid);
}

async fn only_those_who_may_do(client: &InventoryClient) {
    let (user, nobody) = (user_ctx("flora", 5), anonymous_ctx("flora"));
    let reader = operator_ctx("flora", 9, &["stock:read"]);
    let writer = operator_ctx("flora", 9, &["stock:*"]);
    let new = || NewWarehouse { code: "x".to_owned(), name: "x".to_owned(), priority: 0 };
    for (ctx, code) in [
        (&user, ErrorCode::Forbidden),
        (&nobody, ErrorCode::Unauthenticated),
        (&reader, ErrorCode::Forbidden),
    ] {
        assert_eq!(client.add_warehouse(ctx, new()).await.unwrap_err().code(), code);
    }
    for ctx in [&user, &nobody, &writer] {
        let error = reserve(client, ctx, 1, &[(10, 1)]).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Forbidden, "verbs are for the platform");
        let id = for_order(10);
        assert_eq!(client.bind(ctx, id).await.unwrap_err().code(), ErrorCode::Forbidden);
        assert_eq!(client.sell(ctx, id).await.unwrap_err().code(), ErrorCode::Forbidden);
        assert_eq!(client.release(ctx, id).await.unwrap_err().code(), ErrorCode::Forbidden);
    }
    assert!(client.get_reservation(&user, for_order(10)).await.is_err());
    let place = first(client, &reader).await;
    add(client, &writer, place, 95, 500).await;
    let seen = client.get_stock(&user, GetStock { sku_ids: vec![sku(95)] }).await.unwrap();
    assert_eq!((seen[0].available, seen[0].warehouses.len()), (99, 0), "not how much there is");
    let seen = client.get_stock(&reader, GetStock { sku_ids: vec![sku(95)] }).await.unwrap();
    assert_eq!(seen[0].available, 500);
}

async fn a_tenant_sees_its_own(client: &InventoryClient, ctx: &Ctx) {
    let other = test_ctx("gadget");
    assert_eq!(levels(client, ctx, 10).await.2, 3);
    assert_eq!(levels(client, &other, 10).await, (0, 0, 0));
    assert!(client.list_warehouses(&other, ListWarehouses {}).await.unwrap().is_empty());
    assert!(client.get_reservation(&other, for_order(10)).await.is_err());
    assert_eq!(ledger_sums(client, &other, 10).await.1, 0);
}
