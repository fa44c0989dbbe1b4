//! Reading orders: one, a member's list merged over his cells, history, and where orders lie.

use std::sync::Arc;

use flow::{CheckedFlow, HistoryRow};
use kit::{Page, Place, Timestamp};
use order_api::{
    AvailableAction, Brief, CellCount, Error, HistoryEntry, List, OrderBrief, OrderLine,
    OrderSummary, OrderView,
};
use rpc::{Ctx, Fault};
use shard::{Route, Tx};
use types::{MemberId, OrderId};

use super::locate::none_if_missing;
use super::place::check_text;
use super::{Service, only_the_system};
use crate::model;
use crate::store::{self, FIRST_VERSION, ListedRow, OrderRow, TABLES};

const BRIEF_MAX: usize = 200;
const HISTORY_MAX: u64 = 1_000;
const STATUS_CHARS_MAX: usize = 64;

impl Service {
    pub(super) async fn load(
        &self,
        ctx: &Ctx,
        route: Route,
        id: OrderId,
    ) -> Result<Option<OrderRow>, Fault> {
        let tenant = ctx.tenant.clone();
        self.db
            .read_one(ctx, route, move |tx| {
                let tenant = tenant.clone();
                async move { store::load(&tx, &tenant, id).await }
            })
            .await
    }

    /// An order that must be there. A replica may not have heard of it yet.
    pub(super) async fn existing(
        &self,
        ctx: &Ctx,
        route: Route,
        id: OrderId,
    ) -> Result<OrderRow, Fault> {
        if let Some(order) = self.load(ctx, route, id).await? {
            return Ok(order);
        }
        let tenant = ctx.tenant.clone();
        let found = self.db.tx(ctx, route, move |tx| {
            let tenant = tenant.clone();
            async move { store::load(&tx, &tenant, id).await }
        });
        found.await?.ok_or_else(|| Fault::not_found("this order"))
    }

    /// An order with its lines, if the caller may see it; for others it does not exist.
    async fn visible(&self, ctx: &Ctx, id: OrderId) -> Result<(OrderRow, Vec<OrderLine>), Fault> {
        let found = self.with_lines(ctx, id).await?;
        found
            .filter(|(order, _)| model::may_see(&ctx.actor, order.member_id.get()))
            .ok_or_else(|| Fault::not_found("this order"))
    }

    pub(super) async fn with_lines(
        &self,
        ctx: &Ctx,
        id: OrderId,
    ) -> Result<Option<(OrderRow, Vec<OrderLine>)>, Fault> {
        if !self.may_have_moved(ctx, id).await? {
            return self.lines_at(ctx, self.route(ctx, id).await?, id).await;
        }
        let found = self.lines_at(ctx, self.locate(ctx, id).await?, id).await?;
        if found.is_some() {
            return Ok(found);
        }
        // It was moved meanwhile, or a replica has not heard that it was.
        let again = |route| async move {
            self.existing(ctx, route, id).await?;
            self.lines_at(ctx, route, id).await?.ok_or_else(|| Fault::not_found("this order"))
        };
        none_if_missing(Box::pin(self.where_it_lies(ctx, id, again)).await)
    }

    /// The order of a checkout, which there rarely is.
    pub(super) async fn placed_before(
        &self,
        ctx: &Ctx,
        id: OrderId,
    ) -> Result<Option<(OrderRow, Vec<OrderLine>)>, Fault> {
        if !self.may_have_moved(ctx, id).await? {
            let tenant = ctx.tenant.clone();
            let load = move |tx| {
                let tenant = tenant.clone();
                async move { store::load(&tx, &tenant, id).await }
            };
            let route = self.route(ctx, id).await?;
            if self.db.read_one(ctx, route, load).await?.is_none() {
                return Ok(None);
            }
        }
        self.with_lines(ctx, id).await
    }

    async fn lines_at(
        &self,
        ctx: &Ctx,
        route: Route,
        id: OrderId,
    ) -> Result<Option<(OrderRow, Vec<OrderLine>)>, Fault> {
        let tenant = ctx.tenant.clone();
        self.db
            .read(ctx, route, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let Some(order) = store::load(&tx, &tenant, id).await? else {
                        return Ok(None);
                    };
                    let lines = store::lines(&tx, &tenant, &order).await?;
                    Ok::<_, Fault>(Some((order, lines)))
                }
            })
            .await
    }

    /// The order as it stands after the caller moved it. Whoever may move it is shown the outcome, also
    /// without the permission to look at orders: a move that is done must not be answered with 404.
    pub(super) async fn moved(&self, ctx: &Ctx, id: OrderId) -> Result<OrderView, Error> {
        let found = self.with_lines(ctx, id).await?;
        let (order, lines) = found.ok_or_else(|| Fault::not_found("this order"))?;
        let flow = self.flow_of(ctx, &order).await?;
        self.view_with(ctx, &flow, order, lines)
    }

    pub(super) async fn get_order(&self, ctx: &Ctx, id: OrderId) -> Result<OrderView, Error> {
        let (order, lines) = self.visible(ctx, id).await?;
        let flow = self.flow_of(ctx, &order).await?;
        self.view_with(ctx, &flow, order, lines)
    }

    pub(super) fn view_with(
        &self,
        ctx: &Ctx,
        flow: &CheckedFlow,
        order: OrderRow,
        lines: Vec<OrderLine>,
    ) -> Result<OrderView, Error> {
        let document = flow.document();
        let variables = model::variables(&order);
        let mut actions: Vec<String> = model::roles(&ctx.actor, order.member_id.get())
            .into_iter()
            .flat_map(|role| flow.available(&order.status, role, &variables))
            .collect();
        actions.sort();
        actions.dedup();
        let label = |o: &String| document.operation_label(o, &order.status, "").to_owned();
        Ok(OrderView {
            id: order.id,
            member_id: order.member_id,
            status_label: document.status_label(&order.status, "").to_owned(),
            is_final: flow.is_final(&order.status),
            flow_version: order.flow_version,
            version: order.version,
            available_actions: actions
                .iter()
                .map(|o| AvailableAction { operation: o.clone(), label: label(o) })
                .collect(),
            payment_method: order.payment_method,
            channel: order.channel.clone(),
            lines,
            subtotal: order.money(order.subtotal)?,
            adjustments: order.adjustments.clone(),
            shipping: order.money(order.shipping)?,
            total: order.money(order.total)?,
            paid: order.money(order.paid)?,
            address: order.address.clone(),
            note: order.note.clone(),
            created_at: order.created_at,
            updated_at: order.updated_at,
            status: order.status,
        })
    }

    pub(super) async fn briefs(&self, ctx: &Ctx, req: Brief) -> Result<Vec<OrderBrief>, Error> {
        only_the_system(ctx)?;
        if req.order_ids.len() > BRIEF_MAX {
            return Err(Fault::invalid("/order_ids", format!("at most {BRIEF_MAX}")).into());
        }
        let mut briefs = Vec::with_capacity(req.order_ids.len());
        for id in req.order_ids {
            let Some(order) = self.find(ctx, id).await? else { continue };
            let flow = self.flow_of(ctx, &order).await?;
            briefs.extend(model::brief(&flow, &order, order.currency));
        }
        Ok(briefs)
    }

    /// Bars every order that does not exist from ever being placed, and says how the others stand. A
    /// reservation may outlive the request that made it by just enough for its expiry to meet the order
    /// on its way: the order and the bar need the same first line of history, so only one is committed.
    pub(super) async fn settled(&self, ctx: &Ctx, req: Brief) -> Result<Vec<OrderBrief>, Error> {
        only_the_system(ctx)?;
        if req.order_ids.len() > BRIEF_MAX {
            return Err(Fault::invalid("/order_ids", format!("at most {BRIEF_MAX}")).into());
        }
        let mut standing = Vec::new();
        for id in req.order_ids {
            // A cell that is not open says nothing about its orders, and this answer must be final.
            self.route(ctx, id).await.map_err(|e| {
                let text = "the cell of this order is not open here";
                Fault::new(kit::ErrorCode::Unavailable, text).because(e)
            })?;
            let found = self.where_it_lies(ctx, id, |route| self.bar_at(ctx, route, id)).await?;
            let Some(order) = found else { continue };
            let flow = self.flow_of(ctx, &order).await?;
            standing.extend(model::brief(&flow, &order, order.currency));
        }
        Ok(standing)
    }

    /// The order, if it has begun; if not, it never will.
    async fn bar_at(
        &self,
        ctx: &Ctx,
        route: Route,
        id: OrderId,
    ) -> Result<Option<OrderRow>, Fault> {
        let (ctx_in, runner) = (ctx.clone(), self.runner.clone());
        self.db
            .tx(ctx, route, move |tx| {
                let (ctx, runner) = (ctx_in.clone(), runner.clone());
                async move {
                    // Asked after each of the others: who moves it on commits all of it at once, and may
                    // do so between any two statements.
                    let refuse_gone = || store::drain::refuse_gone(&tx, &ctx.tenant, id);
                    if runner.bar(&tx, &ctx, id.0, FIRST_VERSION).await? {
                        refuse_gone().await?;
                        return Ok(None);
                    }
                    // Here, because a replica may not have heard of it yet.
                    let found = store::load(&tx, &ctx.tenant, id).await?;
                    if found.is_none() {
                        refuse_gone().await?;
                    }
                    Ok(found)
                }
            })
            .await
    }

    /// Newest first over all cells that may hold the member's orders: ids grow with time, so merging by
    /// id is merging by age.
    pub(super) async fn list_orders(
        &self,
        ctx: &Ctx,
        req: List,
    ) -> Result<Page<OrderSummary>, Error> {
        let member = match req.member_id {
            Some(member) if !model::may_see(&ctx.actor, member.get()) => {
                ctx.require("orders:read")?;
                member
            }
            Some(member) => member,
            None => MemberId::from_i64(ctx.user_id()?).map_err(Fault::internal)?,
        };
        check_text("status", req.status.as_deref().unwrap_or_default(), STATUS_CHARS_MAX)?;
        let before = match &req.cursor {
            Some(cursor) => {
                Some(cursor.decode::<i64>().map_err(|e| Fault::invalid("cursor", e.to_string()))?)
            }
            None => None,
        };
        let tenant = self.tenant(ctx).await?;
        let mut found: Vec<ListedRow> = Vec::new();
        for place in tenant.placements.homes(member.get()) {
            found.extend(self.of_member(ctx, place, member, &req, before).await?);
        }
        found.sort_by_key(|o| std::cmp::Reverse(o.id));
        found.dedup_by_key(|o| o.id);
        let page = Page::from_overfetch(found, req.limit, |o| o.id.get());
        let mut items = Vec::with_capacity(page.items.len());
        for order in page.items {
            let flow = self.flows.get(ctx, model::ORDER_FLOW, order.flow_version).await?;
            items.push(summary(&flow, order));
        }
        Ok(Page { items, next_cursor: page.next_cursor })
    }

    async fn of_member(
        &self,
        ctx: &Ctx,
        place: Place,
        member: MemberId,
        req: &List,
        before: Option<i64>,
    ) -> Result<Vec<ListedRow>, Fault> {
        self.open(place).await?;
        let (tenant, status) = (ctx.tenant.clone(), req.status.clone());
        let limit = u64::from(req.limit.get()) + 1;
        let select = move |tx: Tx| {
            let (tenant, status) = (tenant.clone(), status.clone());
            async move { store::of_member(&tx, &tenant, member, status.as_deref(), before, limit).await }
        };
        // While orders move, a replica may have lost one from the old cell and not have it in the new one.
        if self.tenant(ctx).await?.placements.is_draining() {
            return self.db.tx(ctx, place.into(), select).await;
        }
        self.db.read_one(ctx, place.into(), select).await
    }

    pub(super) async fn history_of(
        &self,
        ctx: &Ctx,
        id: OrderId,
    ) -> Result<Vec<HistoryEntry>, Error> {
        let (order, _) = self.visible(ctx, id).await?;
        let flow = self.flow_of(ctx, &order).await?;
        let document = flow.document();
        let rows = self.where_it_lies(ctx, id, |route| self.lines_of_history(ctx, route, id)).await;
        let rows = none_if_missing(rows)?.unwrap_or_default();
        // Who of the staff it was is the shop's business.
        let (knows_all, me) = (ctx.actor.may("orders:read"), ctx.actor.principal());
        Ok(rows
            .into_iter()
            .map(|h| HistoryEntry {
                actor: if knows_all || h.actor == me { h.actor } else { String::new() },
                version: h.seq,
                operation_label: words(
                    document.operation_label(&h.operation, &h.from, ""),
                    &h.operation,
                ),
                to_label: document.status_label(&h.to, "").to_owned(),
                operation: h.operation,
                from: h.from,
                to: h.to,
                by: h.role,
                note: h.note.as_str().map_or_else(|| h.note.to_string(), str::to_owned),
                at: h.at,
            })
            .collect())
    }

    async fn lines_of_history(
        &self,
        ctx: &Ctx,
        route: Route,
        id: OrderId,
    ) -> Result<Vec<HistoryRow>, Fault> {
        let tenant = ctx.tenant.clone();
        let rows = self
            .db
            .read(ctx, route, move |tx| {
                let tenant = tenant.clone();
                async move { flow::history(&tx, TABLES, &tenant, id.0, HISTORY_MAX).await }
            })
            .await
            .map_err(|e: Fault| e)?;
        // An order has begun: without a line it is not here any more.
        if rows.is_empty() { Err(Fault::not_found("this order")) } else { Ok(rows) }
    }

    /// Counts of all orders, or of those that were minted at a time or later.
    pub(super) async fn count_cells(
        &self,
        ctx: &Ctx,
        made_from: Option<Timestamp>,
    ) -> Result<Vec<CellCount>, Error> {
        ctx.require("orders:read")?;
        let from = made_from.map_or(0, kit::Id::first_at);
        let tenant: Arc<_> = self.tenant(ctx).await?;
        let mut cells = Vec::new();
        for place in tenant.placements.cells() {
            if !self.db.find_cell(ctx, place).await? {
                continue;
            }
            let code = ctx.tenant.clone();
            let orders = self
                .db
                .read(ctx, place.into(), move |tx| {
                    let code = code.clone();
                    async move { store::count(&tx, &code, from).await }
                })
                .await
                .map_err(|e: Fault| Error::from(e))?;
            cells.push(CellCount { place, orders });
        }
        Ok(cells)
    }
}

/// A label; nothing where there is only the name.
fn words(label: &str, name: &str) -> String {
    if label == name { String::new() } else { label.to_owned() }
}

fn summary(flow: &CheckedFlow, order: ListedRow) -> OrderSummary {
    OrderSummary {
        id: order.id,
        status_label: flow.document().status_label(&order.status, "").to_owned(),
        title: order.title,
        image_url: order.image_url,
        units: u32::try_from(order.units).unwrap_or(u32::MAX),
        total: order.total,
        created_at: order.created_at,
        status: order.status,
    }
}
