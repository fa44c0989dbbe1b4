//! Figures that many orders or messages are counted for, remembered for a short while: every view of a page and every
//! live update of one would count them anew. Bounded in size and age; of those who ask for the same at the
//! same time only one asks the service. It must not be used to decide anything, and tells nobody what the
//! service would not.

use std::sync::Arc;
use std::time::Duration;

use kit::{SharedClock, TenantCode, Timestamp};
use messages_api::{MessagesClient, ServiceMessages, Summary};
use order_api::{CellCount, Cells, OrderClient};
use rpc::{Ctx, Fault};
use search_api::{FlowCount, FlowUsage, OrderFigures, OrderStats, SearchClient};
use web::Remembered;

/// How old figures on live pages may be. Less than the pause between the two looks that such a page takes
/// at a change, so that the second one sees it.
const LIVE_AGE_MAX: Duration = Duration::from_secs(2);
/// How old the number of orders by cell may be.
const CELLS_AGE_MAX: Duration = Duration::from_secs(60);
/// Answers of a kind that are remembered at the same time.
const ANSWERS_MAX: u64 = 1_000;

/// Asks for figures and remembers them. Failures are not remembered.
pub(crate) struct CachedFigures {
    search: SearchClient,
    orders: OrderClient,
    clock: SharedClock,
    sales: Remembered<(TenantCode, Timestamp, Timestamp), OrderFigures>,
    running: Remembered<TenantCode, Vec<FlowCount>>,
    cells: Remembered<TenantCode, Vec<CellCount>>,
    messages: MessagesClient,
    stuck: Remembered<TenantCode, Vec<ServiceMessages>>,
}

impl CachedFigures {
    /// Knows nothing yet.
    pub(crate) fn new(
        search: SearchClient,
        orders: OrderClient,
        messages: MessagesClient,
        clock: SharedClock,
    ) -> Self {
        Self {
            search,
            orders,
            messages,
            clock,
            sales: Remembered::new(ANSWERS_MAX, LIVE_AGE_MAX),
            running: Remembered::new(ANSWERS_MAX, LIVE_AGE_MAX),
            cells: Remembered::new(ANSWERS_MAX, CELLS_AGE_MAX),
            stuck: Remembered::new(ANSWERS_MAX, LIVE_AGE_MAX),
        }
    }

    /// The figures of the orders of some time. Only bounds that stay the same for a while are worth
    /// remembering: round them.
    pub(crate) async fn sales(
        &self,
        ctx: &Ctx,
        asked: OrderStats,
    ) -> Result<Arc<OrderFigures>, search_api::Error> {
        ctx.require("orders:read")?;
        let key = (ctx.tenant.clone(), asked.from, asked.to);
        self.sales.get(key, self.clock.now(), self.search.order_stats(ctx, asked)).await
    }

    /// How many orders run where.
    pub(crate) async fn running(
        &self,
        ctx: &Ctx,
    ) -> Result<Arc<Vec<FlowCount>>, search_api::Error> {
        if !ctx.actor.may("flows:read") {
            ctx.require("orders:read")?;
        }
        let asked = self.search.flow_usage(ctx, FlowUsage {});
        self.running.get(ctx.tenant.clone(), self.clock.now(), asked).await
    }

    /// How many orders lie in which cell.
    pub(crate) async fn cells(&self, ctx: &Ctx) -> Result<Arc<Vec<CellCount>>, order_api::Error> {
        ctx.require("orders:read")?;
        let asked = self.orders.cells(ctx, Cells {});
        self.cells.get(ctx.tenant.clone(), self.clock.now(), asked).await
    }

    /// How many messages between services wait, by service: every database of each is asked.
    pub(crate) async fn messages(&self, ctx: &Ctx) -> Result<Arc<Vec<ServiceMessages>>, Fault> {
        ctx.require("messages:read")?;
        let asked = self.messages.summary(ctx, Summary {});
        self.stuck.get(ctx.tenant.clone(), self.clock.now(), asked).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use kit::{ErrorCode, Money};
    use messages_api::MessagesMock;
    use order_api::OrderMock;
    use rpc::Actor;
    use search_api::SearchMock;

    use super::*;

    /// Figures whose number of orders counts how often they were asked for; `fails` answers fail first.
    fn counting(fails: u64) -> (CachedFigures, Arc<kit::TestClock>) {
        let asked = AtomicU64::new(0);
        let search = SearchMock::new().on_order_stats(move |_, _| {
            let orders = asked.fetch_add(1, Ordering::SeqCst) + 1;
            if orders <= fails {
                return Err(Fault::new(ErrorCode::Unavailable, "away").into());
            }
            let revenue = Money::zero("CNY".parse().unwrap());
            Ok(OrderFigures { orders, revenue, by_hour: vec![], by_status: vec![] })
        });
        let clock = testkit::test_clock();
        let asked = AtomicU64::new(0);
        let messages = MessagesMock::new().on_summary(move |_, _| {
            let dead = asked.fetch_add(1, Ordering::SeqCst) + 1;
            let service = "order".to_owned();
            let (pending, delayed, oldest_pending_at) = (0, 0, None);
            Ok(vec![ServiceMessages { service, pending, delayed, dead, oldest_pending_at }])
        });
        let orders = OrderClient::mock(OrderMock::new());
        let messages = MessagesClient::mock(messages);
        let search = SearchClient::mock(search);
        (CachedFigures::new(search, orders, messages, clock.clone()), clock)
    }

    fn of(tenant: &str) -> Ctx {
        let may = ["orders:read", "messages:read"].map(str::to_owned).to_vec();
        let actor = Actor::operator(1, may);
        Ctx { actor, ..testkit::test_ctx(tenant) }
    }

    fn days(n: u64) -> OrderStats {
        let from = testkit::BEGIN;
        OrderStats { from, to: from.plus(Duration::from_secs(n * 24 * 3_600)) }
    }

    #[tokio::test]
    async fn the_same_figures_are_asked_for_once_in_a_while_and_each_tenant_for_itself() {
        let (figures, clock) = counting(0);
        let (flora, gadget) = (of("flora"), of("gadget"));
        let n = async |ctx, asked| figures.sales(ctx, asked).await.unwrap().orders;
        assert_eq!((n(&flora, days(1)).await, n(&flora, days(1)).await), (1, 1));
        assert_eq!((n(&flora, days(7)).await, n(&gadget, days(1)).await), (2, 3));
        clock.advance(LIVE_AGE_MAX - Duration::from_micros(1));
        assert_eq!(n(&flora, days(1)).await, 1);
        clock.advance(Duration::from_micros(1));
        assert_eq!((n(&flora, days(1)).await, n(&flora, days(1)).await), (4, 4));
        clock.set(testkit::BEGIN);
        assert_eq!(n(&flora, days(1)).await, 5, "a clock that stepped back makes it stale");
    }

    #[tokio::test]
    async fn messages_are_counted_once_in_a_while_however_many_dashboards_are_open() {
        let (figures, clock) = counting(0);
        let n = async |tenant| figures.messages(&of(tenant)).await.unwrap()[0].dead;
        assert_eq!((n("flora").await, n("flora").await, n("gadget").await), (1, 1, 2));
        clock.advance(LIVE_AGE_MAX);
        assert_eq!(n("flora").await, 3);
    }

    #[tokio::test]
    async fn a_failure_is_not_remembered_and_does_not_fail_those_who_wait() {
        let (figures, _clock) = counting(1);
        assert!(figures.sales(&of("flora"), days(1)).await.is_err());
        assert_eq!(figures.sales(&of("flora"), days(1)).await.unwrap().orders, 2);
    }

    #[tokio::test]
    async fn what_is_remembered_is_not_told_to_who_may_not_ask() {
        let (figures, _clock) = counting(0);
        figures.sales(&of("flora"), days(1)).await.unwrap();
        let nobody = Ctx { actor: Actor::operator(2, vec![]), ..of("flora") };
        let refused = figures.sales(&nobody, days(1)).await.unwrap_err();
        assert_eq!(rpc::ServiceError::code(&refused), ErrorCode::Forbidden);
        assert!(figures.running(&nobody).await.is_err() && figures.cells(&nobody).await.is_err());
        figures.messages(&of("flora")).await.unwrap();
        assert_eq!(figures.messages(&nobody).await.unwrap_err().code, ErrorCode::Forbidden);
    }
}
