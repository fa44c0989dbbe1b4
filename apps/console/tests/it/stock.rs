//! Stock: the list, a sku with its ledger, adjusting it, warehouses.

use std::sync::{Arc, Mutex};

use inventory_api::{Adjust, Error, InventoryMock, LedgerEntry, ListStock};
use kit::{ErrorCode, Page};
use rpc::Fault;
use staff_api::Role;
use types::WarehouseId;
use web::testing::Browser;

use crate::data;
use crate::goods::{self, sku};
use crate::world::World;

fn inventory() -> InventoryMock {
    InventoryMock::new()
        .on_list_warehouses(|_, _| {
            Ok(vec![goods::warehouse(3, "main <b>"), goods::warehouse(4, "north")])
        })
        .on_list_stock(|_, _| {
            Ok(Page {
                items: vec![goods::stock(sku(11), 2), goods::stock(sku(99), 9)],
                next_cursor: None,
            })
        })
        .on_get_stock(|_, req| Ok(req.sku_ids.into_iter().map(|id| goods::stock(id, 7)).collect()))
        .on_ledger(|_, req| {
            let entry = LedgerEntry {
                at: data::AT,
                sku_id: req.sku_id,
                warehouse_id: WarehouseId::from_i64(3).unwrap(),
                kind: "adjust".into(),
                available: -3,
                reserved: 0,
                sold: 0,
                order_id: None,
                reason: "broken <b>".into(),
                by: "operator:7".into(),
            };
            Ok(Page { items: vec![entry], next_cursor: Some("older".to_owned().into()) })
        })
}

fn world(inventory: InventoryMock) -> World {
    World { products: goods::products(), inventory, ..World::owner() }
}

#[tokio::test]
async fn the_list_names_skus_and_asks_for_what_runs_low() {
    let asked = Arc::new(Mutex::new(Vec::<ListStock>::new()));
    let told = Arc::clone(&asked);
    let inventory = inventory().on_list_stock(move |_, req| {
        told.lock().unwrap().push(req);
        Ok(Page {
            items: vec![goods::stock(sku(11), 2), goods::stock(sku(99), 9)],
            next_cursor: None,
        })
    });
    let mut desk = world(inventory).desk();
    let seen = desk.get("/console/stock?below=10&warehouse=3").await;
    seen.is(200).shows("Rose &lt;b&gt; · S").shows("/console/stock/11").shows("few");
    seen.shows("Not in the catalogue any more").shows("main &lt;b&gt;");
    let asked = asked.lock().unwrap()[0].clone();
    assert_eq!((asked.below, asked.warehouse_id.unwrap().get()), (Some(10), 3));
}

#[tokio::test]
async fn a_sku_shows_its_warehouses_and_its_ledger() {
    let mut desk = world(inventory()).desk();
    let seen = desk.get("/console/stock/11").await;
    seen.is(200).shows("Rose &lt;b&gt; · S").shows("main &lt;b&gt;").shows("/console/products/5");
    seen.shows("-3").shows("broken &lt;b&gt;").shows("Adjusted").shows("cursor=older");
    desk.get("/console/stock/odd").await.is(404);
}

#[tokio::test]
async fn a_sku_that_nobody_knows_is_not_there() {
    let inventory = inventory()
        .on_get_stock(|_, req| {
            let mut none = goods::stock(req.sku_ids[0], 0);
            none.warehouses.clear();
            Ok(vec![none])
        })
        .on_ledger(|_, _| Ok(Page { items: Vec::new(), next_cursor: None }));
    world(inventory).desk().get("/console/stock/98").await.is(404);
}

const FORM: [(&str, &str); 3] = [("warehouse", "3"), ("delta", "-4"), ("reason", "broken")];

async fn token(desk: &mut Browser) -> String {
    desk.get("/console/stock/11").await.field("token")
}

#[tokio::test]
async fn an_adjustment_is_sent_once_however_often_its_form_is() {
    let asked = Arc::new(Mutex::new(Vec::<(Adjust, String, String)>::new()));
    let told = Arc::clone(&asked);
    let inventory = inventory().on_adjust(move |ctx, req| {
        let key = ctx.idempotency.clone().unwrap();
        let stock = goods::stock(req.sku_id, 3);
        told.lock().unwrap().push((req, key.key, key.body_hash));
        Ok(stock)
    });
    let mut desk = world(inventory).desk();
    let token = token(&mut desk).await;
    let form = [&FORM[..], &[("token", token.as_str())]].concat();
    for _ in 0..2 {
        desk.post("/console/stock/11/adjust", &form).await.leads_to("/console/stock/11?done=1");
    }
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked[0], asked[1], "the same key, so that the second changes nothing");
    assert_eq!((asked[0].0.delta, asked[0].0.reason.as_str()), (-4, "broken"));
    assert!(asked[0].1.contains(&token) && asked[0].2.is_ascii());
    desk.get("/console/stock/11?done=1").await.shows("The stock was adjusted.");
}

#[tokio::test]
async fn a_refused_adjustment_says_why_and_keeps_what_was_typed() {
    let inventory = inventory().on_adjust(|_, _| Err(Error::WouldBeNegative { available: 2 }));
    let mut desk = world(inventory).desk();
    let token = token(&mut desk).await;
    let form = [&FORM[..], &[("token", token.as_str())]].concat();
    let seen = desk.post("/console/stock/11/adjust", &form).await;
    seen.is(409)
        .shows("Only 2 are available there.")
        .shows("value=\"-4\"")
        .shows("value=\"broken\"");
    assert_ne!(seen.field("token"), token, "what is sent next is another form");
    let seen = desk
        .post("/console/stock/11/adjust", &[("delta", "a lot"), ("reason", ""), ("warehouse", "x")])
        .await;
    seen.is(422)
        .shows("A whole number other than 0")
        .shows("1 to 200 characters")
        .shows("Choose a warehouse.");
    seen.shows("value=\"a lot\"");
}

#[tokio::test]
async fn a_form_that_was_gone_back_to_is_told_apart() {
    let inventory = inventory()
        .on_adjust(|_, _| Err(Fault::new(ErrorCode::Unprocessable, "another body").into()));
    let mut desk = world(inventory).desk();
    let token = token(&mut desk).await;
    let form = [&FORM[..], &[("token", token.as_str())]].concat();
    let seen = desk.post("/console/stock/11/adjust", &form).await;
    seen.is(422).shows("This form was sent before").shows("value=\"-4\"");
}

#[tokio::test]
async fn a_second_click_while_the_first_runs_leads_to_the_sku() {
    let inventory = inventory().on_adjust(|_, _| {
        let twin = Fault::new(ErrorCode::Conflict, "still at it");
        Err(twin.with_slug("idempotency_in_flight").into())
    });
    let mut desk = world(inventory).desk();
    let token = token(&mut desk).await;
    let form = [&FORM[..], &[("token", token.as_str())]].concat();
    let to = "/console/stock/11?done=underway";
    desk.post("/console/stock/11/adjust", &form).await.leads_to(to);
    desk.get(to).await.is(200).shows("is being done");
}

#[tokio::test]
async fn where_nobody_knows_whether_it_was_adjusted_the_same_form_comes_back() {
    for code in [ErrorCode::Unavailable, ErrorCode::DeadlineExceeded, ErrorCode::TooManyRequests] {
        let inventory = inventory().on_adjust(move |_, _| Err(Fault::new(code, "away").into()));
        let mut desk = world(inventory).desk();
        let token = token(&mut desk).await;
        let form = [&FORM[..], &[("token", token.as_str())]].concat();
        let seen = desk.post("/console/stock/11/adjust", &form).await;
        seen.is(code.http_status()).shows("Try again in a moment").shows("value=\"-4\"");
        assert_eq!(seen.field("token"), token, "sent again, it is the same adjustment");
    }
}

#[tokio::test]
async fn where_the_whole_warehouse_is_away_the_adjustment_comes_back_with_its_key() {
    for code in [ErrorCode::Unavailable, ErrorCode::DeadlineExceeded] {
        let away = move || Fault::new(code, "away");
        let inventory = InventoryMock::new()
            .on_list_warehouses(move |_, _| Err(away().into()))
            .on_get_stock(move |_, _| Err(away().into()))
            .on_ledger(move |_, _| Err(away().into()))
            .on_adjust(move |_, _| Err(away().into()));
        let mut desk = world(inventory).desk();
        let token = "0123456789abcdef0123456789abcdef";
        let form = [&FORM[..], &[("token", token)]].concat();
        let seen = desk.post("/console/stock/11/adjust", &form).await;
        seen.is(503).shows("does nothing twice").shows("action=\"/console/stock/11/adjust\"");
        for (name, typed) in form {
            assert_eq!(seen.field(name), typed);
        }
    }
}

#[tokio::test]
async fn who_may_only_read_sees_stock_and_no_form() {
    let shop =
        World { products: goods::products(), inventory: inventory(), ..World::of(Role::ReadOnly) };
    let mut desk = shop.desk();
    desk.get("/console/stock/11").await.is(200).hides("/adjust");
    desk.get("/console/warehouses").await.is(200).hides("name=\"code\"");
}

#[tokio::test]
async fn warehouses_are_listed_and_added() {
    let inventory = inventory().on_add_warehouse(|_, req| match req.code.as_str() {
        "TAKEN" => Err(Error::CodeTaken),
        "full" => Err(Fault::new(ErrorCode::Conflict, "full").into()),
        "a b" => Err(Fault::invalid("/code", "no").into()),
        _ => {
            assert_eq!((req.name.as_str(), req.priority), ("South", -2));
            Ok(goods::warehouse(5, "south"))
        }
    });
    let mut desk = world(inventory).desk();
    let at = "/console/warehouses";
    desk.get(at).await.is(200).shows("main &lt;b&gt;").shows("/console/stock?warehouse=3");
    let form = |code: &'static str, priority: &'static str| {
        [("code", code), ("name", "South"), ("priority", priority)]
    };
    desk.post(at, &form("S", "-2")).await.leads_to(at);
    let seen = desk.post(at, &form("TAKEN", "0")).await;
    seen.is(409).shows("Another warehouse has this short name.").shows("value=\"South\"");
    desk.post(at, &form("a b", "0")).await.is(422).shows("1 to 32 letters");
    desk.post(at, &form("full", "0")).await.is(409).shows("as many warehouses as there may be");
    desk.post(at, &form("S", "soon"))
        .await
        .is(422)
        .shows("A whole number.")
        .shows("value=\"soon\"");
}
