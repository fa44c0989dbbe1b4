//! The words of orders.

ui::words! {
    /// The words of orders.
    pub(crate) struct Words, used in ["src/orders"];
    "orders" {
        words {
            orders, find_text, find_hint, status, any, payment_method, from_day, to_day, filter,
            clear, no_orders, no_orders_match, placed, member, total, paid, order, not_a_day,
            filters, pay_card, pay_cash, actions, note, note_hint, actions_none, lines,
            product, price, quantity, sum, shipped, subtotal, shipping_fee, refunded, deliver_to,
            note_of_buyer, facts, all_of_member, channel, flow_version, version, payments,
            payments_none, provider, state, amount, when, who, provider_test_card, provider_cash,
            state_pending, state_captured, state_declined, state_failed, refunds, reason, refund_done,
            refund_open, refund, refund_amount, refund_reason, collect_cash, collect_hint,
            parcels, parcels_none, to_ship, to_ship_hint, ship, carrier, tracking_number,
            warehouse, any_warehouse, not_shippable, left_shop, arrived, track, location, what_happened,
            add_tracking, mark_delivered, delivered_confirm, history, where_it_lies,
            database, table, worker, sequence, made_at, the_platform, the_buyer, by_timer, moved_done,
            shipped_done, tracked_done, delivered_done, collected_done, refunded_done, underway, stale,
            nothing_chosen, not_a_number, not_an_amount, number_taken, refund_confirm, on_its_way,
            confirm_move, unknown_here,
        }
        sentences {
            order_no(id: &str),
            units(n: i64),
            counted(n: i64, money: &str),
            counted_lately(n: i64, money: &str),
            member_no(id: &str),
            staff_no(id: &str),
            by_payment(id: &str),
            left(n: i64),
            only_left(n: i64),
            only_refundable(money: &str),
            card_ending(brand: &str, last: &str),
            not_now(status: &str),
        }
    }
}
