//! Words for the statuses and operations of flows. A flow belongs to its tenant and may name anything;
//! its own label is shown. Where the label is in another language than the page, the usual names have a
//! word here, and what has neither is made readable.

use super::Words;
use crate::lang::Lang;

/// Usual statuses: name, English, Chinese.
const STATUSES: &[(&str, &str, &str)] = &[
    ("PENDING_PAYMENT", "To pay", "待付款"),
    ("ACCEPTED", "Accepted", "已接单"),
    ("PAID", "Paid", "已付款"),
    ("PACKED", "Packed", "已打包"),
    ("SHIPPED", "Shipped", "已发货"),
    ("DELIVERED", "Delivered", "已送达"),
    ("RECEIVED", "Received", "已收货"),
    ("COMPLETED", "Completed", "已完成"),
    ("CLOSED", "Closed", "已关闭"),
    ("CANCELLED", "Cancelled", "已取消"),
    ("REFUNDING", "Refund under way", "退款中"),
    ("REFUNDED", "Refunded", "已退款"),
];

/// Usual operations: name, English, Chinese.
const OPERATIONS: &[(&str, &str, &str)] = &[
    ("begin", "Placed", "提交订单"),
    ("place", "Placed", "提交订单"),
    ("pay", "Paid", "付款"),
    ("collect", "Cash collected", "收取货款"),
    ("confirm_cash", "Cash on delivery accepted", "确认货到付款"),
    ("pack", "Packed", "打包"),
    ("ship", "Shipped", "发货"),
    ("deliver", "Delivered", "送达"),
    ("receive", "Confirm receipt", "确认收货"),
    ("complete", "Completed", "完成"),
    ("cancel", "Cancel the order", "取消订单"),
    ("close", "Closed", "关闭"),
    ("refund", "Refund", "退款"),
    ("refund_late_payment", "Late payment refunded", "退还逾期付款"),
];

impl Words {
    /// A status: `label` is what the flow says, possibly empty or the name itself.
    #[must_use]
    pub fn status(&self, name: &str, label: &str) -> String {
        self.named(STATUSES, name, label)
    }

    /// An operation, as a status.
    #[must_use]
    pub fn operation(&self, name: &str, label: &str) -> String {
        self.named(OPERATIONS, name, label)
    }

    fn named(&self, table: &[(&str, &str, &str)], name: &str, label: &str) -> String {
        let known = table.iter().find(|(n, ..)| *n == name);
        // services answer with the label of no language in particular
        let foreign = self.lang == Lang::ZhCn && label.is_ascii();
        let has_label = !label.is_empty() && label != name;
        match known {
            Some((_, _, zh)) if foreign => (*zh).to_owned(),
            _ if has_label => label.to_owned(),
            Some((_, en, zh)) => (if self.lang == Lang::En { en } else { zh }).to_string(),
            None => readable(name),
        }
    }
}

/// `PENDING_REVIEW` → `Pending review`.
fn readable(name: &str) -> String {
    let text = name.replace(['_', '-'], " ").to_lowercase();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flows_own_label_is_shown_unless_it_is_in_the_wrong_language() {
        let (en, zh) = (Words::of(Lang::En), Words::of(Lang::ZhCn));
        assert_eq!(en.status("PAID", "Money is here"), "Money is here");
        assert_eq!(zh.status("PAID", "Money is here"), "已付款");
        assert_eq!(zh.status("PAID", "钱到了"), "钱到了");
        assert_eq!(en.status("PAID", ""), "Paid");
        assert_eq!(en.status("IN_CUSTOMS", "IN_CUSTOMS"), "In customs");
        assert_eq!(zh.status("IN_CUSTOMS", "In customs"), "In customs");
        assert_eq!(zh.operation("receive", ""), "确认收货");
        assert_eq!(en.operation("", ""), "");
    }
}
