//! Paying by card. The attempt is committed before the provider hears of it, together with the answer to
//! its idempotency key: a repeated request finds the attempt and is told how it stands now, so that no
//! crash in between makes it charge again.

use std::sync::Arc;

use kit::Timestamp;
use order_api::PaymentMethod;
use outbox::idempotency::{Answered, Claim};
use payment_api::{Error, Pay, PaymentState, PaymentView};
use rpc::{Ctx, Fault};
use shard::{Route, Tx};
use types::{MemberId, OrderId, PaymentId};

use super::{Service, payment_view, scoped, within};
use crate::model::{self, CheckedCard, News};
use crate::provider::{Charge, Outcome, Provider, ProviderError};
use crate::store::{self, Of, PaymentRow};

/// Why an attempt was declined that the provider would not even try.
const REFUSED: &str = "refused_by_the_provider";

impl Service {
    pub(super) async fn pay_order(&self, ctx: &Ctx, req: Pay) -> Result<PaymentView, Error> {
        let member_id = MemberId::from_i64(ctx.user_id()?).map_err(Fault::internal)?;
        let card = CheckedCard::parse(&req.card)?;
        let route = self.route_of_order(ctx, req.order_id).await?;
        // The hash of a body with a card's number in it is as good as the number: it is not kept.
        let body = format!("{} {} {}/{}", card.brand, card.last4, card.month, card.year);
        let keyed = scoped(ctx, &format!("order {}", req.order_id), Some(&body));
        let work = |claim| self.pay_new(ctx, member_id, req.order_id, route, &card, claim);
        let answered = self.idempotency.run(&keyed, route, work).await?;
        self.as_it_stands(ctx, route, answered).await
    }

    /// The answer to a request; for a repeated one, how its payment stands now.
    pub(super) async fn as_it_stands(
        &self,
        ctx: &Ctx,
        route: Route,
        answered: Answered<PaymentView>,
    ) -> Result<PaymentView, Error> {
        if !answered.replayed {
            return Ok(answered.answer);
        }
        ctx.session.mark_replayed();
        match self.load(ctx, route, answered.answer.id).await? {
            Some(row) => Ok(payment_view(&row)?),
            None => Ok(answered.answer),
        }
    }

    pub(super) async fn load(
        &self,
        ctx: &Ctx,
        route: Route,
        id: PaymentId,
    ) -> Result<Option<PaymentRow>, Fault> {
        let tenant = ctx.tenant.clone();
        self.db
            .read(ctx, route, move |tx| {
                let tenant = tenant.clone();
                async move { store::load(&tx, &tenant, id).await }
            })
            .await
    }

    async fn pay_new(
        &self,
        ctx: &Ctx,
        member_id: MemberId,
        order_id: OrderId,
        route: Route,
        card: &CheckedCard,
        claim: Claim,
    ) -> Result<PaymentView, Error> {
        let order = self.order(ctx, order_id).await?;
        if order.member_id != member_id {
            return Err(Fault::not_found("this order").into());
        }
        if order.payment_method != PaymentMethod::Card {
            return Err(Error::NotPayable("to be paid in cash".to_owned()));
        }
        if !order.payable {
            return Err(Error::NotPayable(order.status));
        }
        let provider = self.providers.first().ok_or_else(|| Fault::bug("nobody takes cards"))?;
        let now = self.db.clock().now();
        let row = PaymentRow {
            id: PaymentId(self.ids.mint(ctx, order_id.place()).await?),
            order_id,
            member_id,
            provider: provider.name().to_owned(),
            reference: None,
            state: PaymentState::Pending,
            amount: order.total,
            refunding: 0,
            refunded: 0,
            decline_reason: None,
            card_brand: Some(card.brand.to_owned()),
            card_last4: Some(card.last4.clone()),
            next_query_at: Some(now.plus(self.options.first_query_after)),
            queries: 0,
            actor: ctx.actor.principal(),
            created_at: now,
        };
        self.begin(ctx, route, row.clone(), claim).await?;
        let news = self.charge(ctx, provider.as_ref(), &row, card).await;
        match news {
            Some(news) => Ok(payment_view(&self.settle(ctx, route, row.id, news).await?)?),
            None => Ok(payment_view(&row)?),
        }
    }

    /// Puts the attempt on record.
    async fn begin(
        &self,
        ctx: &Ctx,
        route: Route,
        row: PaymentRow,
        claim: Claim,
    ) -> Result<(), Error> {
        let (tenant, row) = (ctx.tenant.clone(), Arc::new(row));
        let attempts_max = self.options.attempts_max;
        self.db
            .tx(ctx, route, move |tx| {
                let (tenant, row, claim) = (tenant.clone(), Arc::clone(&row), claim.clone());
                async move {
                    if !store::insert(&tx, &tenant, &row).await? {
                        return Err(Error::UnderWay);
                    }
                    may_begin(&tx, &tenant, &row, attempts_max).await?;
                    claim.complete(&tx, &payment_view(&row)?).await?;
                    Ok(())
                }
            })
            .await
    }

    /// What the provider answers; nothing when that is not known, and then it is asked later.
    async fn charge(
        &self,
        ctx: &Ctx,
        provider: &dyn Provider,
        row: &PaymentRow,
        card: &CheckedCard,
    ) -> Option<News> {
        let charge =
            Charge { payment_id: row.id, order_id: row.order_id, amount: row.amount, card };
        let answer = within(self.options.provider_within, provider.charge(ctx, charge)).await;
        match answer.and_then(super::sound) {
            Ok(outcome) => Some(News::Outcome(outcome)),
            Err(ProviderError::Refused(why)) => {
                tracing::warn!(payment = %row.id, why, "the provider would not try a charge");
                let reason = REFUSED.to_owned();
                Some(News::Outcome(Outcome::Declined { reason, reference: None }))
            }
            Err(ProviderError::Unknown(why)) => {
                tracing::warn!(payment = %row.id, why, "the outcome of a charge is not known yet");
                None
            }
        }
    }

    /// Asks what became of an open attempt, unless another process does.
    pub(crate) async fn ask(&self, ctx: &Ctx, row: &PaymentRow) -> Result<(), Fault> {
        let route = row.id.place().into();
        if !self.claim_query(ctx, route, row).await? {
            return Ok(());
        }
        let Some(provider) = self.provider(&row.provider) else {
            tracing::error!(payment = %row.id, provider = row.provider, "this provider is gone");
            return self.postpone(ctx, route, row).await;
        };
        let attempted = super::settle::attempted(row);
        let answer = within(self.options.provider_within, provider.query(ctx, attempted)).await;
        let age = self.db.clock().now().since(row.created_at);
        let news = match answer.and_then(|outcome| outcome.map(super::sound).transpose()) {
            Ok(Some(outcome)) => News::Outcome(outcome),
            Ok(None) if age >= self.options.not_found_grace => News::NeverArrived,
            Ok(None) => return self.postpone(ctx, route, row).await,
            Err(e) => {
                tracing::warn!(payment = %row.id, error = %e, "an attempt could not be asked for");
                return self.postpone(ctx, route, row).await;
            }
        };
        let settled = self.settle(ctx, route, row.id, news).await?;
        match settled.state {
            PaymentState::Pending => self.postpone(ctx, route, row).await,
            _ => Ok(()),
        }
    }

    /// Whether this process is to ask. If it dies over that, another may after as long as asking may take.
    async fn claim_query(&self, ctx: &Ctx, route: Route, row: &PaymentRow) -> Result<bool, Fault> {
        let (tenant, row) = (ctx.tenant.clone(), Arc::new(row.clone()));
        let until = self.db.clock().now().plus(self.options.provider_within.saturating_mul(2));
        self.db
            .tx_one(ctx, route, move |tx| {
                let (tenant, row) = (tenant.clone(), Arc::clone(&row));
                async move { store::claim_query(&tx, &tenant, &row, until).await }
            })
            .await
    }

    async fn postpone(&self, ctx: &Ctx, route: Route, row: &PaymentRow) -> Result<(), Fault> {
        let (tenant, id) = (ctx.tenant.clone(), row.id);
        let queries = row.queries.saturating_add(1);
        let doubled = 2_u32.checked_pow(queries).unwrap_or(u32::MAX);
        let options = &self.options;
        let pause = options.first_query_after.saturating_mul(doubled).min(options.query_pause_max);
        let at = self.db.clock().now().plus(pause);
        self.db
            .tx_one(ctx, route, move |tx| {
                let tenant = tenant.clone();
                async move { store::postpone_query(&tx, &tenant, id, at, queries).await }
            })
            .await
    }

    /// Open attempts of a cell whose time to be asked for has come.
    pub(crate) async fn due(
        &self,
        ctx: &Ctx,
        place: kit::Place,
        of: &Arc<Of>,
        now: Timestamp,
    ) -> Result<Vec<(kit::TenantCode, PaymentRow)>, Fault> {
        let (batch, of) = (self.options.query_batch, Arc::clone(of));
        self.db
            .read_one(ctx, place.into(), move |tx| {
                let of = Arc::clone(&of);
                async move { store::due(&tx, &of, now, batch).await }
            })
            .await
    }
}

/// Whether an order may have this attempt, asked when it is inserted: as long as it is open, no other can
/// begin. The order may not have heard yet that it is paid.
async fn may_begin(
    tx: &Tx,
    tenant: &kit::TenantCode,
    new: &PaymentRow,
    attempts_max: u32,
) -> Result<(), Error> {
    let count = store::count_of_order(tx, tenant, new.order_id).await?;
    if count > attempts_max {
        let text = "this order was tried to be paid too often; talk to the shop";
        let fault = Fault::new(kit::ErrorCode::TooManyRequests, text);
        return Err(fault.with_slug("too_many_attempts").into());
    }
    if count == 1 {
        return Ok(());
    }
    let attempts = store::of_order(tx, tenant, new.order_id).await?;
    if attempts.iter().any(|p| model::pays(p.state, p.amount.amount(), p.refunding)) {
        return Err(Error::NotPayable("paid".to_owned()));
    }
    Ok(())
}
