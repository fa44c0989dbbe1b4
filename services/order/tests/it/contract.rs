//! The same promises through a local handle and over the wire.

use kit::{Cursor, ErrorCode, Limit, Secret};
use order_api::{
    Act, Brief, Cells, Error, Get, GetFlow, List, ListFlows, OPERATION_SCAN, OrderClient,
    OrderMessage, PublishFlow, Scan,
};
use rpc::{Endpoint, ServiceError as _};
use tasks::{TaskKind, Tasks};
use testkit::{anonymous_ctx, free_listener, operator_ctx, test_ctx, user_ctx};
use types::{MemberId, OrderId};

use crate::world::{PRICE, SHIPPING, World, buyer, order_of};

const SERVER: TaskKind = TaskKind::new("test.server");

async fn suite(world: &World, client: &OrderClient) {
    lists_are_paged_newest_first(world, client).await;
    strangers_are_refused(world, client).await;
    flows_are_checked_whole(client).await;
    a_scan_has_every_order_of_all_cells_once(world, client).await;
}

async fn lists_are_paged_newest_first(world: &World, client: &OrderClient) {
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = world.checkout(70, &[(1, 1)]).await;
        client.place(&buyer(70), order_of(id, PRICE + SHIPPING)).await.unwrap();
        ids.push(id);
    }
    ids.reverse();
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let limit = Limit::new(2).unwrap();
        let request = List { member_id: None, status: None, cursor, limit };
        let page = client.list(&buyer(70), request).await.unwrap();
        seen.extend(page.items.iter().map(|o| o.id));
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    let cells = client.cells(&operator_ctx("flora", 1, &["orders:read"]), Cells {}).await.unwrap();
    assert_eq!((cells.len(), cells.iter().map(|c| c.orders).sum::<i64>()), (4, 3));
    for id in ids {
        let request = Act {
            order_id: id,
            operation: "cancel".into(),
            expected_version: None,
            request_id: "done".into(),
            note: String::new(),
        };
        client.act(&buyer(70), request).await.unwrap();
    }
}

async fn strangers_are_refused(world: &World, client: &OrderClient) {
    let order = world.placed(71).await;
    let get = || Get { order_id: order.id };
    let of = |e: Error| e.code();
    assert_eq!(
        client.get(&user_ctx("flora", 72), get()).await.map_err(of),
        Err(ErrorCode::NotFound)
    );
    assert_eq!(
        client.get(&anonymous_ctx("flora"), get()).await.map_err(of),
        Err(ErrorCode::NotFound)
    );
    let elsewhere = Get { order_id: OrderId::from_i64(5).unwrap() };
    assert_eq!(client.get(&buyer(71), elsewhere).await.map_err(of), Err(ErrorCode::NotFound));
    let request = Brief { order_ids: vec![order.id] };
    assert_eq!(client.brief(&buyer(71), request).await.map_err(of), Err(ErrorCode::Forbidden));
    let request = List {
        member_id: Some(MemberId::from_i64(71).unwrap()),
        status: None,
        cursor: None,
        limit: Limit::default(),
    };
    assert_eq!(
        client.list(&buyer(72), request.clone()).await.map_err(of),
        Err(ErrorCode::Forbidden)
    );
    let staff = operator_ctx("flora", 1, &["orders:read"]);
    assert_eq!(client.list(&staff, request).await.unwrap().items.len(), 1);
    let mut odd = Act {
        order_id: order.id,
        operation: "fly".into(),
        expected_version: None,
        request_id: "odd".into(),
        note: String::new(),
    };
    let fault = client.act(&buyer(71), odd.clone()).await.unwrap_err().into_fault();
    assert_eq!(fault.fields[0].pointer, "/operation");
    odd.note = "x".repeat(501);
    let fault = client.act(&buyer(71), odd).await.unwrap_err().into_fault();
    assert_eq!(fault.fields[0].pointer, "/note");
}

async fn flows_are_checked_whole(client: &OrderClient) {
    let ctx = test_ctx("flora");
    let before = client.list_flows(&ctx, ListFlows {}).await.unwrap();
    for (document, place) in [
        ("{", ""),
        (r#"{"code":"other"}"#, "/code"),
        (r#"{"code":"order","initStatus":"A","statuses":{"A":{}},"operations":{}}"#, "/operations"),
    ] {
        let request = PublishFlow { document: document.into(), dry_run: false };
        let refused = client.publish_flow(&ctx, request).await;
        let Err(Error::BadFlow(problems)) = refused else { panic!("{document}: {refused:?}") };
        assert!(problems.iter().any(|p| p.pointer.starts_with(place)), "{problems:?}");
    }
    let good = include_str!("flow.json").to_owned();
    let request = PublishFlow { document: good, dry_run: true };
    assert!(!client.publish_flow(&ctx, request).await.unwrap().active);
    assert_eq!(client.list_flows(&ctx, ListFlows {}).await.unwrap(), before);
    let request = GetFlow { code: "order".into(), version: None };
    let shown = client.get_flow(&ctx, request).await.unwrap();
    assert_eq!(shown.document["initStatus"], "PENDING_PAYMENT");
    let request = PublishFlow { document: "{}".into(), dry_run: true };
    let refused = client.publish_flow(&buyer(71), request).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Forbidden);
}

async fn scanned(client: &OrderClient, limit: u32) -> Vec<OrderMessage> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let limit = Limit::new(limit).unwrap();
        let page = client.scan(&test_ctx("flora"), Scan { cursor, limit }).await.unwrap();
        assert!(page.items.len() <= limit.as_usize().min(50));
        all.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return all;
        }
    }
}

async fn a_scan_has_every_order_of_all_cells_once(world: &World, client: &OrderClient) {
    for member in 80..90 {
        world.placed(member).await;
    }
    let staff = operator_ctx("flora", 1, &["*"]);
    let cells = client.cells(&staff, Cells {}).await.unwrap();
    assert!(cells.iter().all(|c| c.orders > 0), "there is something to find in each: {cells:?}");
    let expected = cells.iter().map(|c| c.orders).sum::<i64>();
    for limit in [1, 2, 3, 7, 100] {
        let all = scanned(client, limit).await;
        let ids: std::collections::BTreeSet<_> = all.iter().map(|m| m.data.order_id).collect();
        assert_eq!((ids.len(), all.len()), (usize::try_from(expected).unwrap(), ids.len()));
        for m in all {
            let order = client.get(&staff, Get { order_id: m.data.order_id }).await.unwrap();
            let said = (m.operation.as_str(), m.from.as_str(), m.to.as_str(), m.version);
            let status = order.status.as_str();
            assert_eq!(said, (OPERATION_SCAN, status, status, order.version));
            assert_eq!((m.data.lines, m.data.address), (order.lines, order.address));
            assert_eq!((m.data.updated_at, m.data.total), (order.updated_at, order.total));
        }
    }
    let other = Scan { cursor: None, limit: Limit::default() };
    let none = client.scan(&test_ctx("gadget"), other.clone()).await.unwrap();
    assert_eq!((none.items.len(), none.next_cursor), (0, None), "tenants never see each other");
    for ctx in [staff, buyer(80), anonymous_ctx("flora")] {
        let refused = client.scan(&ctx, other.clone()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Forbidden);
    }
    let odd = Scan { cursor: Some(Cursor::from("odd".to_owned())), ..other };
    let fault = client.scan(&test_ctx("flora"), odd).await.unwrap_err().into_fault();
    assert_eq!((fault.code, fault.fields[0].pointer.as_str()), (ErrorCode::Invalid, "cursor"));
}

#[tokio::test]
async fn a_local_handle_keeps_the_contract() {
    let world = World::new().await;
    suite(&world, &world.client.clone()).await;
}

#[tokio::test]
async fn a_remote_handle_keeps_the_contract() {
    let world = World::new().await;
    let tasks = Tasks::new();
    let (listener, address) = free_listener().await;
    let secret = Secret::new("a-secret-for-this-test".to_owned());
    let (routes, serving) = (order_api::order_router(world.client.clone()), secret.clone());
    let stop = tasks.token();
    tasks.spawn(SERVER, async move {
        rpc::serve(listener, [routes], &serving, async move { stop.cancelled().await }).await
    });
    let endpoint = Endpoint::new(&format!("http://{address}"), &secret).unwrap();
    suite(&world, &OrderClient::remote(endpoint)).await;
    tasks.shutdown(std::time::Duration::from_secs(5)).await;
}
