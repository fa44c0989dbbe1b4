//! A stand-in for the service `order`: briefs for the asking, and what it does when money arrives.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use kit::{ErrorCode, Money};
use order_api::{OrderBrief, OrderClient, OrderMock, PaymentMethod};
use payment_api::PaymentEvent;
use rpc::{ActorKind, Fault};
use types::{MemberId, OrderId};

/// The member whose orders these are.
pub const MEMBER: i64 = 7;

/// What an order does with a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Paid,
    Surplus,
}

/// The orders there are. Clones share.
#[derive(Clone, Default)]
pub struct Orders(Arc<Mutex<HashMap<OrderId, OrderBrief>>>);

pub fn cny(amount: i64) -> Money {
    Money::new(amount, "CNY".parse().unwrap()).unwrap()
}

impl Orders {
    pub fn client(&self) -> OrderClient {
        let orders = self.clone();
        OrderClient::mock(OrderMock::new().on_brief(move |ctx, req| {
            if ctx.actor.kind != ActorKind::System {
                return Err(Fault::new(ErrorCode::Forbidden, "only the system").into());
            }
            let orders = orders.0.lock().unwrap();
            Ok(req.order_ids.iter().filter_map(|id| orders.get(id).cloned()).collect())
        }))
    }

    pub fn add(&self, id: OrderId, total: i64, payment_method: PaymentMethod) {
        let brief = OrderBrief {
            id,
            member_id: MemberId::from_i64(MEMBER).unwrap(),
            status: "PENDING_PAYMENT".to_owned(),
            is_final: false,
            payable: true,
            shippable: false,
            holds_stock: true,
            payment_method,
            total: cny(total),
            paid: cny(0),
            version: 1,
        };
        self.0.lock().unwrap().insert(id, brief);
    }

    pub fn close(&self, id: OrderId) {
        let mut orders = self.0.lock().unwrap();
        let order = orders.get_mut(&id).unwrap();
        if order.payable {
            (order.payable, order.status) = (false, "CLOSED".to_owned());
        }
    }

    pub fn status(&self, id: OrderId) -> String {
        self.0.lock().unwrap()[&id].status.clone()
    }

    pub fn paid(&self, id: OrderId) -> i64 {
        self.0.lock().unwrap()[&id].paid.amount()
    }

    /// As the flow of an order decides.
    pub fn captured(&self, event: &PaymentEvent) -> Verdict {
        let mut orders = self.0.lock().unwrap();
        let order = orders.get_mut(&event.order_id).unwrap();
        order.paid = event.balance;
        if !order.payable {
            return Verdict::Surplus;
        }
        (order.payable, order.status) = (false, "PAID".to_owned());
        Verdict::Paid
    }

    pub fn refunded(&self, event: &PaymentEvent) {
        self.0.lock().unwrap().get_mut(&event.order_id).unwrap().paid = event.balance;
    }
}
