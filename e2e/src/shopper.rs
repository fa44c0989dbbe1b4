//! A shopper of a tenant: registers, browses, fills a cart, orders, pays. Each method is one thing that a
//! person does; what it means is asserted by the tests.

use anyhow::{Context as _, Result};
use cart_api::{CartView, Checkout};
use fulfillment_api::Fulfillment;
use kit::{Entropy as _, Money, SystemEntropy};
use member_api::{MemberInfo, SavedAddress};
use order_api::{HistoryEntry, OrderSummary, OrderView, PaymentMethod, Quote};
use payment_api::{OrderPayments, PaymentView};
use product_api::{ProductInfo, ProductSummary};
use serde::Deserialize;
use serde_json::{Value, json};
use types::{AddressId, MemberId, OrderId, SkuId};

use crate::client::{Answer, Caller};
use crate::wait::until;

/// What everybody here signs in with.
pub const PASSWORD: &str = "correct horse battery";

#[derive(Deserialize)]
struct Session {
    token: String,
    member: MemberInfo,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub struct Listing<T> {
    /// The items.
    pub items: Vec<T>,
}

/// Somebody who is registered and signed in.
#[derive(Debug, Clone)]
pub struct Shopper {
    /// Sends requests in the shopper's name.
    pub caller: Caller,
    /// What the shopper signs in with.
    pub login: String,
    /// Who it is.
    pub id: MemberId,
}

/// What is on sale.
///
/// # Errors
/// When the catalogue does not answer.
pub async fn browse(caller: &Caller) -> Result<Vec<ProductSummary>> {
    let listed: Listing<ProductSummary> = caller.get("/v1/store/products?limit=100").await?.ok()?;
    Ok(listed.items)
}

/// One product, by its id or its name in the address bar.
///
/// # Errors
/// When it is not on sale.
pub async fn product(caller: &Caller, name: &str) -> Result<ProductInfo> {
    caller.get(&format!("/v1/store/products/{name}")).await?.ok()
}

impl Shopper {
    /// Registers, and is signed in by that.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn register(visitor: &Caller, name: &str) -> Result<Self> {
        let login = format!("{name}@example.com");
        let body = json!({ "login": login, "password": PASSWORD, "name": name });
        let session: Session = visitor.post("/v1/store/members", &body).await?.ok()?;
        let caller = visitor.with_token(&session.token);
        Ok(Self { caller, login, id: session.member.id })
    }

    /// Signs in once more: a session of its own.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn sign_in(&self, visitor: &Caller) -> Result<Self> {
        let body = json!({ "login": self.login, "password": PASSWORD });
        let session: Session = visitor.post("/v1/store/sessions", &body).await?.ok()?;
        let caller = visitor.with_token(&session.token);
        Ok(Self { caller, login: self.login.clone(), id: session.member.id })
    }

    /// The same, but asking again whenever too much is going on: [`Caller::patient`].
    #[must_use]
    pub fn patient(&self) -> Self {
        Self { caller: self.caller.patient(), ..self.clone() }
    }

    pub(crate) fn moved(&self, base: &str, host: &str) -> Self {
        Self { caller: self.caller.moved(base, host), ..self.clone() }
    }

    /// Adds an address to the book.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn add_address(&self) -> Result<AddressId> {
        let address = json!({ "name": "Wei Ling", "phone": "+86 10 5555 0100", "country": "CN",
            "region": "Beijing", "city": "Beijing", "street": "1 Long Street", "postal_code": "100000" });
        let body = json!({ "is_default": true, "address": address });
        let saved: SavedAddress = self.caller.post("/v1/store/addresses", &body).await?.ok()?;
        Ok(saved.id)
    }

    /// The first address of the book; adds one when there is none.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn address(&self) -> Result<AddressId> {
        let book: Listing<SavedAddress> = self.caller.get("/v1/store/addresses").await?.ok()?;
        match book.items.first() {
            Some(saved) => Ok(saved.id),
            None => self.add_address().await,
        }
    }

    /// Puts some more of a sku into the cart.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn add(&self, sku_id: SkuId, quantity: u32) -> Result<CartView> {
        add(&self.caller, sku_id, quantity).await
    }

    /// Sets how many of a sku are in the cart.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn set(&self, sku_id: SkuId, quantity: u32) -> Result<CartView> {
        let path = format!("/v1/store/cart/lines/{sku_id}");
        self.caller.put(&path, &json!({ "quantity": quantity })).await?.ok()
    }

    /// The cart.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn cart(&self) -> Result<CartView> {
        self.caller.get("/v1/store/cart").await?.ok()
    }

    /// Begins the checkout, or goes on with it.
    ///
    /// # Errors
    /// When the cart is empty.
    pub async fn checkout(&self) -> Result<OrderId> {
        let checkout: Checkout = self.caller.post("/v1/store/checkout", &json!({})).await?.ok()?;
        Ok(checkout.checkout_id)
    }

    /// What the cart's lines cost with shipping.
    ///
    /// # Errors
    /// When something of it is not on sale.
    pub async fn quote(&self) -> Result<Quote> {
        let cart = self.cart().await?;
        self.quote_of(cart).await
    }

    async fn quote_of(&self, cart: CartView) -> Result<Quote> {
        let line = |(sku_id, quantity)| json!({ "sku_id": sku_id, "quantity": quantity });
        let lines: Vec<Value> =
            cart.lines.into_iter().map(|l| line((l.sku_id, l.quantity))).collect();
        self.caller.post("/v1/store/quotes", &json!({ "lines": lines })).await?.ok()
    }

    /// What placing the cart's order sends: with a checkout, an address and the total that was seen.
    ///
    /// # Errors
    /// When one of those is refused.
    pub async fn order_to_place(&self, method: PaymentMethod) -> Result<Value> {
        let checkout_id = self.checkout().await?;
        let (address_id, total) = (self.address().await?, self.quote().await?.total);
        Ok(place_body(checkout_id, address_id, method, total))
    }

    /// Places an order with a key of one's own.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn place(&self, key: &str, body: &Value) -> Result<Answer> {
        self.caller.post_keyed("/v1/store/orders", key, body).await
    }

    /// From a sku to an order, as one does who knows what he wants. Waits until the cart is empty again,
    /// so that the next order has a checkout of its own.
    ///
    /// # Errors
    /// When a step is refused.
    pub async fn buy(&self, sku: SkuId, units: u32, method: PaymentMethod) -> Result<OrderView> {
        self.set(sku, units).await?;
        let body = self.order_to_place(method).await?;
        let order: OrderView = self.place(&fresh_key()?, &body).await?.ok().context("placing")?;
        self.until_cart_is_empty().await?;
        Ok(order)
    }

    /// The same, by somebody who begins anew when his checkout is over before its order is placed: placing it
    /// took longer than stock is held, or an order that he had placed before has emptied the cart only now.
    /// That is for tests in which one of these may happen.
    ///
    /// # Errors
    /// When a step is refused for another reason, or his checkout is over again and again.
    pub async fn buy_at_last(
        &self,
        sku: SkuId,
        units: u32,
        method: PaymentMethod,
    ) -> Result<OrderView> {
        let look = || Box::pin(self.try_to_buy(sku, units, method));
        let order = until("a checkout lives until its order is placed", look).await?;
        self.until_cart_is_empty().await?;
        Ok(order)
    }

    /// Nothing when the checkout was over too soon.
    async fn try_to_buy(
        &self,
        sku: SkuId,
        units: u32,
        method: PaymentMethod,
    ) -> Result<Option<OrderView>> {
        self.set(sku, units).await?;
        let begun = self.caller.post("/v1/store/checkout", &json!({})).await?;
        if begun.is_refusal(409, "cart_empty") {
            return Ok(None);
        }
        let checkout: Checkout = begun.ok()?;
        let (address_id, cart) = (self.address().await?, self.cart().await?);
        if cart.lines.is_empty() {
            return Ok(None);
        }
        let total = self.quote_of(cart).await?.total;
        let body = place_body(checkout.checkout_id, address_id, method, total);
        let placed = self.place(&fresh_key()?, &body).await?;
        if placed.is_refusal(409, "checkout_over") {
            return Ok(None);
        }
        Ok(Some(placed.ok().context("placing")?))
    }

    async fn until_cart_is_empty(&self) -> Result<()> {
        until("what was ordered is out of the cart", || async {
            Ok(self.cart().await?.lines.is_empty().then_some(()))
        })
        .await
    }

    /// One's own order.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn order(&self, id: OrderId) -> Result<OrderView> {
        self.caller.get(&format!("/v1/store/orders/{id}")).await?.ok()
    }

    /// One's newest orders.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn orders(&self) -> Result<Vec<OrderSummary>> {
        let listed: Listing<OrderSummary> =
            self.caller.get("/v1/store/orders?limit=100").await?.ok()?;
        Ok(listed.items)
    }

    /// How one's own order came to stand where it does.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn history(&self, id: OrderId) -> Result<Vec<HistoryEntry>> {
        self.caller.get(&format!("/v1/store/orders/{id}/history")).await?.ok()
    }

    /// Moves one's own order.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn act(&self, id: OrderId, operation: &str) -> Result<Answer> {
        self.caller.post(&format!("/v1/store/orders/{id}/actions/{operation}"), &json!({})).await
    }

    /// Pays one's own order with a card, or tries to.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn try_to_pay(&self, id: OrderId, key: &str, number: &str) -> Result<Answer> {
        let body = json!({ "card": { "number": number, "expiry": "12/30", "cvc": "123" } });
        self.caller.post_keyed(&format!("/v1/store/orders/{id}/payments"), key, &body).await
    }

    /// Pays one's own order with a card.
    ///
    /// # Errors
    /// When the attempt is refused; a declined card is an answer.
    pub async fn pay(&self, id: OrderId, number: &str) -> Result<PaymentView> {
        let key = format!("pay-{id}-{}", number.replace(' ', ""));
        self.try_to_pay(id, &key, number).await?.ok().context("paying")
    }

    /// Payments and refunds of one's own order.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn payments(&self, id: OrderId) -> Result<OrderPayments> {
        self.caller.get(&format!("/v1/store/orders/{id}/payments")).await?.ok()
    }

    /// Where the parcels of one's own order are.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn shipments(&self, id: OrderId) -> Result<Fulfillment> {
        self.caller.get(&format!("/v1/store/orders/{id}/shipments")).await?.ok()
    }
}

/// A key that was never used.
///
/// # Errors
/// When the source of randomness fails.
pub fn fresh_key() -> Result<String> {
    let mut bytes = [0_u8; 16];
    SystemEntropy.fill(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

/// What placing an order sends.
#[must_use]
pub fn place_body(
    checkout_id: OrderId,
    address_id: AddressId,
    method: PaymentMethod,
    total: Money,
) -> Value {
    json!({ "checkout_id": checkout_id, "address_id": address_id, "payment_method": method,
        "expected_total": total, "note": "" })
}

/// Puts some more of a sku into the cart of whoever asks.
///
/// # Errors
/// When it is refused.
pub async fn add(caller: &Caller, sku_id: SkuId, quantity: u32) -> Result<CartView> {
    let body = json!({ "sku_id": sku_id, "quantity": quantity });
    caller.post("/v1/store/cart/lines", &body).await?.ok()
}
