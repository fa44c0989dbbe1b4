//! The words of the pages. They stand in `locales/LANGUAGE/AREA.ftl`; here is which there are. What belongs to
//! a shop (names, descriptions, labels of its flow) does not stand there.

pub mod catalogue;
pub mod check;
mod define;
mod flow;
mod phrases;

pub use catalogue::{Catalogue, Table, Value};

crate::words! {
    /// The words of the shop's pages in one language.
    pub struct Words, used in ["src", "../storefront/src", "../console/src", "../web/src"];
    "common" {
        words {
            html_lang, skip_to_content, main_menu, language, next_page, first_page,
            no_picture, optional, powered_by, search, search_products, account, your_things,
            help_and_account, pages,
        }
    }
    "shop" {
        words {
            home, all_products, new_arrivals, categories, subcategories, no_products, from_price,
            price, price_before, pictures, choose_variant, not_offered, sold_out, in_stock,
            not_for_sale, not_sold_now, quantity, add_to_cart, description, details, brand,
            article_number, see_all, flash_sale, you_are_here, weight, leads_to, our_promises,
            promise_delivery_free, promise_payment, promise_returns, reviews,
        }
        sentences {
            only_left(n: i64),
            picture_no(n: usize),
            all_of_shop(shop: &str),
            save_percent(n: i64),
            promise_delivery(fee: &str),
            stars(n: u8),
            ends_at(time: &str),
        }
    }
    "lists" {
        words {
            filters, apply_filters, chosen_filters, remove_filter, clear_filters, sort_by,
            sort_best, sort_newest, sort_price_up, sort_price_down, sort_button, price_at_least,
            price_at_most, bad_price, availability, only_in_stock, only_reduced, price_was,
            nothing_found, try_fewer_words, try_fewer_filters, search_rests,
            search_away,
        }
        sentences {
            results_for(text: &str),
            quoted(text: &str),
            n_products(n: u64),
            more_than_products(n: u64),
            filters_chosen(n: usize),
            price_is_at_least(price: &str),
            price_is_at_most(price: &str),
            price_range(min: &str, max: &str),
            nothing_found_for(text: &str),
        }
    }
    "cart" {
        words {
            cart, cart_empty, go_shopping, update, remove, subtotal, each, line_gone, gone_product,
            to_checkout, shipping_at_checkout, bad_quantity, cart_full, cart_not_sellable,
            cart_has_gone_lines, cart_has_short_lines, cart_line_missing, save_for_later,
            saved_for_later, move_to_cart, saved_full,
        }
    }
    "account" {
        words {
            sign_in, sign_out, register, email, password, password_hint, your_name, no_account_yet,
            have_account, sign_in_to_go_on, bad_login, login_taken, bad_email, bad_password,
            my_account, profile, save, profile_saved, change_password, current_password,
            new_password, password_changed, wrong_current_password, sign_out_everywhere,
            sign_out_everywhere_hint, addresses, no_addresses, add_address, edit_address, edit,
            delete, delete_address_sure, default_address, make_default, address_saved,
            address_deleted, address_book_full, back_to_addresses,
        }
        sentences {
            locked_until(time: &str),
        }
    }
    "checkout" {
        words {
            checkout, where_to, how_to_pay, your_order, new_address, address, recipient, phone,
            country, country_hint, region, city, street, postal_code, pay_by_card, pay_by_card_hint,
            cash_on_delivery, cash_hint, note_to_shop, shipping, shipping_free, total, tax_included,
            place_order, back_to_cart, price_changed, checkout_over, order_line_gone,
            sold_out_lines, change_cart, too_many_addresses, choose_address, choose_payment,
            fill_this, too_long, not_understood, look_below, placing, placing_text, delivery,
            standard_delivery, delivery_hint, edit_addresses, new_address_kept,
        }
        sentences {
            wanted_available(wanted: i64, available: i64),
            too_many_unpaid(n: u32),
        }
    }
    "payment" {
        words {
            card_payment, card_number, card_expiry, card_cvc, pay_now, bad_card_number,
            bad_card_expiry, bad_card_cvc, card_never_kept, payment_declined, payment_failed,
            form_outdated, order_is_kept,
        }
        tables { decline_reasons }
    }
    "order" {
        words {
            order, my_orders, no_orders, placed_at, payment, payment_processing,
            waits_for_payment, paid, refunded, history, parcels, tracking_number, shipped_at,
            delivered_at, what_you_can_do, delivery_and_payment, items, by_buyer, by_staff,
            by_system, order_stale, order_not_allowed, thank_you, next_packing, next_sent,
            look_again, refund_under_way, payments, payment_pending,
            payment_declined_short, payment_failed_short, not_sent_yet, parcel_arrived,
            parcel_on_its_way, all_orders, no_orders_in_status, narrow_orders,
            cancel_order_sure,
        }
        sentences {
            order_no(id: &str),
            thanks_number(id: &str),
            next_packing_cash(total: &str),
            card_ending(brand: &str, last: &str),
            parcel_no(n: usize, of: usize),
            units(n: u32),
        }
    }
    "errors" {
        words {
            error, not_found_title, not_found_text, forbidden_title, forbidden_text, csrf_text,
            bad_request_title, bad_request_text, busy_title, busy_text, internal_title,
            internal_text, request_id, try_again,
        }
    }
    "directory" {
        words {
            shops, shops_text, no_shops,
        }
    }
    "flow" {
        tables { statuses, operations }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    #[test]
    fn plurals_are_those_of_the_language() {
        let (en, zh) = (Words::of(Lang::En), Words::of(Lang::ZhCn));
        assert_eq!((en.units(1), en.units(2)), ("1 item".to_owned(), "2 items".to_owned()));
        assert_eq!((zh.units(1), zh.units(2)), ("1 件".to_owned(), "2 件".to_owned()));
        assert_eq!(en.wanted_available(3, 1), "3 wanted, 1 left");
        for lang in Lang::ALL {
            assert_eq!(Words::of(lang).lang, lang);
        }
    }
}
