//! What orders do when a timer is due or something happens elsewhere. Thin: they read the message and
//! call the service.

use std::sync::Arc;

use flow::TriggerDue;
use fulfillment_api::FulfillmentEvent;
use kit::ErrorCode;
use order_api::Error;
use outbox::{ConsumeError, Consumer, Message};
use payment_api::PaymentEvent;
use rpc::{Fault, ServiceError as _};

use crate::model;
use crate::service::Service;

/// The consumers of this service.
pub fn consumers(service: &Arc<Service>) -> Vec<Consumer> {
    vec![triggers(service), captured(service), refunded(service), moved(service)]
}

fn triggers(service: &Arc<Service>) -> Consumer {
    let service = Arc::clone(service);
    let topic = flow::execute::trigger_topic(model::ORDER_FLOW);
    Consumer::from_fn("order.trigger", [topic], move |ctx, message| {
        let service = Arc::clone(&service);
        async move {
            let due: TriggerDue = message.json()?;
            service.fire(&ctx, due).await.map_err(verdict)
        }
    })
}

fn captured(service: &Arc<Service>) -> Consumer {
    let service = Arc::clone(service);
    Consumer::from_fn("order.money", [payment_api::CAPTURED], move |ctx, message| {
        let service = Arc::clone(&service);
        async move {
            let paid: PaymentEvent = message.json()?;
            service.money(&ctx, "order.money", Arc::new(message), paid).await.map_err(verdict)
        }
    })
}

fn refunded(service: &Arc<Service>) -> Consumer {
    let service = Arc::clone(service);
    Consumer::from_fn("order.money_back", [payment_api::REFUNDED], move |ctx, message| {
        let service = Arc::clone(&service);
        async move {
            let paid: PaymentEvent = message.json()?;
            let message = Arc::new(message);
            service.money_back(&ctx, "order.money_back", message, paid).await.map_err(verdict)
        }
    })
}

fn moved(service: &Arc<Service>) -> Consumer {
    let service = Arc::clone(service);
    let topics = [fulfillment_api::SHIPPED, fulfillment_api::DELIVERED];
    Consumer::from_fn("order.shipping", topics, move |ctx, message| {
        let service = Arc::clone(&service);
        async move {
            let event: FulfillmentEvent = message.json()?;
            let operation = operation_of(&message);
            let request_id = format!("{operation}-{}", event.shipment_id);
            let followed = service.follow(&ctx, event.order_id, operation, request_id).await;
            followed.map_err(|e: Error| verdict(e.into_fault()))
        }
    })
}

fn operation_of(message: &Message) -> &'static str {
    if message.topic == fulfillment_api::SHIPPED { model::OP_SHIP } else { model::OP_DELIVER }
}

/// An order that is not there will not come; everything else may pass: a flow may have to reach another
/// status first.
fn verdict(fault: Fault) -> ConsumeError {
    if fault.code == ErrorCode::NotFound {
        return ConsumeError::permanent(format!("{fault:?}"));
    }
    fault.into()
}
