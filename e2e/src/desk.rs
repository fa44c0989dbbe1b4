//! Somebody who works for a tenant: stock, shipping, cash, flows. Each method is one thing that such a
//! person does; what it means is asserted by the tests.

use anyhow::{Context as _, Result, ensure};
use fulfillment_api::{Fulfillment, Shipment};
use inventory_api::{SkuStock, Warehouse};
use kit::Money;
use order_api::{CellCount, FlowDocument, FlowInfo, HistoryEntry, OrderView};
use payment_api::{OrderPayments, PaymentView};
use product_api::ProductInfo;
use serde::Deserialize;
use serde_json::{Value, json};
use types::{OrderId, Quantity, ShipmentId, SkuId, WarehouseId};

use crate::client::{Answer, Caller};
use crate::shopper::Listing;

/// As many skus as one question about stock may name.
const SKUS_PER_QUESTION: usize = 150;

/// A sku's stock over all warehouses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    /// What can be ordered.
    pub available: i64,
    /// What orders hold.
    pub reserved: i64,
    /// What was sold.
    pub sold: i64,
}

impl Levels {
    /// What must never change but by adjustments.
    #[must_use]
    pub const fn total(self) -> i64 {
        self.available + self.reserved + self.sold
    }

    /// Whether nothing of it is below zero.
    #[must_use]
    pub const fn is_sane(self) -> bool {
        self.available >= 0 && self.reserved >= 0 && self.sold >= 0
    }
}

#[derive(Deserialize)]
struct Session {
    token: String,
}

/// What a service has told the others.
#[derive(Deserialize)]
struct Messages {
    pending: u64,
}

/// Somebody of the staff who is signed in.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Sends requests in that person's name.
    pub caller: Caller,
}

impl Desk {
    /// Signs in.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn sign_in(visitor: &Caller, login: &str, password: &str) -> Result<Self> {
        let body = json!({ "login": login, "password": password });
        let session: Session = visitor.post("/v1/admin/sessions", &body).await?.ok()?;
        Ok(Self { caller: visitor.with_token(&session.token) })
    }

    /// The same, but asking again whenever too much is going on: [`Caller::patient`].
    #[must_use]
    pub fn patient(&self) -> Self {
        Self { caller: self.caller.patient() }
    }

    /// The tenant's warehouses, by priority.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn warehouses(&self) -> Result<Vec<Warehouse>> {
        self.caller.get("/v1/admin/warehouses").await?.ok()
    }

    /// Puts a product with one variant on sale, with units of it in the first warehouse.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn product(&self, slug: &str, amount: i64, units: i64) -> Result<SkuId> {
        let skus = json!([{ "prices": [{ "channel": "web", "amount": amount }] }]);
        let made = self.product_with(slug, json!([]), skus).await?;
        let sku = made.skus.first().context("a product has a sku")?.id;
        let warehouse = self.warehouses().await?.first().context("a tenant has a warehouse")?.id;
        self.stock_up(sku, warehouse, units).await?;
        Ok(sku)
    }

    /// Puts a product on sale.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn product_with(
        &self,
        slug: &str,
        options: Value,
        skus: Value,
    ) -> Result<ProductInfo> {
        let body = json!({ "slug": slug, "title": { "en": slug }, "description": { "en": "For a test." },
            "options": options, "skus": skus, "status": "on_sale" });
        self.caller.post("/v1/admin/products", &body).await?.ok().context("adding a product")
    }

    /// Adds units to a warehouse.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn stock_up(&self, sku: SkuId, warehouse: WarehouseId, units: i64) -> Result<()> {
        let body =
            json!({ "sku_id": sku, "warehouse_id": warehouse, "delta": units, "reason": "test" });
        let key = format!("stock-{sku}-{warehouse}-{units}");
        let path = "/v1/admin/stock/adjustments";
        let stock: SkuStock = self.caller.post_keyed(path, &key, &body).await?.ok()?;
        ensure!(stock.sku_id == sku, "the stock of another sku was answered");
        Ok(())
    }

    /// The stock of a sku.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn level(&self, sku: SkuId) -> Result<Levels> {
        let levels = self.levels(&[sku]).await?;
        levels.first().copied().context("a sku has a stock")
    }

    /// The stock of some skus, in their order.
    ///
    /// # Errors
    /// When there is no answer, or it does not add up over the warehouses.
    pub async fn levels(&self, skus: &[SkuId]) -> Result<Vec<Levels>> {
        let mut levels = Vec::with_capacity(skus.len());
        for some in skus.chunks(SKUS_PER_QUESTION) {
            let ids: Vec<String> = some.iter().map(ToString::to_string).collect();
            let path = format!("/v1/admin/stock?sku_ids={}", ids.join(","));
            let stocks: Listing<SkuStock> = self.caller.get(&path).await?.ok()?;
            let stocks = stocks.items;
            ensure!(stocks.iter().map(|s| s.sku_id).eq(some.iter().copied()), "other skus: {path}");
            for stock in stocks {
                let sum: i64 =
                    stock.warehouses.iter().map(|w| w.available + w.reserved + w.sold).sum();
                let SkuStock { available, reserved, sold, .. } = stock;
                let level = Levels { available, reserved, sold };
                ensure!(level.total() == sum, "warehouses do not sum up: {level:?}, {sum}");
                levels.push(level);
            }
        }
        Ok(levels)
    }

    /// An order.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn order(&self, id: OrderId) -> Result<OrderView> {
        self.caller.get(&format!("/v1/admin/orders/{id}")).await?.ok()
    }

    /// How an order came to stand where it does.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn history(&self, id: OrderId) -> Result<Vec<HistoryEntry>> {
        self.caller.get(&format!("/v1/admin/orders/{id}/history")).await?.ok()
    }

    /// Moves an order.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn act(&self, id: OrderId, operation: &str) -> Result<Answer> {
        self.caller.post(&format!("/v1/admin/orders/{id}/actions/{operation}"), &json!({})).await
    }

    /// How the shipping of an order stands.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn fulfillment(&self, id: OrderId) -> Result<Answer> {
        self.caller.get(&format!("/v1/admin/orders/{id}/fulfillment")).await
    }

    /// Ships some units of an order, or all that is left of it.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn try_to_ship(
        &self,
        id: OrderId,
        lines: Option<&[(SkuId, Quantity)]>,
        tracking: &str,
    ) -> Result<Answer> {
        let mut body = json!({ "carrier": "Post", "tracking_number": tracking });
        if let Some(lines) = lines {
            let line = |(sku, n): &(SkuId, Quantity)| json!({ "sku_id": sku, "quantity": n });
            body["lines"] = lines.iter().map(line).collect();
        }
        self.caller.post(&format!("/v1/admin/orders/{id}/shipments"), &body).await
    }

    /// Ships some units of an order, or all that is left of it.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn ship(
        &self,
        id: OrderId,
        lines: Option<&[(SkuId, Quantity)]>,
        tracking: &str,
    ) -> Result<Shipment> {
        self.try_to_ship(id, lines, tracking).await?.ok().context("shipping")
    }

    /// A parcel has arrived.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn deliver(&self, id: ShipmentId) -> Result<Shipment> {
        let path = format!("/v1/admin/shipments/{id}/actions/deliver");
        self.caller.post(&path, &json!({})).await?.ok().context("delivering")
    }

    /// All of an order's parcels have arrived.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn deliver_all(&self, id: OrderId) -> Result<()> {
        let fulfillment: Fulfillment = self.fulfillment(id).await?.ok()?;
        for shipment in fulfillment.shipments {
            self.deliver(shipment.id).await?;
        }
        Ok(())
    }

    /// Books the cash of an order.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn collect(&self, id: OrderId, amount: Money) -> Result<PaymentView> {
        let (path, key) = (format!("/v1/admin/orders/{id}/cash-collections"), format!("cash-{id}"));
        let body = json!({ "amount": amount });
        self.caller.post_keyed(&path, &key, &body).await?.ok().context("collecting cash")
    }

    /// Payments and refunds of an order.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn payments(&self, id: OrderId) -> Result<OrderPayments> {
        self.caller.get(&format!("/v1/admin/orders/{id}/payments")).await?.ok()
    }

    /// The active flow of orders.
    ///
    /// # Errors
    /// When there is none.
    pub async fn flow(&self) -> Result<FlowDocument> {
        self.caller.get("/v1/admin/flows/order").await?.ok()
    }

    /// Publishes a flow.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn publish(&self, document: &Value) -> Result<FlowInfo> {
        self.caller.post("/v1/admin/flows", document).await?.ok().context("publishing")
    }

    /// Publishes the active flow anew with another time after which an unpaid order closes.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn close_unpaid_after(&self, after: &str) -> Result<FlowInfo> {
        let mut document = self.flow().await?.document;
        let shape = "a flow has the timer of unpaid orders";
        document.as_object_mut().context(shape)?.remove("version");
        let triggers = document["triggers"].as_array_mut().context(shape)?;
        let closing = triggers.iter_mut().find(|t| t["operation"] == "close").context(shape)?;
        closing["after"] = json!(after);
        self.publish(&document).await
    }

    /// How many messages of the tenant are due and not delivered yet: when there are none, everything that
    /// follows by messages has followed.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn pending_messages(&self) -> Result<u64> {
        let services: Vec<Messages> = self.caller.get("/v1/admin/messages/summary").await?.ok()?;
        Ok(services.iter().map(|s| s.pending).sum())
    }

    /// Where the tenant's orders lie.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn cells(&self) -> Result<Vec<CellCount>> {
        self.caller.get("/v1/admin/cells").await?.ok()
    }
}
