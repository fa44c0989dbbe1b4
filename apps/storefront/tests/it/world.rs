//! All services as mocks that answer like a small shop with one order. A test replaces the answers that
//! it is about; the log tells what was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use cart_api::{CartClient, CartMock, CartView, Checkout, CreatedCart};
use fulfillment_api::{FulfillClient, FulfillMock};
use inventory_api::{InventoryClient, InventoryMock, SkuStock};
use kit::{Page, Secret};
use member_api::{MemberClient, MemberInfo, MemberMock, SavedAddress, Session};
use order_api::{OrderBrief, OrderClient, OrderMock};
use payment_api::{OrderPayments, PaymentClient, PaymentMock, PaymentState, PaymentView};
use product_api::{ProductClient, ProductMock};
use rpc::{Ctx, Fault};
use storefront::{Deps, Options};
use tenant_api::{CachedTenants, TenantClient, TenantMock};
use types::{AddressId, MemberId, OrderId, PaymentId};

use crate::browser::Browser;
use crate::data;

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
            entropy: testkit::seeded_entropy(1),
            clock,
        };
        storefront::start(deps, self.options)
    }

    pub fn visitor(self) -> Browser {
        Browser::new(self.router())
    }

    pub fn member(self) -> Browser {
        Browser::of_member(self.router())
    }
}

pub fn session() -> Session {
    Session {
        token: Secret::new("sm_token".into()),
        expires_at: testkit::BEGIN.plus(std::time::Duration::from_secs(3_600)),
        member: MemberInfo {
            id: MemberId::from_i64(data::MEMBER).unwrap(),
            login: "li@example.com".into(),
            name: "Li".into(),
            locale: None,
            created_at: data::AT,
        },
    }
}

fn members(log: &Log) -> MemberMock {
    let (put, out) = (log.clone(), log.clone());
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
        .on_list_addresses(|_, _| Ok(data::addresses()))
        .on_put_address(move |ctx, req| {
            put.note(ctx, format!("put_address {}", req.address.city));
            let id = AddressId::from_i64(42).unwrap();
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
    CartView { lines: vec![], subtotal: data::cny(0), version: 0 }
}

fn carts(log: &Log) -> CartMock {
    let (set, merge, get) = (log.clone(), log.clone(), log.clone());
    CartMock::new()
        .on_create(|_, _| Ok(CreatedCart { token: Secret::new("cart-token".into()) }))
        .on_get(move |ctx, req| {
            get.note(ctx, format!("get {}", req.token.as_ref().map_or("-", |t| t.0.expose())));
            let is_member = ctx.user_id().is_ok();
            Ok(if is_member || req.token.is_some() { data::cart() } else { empty_cart() })
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
        .on_act(move |ctx, req| {
            let version = req.expected_version.unwrap_or_default();
            act.note(ctx, format!("act {} {version} {}", req.operation, req.request_id));
            Ok(data::order())
        })
}

pub fn payment(state: PaymentState) -> PaymentView {
    PaymentView {
        id: PaymentId::from_i64(62).unwrap(),
        order_id: order_id(),
        provider: "test_card".into(),
        provider_reference: None,
        card_brand: None,
        card_last4: None,
        state,
        amount: data::cny(27_000),
        refunded: data::cny(0),
        decline_reason: None,
        created_at: data::AT,
    }
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
