//! A small catalogue and its stock.

use inventory_api::{SkuStock, Warehouse, WarehouseStock};
use kit::Page;
use product_api::{
    Attribute, Brand, Category, ChannelPrice, Image, NewProduct, NewSku, ProductContent,
    ProductInfo, ProductMock, ProductOption, ProductStatus, ProductSummary, SkuInfo,
};
use types::{BrandId, CategoryId, SkuId, SpuId, Texts, WarehouseId};

use crate::data;

pub fn spu(n: i64) -> SpuId {
    SpuId::from_i64(n).unwrap()
}

pub fn sku(n: i64) -> SkuId {
    SkuId::from_i64(n).unwrap()
}

fn new_sku(size: &str, amount: i64) -> NewSku {
    let price = |channel: &str| ChannelPrice { channel: channel.into(), amount, compare_at: None };
    NewSku {
        code: format!("R-{size}"),
        barcode: String::new(),
        options: vec![size.into()],
        prices: vec![price("app"), price("web")],
        weight_grams: 50,
        image: None,
    }
}

/// A rose in two sizes.
pub fn rose() -> ProductContent {
    ProductContent {
        id: spu(5),
        version: 3,
        updated_at: data::AT,
        sku_ids: vec![sku(11), sku(12)],
        content: NewProduct {
            slug: "rose".parse().unwrap(),
            title: data::texts("Rose <b>", "玫瑰"),
            description: Some(data::texts("<p>Red</p>", "红")),
            brand_id: BrandId::from_i64(2).ok(),
            category_ids: vec![CategoryId::from_i64(3).unwrap()],
            tags: vec!["gift".into()],
            attributes: vec![Attribute { name: "Origin".into(), value: "Yunnan".into() }],
            options: vec![ProductOption {
                name: "Size".into(),
                values: vec!["S".into(), "L".into()],
            }],
            images: vec![Image { url: "/media/1".into(), alt: "A rose".into() }],
            skus: vec![new_sku("S", 1_000), new_sku("L", 2_000)],
            status: ProductStatus::Draft,
        },
    }
}

/// What the services answer to a saved product.
pub fn info(id: SpuId, content: &NewProduct, version: i64) -> ProductInfo {
    ProductInfo {
        id,
        slug: content.slug.clone(),
        status: content.status,
        title: content.title.clone(),
        description: content.description.clone(),
        brand: None,
        category_ids: content.category_ids.clone(),
        tags: content.tags.clone(),
        attributes: content.attributes.clone(),
        options: content.options.clone(),
        images: content.images.clone(),
        skus: Vec::new(),
        version,
        updated_at: data::AT,
    }
}

pub fn summary() -> ProductSummary {
    let rose = rose();
    ProductSummary {
        id: rose.id,
        slug: rose.content.slug,
        status: rose.content.status,
        title: rose.content.title,
        image: rose.content.images.first().cloned(),
        price_from: Some(kit::Money::new(1_000, "CNY".parse().unwrap()).unwrap()),
        price_varies: true,
        sku_count: 2,
    }
}

pub fn sku_info(n: i64) -> SkuInfo {
    SkuInfo {
        sku_id: sku(n),
        spu_id: spu(5),
        slug: "rose".parse().unwrap(),
        title: data::texts("Rose <b>", "玫瑰"),
        variant: "S".into(),
        code: "R-S".into(),
        price: None,
        image: None,
        sellable: true,
    }
}

/// A catalogue with the rose in it.
pub fn products() -> ProductMock {
    ProductMock::new()
        .on_list_brands(|_, _| {
            Ok(vec![Brand { id: BrandId::from_i64(2).unwrap(), name: "Grower".into() }])
        })
        .on_list_categories(|_, _| {
            Ok(vec![Category {
                id: CategoryId::from_i64(3).unwrap(),
                parent_id: None,
                slug: "flowers".parse().unwrap(),
                name: Texts::one("en".parse().unwrap(), "Flowers"),
                position: 0,
            }])
        })
        .on_list(|_, _| Ok(Page { items: vec![summary()], next_cursor: None }))
        .on_get_content(|_, req| {
            assert_eq!(req.id, spu(5));
            Ok(rose())
        })
        .on_get_contents(|_, req| {
            Ok(if req.ids.contains(&spu(5)) { vec![rose()] } else { Vec::new() })
        })
        .on_get_skus(|_, req| {
            Ok(req.sku_ids.into_iter().filter(|id| id.get() == 11).map(|_| sku_info(11)).collect())
        })
}

pub fn warehouse(n: i64, name: &str) -> Warehouse {
    let id = WarehouseId::from_i64(n).unwrap();
    Warehouse { id, code: name.to_uppercase(), name: name.into(), priority: 0 }
}

/// Some of a sku in the warehouse 3, and as many sold.
pub fn stock(id: SkuId, available: i64) -> SkuStock {
    let warehouse_id = WarehouseId::from_i64(3).unwrap();
    let there = WarehouseStock { warehouse_id, available, reserved: 1, sold: 40 };
    SkuStock { sku_id: id, available, reserved: 1, sold: 40, warehouses: vec![there] }
}
