//! Paying an order by card. The card goes to the payment service and nowhere else: not into a page, not
//! into a log, not into a hash.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use kit::ErrorCode;
use order_api::{Get, OrderView};
use payment_api::{Error, Pay, PaymentState};
use rpc::Ctx;
use types::OrderId;
use ui::Route;

use super::order::money;
use crate::App;
use crate::checkout::{CardForm, pay_key};
use crate::pages::{self, Errors, PayPage};
use crate::web::{Answer, Failure, Form, Visit, page, redirect};
use ::web::csrf::token;

/// Why a card's form is shown.
struct Shown {
    status: StatusCode,
    expiry: String,
    errors: Errors,
    problem: Option<String>,
}

pub(crate) async fn show(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer {
    let order = own(&app, &visit, &id).await?;
    if !money(&app, &visit, &order).await?.can_pay {
        return redirect(Route::Order { id: order.id });
    }
    let (expiry, errors) = (String::new(), Errors::default());
    render(&app, &visit, &order, Shown { status: StatusCode::OK, expiry, errors, problem: None })
        .await
}

pub(crate) async fn pay(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    Form(fields): Form,
) -> Answer {
    let order = own(&app, &visit, &id).await?;
    let w = visit.words();
    let key = pay_key(order.id, fields.text("form_token"))?;
    let CardForm { card, errors } = CardForm::read(&fields, w);
    let expiry = card.expiry.clone();
    let mut shown =
        Shown { status: StatusCode::UNPROCESSABLE_ENTITY, expiry, errors, problem: None };
    if !shown.errors.is_empty() {
        return render(&app, &visit, &order, shown).await;
    }
    let ctx = Ctx { idempotency: Some(key), ..visit.ctx.clone() };
    match app.deps.payments.pay(&ctx, Pay { order_id: order.id, card }).await {
        Ok(payment) => match payment.state {
            PaymentState::Captured | PaymentState::Pending => {
                return redirect(Route::Order { id: order.id });
            }
            PaymentState::Declined => {
                let reason = w.decline_reason(payment.decline_reason.as_deref().unwrap_or(""));
                shown.status = StatusCode::PAYMENT_REQUIRED;
                shown.problem = Some([w.payment_declined, " ", &reason].concat());
            }
            PaymentState::Failed => {
                shown.status = StatusCode::PAYMENT_REQUIRED;
                shown.problem = Some(w.payment_failed.to_owned());
            }
        },
        // the order's page says how it stands
        Err(Error::NotPayable(_) | Error::UnderWay) => {
            return redirect(Route::Order { id: order.id });
        }
        Err(Error::Fault(f)) if f.code == ErrorCode::Conflict => {
            return redirect(Route::Order { id: order.id });
        }
        Err(Error::Fault(f)) if f.code == ErrorCode::Invalid => {
            if f.fields.is_empty() {
                shown.problem = Some(f.message.clone());
            }
            shown.errors.take(f.fields);
        }
        Err(Error::Fault(f)) if f.code == ErrorCode::Unprocessable => {
            shown.problem = Some(w.form_outdated.to_owned());
        }
        Err(error) => return Err(error.into()),
    }
    render(&app, &visit, &order, shown).await
}

/// The order, if it is the member's.
async fn own(app: &App, visit: &Visit, id: &str) -> Result<OrderView, Failure> {
    let order_id: OrderId = id.parse().map_err(|_| Failure::not_found())?;
    visit.member(&Route::OrderPay { id: order_id })?;
    Ok(app.deps.orders.get(&visit.ctx, Get { order_id }).await?)
}

/// The form, always with a token of its own: another attempt is another payment.
async fn render(app: &App, visit: &Visit, order: &OrderView, shown: Shown) -> Answer {
    let Shown { status, expiry, errors, problem } = shown;
    let form = PayPage {
        shell: visit.shell_at(app, &Route::OrderPay { id: order.id }).await,
        order_id: order.id,
        total: order.total,
        form_token: token(&app.deps.entropy)?,
        expiry,
        errors,
        problem,
    };
    Ok(page(status, pages::render_pay(&form)))
}
