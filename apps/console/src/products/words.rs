//! The words of the catalogue.

ui::words! {
    /// The words of the catalogue.
    pub(crate) struct Words, used in ["src/products"];
    "products" {
        words {
            products, new_product, all_products, import, export, search, search_away, status, category,
            brand, any, show, product, price, variants, stock, changed, no_products, nothing_found,
            save, save_and_sell, save_and_take_off, make_draft, saved, not_saved, see_in_shop,
            changed_meanwhile, both_changed, save_again, part, now, yours, texts, title,
            title_missing, description, description_hint, place, address, address_hint, tags,
            tags_hint, no_brand, new_brand, new_brand_hint, categories, no_categories, new_category,
            new_category_hint, pictures, no_pictures, add_pictures, pictures_hint, upload, earlier,
            later, remove, options, options_text, option_name, option_name_hint, option_values,
            option_values_hint, make_variants, compare_at, code, barcode, weight, own_picture,
            no_own_picture, other_picture, see_stock, add_variant, attributes, attributes_text,
            attribute_name, attribute_value, add_attribute, price_missing, not_sellable, code_taken,
            slug_taken, group_taken, groups_full, pictures_full, too_many_pictures,
            too_many_variants,
        }
        sentences {
            from_price(price: &str),
            taken_over(parts: &str),
            picture_number(n: i64),
            picture_alt(n: i64),
            option_number(n: i64),
            variant_number(n: i64),
            attribute_number(n: i64),
            prices_in(currency: &str),
            bad_price(example: &str),
            picture_too_large(name: &str),
            no_picture_type(name: &str),
        }
        tables { statuses, rules }
    }
}
