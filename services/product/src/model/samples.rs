//! Products for the tests of the rules.

use product_api::{ChannelPrice, NewProduct, NewSku, ProductStatus};
use types::Texts;

pub(crate) fn plain() -> NewProduct {
    NewProduct {
        slug: "rose".parse().unwrap(),
        title: Texts::one("en".parse().unwrap(), "Rose"),
        description: None,
        brand_id: None,
        category_ids: Vec::new(),
        tags: Vec::new(),
        attributes: Vec::new(),
        options: Vec::new(),
        images: Vec::new(),
        skus: vec![sku(&[], 100)],
        status: ProductStatus::Draft,
    }
}

pub(crate) fn sku(options: &[&str], amount: i64) -> NewSku {
    NewSku {
        code: String::new(),
        barcode: String::new(),
        options: options.iter().map(|s| (*s).to_owned()).collect(),
        prices: vec![ChannelPrice { channel: "web".into(), amount, compare_at: None }],
        weight_grams: 0,
        image: None,
    }
}
