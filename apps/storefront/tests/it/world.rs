//! All services as mocks that answer like a small shop with one order. A test replaces the answers that
//! it is about; the log tells what was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use cart_api::{CartClient, CartContent, CartMock, CartView, Checkout, CreatedCart};
use fulfillment_api::{FulfillClient, FulfillMock};
use inventory_api::{InventoryClient, InventoryMock, SkuStock};
use kit::{Page, Secret};
use member_api::{MemberClient, MemberMock, SavedAddress, Session};
use order_api::{FlowDocument, FlowInfo, OrderBrief, OrderClient, OrderMock};
use payment_api::{OrderPayments, PaymentClient, PaymentMock, PaymentState};
use product_api::{ProductClient, ProductMock};
use rpc::{Actor, Ctx, Fault};
use search_api::{SearchClient, SearchMock};
use storefront::{Deps, Options};
use tenant_api::{CachedTenants, TenantClient, TenantMock};
use types::{AddressId, OrderId};
use web::testing::Browser;

use crate::data;
pub use crate::data::payment;

/// What was asked: the call, who asked, and what matters of the request.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn note(&self, ctx: &Ctx, what: impl std::fmt::Display) {
        self.0.lock().unwrap().push(format!("{} {what}", ctx.actor.principal()));
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// What was asked of one call.
    pub fn of(&self, call: &str) -> Vec<String> {
        let is = |line: &String| line.split(' ').nth(1) == Some(call);
        self.all().into_iter().filter(is).collect()
    }
}

pub struct World {
    pub log: Log,
    pub tenants: TenantMock,
    pub members: MemberMock,
    pub products: ProductMock,
    pub inventory: InventoryMock,
    pub carts: CartMock,
    pub orders: OrderMock,
    pub payments: PaymentMock,
    pub fulfillment: FulfillMock,
    pub search: SearchMock,
    pub hub: web::Hub,
    pub options: Options,
}

impl World {
    pub fn new() -> Self {
        let log = Log::default();
        Self {
            tenants: TenantMock::new().on_get(|_, _| Ok(data::tenant())),
            members: members(&log),
            products: products(),
            inventory: InventoryMock::new().on_get_stock(|_, req| {
                let stock = |sku_id| SkuStock {
                    sku_id,
                    available: 50,
                    reserved: 0,
                    sold: 0,
                    warehouses: vec![],
                };
                Ok(req.sku_ids.into_iter().map(stock).collect())
            }),
            carts: carts(&log),
            orders: orders(&log),
            payments: payments(&log),
            fulfillment: FulfillMock::new()
                .on_for_order(|_, _| Err(Fault::not_found("shipping").into())),
            search: search(&log),
            hub: web::Hub::new(web::live::Options::default(), tasks::Tasks::new().token()),
            options: Options::default(),
            log,
        }
    }

    pub fn router(self) -> Router {
        let clock = testkit::test_clock();
        let tenants = TenantClient::mock(self.tenants);
        let deps = Deps {
            tenants: CachedTenants::new(tenants, clock.clone()),
            members: MemberClient::mock(self.members),
            products: ProductClient::mock(self.products),
            inventory: InventoryClient::mock(self.inventory),
            carts: CartClient::mock(self.carts),
            orders: OrderClient::mock(self.orders),
            payments: PaymentClient::mock(self.payments),
            fulfillment: FulfillClient::mock(self.fulfillment),
            search: SearchClient::mock(self.search),
            hub: self.hub,
            entropy: testkit::seeded_entropy(1),
            clock,
        };
        storefront::start(deps, self.options)
    }

    pub fn visitor(self) -> Browser {
        visitor(self.router())
    }

    pub fn member(self) -> Browser {
        member(self.router())
    }
}

/// Somebody who has never been here.
pub fn visitor(router: Router) -> Browser {
    let browser = Browser::unknown(router, testkit::anonymous_ctx("flora"), "stoa_csrf");
    browser.signed_in_by("stoa_session", Actor::user(data::MEMBER))
}

/// Somebody who has been here and signed in.
pub fn member(router: Router) -> Browser {
    let mut browser = visitor(router);
    browser.jar.insert("stoa_session".into(), "sm_token".into());
    browser.jar.insert("stoa_csrf".into(), "a".repeat(32));
    browser
}

pub fn session() -> Session {
    Session {
        token: Secret::new("sm_token".into()),
        expires_at: testkit::BEGIN.plus(std::time::Duration::from_secs(3_600)),
        member: data::member(),
    }
}

fn members(log: &Log) -> MemberMock {
    let (put, out, delete) = (log.clone(), log.clone(), log.clone());
    let (profile, password, everywhere) = (log.clone(), log.clone(), log.clone());
    MemberMock::new()
        .on_login(|_, req| match req.password.expose().as_str() {
            "correct horse" => Ok(session()),
            _ => Err(member_api::Error::BadLogin),
        })
        .on_register(|_, _| Ok(session()))
        .on_logout(move |ctx, req| {
            out.note(ctx, format!("logout {}", req.token.expose()));
            Ok(())
        })
        .on_me(|_, _| Ok(data::member()))
        .on_update_profile(move |ctx, req| {
            let locale = req.locale.as_ref().map_or("-", |l| l.as_str());
            profile.note(ctx, format!("update_profile {:?} {locale}", req.name));
            Ok(data::member())
        })
        .on_change_password(move |ctx, req| match req.current.expose().as_str() {
            "correct horse" => {
                password.note(ctx, "change_password");
                Ok(Session { token: Secret::new("sm_new".into()), ..session() })
            }
            _ => Err(member_api::Error::WrongPassword),
        })
        .on_sign_out_everywhere(move |ctx, _| {
            everywhere.note(ctx, "sign_out_everywhere");
            Ok(())
        })
        .on_list_addresses(|_, _| Ok(data::addresses()))
        .on_get_address(|_, req| {
            let known = data::addresses().into_iter().find(|a| a.id == req.id);
            known.ok_or_else(|| Fault::not_found("this address").into())
        })
        .on_delete_address(move |ctx, req| {
            delete.note(ctx, format!("delete_address {}", req.id));
            Ok(())
        })
        .on_put_address(move |ctx, req| {
            let first = if req.is_default { " first" } else { "" };
            put.note(ctx, format!("put_address {}{first}", req.address.city));
            let id = req.id.unwrap_or(AddressId::from_i64(42).unwrap());
            Ok(SavedAddress { id, is_default: req.is_default, address: req.address })
        })
}

fn products() -> ProductMock {
    ProductMock::new()
        .on_list(|_, req| {
            let next_cursor = req.cursor.is_none().then(|| "more".to_owned().into());
            Ok(Page { items: data::products(), next_cursor })
        })
        .on_list_categories(|_, _| Ok(data::categories()))
        .on_get(|_, req| match req.product {
            product_api::ProductRef::Slug(slug) if slug.as_str() == "rose" => Ok(data::product()),
            _ => Err(Fault::not_found("the product").into()),
        })
}

pub fn empty_cart() -> CartView {
    CartView { lines: vec![], saved: vec![], subtotal: data::cny(0), version: 0 }
}

/// Finds the same whatever is asked for; the log has what that was.
fn search(log: &Log) -> SearchMock {
    let log = log.clone();
    SearchMock::new().on_find_products(move |ctx, req| {
        log.note(ctx, format!("find_products {}", serde_json::to_string(&req).unwrap()));
        Ok(data::results())
    })
}

fn carts(log: &Log) -> CartMock {
    let (set, merge, get, content) = (log.clone(), log.clone(), log.clone(), log.clone());
    let (save, restore, forget) = (log.clone(), log.clone(), log.clone());
    let token = |req: &cart_api::SaveLine| {
        req.token.as_ref().map_or("-".to_owned(), |t| t.0.expose().clone())
    };
    CartMock::new()
        .on_create(|_, _| Ok(CreatedCart { token: Secret::new("cart-token".into()) }))
        .on_get(move |ctx, req| {
            get.note(ctx, format!("get {}", req.token.as_ref().map_or("-", |t| t.0.expose())));
            let is_member = ctx.user_id().is_ok();
            Ok(if is_member || req.token.is_some() { data::cart() } else { empty_cart() })
        })
        .on_get_content(move |ctx, req| {
            content.note(ctx, format!("get_content {}", req.member_id));
            let CartView { lines, version, .. } = data::cart();
            let lines = lines.into_iter().map(|l| (l.sku_id, l.quantity)).collect();
            Ok(CartContent { lines, checkout_id: None, version })
        })
        .on_set_line(move |ctx, req| {
            let token = req.token.as_ref().map_or("-", |t| t.0.expose().as_str());
            let quantity = req.quantity.map_or(0, types::Quantity::get);
            set.note(ctx, format!("set_line {token} {} {quantity} {}", req.sku_id, req.add));
            Ok(data::cart())
        })
        .on_merge(move |ctx, req| {
            merge.note(ctx, format!("merge {}", req.token.0.expose()));
            Ok(data::cart())
        })
        .on_save_for_later(move |ctx, req| {
            save.note(ctx, format!("save_for_later {} {}", token(&req), req.sku_id));
            Ok(data::cart())
        })
        .on_move_to_cart(move |ctx, req| {
            restore.note(ctx, format!("move_to_cart {} {}", token(&req), req.sku_id));
            Ok(data::cart())
        })
        .on_remove_saved(move |ctx, req| {
            forget.note(ctx, format!("remove_saved {} {}", token(&req), req.sku_id));
            Ok(data::cart())
        })
        .on_begin_checkout(|_, _| Ok(Checkout { checkout_id: order_id() }))
}

pub fn order_id() -> OrderId {
    OrderId::from_i64(data::ORDER).unwrap()
}

/// What other services would be told about the order.
pub fn brief(payable: bool) -> OrderBrief {
    let order = data::order();
    OrderBrief {
        id: order.id,
        member_id: order.member_id,
        status: order.status,
        is_final: false,
        payable,
        shippable: false,
        holds_stock: true,
        payment_method: order.payment_method,
        total: order.total,
        paid: order.paid,
        version: order.version,
    }
}

fn flow() -> FlowDocument {
    let document = serde_json::json!({
        "initStatus": "PENDING_PAYMENT",
        "statuses": {"PAID": {"label": "All <paid>"}, "PENDING_PAYMENT": {"label": "To pay"}},
        "operations": {"pay": {"from": "PENDING_PAYMENT", "to": "PAID"}},
    });
    let info = FlowInfo { code: "order".into(), version: 1, active: true, published_at: data::AT };
    FlowDocument { info, document }
}

fn orders(log: &Log) -> OrderMock {
    let (place, act) = (log.clone(), log.clone());
    OrderMock::new()
        .on_quote(|_, _| Ok(data::quote()))
        .on_place(move |ctx, req| {
            let key = ctx.idempotency.as_ref().map_or("-", |k| k.key.as_str());
            let total = req.expected_total.amount();
            let (method, note) = (req.payment_method, req.note);
            place.note(ctx, format!("place {key} {} {method:?} {total} {note}", req.address_id));
            Ok(order_api::OrderView { payment_method: method, ..data::order() })
        })
        .on_get(|_, req| match req.order_id == order_id() {
            true => Ok(data::order()),
            false => Err(Fault::not_found("this order").into()),
        })
        .on_brief(|ctx, _| {
            assert_eq!(ctx.actor.kind, rpc::ActorKind::System);
            Ok(vec![brief(true)])
        })
        .on_history(|_, _| Ok(data::history()))
        .on_list(|_, _| Ok(Page { items: data::order_summaries(), next_cursor: None }))
        .on_get_flow(|ctx, _| {
            assert_eq!(ctx.actor.kind, rpc::ActorKind::System);
            Ok(flow())
        })
        .on_act(move |ctx, req| {
            let version = req.expected_version.unwrap_or_default();
            if req.order_id != order_id() {
                return Err(Fault::not_found("this order").into());
            }
            act.note(ctx, format!("act {} {version} {}", req.operation, req.request_id));
            Ok(data::order())
        })
}

fn payments(log: &Log) -> PaymentMock {
    let pay = log.clone();
    PaymentMock::new()
        .on_pay(move |ctx, req| {
            let key = ctx.idempotency.as_ref().map_or("-", |k| k.key.as_str());
            pay.note(ctx, format!("pay {key} {}", req.order_id));
            Ok(payment(PaymentState::Captured))
        })
        .on_for_order(|_, _| {
            Ok(OrderPayments { payments: vec![], refunds: vec![], balance: data::cny(0) })
        })
}
