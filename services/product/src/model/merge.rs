//! What of a product stays when a file replaces it: that which such a file cannot say. Pure.

use product_api::NewProduct;
use types::Texts;

/// Adds to an imported product what its former content had beyond the file: texts in other languages,
/// attributes, prices in other channels of variants that stay, and the other categories of a product that
/// was in the file's category already.
pub fn carry_over(before: &NewProduct, imported: &mut NewProduct) {
    imported.title = merged(&before.title, &imported.title);
    if let (Some(old), Some(new)) = (&before.description, &imported.description) {
        imported.description = Some(merged(old, new));
    }
    if imported.attributes.is_empty() {
        imported.attributes.clone_from(&before.attributes);
    }
    if imported.category_ids.iter().any(|id| before.category_ids.contains(id)) {
        imported.category_ids.clone_from(&before.category_ids);
    }
    for sku in &mut imported.skus {
        let Some(old) = before.skus.iter().find(|s| s.options == sku.options) else { continue };
        for price in &old.prices {
            if !sku.prices.iter().any(|p| p.channel == price.channel) {
                sku.prices.push(price.clone());
            }
        }
    }
}

fn merged(old: &Texts, new: &Texts) -> Texts {
    let mut all = old.all().clone();
    all.extend(new.all().clone());
    // Too many languages together: the file's win.
    Texts::new(all).unwrap_or_else(|_| new.clone())
}

#[cfg(test)]
mod tests {
    use product_api::{Attribute, ChannelPrice};

    use super::super::samples::{plain, sku};
    use super::*;

    #[test]
    fn what_a_file_cannot_say_stays() {
        let (en, zh) = ("en".parse().unwrap(), "zh-CN".parse().unwrap());
        let mut before = plain();
        before.title = Texts::one(zh, "玫瑰");
        before.attributes = vec![Attribute { name: "Origin".into(), value: "Yunnan".into() }];
        let app = ChannelPrice { channel: "app".into(), amount: 90, compare_at: None };
        before.skus[0].prices.push(app.clone());
        let mut after = plain();
        after.skus = vec![sku(&[], 200)];
        carry_over(&before, &mut after);
        assert_eq!(after.title.get(&en), "Rose");
        assert_eq!(after.title.all().len(), 2);
        assert_eq!(after.attributes, before.attributes);
        assert_eq!((after.skus[0].prices[0].amount, &after.skus[0].prices[1]), (200, &app));
        let category = |n| types::CategoryId::from_i64(n).unwrap();
        before.category_ids = vec![category(1), category(2)];
        for (file, wanted) in [(2, vec![category(1), category(2)]), (3, vec![category(3)])] {
            let mut after = plain();
            after.category_ids = vec![category(file)];
            carry_over(&before, &mut after);
            assert_eq!(after.category_ids, wanted);
        }
        let mut other = plain();
        other.skus = vec![sku(&["L"], 200)];
        carry_over(&before, &mut other);
        assert_eq!(other.skus[0].prices.len(), 1);
    }
}
