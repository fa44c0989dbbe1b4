//! The cart: looking at it, and setting its lines. A visitor who is not signed in gets an anonymous cart
//! with the first thing they put into it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use cart_api::{CartToken, CartView, Create, Error, Get, SaveLine, SetLine};
use kit::ErrorCode;
use rpc::ServiceError as _;
use types::{Quantity, SkuId};
use ui::{Route, Shell};

use super::browse::stock;
use crate::App;
use crate::pages::{self, CartPage};
use crate::web::cookies::{CART_AGE_S, CART_COOKIE};
use crate::web::visit::units;
use crate::web::{Answer, Cookies, Failure, Fields, Form, Visit, page, redirect};

pub(crate) async fn show(State(app): State<App>, visit: Visit) -> Answer {
    let cart = app.deps.carts.get(&visit.ctx, Get { token: visit.cart_token() }).await?;
    Ok(render(&app, &visit, cart, StatusCode::OK, None).await)
}

pub(crate) async fn set_line(State(app): State<App>, visit: Visit, Form(form): Form) -> Answer {
    let sku_id: SkuId = form.required("sku_id")?;
    let Ok(quantity) = wanted(&form) else {
        let problem = visit.words().bad_quantity.to_owned();
        return again(&app, &visit, StatusCode::UNPROCESSABLE_ENTITY, problem).await;
    };
    let add = form.get("add").is_some();
    match put(&app, &visit, sku_id, quantity, add).await {
        Ok(new_cart) => {
            let mut response = redirect(Route::Cart)?;
            if let Some(CartToken(token)) = new_cart {
                let cookies = Cookies::new(app.options.cookie_secure);
                cookies.set(&mut response, CART_COOKIE, token.expose(), Some(CART_AGE_S));
            }
            Ok(response)
        }
        Err(error) => refused(&app, &visit, sku_id, error).await,
    }
}

/// Saves a line for later, moves it back, or forgets it.
pub(crate) async fn save(State(app): State<App>, visit: Visit, Form(form): Form) -> Answer {
    let sku_id: SkuId = form.required("sku_id")?;
    let (carts, ctx) = (&app.deps.carts, &visit.ctx);
    let line = SaveLine { token: visit.cart_token(), sku_id };
    let done = if form.get("restore").is_some() {
        carts.move_to_cart(ctx, line).await
    } else if form.get("remove").is_some() {
        carts.remove_saved(ctx, line).await
    } else {
        carts.save_for_later(ctx, line).await
    };
    match done {
        Ok(_) => redirect(Route::Cart),
        Err(error) => refused(&app, &visit, sku_id, error).await,
    }
}

/// Says why a line was not changed, and which.
async fn refused(app: &App, visit: &Visit, sku_id: SkuId, error: Error) -> Answer {
    let w = visit.words();
    let problem = match &error {
        Error::NotSellable(_) => w.cart_not_sellable.to_owned(),
        Error::Full => w.cart_full.to_owned(),
        Error::SavedFull => w.saved_full.to_owned(),
        Error::Empty => w.cart_empty.to_owned(),
        Error::Fault(f) if f.code == ErrorCode::Invalid => f.message.clone(),
        // another tab took it out, or the cart itself is gone
        Error::Fault(f) if matches!(f.code, ErrorCode::NotFound | ErrorCode::Unauthenticated) => {
            w.cart_line_missing.to_owned()
        }
        Error::Fault(_) => return Err(error.into()),
    };
    let cart = app.deps.carts.get(&visit.ctx, Get { token: visit.cart_token() }).await?;
    let line = cart.lines.iter().chain(&cart.saved).find(|l| l.sku_id == sku_id);
    let named = line.map(|l| [&pages::line_name(l, &visit.reader, w), ": ", &problem].concat());
    let problem = Some(named.unwrap_or(problem));
    Ok(render(app, visit, cart, StatusCode::CONFLICT, problem).await)
}

/// How many are wanted; none takes the line out.
fn wanted(form: &Fields) -> Result<Option<Quantity>, ()> {
    if form.get("remove").is_some() {
        return Ok(None);
    }
    match form.text("quantity").parse::<u32>() {
        Ok(0) => Ok(None),
        Ok(n) => Quantity::new(n).map(Some).map_err(|_| ()),
        Err(_) => Err(()),
    }
}

/// Sets the line; tells the token of the cart that was begun for it, if one was.
async fn put(
    app: &App,
    visit: &Visit,
    sku_id: SkuId,
    quantity: Option<Quantity>,
    add: bool,
) -> Result<Option<CartToken>, Error> {
    let carts = &app.deps.carts;
    let set = |token| SetLine { token, sku_id, quantity, add };
    if visit.is_signed_in() {
        return carts.set_line(&visit.ctx, set(None)).await.map(|_| None);
    }
    if let Some(token) = visit.cart_token() {
        match carts.set_line(&visit.ctx, set(Some(token))).await {
            // the cookie outlived its cart
            Err(e) if e.code() == ErrorCode::Unauthenticated => {}
            done => return done.map(|_| None),
        }
    }
    let begun = CartToken(carts.create(&visit.ctx, Create {}).await?.token);
    carts.set_line(&visit.ctx, set(Some(begun.clone()))).await?;
    Ok(Some(begun))
}

async fn again(app: &App, visit: &Visit, status: StatusCode, problem: String) -> Answer {
    let cart = app.deps.carts.get(&visit.ctx, Get { token: visit.cart_token() }).await?;
    Ok(render(app, visit, cart, status, Some(problem)).await)
}

async fn render(
    app: &App,
    visit: &Visit,
    cart: CartView,
    status: StatusCode,
    problem: Option<String>,
) -> Response {
    let shell =
        Shell { cart_units: Some(units(&cart)), here: (&Route::Cart).into(), ..visit.shell() };
    let skus = cart.lines.iter().chain(&cart.saved).map(|l| l.sku_id);
    let stock = stock(app, visit, skus).await;
    page(status, pages::render_cart(&CartPage { shell, cart, stock, problem }))
}

/// Puts the visitor's anonymous cart into the cart of whoever just signed in. Whether the cookie may go.
pub(super) async fn merge(app: &App, visit: &Visit, member: &rpc::Ctx) -> Result<bool, Failure> {
    let Some(token) = visit.cart.clone() else { return Ok(false) };
    match app.deps.carts.merge(member, cart_api::Merge { token }).await {
        Ok(_) => Ok(true),
        // signing in must not fail because of a cart; the cookie stays, and the next time may do
        Err(error) => {
            tracing::warn!(%error, "an anonymous cart was not merged");
            Ok(false)
        }
    }
}
