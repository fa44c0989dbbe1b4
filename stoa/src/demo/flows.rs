//! The flow documents of the demo's tenants. Documents only: what they mean is decided by the services
//! that run them.

use serde_json::Value;

/// The flow of after-sale cases, the same for every demo tenant.
pub const AFTER_SALE_FLOW: &str = include_str!("../../demo/flows/after_sale.json");

const FLORA: &str = include_str!("../../demo/flows/flora-order.json");
const GADGET: &str = include_str!("../../demo/flows/gadget-order.json");
const OUTLET: &str = include_str!("../../demo/flows/outlet-order.json");

/// The order flow of a demo tenant (any other tenant gets the plain one), in which an unpaid order is
/// closed `close_after`, an ISO 8601 duration such as `PT30M` or `PT2S`. Whether that is one is checked
/// when the document is published.
#[must_use]
pub fn order_flow(tenant: &str, close_after: &str) -> String {
    let text = match tenant {
        "gadget" => GADGET,
        "outlet" => OUTLET,
        _ => FLORA,
    };
    // The documents are part of the program and a test reads them all; one that could not be read would
    // be refused, with the reason, when it is published.
    let Ok(mut document) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    let triggers = document.get_mut("triggers").and_then(Value::as_array_mut);
    for trigger in triggers.into_iter().flatten() {
        if trigger.get("operation").and_then(Value::as_str) == Some("close") {
            trigger["after"] = Value::from(close_after);
        }
    }
    document.to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use flow::{CheckedFlow, SYSTEM};
    use serde_json::json;

    use super::*;

    fn checked(tenant: &str) -> CheckedFlow {
        flow::validate(&order::order_flow_kind(), &order_flow(tenant, "PT2S")).unwrap()
    }

    fn vars(paid: i64, method: &str) -> Value {
        money(paid, 0, method)
    }

    fn money(captured: i64, refunded: i64, method: &str) -> Value {
        json!({ "order": {
            "total_amount": 100, "paid_amount": captured - refunded, "captured_amount": captured,
            "refunded_amount": refunded, "payment_method": method, "units": 1, "lines": 1,
            "channel": "web",
        }})
    }

    /// Where each of these operations leads, one after the other.
    fn walk(flow: &CheckedFlow, vars: &Value, steps: &[(&str, &str)]) -> Vec<String> {
        let mut status = flow.init_status().to_owned();
        let mut seen = Vec::new();
        for (operation, role) in steps {
            status = flow.decide(&status, operation, role, vars).unwrap().to;
            seen.push(status.clone());
        }
        seen
    }

    #[test]
    fn every_document_is_valid() {
        for tenant in ["flora", "gadget", "outlet", "fuzz"] {
            checked(tenant);
        }
        flow::validate(&order::after_sale_flow_kind(), AFTER_SALE_FLOW).unwrap();
        for text in [FLORA, GADGET, OUTLET] {
            flow::validate(&order::order_flow_kind(), text).unwrap();
        }
    }

    #[test]
    fn an_unpaid_order_is_closed_after_the_time_given_and_a_paid_one_is_not() {
        for tenant in ["flora", "gadget", "outlet"] {
            let flow = checked(tenant);
            let timer = flow.entry_triggers("PENDING_PAYMENT").remove(0);
            assert_eq!((timer.after, timer.operation.as_str()), (Duration::from_secs(2), "close"));
            let unpaid = flow.check_trigger(timer.index, "PENDING_PAYMENT", &vars(0, "card"));
            let closed = unpaid.unwrap().unwrap();
            assert_eq!(closed.to, "CLOSED");
            assert!(closed.actions.iter().any(|a| a.name == "release_stock"));
            let paid = flow.check_trigger(timer.index, "PENDING_PAYMENT", &vars(1, "card"));
            assert_eq!(paid.unwrap(), None);
        }
        assert!(order_flow("flora", "PT30M").contains("PT30M"));
    }

    #[test]
    fn a_card_order_walks_from_paid_to_completed() {
        let (paid, system) = (vars(100, "card"), SYSTEM);
        let steps = [
            ("pay", system),
            ("begin_shipping", system),
            ("ship", system),
            ("deliver", system),
            ("receive", "buyer"),
            ("complete", system),
        ];
        let expected = ["PAID", "SHIPPING", "SHIPPED", "DELIVERED", "RECEIVED", "COMPLETED"];
        assert_eq!(walk(&checked("flora"), &paid, &steps), expected);
        assert_eq!(walk(&checked("outlet"), &paid, &steps), expected);
        let mut packed = steps.to_vec();
        packed.insert(1, ("pack", "staff.warehouse"));
        assert_eq!(
            walk(&checked("gadget"), &paid, &packed),
            ["PAID", "PACKED", "SHIPPING", "SHIPPED", "DELIVERED", "RECEIVED", "COMPLETED"]
        );
    }

    #[test]
    fn a_packed_order_that_no_carrier_fetches_goes_back_to_the_table() {
        let flow = checked("gadget");
        assert!(flow.decide("PAID", "begin_shipping", SYSTEM, &vars(100, "card")).is_err());
        assert!(flow.decide("SHIPPING", "unpack", "staff", &vars(100, "card")).is_err());
        let timer = flow.entry_triggers("PACKED").remove(0);
        assert_eq!(timer.after, Duration::from_secs(2 * 24 * 3600));
        let back = |v: &Value| flow.check_trigger(timer.index, "PACKED", v).unwrap().unwrap().to;
        assert_eq!(back(&vars(100, "card")), "PAID");
        assert_eq!(back(&vars(0, "cash_on_delivery")), "CONFIRMED");
    }

    #[test]
    fn cash_is_confirmed_shipped_and_collected_whichever_news_comes_first() {
        let flow = checked("outlet");
        let (due, paid) = (vars(0, "cash_on_delivery"), vars(100, "cash_on_delivery"));
        assert!(flow.decide("PENDING_PAYMENT", "confirm_cash", SYSTEM, &vars(0, "card")).is_err());
        let steps = [("confirm_cash", SYSTEM), ("begin_shipping", SYSTEM), ("ship", SYSTEM)];
        assert_eq!(walk(&flow, &due, &steps), ["CONFIRMED", "SHIPPING", "SHIPPED"]);
        assert!(flow.decide("SHIPPED", "collect", SYSTEM, &due).is_err());
        for status in ["SHIPPED", "DELIVERED"] {
            let collected = flow.decide(status, "collect", SYSTEM, &paid).unwrap();
            assert_eq!(collected.to, "RECEIVED");
            assert!(collected.actions.iter().any(|a| a.name == "sell_stock"));
        }
        // The carrier's news of the delivery may come after the cash, or after the buyer's word.
        assert_eq!(flow.decide("RECEIVED", "deliver", SYSTEM, &paid).unwrap().to, "RECEIVED");
        assert_eq!(flow.decide("COMPLETED", "deliver", SYSTEM, &paid).unwrap().to, "COMPLETED");
    }

    #[test]
    fn an_order_of_which_a_parcel_may_have_left_cannot_be_cancelled() {
        for tenant in ["flora", "gadget", "outlet"] {
            let flow = checked(tenant);
            for operation in ["cancel", "close", "unpack"] {
                for role in ["buyer", "staff", SYSTEM] {
                    for paid in [0, 100] {
                        let vars = vars(paid, "cash_on_delivery");
                        assert!(flow.decide("SHIPPING", operation, role, &vars).is_err());
                    }
                }
            }
        }
    }

    #[test]
    fn a_goodwill_refund_holds_nothing_up_and_a_whole_one_keeps_the_parcel() {
        for tenant in ["flora", "gadget", "outlet"] {
            let flow = checked(tenant);
            let from = if tenant == "gadget" { "PACKED" } else { "PAID" };
            let (part, whole) = (money(100, 30, "card"), money(100, 100, "card"));
            let may = |status: &str, operation: &str, role: &str, vars: &Value| {
                flow.decide(status, operation, role, vars).is_ok()
            };
            for status in [from, "SHIPPING"] {
                assert!(may(status, "begin_shipping", SYSTEM, &part));
                assert!(!may(status, "begin_shipping", SYSTEM, &whole));
                assert!(may(status, "close_refunded", "staff", &whole));
                assert!(!may(status, "close_refunded", "staff", &part));
            }
            assert!(may("DELIVERED", "receive", "buyer", &part));
            let timer = flow.entry_triggers("DELIVERED").remove(0);
            let done = flow.check_trigger(timer.index, "DELIVERED", &part).unwrap().unwrap();
            assert_eq!(done.to, "RECEIVED");
        }
    }

    #[test]
    fn unpaid_orders_can_be_cancelled_and_late_money_goes_back() {
        for tenant in ["flora", "gadget"] {
            let flow = checked(tenant);
            for role in ["buyer", "staff"] {
                let done = flow.decide("PENDING_PAYMENT", "cancel", role, &vars(0, "card"));
                assert_eq!(done.unwrap().to, "CANCELLED");
            }
            assert!(flow.decide("PENDING_PAYMENT", "cancel", "buyer", &vars(100, "card")).is_err());
            assert!(flow.decide("PAID", "cancel", "buyer", &vars(100, "card")).is_err());
            for status in ["CLOSED", "CANCELLED"] {
                let back = flow.decide(status, "refund_late_payment", SYSTEM, &vars(100, "card"));
                let back = back.unwrap();
                assert_eq!((back.to.as_str(), back.actions[0].name.as_str()), (status, "refund"));
                assert!(flow.is_final(status));
                let nothing = flow.decide(status, "refund_late_payment", SYSTEM, &vars(0, "card"));
                assert!(nothing.is_err());
            }
        }
    }

    #[test]
    fn statuses_and_buttons_have_names_in_both_languages() {
        for tenant in ["flora", "gadget", "outlet"] {
            let flow = checked(tenant);
            let document = flow.document();
            for (code, status) in &document.statuses {
                assert!(status.labels.contains_key("zh-CN"), "{code}");
                assert_ne!(document.status_label(code, "en"), code);
            }
            for (name, transitions) in &document.operations {
                let all = transitions.as_slice().iter();
                assert!(all.clone().all(|t| t.labels.contains_key("zh-CN")), "{name}");
            }
        }
    }
}
