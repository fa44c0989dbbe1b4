//! The words of stock.

ui::words! {
    /// The words of stock.
    pub(crate) struct Words, used in ["src/stock"];
    "stock" {
        words {
            stock, warehouses, warehouse, all_warehouses, search_hint, below, show, sku,
            number, available, reserved, sold, nothing_stocked, nothing_found, all_stock, few,
            search_away, no_name, unknown_sku, to_product, in_warehouses, never_stocked, total, adjust,
            adjust_text, delta, delta_hint, reason, reason_hint, adjusted, underway, bad_delta, bad_reason,
            no_warehouse, choose_warehouse, ledger, no_changes, when, what, who, why, order,
            warehouse_code, warehouse_code_hint, warehouse_name, priority, priority_hint, add_warehouse,
            no_warehouses, bad_code, bad_name, bad_priority, code_taken, warehouses_full, sent_already,
        }
        sentences {
            would_be_negative(available: i64),
        }
        tables { kinds }
    }
}
