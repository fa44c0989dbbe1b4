//! The statuses that an order of a shop may have, as the shop's flow names them, in the order that an order
//! goes through them. Pure. What a status means is the flow's business.

use serde_json::Value;
use types::Locale;
use ui::Words;

/// More than this many are not offered.
const STATUSES_MAX: usize = 40;

/// A status: its name in the flow, and in words.
pub(crate) type Status = (String, String);

/// The statuses of a flow document: those that are reached first come first. Empty when it has none.
pub(crate) fn statuses(flow: &Value, locale: &Locale, w: &Words) -> Vec<Status> {
    let Some(described) = flow["statuses"].as_object() else { return Vec::new() };
    let mut found: Vec<&str> = flow["initStatus"].as_str().into_iter().collect();
    let mut looked_at = 0;
    while let Some(from) = found.get(looked_at).copied() {
        looked_at += 1;
        for to in targets(flow, from) {
            if found.len() < STATUSES_MAX && !found.contains(&to) {
                found.push(to);
            }
        }
    }
    let known = found.into_iter().filter_map(|name| Some((name, described.get(name)?)));
    known.map(|(name, status)| (name.to_owned(), w.status(name, label(status, locale)))).collect()
}

/// Where operations lead from a status. An operation is one transition or several.
fn targets<'a>(flow: &'a Value, from: &str) -> Vec<&'a str> {
    let operations = flow["operations"].as_object().into_iter().flat_map(|o| o.values());
    let transitions = operations.flat_map(|operation| match operation {
        Value::Array(several) => several.iter().collect(),
        one => vec![one],
    });
    let begins = |transition: &&Value| match &transition["from"] {
        Value::Array(names) => names.iter().any(|n| n.as_str() == Some(from)),
        name => name.as_str() == Some(from),
    };
    transitions.filter(begins).filter_map(|t| t["to"].as_str()).collect()
}

/// The flow's own word, in the reader's language if it has one.
fn label<'a>(status: &'a Value, locale: &Locale) -> &'a str {
    let own = status["labels"][locale.as_str()].as_str();
    own.or_else(|| status["label"].as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ui::Lang;

    use super::*;

    #[test]
    fn statuses_come_in_the_order_that_an_order_goes_through_them() {
        let flow = json!({
            "initStatus": "NEW",
            "statuses": {
                "CLOSED": {"final": true},
                "NEW": {"label": "New", "labels": {"zh-CN": "新订单"}},
                "PAID": {"label": "Money is here"},
                "LOST": {},
            },
            "operations": {
                "pay": [{"from": "NEW", "to": "PAID"}, {"from": "PAID", "to": "PAID"}],
                "close": {"from": ["PAID"], "to": "CLOSED"},
                "odd": {"from": "PAID", "to": "UNKNOWN"},
            }
        });
        let of = |locale: &str, lang| {
            let found = statuses(&flow, &locale.parse().unwrap(), Words::of(lang));
            found.into_iter().map(|(name, text)| format!("{name} {text}")).collect::<Vec<_>>()
        };
        assert_eq!(of("en", Lang::En), ["NEW New", "PAID Money is here", "CLOSED Closed"]);
        assert_eq!(of("zh-CN", Lang::ZhCn)[0], "NEW 新订单");
        assert!(statuses(&json!({}), &"en".parse().unwrap(), Words::of(Lang::En)).is_empty());
    }
}
