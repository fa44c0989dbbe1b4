//! What is done to an order from its page. Every form asks the service that owns the matter, with the
//! reader's own rights; what is refused is shown on the page as it stands then, with what was typed.

use ::web::frame::{log, status_of};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use fulfillment_api::{Deliver, Ship, Track};
use kit::{ErrorCode, Money};
use order_api::Act;
use payment_api::{CollectCash, Refund};
use rpc::{Ctx, Fault, IdempotencyKey};
use sha2::{Digest as _, Sha256};
use types::{OrderId, PaymentId, ShipmentId};
use ui::Errors;

use super::forms::{RefundForm, ShipForm, TrackForm};
use super::order::{OrderPage, Said, render_order};
use super::routes::{Done, Route};
use super::show::{gather, order_id};
use super::words::Words;
use crate::App;
use crate::nav::Section;
use crate::web::{
    Answer, Failure, Fields, Form, Visit, alone, around, is_in_flight, leaving_time, page, redirect,
};

/// Moves an order along its flow.
pub(crate) async fn operate(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Form,
) -> Answer {
    let id = order_id(&id)?;
    let (version, operation) = (form.required::<i64>("version")?, form.text("operation"));
    // the same button of the same page is the same request, however often it is clicked
    let request_id = format!("console-{}-{version}-{operation}", visit.ctx.actor.principal());
    let request = Act {
        order_id: id,
        operation: operation.to_owned(),
        expected_version: Some(version),
        request_id,
        note: form.text("note").to_owned(),
    };
    let again = Again { app: &app, visit: &visit, id, to: Route::Actions(id), sent: &form };
    let note = form.text("note").to_owned();
    let said = match app.deps.orders.act(&leaving_time(&visit.ctx), request).await {
        Ok(_) => return done(id, Done::Moved),
        Err(order_api::Error::Stale(_)) => Said::Stale,
        Err(order_api::Error::NotAllowed(why)) => Said::Refused(why),
        Err(order_api::Error::Fault(fault)) if fault.code.is_retryable() => {
            return again.unsure(&fault, |shown| OrderPage { note, ..shown }).await;
        }
        Err(order_api::Error::Fault(fault)) if is_typed(&fault) => Said::Refused(told(&fault)),
        Err(error) => return Err(error.into()),
    };
    again.refused(|shown| OrderPage { said: Some(said), note, ..shown }).await
}

/// Sends a parcel.
pub(crate) async fn ship(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Form,
) -> Answer {
    let id = order_id(&id)?;
    let key = key_of(&form)?;
    let again = Again { app: &app, visit: &visit, id, to: Route::Parcels(id), sent: &form };
    // it may have been sent before, and what became of that must be found out with the same key
    let Some(mut shown) = again.gather().await? else { return again.alone() };
    let w = shown.words();
    let Some(fulfillment) = shown.fulfillment.clone() else {
        return refused(OrderPage {
            said: Some(Said::Refused(w.not_shippable.to_owned())),
            ..shown
        });
    };
    let mut typed = ShipForm::read(&form, &fulfillment);
    let Ok(lines) = typed.lines(&fulfillment, w) else {
        return refused(OrderPage { ship: typed, ..shown });
    };
    let request = Ship {
        order_id: id,
        lines,
        warehouse_id: typed.from(),
        carrier: typed.carrier.clone(),
        tracking_number: typed.number.clone(),
    };
    let ctx = once(&leaving_time(&visit.ctx), "parcels", &key, &(&request, id))?;
    match app.deps.fulfillment.ship(&ctx, request).await {
        Ok(_) => return done(id, Done::Shipped),
        Err(fulfillment_api::Error::NotShippable(_)) => {
            shown.said = Some(Said::Refused(w.not_shippable.to_owned()));
        }
        Err(fulfillment_api::Error::TooMany { sku_id, left }) => {
            typed.errors.add(super::forms::take_name(sku_id), w.only_left(left.into()));
        }
        Err(fulfillment_api::Error::TrackingTaken) => {
            typed.errors.add("tracking_number", w.number_taken);
        }
        Err(fulfillment_api::Error::Fault(fault)) if is_in_flight(&fault) => {
            return done(id, Done::Underway);
        }
        Err(fulfillment_api::Error::Fault(fault)) if fault.code.is_retryable() => {
            return unsure(&visit, &fault, OrderPage { ship: typed, token: key, ..shown });
        }
        Err(fulfillment_api::Error::Fault(fault)) if is_typed(&fault) => {
            match errors(&fault, &["carrier", "tracking_number", "lines"]) {
                Some(errors) => typed.errors.add_all(errors),
                None => shown.said = Some(Said::Refused(told(&fault))),
            }
        }
        Err(error) => return Err(error.into()),
    }
    refused(OrderPage { ship: typed, ..shown })
}

/// Says where a parcel is.
pub(crate) async fn track(
    State(app): State<App>,
    visit: Visit,
    Path((id, parcel)): Path<(String, String)>,
    Form(form): Form,
) -> Answer {
    let id = order_id(&id)?;
    let shipment_id = shipment_id(&parcel)?;
    let mut typed = TrackForm {
        parcel: shipment_id,
        location: form.text("location").to_owned(),
        description: form.text("description").to_owned(),
        errors: Errors::default(),
    };
    let (location, description) = (typed.location.clone(), typed.description.clone());
    let request = Track { shipment_id, location, description, at: None };
    let said = match app.deps.fulfillment.track(&visit.ctx, request).await {
        Ok(_) => return done(id, Done::Tracked),
        Err(fulfillment_api::Error::Fault(fault)) if is_typed(&fault) => {
            match errors(&fault, &["location", "description"]) {
                Some(errors) => {
                    typed.errors = errors;
                    None
                }
                None => Some(Said::Refused(told(&fault))),
            }
        }
        Err(error) => return Err(error.into()),
    };
    refused(OrderPage { said, track: Some(typed), ..gather(&app, &visit, id).await? })
}

/// Says that a parcel has arrived. Repeating it changes nothing.
pub(crate) async fn deliver(
    State(app): State<App>,
    visit: Visit,
    Path((id, parcel)): Path<(String, String)>,
    _: Form,
) -> Answer {
    let id = order_id(&id)?;
    let request = Deliver { shipment_id: shipment_id(&parcel)? };
    app.deps.fulfillment.deliver(&visit.ctx, request).await?;
    done(id, Done::Delivered)
}

/// Books the cash of an order.
pub(crate) async fn collect(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Form,
) -> Answer {
    let id = order_id(&id)?;
    let key = key_of(&form)?;
    let amount = Money::new(form.required("amount")?, visit.tenant.currency);
    let amount = amount.map_err(|_| Failure::bad_request("not an amount"))?;
    let request = CollectCash { order_id: id, amount };
    let again = Again { app: &app, visit: &visit, id, to: Route::Cash(id), sent: &form };
    let ctx = once(&leaving_time(&visit.ctx), "cash", &key, &request)?;
    let why = match app.deps.payments.collect_cash(&ctx, request).await {
        Ok(_) => return done(id, Done::Collected),
        Err(payment_api::Error::Fault(fault)) if is_in_flight(&fault) => {
            return done(id, Done::Underway);
        }
        Err(payment_api::Error::Fault(fault)) if fault.code.is_retryable() => {
            return again.unsure(&fault, |shown| OrderPage { token: key, ..shown }).await;
        }
        Err(payment_api::Error::Fault(fault)) if is_typed(&fault) => told(&fault),
        Err(error @ payment_api::Error::Fault(_)) => return Err(error.into()),
        Err(error) => error.to_string(),
    };
    again.refused(|shown| OrderPage { said: Some(Said::Refused(why)), ..shown }).await
}

/// Gives money back.
pub(crate) async fn refund(
    State(app): State<App>,
    visit: Visit,
    Path((id, payment)): Path<(String, String)>,
    Form(form): Form,
) -> Answer {
    let id = order_id(&id)?;
    let payment: PaymentId = payment.parse().map_err(|_| Failure::not_found())?;
    let key = key_of(&form)?;
    let w = Words::of(visit.reader.lang);
    let to = Route::Refunds(id, payment);
    let again = Again { app: &app, visit: &visit, id, to, sent: &form };
    let mut typed = RefundForm {
        payment,
        amount: form.text("amount").to_owned(),
        reason: form.text("reason").to_owned(),
        errors: Errors::default(),
    };
    let mut said = None;
    match Money::parse_major(&typed.amount, visit.tenant.currency) {
        Err(_) => {
            typed.errors.add("amount", w.not_an_amount);
        }
        Ok(amount) => {
            let request = Refund { payment_id: payment, amount, reason: typed.reason.clone() };
            let ctx = once(&leaving_time(&visit.ctx), "refunds", &key, &request)?;
            match app.deps.payments.refund(&ctx, request).await {
                Ok(_) => return done(id, Done::Refunded),
                Err(payment_api::Error::TooMuch(left)) => {
                    let text = w.only_refundable(&ui::format::money(left));
                    typed.errors.add("amount", text);
                }
                Err(payment_api::Error::Fault(fault)) if is_in_flight(&fault) => {
                    return done(id, Done::Underway);
                }
                Err(payment_api::Error::Fault(fault)) if fault.code.is_retryable() => {
                    let fill = |shown| OrderPage { refund: Some(typed), token: key, ..shown };
                    return again.unsure(&fault, fill).await;
                }
                Err(payment_api::Error::Fault(fault)) if is_typed(&fault) => {
                    match errors(&fault, &["amount", "reason"]) {
                        Some(errors) => typed.errors = errors,
                        None => said = Some(Said::Refused(told(&fault))),
                    }
                }
                Err(error @ payment_api::Error::Fault(_)) => return Err(error.into()),
                Err(error) => said = Some(Said::Refused(error.to_string())),
            }
        }
    }
    again.refused(|shown| OrderPage { said, refund: Some(typed), ..shown }).await
}

fn shipment_id(text: &str) -> Result<ShipmentId, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}

fn done(id: OrderId, what: Done) -> Answer {
    redirect(Route::Done { id, what })
}

fn refused(shown: OrderPage) -> Answer {
    Ok(page(StatusCode::CONFLICT, render_order(&shown)))
}

/// A form that was sent, which comes back with what was typed: on the page of its order, or alone where that
/// cannot be gathered.
struct Again<'a> {
    app: &'a App,
    visit: &'a Visit,
    id: OrderId,
    to: Route,
    sent: &'a Fields,
}

impl Again<'_> {
    /// The page as it stands now.
    async fn gather(&self) -> Result<Option<OrderPage>, Failure> {
        around(self.visit, gather(self.app, self.visit, self.id)).await
    }

    fn alone(self) -> Answer {
        let w = Words::of(self.visit.reader.lang);
        let labels = [
            ("note", w.note),
            ("amount", w.refund_amount),
            ("reason", w.refund_reason),
            ("carrier", w.carrier),
            ("tracking_number", w.tracking_number),
        ];
        // cash is booked whole, and its amount is not typed
        let labels = if matches!(self.to, Route::Cash(_)) { &[][..] } else { &labels };
        alone(self.visit, Section::Orders, self.to, self.sent, labels)
    }

    async fn refused(self, fill: impl FnOnce(OrderPage) -> OrderPage) -> Answer {
        match self.gather().await? {
            Some(shown) => refused(fill(shown)),
            None => self.alone(),
        }
    }

    async fn unsure(self, fault: &Fault, fill: impl FnOnce(OrderPage) -> OrderPage) -> Answer {
        match self.gather().await? {
            Some(shown) => unsure(self.visit, fault, fill(shown)),
            None => {
                log(fault, &self.visit.ctx.request_id);
                self.alone()
            }
        }
    }
}

/// Nobody knows whether it was done. The form comes back with its own token, so that sending it again
/// finds out, and does nothing twice.
fn unsure(visit: &Visit, fault: &Fault, shown: OrderPage) -> Answer {
    log(fault, &visit.ctx.request_id);
    let text = crate::text::Words::of(visit.reader.lang).busy_text;
    let shown = OrderPage { said: Some(Said::Busy(text)), ..shown };
    Ok(page(status_of(fault), render_order(&shown)))
}

/// Whether it was refused for what somebody typed or for how things stand, and not for who asks.
const fn is_typed(fault: &Fault) -> bool {
    matches!(fault.code, ErrorCode::Invalid | ErrorCode::Conflict | ErrorCode::Unprocessable)
}

fn told(fault: &Fault) -> String {
    fault.fields.first().map_or_else(|| fault.message.clone(), |f| f.detail.clone())
}

/// What is wrong with which of these fields; `None` when it is about none of them.
fn errors(fault: &Fault, fields: &[&str]) -> Option<Errors> {
    let mut found = Errors::default();
    for error in &fault.fields {
        let first = error.pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
        if fields.contains(&first) {
            found.add(first, &error.detail);
        }
    }
    Some(found).filter(|f| !f.is_empty())
}

/// The random token of the form that was shown.
fn key_of(form: &Fields) -> Result<String, Failure> {
    let key = form.text("key");
    if ::web::csrf::is_token(key) {
        return Ok(key.to_owned());
    }
    Err(Failure::bad_request("the form's token is not one of ours"))
}

/// The same call, to take effect once however often its form is sent.
fn once(ctx: &Ctx, what: &str, key: &str, body: &impl serde::Serialize) -> Result<Ctx, Failure> {
    let body = serde_json::to_vec(body).map_err(Fault::internal)?;
    let idempotency = Some(IdempotencyKey {
        key: format!("{what}-{key}"),
        route: format!("POST /console/orders/{{id}}/{what}"),
        body_hash: hex::encode(Sha256::digest(body)),
    });
    Ok(Ctx { idempotency, ..ctx.clone() })
}
