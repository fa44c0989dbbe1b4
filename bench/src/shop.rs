//! The shop's API as a client sees it: the few requests that the scenarios need. No measuring here.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::process::Process;
use crate::wire::{self, Answer, Outgoing};

/// Products that are read, at most.
const PRODUCTS_MAX: usize = 50;
/// Pairs of skus that are ordered together, at most.
const PAIRS_MAX: usize = 50;

/// A tenant's shop on a running server.
#[derive(Debug, Clone)]
pub struct Shop {
    /// Where it listens.
    pub address: SocketAddr,
    host: HeaderValue,
}

/// A product as it was answered.
#[derive(Debug, Clone)]
pub struct Product {
    /// Its id.
    pub id: String,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The body of the answer.
    pub body: Bytes,
}

/// Two skus that are ordered together, one of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Their ids.
    pub skus: [i64; 2],
    /// What both cost with shipping, as the quote says it.
    pub total: Value,
}

/// Somebody who was registered through the API.
#[derive(Debug, Clone)]
pub struct Shopper {
    /// The login, in lower case.
    pub login: String,
    /// The session's token.
    pub token: String,
    /// The member's id.
    pub member_id: i64,
    /// The address's id.
    pub address_id: i64,
}

impl Shop {
    /// The shop of a tenant.
    ///
    /// # Errors
    /// When the server has no such tenant.
    pub fn new(server: &Process, tenant: &str) -> Result<Self> {
        Ok(Self { address: server.address, host: HeaderValue::from_str(server.host(tenant)?)? })
    }

    /// A request to it.
    ///
    /// # Errors
    /// When a part of it cannot be one of a request.
    pub fn request(
        &self,
        method: Method,
        path: &str,
        bearer: Option<&HeaderValue>,
        body: Option<Bytes>,
    ) -> Result<Outgoing> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.host);
        if let Some(bearer) = bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        Ok(request.body(Full::new(body.unwrap_or_default()))?)
    }

    /// Placing the order of a checkout.
    ///
    /// # Errors
    /// When a part of it cannot be one of a request.
    pub fn place(
        &self,
        bearer: &HeaderValue,
        checkout_id: i64,
        address_id: i64,
        total: &Value,
    ) -> Result<Outgoing> {
        let body = format!(
            "{{\"checkout_id\":\"{checkout_id}\",\"address_id\":\"{address_id}\",\
             \"payment_method\":\"card\",\"expected_total\":{total}}}"
        );
        let path = "/v1/store/orders";
        let mut request = self.request(Method::POST, path, Some(bearer), Some(body.into()))?;
        let key = HeaderValue::from_str(&format!("bench-{checkout_id}"))?;
        request.headers_mut().insert("idempotency-key", key);
        Ok(request)
    }

    /// Putting one of a sku into one's cart.
    ///
    /// # Errors
    /// When a part of it cannot be one of a request.
    pub fn put_line(&self, bearer: &HeaderValue, sku: i64) -> Result<Outgoing> {
        let path = format!("/v1/store/cart/lines/{sku}");
        let body = Bytes::from_static(b"{\"quantity\":1}");
        self.request(Method::PUT, &path, Some(bearer), Some(body))
    }

    /// Beginning the checkout of one's cart.
    ///
    /// # Errors
    /// When a part of it cannot be one of a request.
    pub fn begin_checkout(&self, bearer: &HeaderValue) -> Result<Outgoing> {
        self.request(Method::POST, "/v1/store/checkout", Some(bearer), None)
    }

    /// Reading a product.
    ///
    /// # Errors
    /// When the id cannot be in a path.
    pub fn read_product(&self, id: &str) -> Result<Outgoing> {
        self.request(Method::GET, &format!("/v1/store/products/{id}"), None, None)
    }

    fn ask(&self, request: Outgoing) -> Result<Value> {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = wire::call(self.address, request)?;
        expect(&answer, &[StatusCode::OK, StatusCode::CREATED]).context(what)?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    fn post(&self, path: &str, bearer: Option<&HeaderValue>, body: &Value) -> Result<Value> {
        self.ask(self.request(Method::POST, path, bearer, Some(body.to_string().into()))?)
    }

    /// The products that are read: the newest on sale.
    ///
    /// # Errors
    /// When there are none.
    pub fn products(&self) -> Result<Vec<Product>> {
        let path = format!("/v1/store/products?limit={PRODUCTS_MAX}");
        let page = self.ask(self.request(Method::GET, &path, None, None)?)?;
        let items = page["items"].as_array().context("the list of products has no items")?;
        let mut products = Vec::new();
        for item in items {
            let id = text(item, "/id")?;
            let answer = wire::call(self.address, self.read_product(&id)?)?;
            expect(&answer, &[StatusCode::OK])?;
            products.push(Product { id, headers: answer.headers, body: answer.body });
        }
        if products.is_empty() {
            bail!("no product is on sale");
        }
        Ok(products)
    }

    /// Pairs of skus of different products, with what they cost together.
    ///
    /// # Errors
    /// When fewer than two products can be sold.
    pub fn pairs(&self, products: &[Product]) -> Result<Vec<Pair>> {
        let mut skus = Vec::new();
        for product in products {
            let product: Value = serde_json::from_slice(&product.body)?;
            let sold = product["skus"].as_array().into_iter().flatten();
            if let Some(sku) = sold.into_iter().find(|sku| !sku["price"].is_null()) {
                skus.push(number(sku, "/id")?);
            }
        }
        if skus.len() < 2 {
            bail!("only {} products can be sold", skus.len());
        }
        let next = skus.iter().cycle().skip(1);
        let pairs = skus.iter().zip(next).take(PAIRS_MAX).map(|(a, b)| [*a, *b]);
        pairs.map(|skus| Ok(Pair { skus, total: self.quote(skus)? })).collect()
    }

    fn quote(&self, skus: [i64; 2]) -> Result<Value> {
        let line = |sku: i64| json!({ "sku_id": sku.to_string(), "quantity": 1 });
        let body = json!({ "lines": skus.map(line) });
        let quote = self.post("/v1/store/quotes", None, &body)?;
        Ok(quote["total"].clone())
    }

    /// Registers somebody with an address.
    ///
    /// # Errors
    /// When the shop refuses.
    pub fn register(&self, login: &str) -> Result<Shopper> {
        let who =
            json!({ "login": login, "password": "a-long-password-of-the-bench", "name": "Bench" });
        let session = self.post("/v1/store/members", None, &who)?;
        let token = text(&session, "/token")?;
        let address = json!({ "is_default": true, "address": {
            "name": "Bench Shopper", "phone": "+86 10 5555 0100", "country": "CN", "region": "Beijing",
            "city": "Beijing", "street": "1 Measuring Lane, Flat 12", "postal_code": "100000" } });
        let saved = self.post("/v1/store/addresses", Some(&bearer(&token)?), &address)?;
        Ok(Shopper {
            login: login.to_owned(),
            member_id: number(&session, "/member/id")?,
            address_id: number(&saved, "/id")?,
            token,
        })
    }

    /// Fills the cart with a pair and begins its checkout; the checkout's id.
    ///
    /// # Errors
    /// When the shop refuses.
    pub fn fill_cart(&self, shopper: &Shopper, pair: &Pair) -> Result<i64> {
        let bearer = bearer(&shopper.token)?;
        for sku in pair.skus {
            self.ask(self.put_line(&bearer, sku)?)?;
        }
        number(&self.ask(self.begin_checkout(&bearer)?)?, "/checkout_id")
    }

    /// Places the order of a checkout.
    ///
    /// # Errors
    /// When the shop refuses.
    pub fn place_now(&self, shopper: &Shopper, checkout_id: i64, pair: &Pair) -> Result<()> {
        let bearer = bearer(&shopper.token)?;
        self.ask(self.place(&bearer, checkout_id, shopper.address_id, &pair.total)?).map(|_| ())
    }
}

/// The header that signs in with a token.
///
/// # Errors
/// When it cannot be in a header.
pub fn bearer(token: &str) -> Result<HeaderValue> {
    Ok(HeaderValue::from_str(&format!("Bearer {token}"))?)
}

/// Refuses an answer with another status, and tells its body.
///
/// # Errors
/// When the status is none of these.
pub fn expect(answer: &Answer, wanted: &[StatusCode]) -> Result<()> {
    if wanted.contains(&answer.status) {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&answer.body);
    bail!("{}: {}", answer.status, body.chars().take(500).collect::<String>())
}

/// A text in an answer.
fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    Ok(found.with_context(|| format!("the answer has no {pointer}"))?.to_owned())
}

/// An id in an answer: a decimal string.
///
/// # Errors
/// When there is none.
pub fn number(value: &Value, pointer: &str) -> Result<i64> {
    Ok(text(value, pointer)?.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> Shop {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        Shop { address, host: HeaderValue::from_static("outlet.localhost:1") }
    }

    #[test]
    fn an_order_is_placed_with_its_key_its_session_and_the_seen_total() {
        let total = json!({ "amount": 12_900, "currency": "CNY" });
        let request = shop().place(&bearer("sm_x").unwrap(), 7, 8, &total).unwrap();
        assert_eq!(request.headers()["idempotency-key"], "bench-7");
        assert_eq!(request.headers()["authorization"], "Bearer sm_x");
        assert_eq!(request.headers()["host"], "outlet.localhost:1");
        assert_eq!(request.uri().path(), "/v1/store/orders");
    }

    #[test]
    fn an_unexpected_answer_is_told_with_its_body() {
        let answer = Answer {
            status: StatusCode::CONFLICT,
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"{\"code\":\"sold_out\"}"),
            length: 19,
        };
        let told = expect(&answer, &[StatusCode::CREATED]).unwrap_err().to_string();
        assert!(told.contains("409") && told.contains("sold_out"), "{told}");
        assert!(expect(&answer, &[StatusCode::CONFLICT]).is_ok());
    }

    #[test]
    fn ids_are_read_as_decimal_strings_only() {
        assert_eq!(number(&json!({ "id": "12" }), "/id").unwrap(), 12);
        assert!(number(&json!({ "id": 12 }), "/id").is_err());
        assert!(number(&json!({}), "/id").is_err());
    }
}
