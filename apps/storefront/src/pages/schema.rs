//! What programs may read about a page, in the words of schema.org. Data only; the layout prints it so that
//! no text in it can end its element.

use product_api::{ProductInfo, Sku};
use serde_json::{Value, json};
use ui::{Local, Route, Shell, format};

use super::card::to_product;
use crate::picker::Stock;

/// The most variants whose offers are told one by one.
const OFFERS_MAX: usize = 30;
/// The longest description, in characters.
const DESCRIPTION_MAX: usize = 500;
/// The most pictures that are named.
const IMAGES_MAX: usize = 6;

/// The shop, and how it is searched.
pub(super) fn site(shell: &Shell) -> Value {
    let search = shell.absolute(&Route::products().to_string());
    json!({
        "@context": "https://schema.org",
        "@type": "WebSite",
        "name": shell.shop,
        "url": url(shell, &Route::Home),
        "potentialAction": {
            "@type": "SearchAction",
            "target": {
                "@type": "EntryPoint",
                "urlTemplate": search + "?q={search_term_string}",
            },
            "query-input": "required name=search_term_string",
        },
    })
}

/// The way to a page.
pub(super) fn trail(shell: &Shell, above: &[(String, Route)], here: (&str, &Route)) -> Value {
    let above = above.iter().map(|(name, to)| (name.as_str(), to));
    let items: Vec<Value> = above
        .chain([here])
        .enumerate()
        .map(|(n, (name, to))| {
            json!({
                "@type": "ListItem", "position": n + 1, "name": name, "item": url(shell, to),
            })
        })
        .collect();
    json!({
        "@context": "https://schema.org",
        "@type": "BreadcrumbList",
        "itemListElement": items,
    })
}

/// A product and what its variants cost.
pub(super) fn product(shell: &Shell, product: &ProductInfo, stock: &Stock) -> Value {
    let locale = &shell.reader.locale;
    let own = url(shell, &to_product(&product.slug));
    let images: Vec<String> =
        product.images.iter().take(IMAGES_MAX).map(|i| shell.absolute(&i.url)).collect();
    let mut value = json!({
        "@context": "https://schema.org",
        "@type": "Product",
        "name": product.title.get(locale),
        "url": own,
        "image": images,
    });
    let code = product.skus.first().map(|s| s.code.as_str()).filter(|c| !c.is_empty());
    let about = product.description.as_ref().map(|d| format::plain(d.get(locale), DESCRIPTION_MAX));
    let brand = product.brand.as_ref().map(|b| json!({ "@type": "Brand", "name": b.name }));
    for (name, field) in [
        ("sku", code.map(Value::from)),
        ("description", about.filter(|a| !a.is_empty()).map(Value::from)),
        ("brand", brand),
        ("offers", offers(shell, product, stock)),
    ] {
        if let Some(field) = field {
            value[name] = field;
        }
    }
    value
}

/// One offer per variant, or the span of prices when there are very many.
fn offers(shell: &Shell, product: &ProductInfo, stock: &Stock) -> Option<Value> {
    let priced: Vec<&Sku> = product.skus.iter().filter(|s| s.price.is_some()).collect();
    let prices = || priced.iter().filter_map(|s| s.price);
    let lowest = prices().min_by_key(|p| p.amount())?;
    let highest = prices().max_by_key(|p| p.amount())?;
    if priced.len() > OFFERS_MAX {
        return Some(json!({
            "@type": "AggregateOffer",
            "priceCurrency": lowest.currency().code(),
            "lowPrice": lowest.to_major(),
            "highPrice": highest.to_major(),
            "offerCount": priced.len(),
        }));
    }
    let offer = |sku: &&Sku| {
        let price = sku.price?;
        let to = Route::Product { slug: product.slug.clone(), sku: Some(sku.id) };
        let mut offer = json!({
            "@type": "Offer",
            "url": url(shell, &to),
            "price": price.to_major(),
            "priceCurrency": price.currency().code(),
            "itemCondition": "https://schema.org/NewCondition",
        });
        if let Some(available) = stock.available(sku.id) {
            let state = if available > 0 { "InStock" } else { "OutOfStock" };
            offer["availability"] = ["https://schema.org/", state].concat().into();
        }
        if !sku.code.is_empty() {
            offer["sku"] = sku.code.as_str().into();
        }
        Some(offer)
    };
    Some(priced.iter().filter_map(offer).collect())
}

fn url(shell: &Shell, route: &Route) -> String {
    shell.absolute(&Local::from(route).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::sample;

    #[test]
    fn a_product_is_told_with_the_price_and_stock_of_every_variant() {
        let (shell, info) = (sample::shell("en"), sample::product());
        let value = product(&shell, &info, &sample::stock());
        assert_eq!(value["name"], "Rose <script>alert(1)</script>");
        assert_eq!(value["url"], "https://flora.test/p/rose");
        assert_eq!(value["description"], "Smells of summer.");
        assert_eq!(value["image"][0], "https://flora.test/media/1");
        let offers = value["offers"].as_array().unwrap();
        assert_eq!(offers.len(), 4);
        assert_eq!(
            (&offers[0]["price"], &offers[0]["priceCurrency"]),
            (&json!("99.00"), &json!("CNY"))
        );
        assert_eq!(offers[0]["availability"], "https://schema.org/InStock");
        assert_eq!(offers[2]["availability"], "https://schema.org/OutOfStock");
        assert_eq!(offers[1]["url"], "https://flora.test/p/rose?sku=102");
        let unknown = product(&shell, &info, &Stock(None));
        assert!(unknown["offers"][0].get("availability").is_none());
    }

    #[test]
    fn very_many_variants_are_told_as_a_span_and_none_as_nothing() {
        let (shell, mut info) = (sample::shell("en"), sample::product());
        info.skus = info.skus.iter().cycle().take(OFFERS_MAX + 1).cloned().collect();
        let value = product(&shell, &info, &Stock(None));
        assert_eq!(value["offers"]["@type"], "AggregateOffer");
        assert_eq!(
            (&value["offers"]["lowPrice"], &value["offers"]["highPrice"]),
            (&json!("99.00"), &json!("129.00"))
        );
        info.skus.clear();
        assert!(product(&shell, &info, &Stock(None)).get("offers").is_none());
    }

    #[test]
    fn the_way_to_a_page_ends_with_it() {
        let above = [("Home".to_owned(), Route::Home)];
        let value = trail(&sample::shell("en"), &above, ("Cart", &Route::Cart));
        let items = value["itemListElement"].as_array().unwrap();
        assert_eq!((&items[0]["position"], &items[1]["name"]), (&json!(1), &json!("Cart")));
        assert_eq!(items[1]["item"], "https://flora.test/cart");
    }
}
