//! The statuses that an order of a shop may have, as the shop's flow names them, in the order that an order
//! goes through them; remembered for a few seconds. What a status means is the flow's business.

use std::sync::Arc;
use std::time::Duration;

use ::web::Remembered;
use kit::{SharedClock, TenantCode};
use order_api::{Error, GetFlow, OrderClient};
use rpc::Ctx;
use serde_json::Value;
use types::Locale;
use ui::{Reader, Words};

/// More than this many are not offered.
const STATUSES_MAX: usize = 40;

/// How old an answer may be.
const AGE_MAX: Duration = Duration::from_secs(5);
/// Shops that are remembered at the same time, each in each of its languages.
const SHOPS_MAX: u64 = 10_000;

/// A status: its name in the flow, and in words.
pub(crate) type Status = (String, String);

/// Asks for the statuses of a shop's orders and remembers them for [`AGE_MAX`]. Failures are not remembered.
pub(crate) struct CachedStatuses {
    client: OrderClient,
    clock: SharedClock,
    known: Remembered<(TenantCode, Locale), Vec<Status>>,
}

impl CachedStatuses {
    pub(crate) fn new(client: OrderClient, clock: SharedClock) -> Self {
        Self { client, clock, known: Remembered::new(SHOPS_MAX, AGE_MAX) }
    }

    /// Where orders of the call's shop may stand, in the words of a reader. A flow is the system's to read; the
    /// names of its statuses are anybody's.
    pub(crate) async fn get(&self, ctx: &Ctx, reader: &Reader) -> Result<Arc<Vec<Status>>, Error> {
        let asked = async {
            let flow = GetFlow { code: "order".to_owned(), version: None };
            let flow = self.client.get_flow(&ctx.as_system("storefront"), flow).await?;
            Ok(statuses(&flow.document, &reader.locale, Words::of(reader.lang)))
        };
        let key = (ctx.tenant.clone(), reader.locale.clone());
        self.known.get(key, self.clock.now(), asked).await
    }
}

/// The statuses of a flow document: those that are reached first come first. Empty when it has none.
fn statuses(flow: &Value, locale: &Locale, w: &Words) -> Vec<Status> {
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
    use std::sync::atomic::{AtomicU32, Ordering};

    use order_api::{FlowDocument, FlowInfo, OrderMock};
    use serde_json::json;
    use ui::Lang;

    use super::*;

    #[tokio::test]
    async fn a_shop_is_asked_for_its_statuses_once_in_five_seconds_and_language() {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        let client = OrderClient::mock(OrderMock::new().on_get_flow(|ctx, _| {
            assert_eq!(ctx.actor.kind, rpc::ActorKind::System);
            ASKED.fetch_add(1, Ordering::SeqCst);
            let labels = json!({"zh-CN": "新订单"});
            let statuses = json!({"NEW": {"label": "New", "labels": labels}});
            let published_at = testkit::BEGIN;
            let info = FlowInfo { code: "order".into(), version: 1, active: true, published_at };
            let document = json!({"initStatus": "NEW", "statuses": statuses, "operations": {}});
            Ok(FlowDocument { info, document })
        }));
        let clock = testkit::test_clock();
        let cached = CachedStatuses::new(client, clock.clone());
        let ask = async |tenant: &str, locale: &str| {
            let reader = Reader::of(locale.parse().unwrap());
            cached.get(&testkit::user_ctx(tenant, 7), &reader).await.unwrap()[0].1.clone()
        };
        for (tenant, locale, text, asked) in [
            ("flora", "en", "New", 1),
            ("flora", "en", "New", 1),
            ("flora", "zh-CN", "新订单", 2),
            ("gadget", "en", "New", 3),
        ] {
            assert_eq!(ask(tenant, locale).await, text);
            assert_eq!(ASKED.load(Ordering::SeqCst), asked, "{tenant} {locale}");
        }
        clock.advance(AGE_MAX);
        ask("flora", "en").await;
        assert_eq!(ASKED.load(Ordering::SeqCst), 4);
    }

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
