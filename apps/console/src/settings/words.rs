//! The words of the shop's settings.

ui::words! {
    /// The words of the shop's settings.
    pub(crate) struct Words, used in ["src/settings"];
    "settings" {
        words {
            settings, name, save, look, primary, primary_hint, accent, accent_hint, background,
            background_hint, choose_colour, colour_hint, tagline, tagline_hint, heading_font,
            body_font, fonts_hint, no_fonts, logo, logo_text, picture_file, picture_hint,
            logo_address, picture_address_hint, no_logo, shipping, shipping_fee, shipping_hint,
            hosts, hosts_text, placements, placements_text, placement_version, placement_state,
            placement, databases, tables, in_use_since, from_the_start, stale, see_current, look_below, bad_name,
            bad_colour, bad_tagline, bad_fonts, bad_picture, bad_picture_file, picture_too_large,
            bad_fee, done_saved, done_banner_removed,
        }
        sentences {
            fee_in(currency: &str),
            low_link(ratio: &str),
            low_button(ratio: &str),
            low_accent(ratio: &str),
        }
        tables { placement_states }
    }
    "banners" {
        words {
            banners, banners_text, no_banners, add_banner, new_banner, edit_banner, edit, earlier,
            later, remove, remove_text, banner_title, banner_text, banner_image, banner_picture,
            banner_link, banner_link_hint, bad_title, bad_text, bad_link, banners_full,
        }
        sentences {
            banner_now(title: &str),
        }
    }
}
