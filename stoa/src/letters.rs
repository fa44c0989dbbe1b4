//! What consumers could not do, where messages go over a broker: shown to operators beside the messages in the
//! outboxes, and done again. Decides nothing.

use broker::{Broker, DeadLetter, Error};
use kit::ErrorCode;
use rpc::Fault;

use crate::operator::{Finding, ListMessages, MessageInfo, RetryMessages};

/// Where dead letters are asked for.
const DEAD: &str = "dead";

fn fault(e: Error) -> Fault {
    Fault::new(ErrorCode::Unavailable, e.to_string()).because(e)
}

/// Whether a letter is one of those that were asked for.
fn is_wanted(
    letter: &DeadLetter,
    (service, tenant, topic): (Option<&str>, Option<&str>, Option<&str>),
) -> bool {
    let Some(message) = &letter.message else {
        return service.is_none() && tenant.is_none() && topic.is_none();
    };
    // a sharded database has a number behind the name of its service
    let of_service = |service: &str| {
        message.source.strip_prefix(service).is_some_and(|s| s.is_empty() || s.starts_with('_'))
    };
    service.is_none_or(of_service)
        && tenant.is_none_or(|tenant| message.tenant.as_str() == tenant)
        && topic.is_none_or(|topic| message.topic == topic)
}

fn info(letter: DeadLetter) -> Option<MessageInfo> {
    let DeadLetter { consumer, message, reason, attempts, .. } = letter;
    let message = message?;
    Some(MessageInfo {
        database: message.source,
        id: message.id.to_string(),
        tenant: message.tenant,
        topic: message.topic,
        state: DEAD.to_owned(),
        attempts,
        next_at: message.created_at,
        last_error: Some(format!("{consumer}: {reason}")),
    })
}

/// The dead letters among the messages that were asked for.
///
/// # Errors
/// When the broker does not answer.
pub async fn list(broker: &Broker, req: &ListMessages) -> Result<Vec<MessageInfo>, Fault> {
    if req.state.as_deref().is_some_and(|state| state != DEAD) || req.cursor.is_some() {
        return Ok(Vec::new());
    }
    let (service, topic) = (req.service.as_deref(), req.topic.as_deref());
    let wanted = (service, req.tenant.as_ref().map(|tenant| tenant.as_str()), topic);
    let (letters, mut found) = (broker.dead_letters(), Vec::new());
    for consumer in letters.consumers() {
        let of_consumer = letters.list(consumer, usize::MAX).await.map_err(fault)?;
        let chosen = of_consumer.into_iter().filter(|letter| is_wanted(letter, wanted));
        found.extend(chosen.filter_map(info).take(req.limit.as_usize()));
    }
    Ok(found)
}

/// Has the dead letters that were asked for done again; how many.
///
/// # Errors
/// When the broker does not answer.
pub async fn retry(broker: &Broker, req: &RetryMessages) -> Result<u64, Fault> {
    let (service, topic) = (req.service.as_deref(), req.topic.as_deref());
    let wanted = (service, req.tenant.as_ref().map(|tenant| tenant.as_str()), topic);
    let letters = broker.dead_letters();
    let mut retried = 0;
    for consumer in letters.consumers() {
        let again = letters.replay_all(consumer, |letter| is_wanted(letter, wanted)).await;
        retried += again.map_err(fault)? as u64;
    }
    Ok(retried)
}

/// Whether the broker answers, and how many dead letters there are.
pub async fn examine(broker: &Broker) -> Finding {
    let letters = broker.dead_letters();
    let counted = async {
        broker.ready().await?;
        let mut dead = 0;
        for consumer in letters.consumers() {
            dead += letters.list(consumer, usize::MAX).await?.len();
        }
        Ok::<_, Error>(dead)
    };
    let (ok, detail) = match counted.await {
        Ok(dead) => (dead == 0, format!("answers; {dead} dead letters of consumers")),
        Err(e) => (false, e.to_string()),
    };
    Finding { what: "message broker".to_owned(), ok, detail }
}
