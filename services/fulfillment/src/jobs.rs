//! What fulfillment does when an order may be shipped. Thin: it reads the message and calls the service.

use std::sync::Arc;

use kit::ErrorCode;
use order_api::{OrderMessage, READY_TO_SHIP};
use outbox::{ConsumeError, Consumer};
use rpc::Fault;

use crate::service::Service;

const READY: &str = "fulfillment.ready";

/// The consumers of this service.
pub fn consumers(service: &Arc<Service>) -> Vec<Consumer> {
    let service = Arc::clone(service);
    let ready = Consumer::from_fn(READY, [READY_TO_SHIP], move |ctx, message| {
        let service = Arc::clone(&service);
        async move {
            let order: OrderMessage = message.json()?;
            service.create(&ctx, READY, message, order).await.map_err(verdict)
        }
    });
    vec![ready]
}

/// What is not there will not come, and what makes no sense will make none later.
fn verdict(fault: Fault) -> ConsumeError {
    if matches!(fault.code, ErrorCode::NotFound | ErrorCode::Invalid) {
        return ConsumeError::permanent(format!("{fault:?}"));
    }
    fault.into()
}
