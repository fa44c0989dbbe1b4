//! A small shop: what services answer in tests of the pages. Names try to break out of the markup.

use cart_api::{CartLine, CartView};
use fulfillment_api::{Fulfillment, Shipment, TrackingEvent, Units};
use kit::{Money, Placement, Placements, Timestamp};
use member_api::{MemberInfo, SavedAddress};
use order_api::{
    AvailableAction, HistoryEntry, OrderLine, OrderSummary, OrderView, PaymentMethod, Quote,
};
use payment_api::{PaymentState, PaymentView, RefundView};
use product_api::{
    Attribute, Brand, Category, Image, ProductInfo, ProductOption, ProductStatus, ProductSummary,
    Sku,
};
use search_api::{
    Facet, FacetKind, FacetValue, HitImage, PriceRange, ProductHit, ProductResults, ProductState,
};
use tenant_api::{Banner, TenantInfo, Theme};
use types::*;

pub const MEMBER: i64 = 77;
pub const ORDER: i64 = 1_234_567_890_123;
pub const AT: Timestamp = Timestamp::from_millis(1_763_690_000_000);

pub fn cny(amount: i64) -> Money {
    Money::new(amount, "CNY".parse().unwrap()).unwrap()
}

pub fn texts(en: &str, zh: &str) -> Texts {
    let pair = |l: &str, t: &str| (l.parse().unwrap(), t.to_owned());
    Texts::new([pair("en", en), pair("zh-CN", zh)].into()).unwrap()
}

pub fn tenant() -> TenantInfo {
    TenantInfo {
        code: "flora".parse().unwrap(),
        name: texts("Flora & Sons", "花与子"),
        hosts: vec!["flora.localhost".into()],
        currency: "CNY".parse().unwrap(),
        locales: vec!["en".parse().unwrap(), "zh-CN".parse().unwrap()],
        theme: Theme {
            primary: "#1f6f43".into(),
            accent: "#c2410c".into(),
            background: "#f7f5ef".into(),
            tagline: "Plants for rooms with <little> light".into(),
            ..Theme::default()
        },
        banners: banners(),
        shipping_fee: cny(1_200),
        placements: Placements::initial(Placement::new(1, 1, 0, 0).unwrap()),
        version: 3,
    }
}

pub fn banners() -> Vec<Banner> {
    let banner = |n: u8, link: &str| Banner {
        title: texts(&format!("Banner {n} <b>\""), &format!("横幅 {n} <b>\"")),
        text: texts("With <little> light", "<little> 光"),
        image: Some(format!("/media/{n}")),
        link: link.into(),
    };
    vec![banner(1, "/c/flowers"), banner(2, "/p/rose"), banner(3, "//evil.test")]
}

fn image(n: u8) -> Image {
    Image { url: format!("/media/{n}"), alt: format!("Rose from side {n}") }
}

fn sku(id: i64, options: [&str; 2], price: i64) -> Sku {
    Sku {
        id: SkuId::from_i64(id).unwrap(),
        code: format!("ROSE-{id}"),
        barcode: String::new(),
        options: options.map(str::to_owned).to_vec(),
        price: Some(cny(price)),
        compare_at: Some(cny(price + 1_000)),
        weight_grams: 100,
        image: None,
    }
}

/// With a script in its title; Red/S, Red/L, Blue/S, Blue/L.
pub fn product() -> ProductInfo {
    ProductInfo {
        id: SpuId::from_i64(9).unwrap(),
        slug: "rose".parse().unwrap(),
        status: ProductStatus::OnSale,
        title: texts("Rose <script>alert(1)</script>", "玫瑰 <script>alert(1)</script>"),
        description: Some(texts("<p>Smells of <b>summer</b>.</p>", "<p>夏天的味道。</p>")),
        brand: Some(Brand { id: BrandId::from_i64(1).unwrap(), name: "Garden & Co".into() }),
        category_ids: vec![CategoryId::from_i64(1).unwrap()],
        tags: vec![],
        attributes: vec![Attribute { name: "Height".into(), value: "< 40 cm".into() }],
        options: vec![
            ProductOption { name: "Colour".into(), values: vec!["Red".into(), "Blue".into()] },
            ProductOption { name: "Size".into(), values: vec!["S".into(), "L".into()] },
        ],
        images: vec![image(1), image(2), image(3)],
        skus: vec![
            sku(101, ["Red", "S"], 9_900),
            sku(102, ["Red", "L"], 12_900),
            sku(103, ["Blue", "S"], 9_900),
            sku(104, ["Blue", "L"], 12_900),
        ],
        version: 1,
        updated_at: AT,
    }
}

pub fn products() -> Vec<ProductSummary> {
    let rose = product();
    let summary = |n: i64, price: Option<i64>, image: Option<Image>| ProductSummary {
        id: SpuId::from_i64(n).unwrap(),
        slug: if n == 9 { rose.slug.clone() } else { format!("plant-{n}").parse().unwrap() },
        status: ProductStatus::OnSale,
        title: if n == 9 { rose.title.clone() } else { texts("Fern of the forest", "森林蕨") },
        image,
        price_from: price.map(cny),
        price_varies: n == 9,
        sku_count: 4,
    };
    vec![
        summary(9, Some(9_900), Some(image(1))),
        summary(10, Some(129_900), None),
        summary(11, None, Some(image(2))),
        summary(12, Some(5_000), Some(image(3))),
    ]
}

fn hit(summary: ProductSummary, n: i64) -> ProductHit {
    ProductHit {
        id: summary.id,
        slug: summary.slug,
        title: summary.title,
        image: summary.image.map(|i| HitImage { url: i.url, alt: i.alt }),
        price_from: summary.price_from,
        compare_at: summary.price_from.filter(|_| n % 2 == 0).map(|p| cny(p.amount() + 500)),
        price_varies: summary.price_varies,
        in_stock: n != 1,
        brand: Some("Garden & Co".into()),
        status: ProductState::OnSale,
        sku_count: summary.sku_count,
        updated_at: AT,
    }
}

/// The products of [`products`], of which the second is sold out, with facets of which some is chosen.
pub fn results() -> ProductResults {
    let value = |value: &str, label: &str, count: u64, chosen: bool| FacetValue {
        value: value.into(),
        label: label.into(),
        count,
        chosen,
    };
    let facet = |kind: FacetKind, name: &str, values: Vec<FacetValue>| Facet {
        kind,
        name: name.into(),
        values,
    };
    let many = (0..30).map(|n| value(&format!("{n} cm"), &format!("{n} cm"), 30 - n, false));
    let colours = vec![
        value("Red", "Red", 3, true),
        value("<b>\"", "<b>\"", 0, true),
        value("Blue", "Blue", 1, false),
    ];
    let brands = vec![value("1", "Garden & Co", 4, true), value("2", "<Sons>", 1, false)];
    let below = vec![
        value("1", "Cut flowers", 3, false),
        value("2", "Pots & vases", 1, false),
        value("3", "Roses", 2, false),
    ];
    ProductResults {
        items: (0..).zip(products()).map(|(n, p)| hit(p, n)).collect(),
        total: 4_321,
        total_is_bound: false,
        facets: vec![
            facet(FacetKind::Category, "", below),
            facet(FacetKind::Brand, "", brands),
            facet(FacetKind::Property, "Colour", colours),
            facet(FacetKind::Property, "Height \"<cm>\"", many.collect()),
        ],
        prices: Some(PriceRange { min: cny(5_000), max: cny(129_900) }),
        in_stock: 3,
        reduced: 2,
        next_cursor: Some("more".to_owned().into()),
    }
}

pub fn categories() -> Vec<Category> {
    let category = |id: i64, parent: Option<i64>, slug: &str, name: Texts| Category {
        id: CategoryId::from_i64(id).unwrap(),
        parent_id: parent.map(|p| CategoryId::from_i64(p).unwrap()),
        slug: slug.parse().unwrap(),
        name,
        position: 0,
    };
    vec![
        category(1, None, "flowers", texts("Cut flowers", "鲜花")),
        category(2, None, "pots", texts("Pots & vases", "花盆")),
        category(3, Some(1), "roses", texts("Roses", "玫瑰")),
    ]
}

pub fn cart() -> CartView {
    let rose = product();
    let line = CartLine {
        sku_id: rose.skus[1].id,
        quantity: Quantity::new(2).unwrap(),
        slug: Some(rose.slug),
        title: Some(rose.title),
        variant: "Red / L".into(),
        image_url: Some("/media/1".into()),
        price: Some(cny(12_900)),
        total: Some(cny(25_800)),
        sellable: true,
    };
    CartView { lines: vec![line], saved: Vec::new(), subtotal: cny(25_800), version: 4 }
}

pub fn order_lines() -> Vec<OrderLine> {
    let rose = product();
    vec![OrderLine {
        line_no: 1,
        sku_id: rose.skus[1].id,
        spu_id: rose.id,
        title: rose.title.get(&"en".parse().unwrap()).to_owned(),
        variant: "Red / L".into(),
        code: "ROSE-102".into(),
        image_url: Some("/media/1".into()),
        quantity: Quantity::new(2).unwrap(),
        price: cny(12_900),
        total: cny(25_800),
    }]
}

pub fn quote() -> Quote {
    Quote {
        lines: order_lines(),
        subtotal: cny(25_800),
        adjustments: vec![],
        shipping: cny(1_200),
        total: cny(27_000),
    }
}

pub fn addresses() -> Vec<SavedAddress> {
    let address = Address {
        name: "Li Lei <b>".into(),
        phone: "13800000000".into(),
        country: "CN".into(),
        region: String::new(),
        city: "Hangzhou".into(),
        street: "West Lake Road 1".into(),
        postal_code: "310000".into(),
    };
    vec![SavedAddress { id: AddressId::from_i64(41).unwrap(), is_default: true, address }]
}

/// Waits for its payment by card.
pub fn order() -> OrderView {
    OrderView {
        id: OrderId::from_i64(ORDER).unwrap(),
        member_id: MemberId::from_i64(MEMBER).unwrap(),
        status: "PENDING_PAYMENT".into(),
        status_label: "To pay".into(),
        is_final: false,
        flow_version: 1,
        version: 2,
        available_actions: vec![AvailableAction {
            operation: "cancel".into(),
            label: "Cancel the order".into(),
        }],
        payment_method: PaymentMethod::Card,
        channel: "web".into(),
        lines: order_lines(),
        subtotal: cny(25_800),
        adjustments: vec![],
        shipping: cny(1_200),
        total: cny(27_000),
        paid: cny(0),
        address: addresses().remove(0).address,
        note: "Ring <twice>".into(),
        created_at: AT,
        updated_at: AT,
    }
}

pub fn order_summaries() -> Vec<OrderSummary> {
    let order = order();
    vec![OrderSummary {
        id: order.id,
        status: order.status,
        status_label: order.status_label,
        title: order.lines[0].title.clone(),
        image_url: None,
        units: 2,
        total: order.total,
        created_at: AT,
    }]
}

pub fn history() -> Vec<HistoryEntry> {
    let by_system = HistoryEntry {
        version: 2,
        operation: "pay".into(),
        operation_label: String::new(),
        from: "PENDING_PAYMENT".into(),
        to: "PAID".into(),
        to_label: "All paid".into(),
        by: "system".into(),
        actor: String::new(),
        note: "internal".into(),
        at: AT,
    };
    let by_buyer = HistoryEntry {
        version: 1,
        operation: "place".into(),
        operation_label: String::new(),
        from: String::new(),
        to: "PENDING_PAYMENT".into(),
        to_label: "To pay".into(),
        by: "buyer".into(),
        actor: "user:7".into(),
        note: "Changed my <mind>".into(),
        at: AT,
    };
    vec![by_buyer, by_system]
}

pub fn fulfillment() -> Fulfillment {
    let order = order();
    let line = Units { sku_id: order.lines[0].sku_id, quantity: order.lines[0].quantity };
    let tracking = TrackingEvent {
        at: AT,
        location: "Hangzhou".into(),
        description: "Left the <depot>".into(),
    };
    Fulfillment {
        order_id: order.id,
        to_ship: vec![],
        shipments: vec![Shipment {
            id: ShipmentId::from_i64(51).unwrap(),
            order_id: order.id,
            carrier: "SF & Sons".into(),
            tracking_number: "SF-001".into(),
            lines: vec![line],
            tracking: vec![tracking],
            shipped_at: AT,
            shipped_by: String::new(),
            delivered_at: Some(AT),
            delivered_by: String::new(),
        }],
        address: order.address,
        shipped: true,
        delivered: true,
    }
}

pub fn payment(state: PaymentState) -> PaymentView {
    PaymentView {
        id: PaymentId::from_i64(62).unwrap(),
        order_id: order().id,
        provider: "test_card".into(),
        provider_reference: None,
        card_brand: Some("visa".into()),
        card_last4: Some("1881".into()),
        state,
        amount: cny(27_000),
        refunded: cny(0),
        decline_reason: (state == PaymentState::Declined).then(|| "expired_card".to_owned()),
        actor: "user:7".into(),
        created_at: AT,
    }
}

pub fn member() -> MemberInfo {
    MemberInfo {
        id: MemberId::from_i64(MEMBER).unwrap(),
        login: "li@example.com".into(),
        name: "Li <b>".into(),
        locale: None,
        created_at: AT,
    }
}

pub fn refund() -> RefundView {
    RefundView {
        id: RefundId::from_i64(61).unwrap(),
        payment_id: PaymentId::from_i64(62).unwrap(),
        order_id: order().id,
        amount: cny(27_000),
        done: true,
        reason: "late".into(),
        actor: String::new(),
        created_at: AT,
    }
}
