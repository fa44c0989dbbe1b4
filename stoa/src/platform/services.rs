//! Starts the services in an order in which each finds what it needs. Services that call each other get
//! a handle that is bound when the other one is there.

use std::sync::Arc;

use auth::Passwords;
use flow::Registry;
use http_kit::Api;
use kit::{SharedClock, SharedEntropy};
use outbox::{Consumer, Outbox};
use payment::test_card::{self, ClientSink, TestCard};
use rpc::Fault;
use shard::{Database, Ids};
use tasks::Tasks;
use tenant_api::CachedTenants;

use crate::options::PlatformOptions;
use crate::platform::Databases;

/// A handle of every service.
#[derive(Clone)]
pub struct Clients {
    /// Tenants.
    pub tenant: tenant_api::TenantClient,
    /// Tenants, remembered for a few seconds.
    pub tenants: CachedTenants,
    /// Staff.
    pub staff: staff_api::StaffClient,
    /// Members.
    pub member: member_api::MemberClient,
    /// Products.
    pub product: product_api::ProductClient,
    /// Stock.
    pub inventory: inventory_api::InventoryClient,
    /// Carts.
    pub cart: cart_api::CartClient,
    /// Orders.
    pub order: order_api::OrderClient,
    /// Payments.
    pub payment: payment_api::PaymentClient,
    /// Shipping.
    pub fulfillment: fulfillment_api::FulfillClient,
    /// Messages between the services.
    pub messages: messages_api::MessagesClient,
    /// Finding products and orders.
    pub search: search_api::SearchClient,
}

/// What wiring takes.
pub(super) struct Wiring<'a> {
    pub(super) databases: &'a Databases,
    pub(super) options: &'a PlatformOptions,
    pub(super) ids: &'a Ids,
    pub(super) clock: &'a SharedClock,
    pub(super) entropy: &'a SharedEntropy,
    pub(super) tasks: &'a Tasks,
}

/// What wiring gives.
pub(super) struct Wired {
    pub(super) clients: Clients,
    pub(super) consumers: Vec<Consumer>,
    pub(super) api: Api,
    pub(super) outboxes: Vec<(&'static str, Outbox)>,
}

/// Starts all services.
///
/// # Errors
/// When the source of randomness fails or options contradict one another.
pub(super) fn wire(wiring: &Wiring<'_>) -> Result<Wired, Fault> {
    let mut parts = Parts::default();
    let base = base(wiring, &mut parts)?;
    let (cart, order) = trade(wiring, &mut parts, &base);
    let payment = payments(wiring, &mut parts, &order)?;
    let fulfillment = fulfillment::start(
        fulfillment::Deps {
            db: wiring.databases.fulfillment.clone(),
            outbox: parts.outbox("fulfillment", &wiring.databases.fulfillment),
            ids: wiring.ids.clone(),
            orders: order.clone(),
        },
        wiring.options.fulfillment,
    );
    parts.add(fulfillment.consumers, fulfillment.api);
    let search = finding(wiring, &mut parts, &base, &order);
    base.expiry.spawn(wiring.tasks, order.clone());
    // Last: it sees the outboxes of all the others.
    let messages = messages::start(messages::Deps { outboxes: parts.outboxes.clone() });
    parts.add(Vec::new(), messages.api);
    let clients = Clients {
        tenant: base.tenant,
        tenants: base.tenants,
        staff: base.staff,
        member: base.member,
        product: base.product,
        inventory: base.inventory,
        cart,
        order,
        payment,
        fulfillment: fulfillment.client,
        messages: messages.client,
        search,
    };
    let Parts { consumers, api, outboxes } = parts;
    Ok(Wired { clients, consumers, api, outboxes })
}

/// A handle that knows the tenants before any service has started; it runs nothing in the background.
pub(super) fn tenants(
    databases: &Databases,
    options: &PlatformOptions,
    ids: &Ids,
) -> tenant_api::TenantClient {
    let (db, ids) = (databases.tenant.clone(), ids.clone());
    let deps = tenant::Deps { outbox: Outbox::new(db.clone()), db, ids };
    tenant::start(deps, options.tenant).client
}

/// The services that call none that comes later.
struct Base {
    tenant: tenant_api::TenantClient,
    tenants: CachedTenants,
    staff: staff_api::StaffClient,
    member: member_api::MemberClient,
    product: product_api::ProductClient,
    inventory: inventory_api::InventoryClient,
    expiry: inventory::Expiry,
}

fn base(wiring: &Wiring<'_>, parts: &mut Parts) -> Result<Base, Fault> {
    let Wiring { databases, options, ids, clock, entropy, .. } = *wiring;
    let tenant = tenant::start(
        tenant::Deps {
            db: databases.tenant.clone(),
            outbox: parts.outbox("tenant", &databases.tenant),
            ids: ids.clone(),
        },
        options.tenant,
    );
    parts.add(tenant.consumers, tenant.api);
    let tenants = CachedTenants::new(tenant.client.clone(), Arc::clone(clock));
    let (staff, member) = people(wiring, parts)?;
    let inventory = inventory::start(
        inventory::Deps {
            db: databases.inventory.clone(),
            outbox: parts.outbox("inventory", &databases.inventory),
            ids: ids.clone(),
            entropy: Arc::clone(entropy),
        },
        options.inventory,
    );
    parts.add(inventory.consumers, inventory.api);
    // Carts send nothing, but what they have consumed is to be forgotten some day.
    parts.outbox("cart", &databases.cart);
    let product = product::start(
        product::Deps {
            db: databases.product.clone(),
            outbox: parts.outbox("product", &databases.product),
            ids: ids.clone(),
            tenants: tenants.clone(),
            inventory: inventory.client.clone(),
        },
        options.product,
    );
    parts.add(product.consumers, product.api);
    Ok(Base {
        tenant: tenant.client,
        tenants,
        staff,
        member,
        product: product.client,
        inventory: inventory.client,
        expiry: inventory.expiry,
    })
}

/// Carts ask orders for ids, and orders ask carts for lines.
fn trade(
    wiring: &Wiring<'_>,
    parts: &mut Parts,
    base: &Base,
) -> (cart_api::CartClient, order_api::OrderClient) {
    let Wiring { databases, options, ids, entropy, tasks, .. } = *wiring;
    let (late_orders, bind_orders) = order_api::OrderClient::late();
    let cart = cart::start(
        cart::Deps {
            db: databases.cart.clone(),
            entropy: Arc::clone(entropy),
            products: base.product.clone(),
            orders: late_orders,
            inventory: base.inventory.clone(),
            tenants: base.tenants.clone(),
        },
        options.cart,
    );
    parts.add(cart.consumers, cart.api);
    cart.purge.spawn(tasks);
    let order = order::start(
        order::Deps {
            db: databases.order.clone(),
            outbox: parts.outbox("order", &databases.order),
            ids: ids.clone(),
            flows: Registry::new(databases.platform.clone(), options.flow),
            tenants: base.tenants.clone(),
            products: base.product.clone(),
            inventory: base.inventory.clone(),
            carts: cart.client.clone(),
            members: base.member.clone(),
        },
        options.order.clone(),
    );
    parts.add(order.consumers, order.api);
    bind_orders(order.client.clone());
    (cart.client, order.client)
}

/// Lists of products and orders, fed by the messages of the others.
fn finding(
    wiring: &Wiring<'_>,
    parts: &mut Parts,
    base: &Base,
    orders: &order_api::OrderClient,
) -> search_api::SearchClient {
    let search = search::start(
        search::Deps {
            db: wiring.databases.search.clone(),
            products: base.product.clone(),
            inventory: base.inventory.clone(),
            orders: orders.clone(),
            tenant: base.tenant.clone(),
            tenants: base.tenants.clone(),
            clock: Arc::clone(wiring.clock),
            entropy: Arc::clone(wiring.entropy),
        },
        search::Options::default(),
    );
    parts.add(search.consumers, search.api);
    search.catch_up.spawn(wiring.tasks);
    search.client
}

/// What the services leave behind while they are started.
struct Parts {
    consumers: Vec<Consumer>,
    api: Api,
    outboxes: Vec<(&'static str, Outbox)>,
}

impl Default for Parts {
    fn default() -> Self {
        Self { consumers: Vec::new(), api: Api::new(()), outboxes: Vec::new() }
    }
}

impl Parts {
    fn add<S: Clone + Send + Sync + 'static>(&mut self, consumers: Vec<Consumer>, api: Api<S>) {
        self.consumers.extend(consumers);
        let so_far = std::mem::replace(&mut self.api, Api::new(()));
        self.api = so_far.merge(api);
    }

    fn outbox(&mut self, service: &'static str, db: &Database) -> Outbox {
        let outbox = Outbox::new(db.clone());
        self.outboxes.push((service, outbox.clone()));
        outbox
    }
}

/// Those who sign in.
fn people(
    wiring: &Wiring<'_>,
    parts: &mut Parts,
) -> Result<(staff_api::StaffClient, member_api::MemberClient), Fault> {
    let Wiring { databases, options, ids, entropy, tasks, .. } = *wiring;
    // A budget of memory and cores each, so that shoppers who sign in cannot keep staff out.
    let passwords = || Passwords::new(options.passwords, Arc::clone(entropy));
    let staff = staff::start(
        staff::Deps {
            db: databases.staff.clone(),
            ids: ids.clone(),
            entropy: Arc::clone(entropy),
            passwords: passwords()?,
        },
        options.staff,
    );
    parts.add(Vec::new(), staff.api);
    staff.sweep.spawn(tasks);
    let member = member::start(
        member::Deps {
            db: databases.member.clone(),
            ids: ids.clone(),
            entropy: Arc::clone(entropy),
            passwords: passwords()?,
        },
        options.member,
    );
    parts.add(Vec::new(), member.api);
    member.sweep.spawn(tasks);
    Ok((staff.client, member.client))
}

/// Payments with the simulated card provider, which calls back like a third party.
fn payments(
    wiring: &Wiring<'_>,
    parts: &mut Parts,
    orders: &order_api::OrderClient,
) -> Result<payment_api::PaymentClient, Fault> {
    let Wiring { databases, options, ids, entropy, tasks, .. } = *wiring;
    let (late, bind) = payment_api::PaymentClient::late();
    let card = TestCard::start(
        test_card::Deps {
            db: databases.test_card.clone(),
            sink: Box::new(ClientSink::new(late, Arc::clone(entropy))),
            entropy: Arc::clone(entropy),
            tasks: tasks.clone(),
        },
        options.test_card.clone(),
    )?;
    let payment = payment::start(
        payment::Deps {
            db: databases.payment.clone(),
            outbox: parts.outbox("payment", &databases.payment),
            ids: ids.clone(),
            orders: orders.clone(),
            providers: vec![card],
            entropy: Arc::clone(entropy),
            tasks: tasks.clone(),
        },
        options.payment.clone(),
    );
    parts.add(payment.consumers, payment.api);
    bind(payment.client.clone());
    Ok(payment.client)
}
