//! Whatever is written into the texts of a shop, a page stays what it is: nothing runs, nothing breaks out.

use payment_api::{OrderPayments, PaymentState};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use web::testing::Seen;

use crate::data;
use crate::world::World;

/// Ends an attribute, an element and a comment, and begins a script.
const EVIL: &str = "'\"--></title></script><script>alert(1)</script><img src=x onerror=alert(1)>";
/// An address that pictures may have, and that ends its attribute.
const EVIL_URL: &str = "/media/1\"onerror=\"alert(1)";
/// What the product service makes of the same: text.
const CLEANED: &str = "<p>&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;</p>";

/// Fields that people write.
const TEXTS: &[&str] = &[
    "alt",
    "author",
    "card_brand",
    "card_last4",
    "carrier",
    "city",
    "code",
    "decline_reason",
    "description",
    "label",
    "location",
    "login",
    "name",
    "note",
    "options",
    "phone",
    "postal_code",
    "region",
    "status_label",
    "street",
    "tagline",
    "text",
    "title",
    "to_label",
    "tracking_number",
    "value",
    "values",
    "variant",
];
/// Fields that hold addresses of pictures and pages.
const ADDRESSES: &[&str] = &["image_url", "link", "logo", "url"];

/// The same with evil texts. A name of a field that is no text in some type keeps what it is.
fn evil<T: Serialize + DeserializeOwned>(of: T) -> T {
    let mut value = serde_json::to_value(&of).unwrap();
    poison(&mut value, "");
    serde_json::from_value(value).unwrap()
}

fn poison(value: &mut Value, field: &str) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                // texts by language
                let own = if TEXTS.contains(&field) && inner.is_string() { field } else { name };
                poison(inner, own);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, field)),
        Value::String(text) if TEXTS.contains(&field) => EVIL.clone_into(text),
        Value::String(text) if ADDRESSES.contains(&field) => EVIL_URL.clone_into(text),
        _ => {}
    }
}

fn world() -> World {
    let mut world = World::new();
    world.tenants = world.tenants.on_get(|_, _| {
        let tenant = data::tenant();
        let mut theme = evil(tenant.theme.clone());
        theme.logo = Some(EVIL_URL.into());
        let (name, banners) = (data::texts(EVIL, EVIL), evil(tenant.banners.clone()));
        Ok(tenant_api::TenantInfo { name, theme, banners, ..tenant })
    });
    world.products = world
        .products
        .on_get(|_, _| {
            let mut product = evil(data::product());
            product.description = Some(data::texts(CLEANED, CLEANED));
            Ok(product)
        })
        .on_list(|_, _| Ok(kit::Page { items: evil(data::products()), next_cursor: None }))
        .on_list_categories(|_, _| {
            let categories = data::categories().into_iter();
            Ok(categories
                .map(|c| product_api::Category { name: data::texts(EVIL, EVIL), ..c })
                .collect())
        });
    world.carts = world.carts.on_get(|_, _| {
        let cart = evil(data::cart());
        Ok(cart_api::CartView { saved: cart.lines.clone(), ..cart })
    });
    world.orders = world
        .orders
        .on_quote(|_, _| Ok(evil(data::quote())))
        .on_get(|_, _| Ok(evil(data::order())))
        .on_history(|_, _| Ok(evil(data::history())))
        .on_list(|_, _| Ok(kit::Page { items: evil(data::order_summaries()), next_cursor: None }));
    world.members = world
        .members
        .on_me(|_, _| Ok(evil(data::member())))
        .on_get_address(|_, _| Ok(evil(data::addresses().remove(0))))
        .on_list_addresses(|_, _| Ok(evil(data::addresses())));
    world.payments = world.payments.on_for_order(|_, _| {
        let states = [PaymentState::Captured, PaymentState::Declined];
        // given back, so that it can be paid again
        let refunded = data::cny(27_000);
        let payment = |s| payment_api::PaymentView { refunded, ..data::payment(s) };
        let payments = states.map(|s| evil(payment(s))).into();
        let refunds = vec![evil(data::refund())];
        Ok(OrderPayments { payments, refunds, balance: data::cny(0) })
    });
    world.fulfillment = world.fulfillment.on_for_order(|_, _| Ok(evil(data::fulfillment())));
    world
}

/// The tags of a page as a browser reads them: name, and attributes with their values.
fn tags(html: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let mut attributes = Vec::new();
        let end = after.find([' ', '>', '\n']).unwrap_or(after.len());
        let name = after[..end].to_owned();
        rest = &after[end..];
        while let Some(begin) = rest.find(|c: char| !c.is_whitespace()) {
            rest = &rest[begin..];
            if let Some(over) = rest.strip_prefix('>') {
                rest = over;
                break;
            }
            let end = rest.find(['=', ' ', '>', '\n']).unwrap_or(rest.len());
            let attribute = rest[..end].to_owned();
            rest = &rest[end..];
            let mut value = String::new();
            if let Some(quoted) = rest.strip_prefix("=\"") {
                let (inner, after) = quoted.split_once('"').unwrap();
                (value, rest) = (inner.to_owned(), after);
            } else if let Some(bare) = rest.strip_prefix('=') {
                let end = bare.find([' ', '>']).unwrap_or(bare.len());
                (value, rest) = (bare[..end].to_owned(), &bare[end..]);
            }
            attributes.push((attribute, value));
        }
        found.push((name, attributes));
    }
    found
}

#[track_caller]
fn is_harmless(path: &str, seen: &Seen) {
    let mut scripts = 0;
    for (name, attributes) in tags(&seen.body) {
        let get = |wanted: &str| {
            attributes.iter().find(|(n, _)| n == wanted).map_or("", |(_, value)| value.as_str())
        };
        if name == "script" {
            let own = get("src").starts_with("/assets/site.js?v=");
            assert!(own || get("type") == "application/ld+json", "{path}: {attributes:?}");
            scripts += usize::from(own);
        }
        for (attribute, value) in &attributes {
            let attribute = attribute.to_lowercase();
            assert!(!attribute.starts_with("on"), "{path}: <{name} {attribute}={value}>");
            assert!(
                !["style", "srcdoc"].contains(&attribute.as_str()),
                "{path}: <{name} {attribute}>"
            );
            assert!(!value.trim_start().starts_with("javascript:"), "{path}: {value}");
        }
        assert!(name != "img" || get("src") != "x", "{path}: a picture broke in");
    }
    assert_eq!(scripts, 1, "{path}");
    assert!(!seen.body.contains("<script>"), "{path}");
}

#[tokio::test]
async fn a_script_in_any_text_of_a_shop_is_text_on_every_page() {
    let mut member = world().member();
    for path in [
        "/",
        "/?lang=zh-CN",
        "/products",
        "/c/flowers",
        "/p/rose",
        "/p/rose?sku=103",
        "/cart",
        "/checkout",
        "/orders",
        "/orders/1234567890123",
        "/orders/1234567890123/pay",
        "/account",
        "/account/addresses",
        "/account/addresses/41",
        "/account/addresses/new",
        "/nothing/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/products?q=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    ] {
        let seen = member.get(path).await;
        assert!(seen.status.is_success() || seen.status == 404, "{path}: {}", seen.status);
        is_harmless(path, &seen);
    }
    let mut visitor = world().visitor();
    for path in ["/sign-in", "/register"] {
        let path = [path, "?next=%2F%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E"].concat();
        let seen = visitor.get(&path).await;
        is_harmless(&path, seen.is(200));
    }
    let product = member.get("/p/rose").await;
    product.shows("&lt;/script&gt;&lt;script&gt;alert(1)").shows("\\u003cscript\\u003ealert(1)");
    product.shows(CLEANED);
}

#[tokio::test]
async fn files_of_a_shop_with_evil_texts_are_harmless_too() {
    let mut visitor = world().visitor();
    for path in ["/sitemap.xml", "/sitemap-pages.xml", "/sitemap-products.xml", "/robots.txt"] {
        let seen = visitor.get(path).await;
        assert_eq!(seen.status, 200, "{path}");
        assert!(!seen.body.contains("script"), "{path}: {}", seen.body);
    }
    let icon = visitor.get("/assets/icon.svg").await;
    assert!(!icon.body.contains("script"), "{}", icon.body);
    let sheet = visitor.get("/assets/site.css").await;
    assert!(!sheet.body.contains("alert"));
}

#[test]
fn the_reader_of_tags_sees_what_breaks_out() {
    let read = tags("<p>a</p><img src=\"x\" alt=\"a > b\" onerror=\"y\"><b hidden>");
    let names: Vec<&str> = read.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(names, ["p", "/p", "img", "b"]);
    assert_eq!(read[2].1.len(), 3);
    assert_eq!(read[2].1[2], ("onerror".to_owned(), "y".to_owned()));
    assert_eq!(tags("<img src=x onerror=y>")[0].1[1].0, "onerror");
}
