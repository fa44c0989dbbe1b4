//! What is wrong with a form, by field, in the reader's words. The rules are the catalogue's: it says where
//! something is wrong, and each place has its sentence here.

use ui::Errors;

use super::Words;

/// Adds what the catalogue says of a place in a product.
pub(crate) fn add_place(problems: &mut Errors, pointer: &str, detail: &str, w: &Words) {
    let (field, rule) = field_of(pointer, detail);
    problems.add(field, w.rules.get(rule).unwrap_or(detail));
}

/// The field of a place in a product, and the rule that it breaks.
fn field_of(pointer: &str, detail: &str) -> (String, &'static str) {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    let (field, rule) = match parts.as_slice() {
        ["slug"] => ("slug".to_owned(), "slug"),
        // the detail begins with the language
        ["title"] => (format!("title_{}", detail.split(':').next().unwrap_or_default()), "title"),
        ["description", locale] => (format!("description_{locale}"), "description"),
        ["brand_id"] => ("brand".to_owned(), "gone"),
        ["category_ids"] => ("category".to_owned(), "categories"),
        ["category_ids", _] => ("category".to_owned(), "gone"),
        ["tags", ..] => ("tags".to_owned(), "tags"),
        ["attributes", n, part @ ("name" | "value")] => (format!("a{n}_{part}"), "attribute"),
        ["options", n, "name"] => (format!("o{n}_name"), "option_name"),
        ["options", n, "values", ..] => (format!("o{n}_values"), "option_values"),
        ["images", n, "alt"] => (format!("i{n}_alt"), "alt"),
        ["images", n, "url"] => (format!("i{n}_alt"), "image"),
        ["skus", n, "options", ..] => (format!("v{n}_o0"), "variant_options"),
        ["skus", n, "code"] => (format!("v{n}_code"), "code"),
        ["skus", n, "barcode"] => (format!("v{n}_barcode"), "barcode"),
        ["skus", n, "weight_grams"] => (format!("v{n}_weight"), "weight"),
        ["skus", n, "prices", _, "compare_at"] => (format!("v{n}_compare"), "price"),
        ["skus", n, "prices", ..] => (format!("v{n}_price"), "price"),
        ["skus", n, "image", ..] => (format!("v{n}_image"), "image"),
        _ => (String::new(), "other"),
    };
    (field, rule)
}

#[cfg(test)]
mod tests {
    use ui::Lang;

    use super::*;

    #[test]
    fn every_place_of_a_product_has_its_field_and_its_sentence_in_both_languages() {
        for lang in Lang::ALL {
            let w = Words::of(lang);
            for (pointer, detail, field) in [
                ("/slug", "", "slug"),
                ("/title", "zh-CN: must not be empty", "title_zh-CN"),
                ("/description/en", "", "description_en"),
                ("/brand_id", "", "brand"),
                ("/category_ids", "", "category"),
                ("/tags/3", "", "tags"),
                ("/attributes/2/value", "", "a2_value"),
                ("/options/1/name", "", "o1_name"),
                ("/options/1/values/0", "", "o1_values"),
                ("/images/4/alt", "", "i4_alt"),
                ("/skus/7/options/1", "", "v7_o0"),
                ("/skus/7/code", "", "v7_code"),
                ("/skus/7/prices/0/amount", "", "v7_price"),
                ("/skus/7/prices/0/compare_at", "", "v7_compare"),
                ("/skus/7/weight_grams", "", "v7_weight"),
            ] {
                let mut problems = Errors::default();
                add_place(&mut problems, pointer, detail, w);
                let text = problems.of(field).unwrap_or_else(|| panic!("{pointer}"));
                assert!(!text.is_empty() && text != detail, "{pointer}");
            }
            let mut other = Errors::default();
            add_place(&mut other, "/elsewhere", "odd", w);
            assert_eq!(other.of(""), Some("odd"));
        }
    }
}
