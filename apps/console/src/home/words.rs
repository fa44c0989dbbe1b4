//! The words of the dashboard.

ui::words! {
    /// The words of the dashboard.
    pub(crate) struct Words, used in ["src/home"];
    "home" {
        words {
            period, last_day, last_week, last_month, orders, revenue, average, orders_by_time,
            revenue_by_time, by_state, low_stock, low_stock_none, messages,
            messages_none, service, waiting, delayed, dead, time, product,
            available, reserved, not_now, no_orders, values,
        }
        sentences {
            waits_since(time: &str),
            low_stock_text(n: i64),
        }
    }
}
