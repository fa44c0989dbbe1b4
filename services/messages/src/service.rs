//! The trait of messages: check the permission, pick the outboxes, ask them for the caller's tenant.

use futures::future::try_join_all;
use kit::{Cursor, Limit, Page};
use messages_api::{
    Discard, ListMessages, MessageDetail, MessageInfo, MessageRef, Messages, Retried, RetryAll,
    ServiceMessages, Summary,
};
use outbox::admin::Filter;
use outbox::message::InvalidMessageId;
use outbox::{Admin, MessageId, Outbox};
use rpc::{Ctx, Fault};
use serde_json::Value;

use crate::model::{self, After};

const READ: &str = "messages:read";
const WRITE: &str = "messages:write";

pub struct Service {
    pub outboxes: Vec<(&'static str, Outbox)>,
}

#[rpc::async_trait]
impl Messages for Service {
    async fn summary(&self, ctx: &Ctx, _req: Summary) -> Result<Vec<ServiceMessages>, Fault> {
        ctx.require(READ)?;
        // as many at once as there are services; each asks its databases one after the other
        let asked = self.outboxes.iter().map(|(service, outbox)| one_summary(ctx, service, outbox));
        try_join_all(asked).await
    }

    async fn list(&self, ctx: &Ctx, req: ListMessages) -> Result<Page<MessageInfo>, Fault> {
        ctx.require(READ)?;
        let mut outboxes = self.of(req.service.as_deref())?.peekable();
        let mut inside = None;
        if let Some(cursor) = &req.cursor {
            let after: After =
                cursor.decode().map_err(|e| Fault::invalid("cursor", e.to_string()))?;
            while outboxes.next_if(|(service, _)| *service != after.service).is_some() {}
            if outboxes.peek().is_none() {
                return Err(Fault::invalid("cursor", "it belongs to another list"));
            }
            inside = after.inside;
        }
        let filter = Filter { topic: model::topic(req.topic)?, ..model::filter(req.state) };
        let (mut items, wanted) = (Vec::new(), req.limit.as_usize());
        for (service, outbox) in outboxes {
            let left = wanted.saturating_sub(items.len());
            // A full page is followed by another only when there is something for it.
            let limit = Limit::new(u32::try_from(left.max(1)).unwrap_or(1)).unwrap_or_default();
            let page = one_list(ctx, service, outbox, &filter, inside.take(), limit).await?;
            let next = |inside| Cursor::encode(&After { service: (*service).to_owned(), inside });
            if left == 0 {
                if !page.items.is_empty() {
                    return Ok(Page { items, next_cursor: Some(next(None)) });
                }
                continue;
            }
            items.extend(page.items);
            if page.next_cursor.is_some() {
                return Ok(Page { items, next_cursor: Some(next(page.next_cursor)) });
            }
        }
        Ok(Page { items, next_cursor: None })
    }

    async fn get(&self, ctx: &Ctx, req: MessageRef) -> Result<MessageDetail, Fault> {
        ctx.require(READ)?;
        let (service, outbox, id) = self.one(&req)?;
        let admin = Admin::new(outbox.clone());
        let (entry, payload) = admin.get_with_payload(ctx, &ctx.tenant, &id).await?;
        let payload = ctx
            .actor
            .may(WRITE)
            .then(|| serde_json::from_str(&payload).unwrap_or(Value::String(payload)));
        let now = outbox.database().clock().now();
        Ok(MessageDetail { info: model::info(service, entry, now), payload })
    }

    async fn retry(&self, ctx: &Ctx, req: MessageRef) -> Result<(), Fault> {
        ctx.require(WRITE)?;
        let (_, outbox, id) = self.one(&req)?;
        Admin::new(outbox.clone()).retry(ctx, &ctx.tenant, &id).await
    }

    async fn retry_all(&self, ctx: &Ctx, req: RetryAll) -> Result<Retried, Fault> {
        ctx.require(WRITE)?;
        let topic = model::topic(req.topic)?;
        let filter = Filter { tenant: Some(ctx.tenant.clone()), topic, ..Filter::default() };
        let mut retried = 0;
        for (_, outbox) in self.of(req.service.as_deref())? {
            retried += Admin::new(outbox.clone()).retry_all(ctx, filter.clone()).await?;
        }
        Ok(Retried { retried })
    }

    async fn discard(&self, ctx: &Ctx, req: Discard) -> Result<(), Fault> {
        ctx.require(WRITE)?;
        let reason = model::reason(&req.reason)?;
        let (_, outbox, id) = self.one(&req.message)?;
        Admin::new(outbox.clone()).discard(ctx, &ctx.tenant, &id, Some(&reason)).await
    }
}

/// How many messages of the caller's tenant one outbox has.
async fn one_summary(ctx: &Ctx, service: &str, outbox: &Outbox) -> Result<ServiceMessages, Fault> {
    let stats = Admin::new(outbox.clone()).stats(ctx, Some(&ctx.tenant)).await?;
    Ok(ServiceMessages {
        service: service.to_owned(),
        pending: stats.pending,
        delayed: stats.delayed,
        dead: stats.dead,
        oldest_pending_at: stats.oldest_pending_at,
    })
}

/// A page of one outbox, for the caller's tenant.
async fn one_list(
    ctx: &Ctx,
    service: &str,
    outbox: &Outbox,
    filter: &Filter,
    cursor: Option<Cursor>,
    limit: Limit,
) -> Result<Page<MessageInfo>, Fault> {
    let filter = Filter { tenant: Some(ctx.tenant.clone()), ..filter.clone() };
    let page = Admin::new(outbox.clone()).list(ctx, filter, cursor.as_ref(), limit).await?;
    let now = outbox.database().clock().now();
    Ok(page.map(|entry| model::info(service, entry, now)))
}

impl Service {
    /// The outboxes that are asked for: one, or all.
    fn of(
        &self,
        service: Option<&str>,
    ) -> Result<impl Iterator<Item = &(&'static str, Outbox)>, Fault> {
        let found = service.map(|service| self.find(service)).transpose()?;
        let all = if found.is_none() { self.outboxes.as_slice() } else { &[] };
        Ok(found.into_iter().chain(all))
    }

    fn find(&self, service: &str) -> Result<&(&'static str, Outbox), Fault> {
        self.outboxes.iter().find(|(name, _)| *name == service).ok_or_else(|| {
            let names: Vec<_> = self.outboxes.iter().map(|(name, _)| *name).collect();
            Fault::invalid("service", format!("one of {}", names.join(", ")))
        })
    }

    /// The outbox and the id of a message.
    fn one(&self, message: &MessageRef) -> Result<(&'static str, &Outbox, MessageId), Fault> {
        let (service, outbox) = self.find(&message.service)?;
        let id = message
            .id
            .parse()
            .map_err(|e: InvalidMessageId| Fault::invalid("id", e.to_string()))?;
        Ok((service, outbox, id))
    }
}
