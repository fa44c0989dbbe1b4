//! The words that all pages of the console share. Each area has its own beside them.

ui::words! {
    /// The words around the pages.
    pub(crate) struct Words, used in ["src"];
    "desk" {
        words {
            console, skip_to_content, main_menu, language, to_shop, signed_in_as, sign_in, sign_out,
            sign_in_title, sign_in_text, login, password, bad_login, role_owner, role_operations,
            role_warehouse, role_customer_service, role_read_only, dashboard, error, not_found_title,
            not_found_text, forbidden_title, forbidden_text, csrf_text, bad_request_title,
            bad_request_text, busy_title, busy_text, internal_title, internal_text, request_id,
            to_dashboard, again, again_text,
        }
        sentences {
            locked_until(time: &str),
        }
    }
}
