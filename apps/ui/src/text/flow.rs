//! Words for the statuses and operations of flows. A flow belongs to its tenant and may name anything;
//! its own label is shown. Where the label is in another language than the page, the usual names have a
//! word here, and what has neither is made readable.

use super::{Table, Words};
use crate::lang::Lang;

impl Words {
    /// A status: `label` is what the flow says, possibly empty or the name itself.
    #[must_use]
    pub fn status(&self, name: &str, label: &str) -> String {
        self.named(&self.statuses, name, label)
    }

    /// An operation, as a status.
    #[must_use]
    pub fn operation(&self, name: &str, label: &str) -> String {
        self.named(&self.operations, name, label)
    }

    fn named(&self, table: &Table, name: &str, label: &str) -> String {
        let known = table.get(name);
        // services answer with the label of no language in particular
        let foreign = self.lang == Lang::ZhCn && label.is_ascii();
        let has_label = !label.is_empty() && label != name;
        match known {
            Some(known) if foreign => known.to_owned(),
            _ if has_label => label.to_owned(),
            Some(known) => known.to_owned(),
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
