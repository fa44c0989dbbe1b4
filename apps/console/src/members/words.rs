//! The words of members.

ui::words! {
    /// The words of members.
    pub(crate) struct Words, used in ["src/members"];
    "members" {
        words {
            members, members_text, login, find, show_all, nobody_found, no_members, name, unnamed,
            language, no_language, member_since, profile, orders, no_orders, orders_away, order,
            status, content, total, placed_at, to_members,
        }
        sentences {
            units(n: u32),
        }
    }
}
