//! The routes of carts: parse, call the trait, map. The token of an anonymous cart travels in the header
//! `X-Cart-Token`; for a member who signed in it means nothing.

use axum::extract::State;
use cart_api::{
    BeginCheckout, CartClient, CartToken, CartView, Checkout, Create, CreatedCart, Get, Merge,
    SaveLine, SetLine,
};
use http::HeaderMap;
use http_kit::{Access, Api, Created, ETag, Json, Path, Problem, ReqCtx, routes};
use kit::Secret;
use serde::Deserialize;
use types::{Quantity, SkuId};
use utoipa::ToSchema;

use crate::TOKEN_HEADER;

/// A longer one cannot be a token.
const TOKEN_CHARS_MAX: usize = 64;

/// The routes.
pub fn api(client: CartClient) -> Api {
    let routes = Api::new(client)
        .route(Access::Public, routes!(create))
        .route(Access::Public, routes!(show))
        .route(Access::Public, routes!(add_line))
        .route(Access::Public, routes!(set_line))
        .route(Access::Public, routes!(remove_line))
        .route(Access::Public, routes!(save_for_later))
        .route(Access::Public, routes!(move_to_cart))
        .route(Access::Public, routes!(remove_saved))
        .route(Access::User, routes!(merge))
        .route(Access::User, routes!(begin_checkout));
    Api::new(()).merge(routes)
}

/// What to put into a cart.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddToCart {
    /// The sku; must be on sale.
    sku_id: SkuId,
    /// How many more.
    quantity: Quantity,
}

/// How many are to be in the cart.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetQuantity {
    /// How many.
    quantity: Quantity,
}

/// Which line to save for later.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SaveForLater {
    /// The sku.
    sku_id: SkuId,
}

/// Which anonymous cart to merge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MergeCart {
    /// Its token.
    #[schema(value_type = String, max_length = 64)]
    token: Secret<String>,
}

type Shown = Result<(ETag, Json<CartView>), Problem>;

fn shown(view: CartView) -> (ETag, Json<CartView>) {
    (ETag(view.version), Json(view))
}

/// The token that was sent, if it may be one.
fn token(headers: &HeaderMap) -> Option<CartToken> {
    let text = headers.get(TOKEN_HEADER)?.to_str().ok()?;
    let fits = !text.is_empty() && text.len() <= TOKEN_CHARS_MAX;
    fits.then(|| CartToken(Secret::new(text.to_owned())))
}

/// Begins an anonymous cart. Its token is shown once; send it as `X-Cart-Token`. It lives for 30 days
/// after it was last used.
#[utoipa::path(post, path = "/v1/store/carts", tag = "cart",
    responses((status = 201, body = CreatedCart)))]
async fn create(
    State(client): State<CartClient>,
    ReqCtx(ctx): ReqCtx,
) -> Result<Created<CreatedCart>, Problem> {
    let created = client.create(&ctx, Create {}).await?;
    Ok(Created::at("/v1/store/cart", created))
}

/// The cart of the member who signed in, else of the token; empty when there is none.
#[utoipa::path(get, path = "/v1/store/cart", tag = "cart",
    params(("X-Cart-Token" = Option<String>, Header, description = "An anonymous cart's token.")),
    responses((status = 200, body = CartView)))]
async fn show(State(client): State<CartClient>, ReqCtx(ctx): ReqCtx, headers: HeaderMap) -> Shown {
    Ok(shown(client.get(&ctx, Get { token: token(&headers) }).await?))
}

/// Puts some more of a sku into the cart, up to 10,000.
#[utoipa::path(post, path = "/v1/store/cart/lines", tag = "cart", request_body = AddToCart,
    params(("X-Cart-Token" = Option<String>, Header, description = "An anonymous cart's token.")),
    responses((status = 200, body = CartView), (status = 401, description = "There is no cart."),
        (status = 409, description = "It is not on sale, or the cart is full.")))]
async fn add_line(
    State(client): State<CartClient>,
    ReqCtx(ctx): ReqCtx,
    headers: HeaderMap,
    Json(AddToCart { sku_id, quantity }): Json<AddToCart>,
) -> Shown {
    let quantity = Some(quantity);
    let req = SetLine { token: token(&headers), sku_id, quantity, add: true };
    Ok(shown(client.set_line(&ctx, req).await?))
}

/// Sets how many of a sku are in the cart.
#[utoipa::path(put, path = "/v1/store/cart/lines/{sku_id}", tag = "cart",
    request_body = SetQuantity,
    params(("sku_id" = SkuId, Path),
        ("X-Cart-Token" = Option<String>, Header, description = "An anonymous cart's token.")),
    responses((status = 200, body = CartView), (status = 401, description = "There is no cart."),
        (status = 409, description = "It is not on sale, or the cart is full.")))]
async fn set_line(
    State(client): State<CartClient>,
    ReqCtx(ctx): ReqCtx,
    Path(sku_id): Path<SkuId>,
    headers: HeaderMap,
    Json(SetQuantity { quantity }): Json<SetQuantity>,
) -> Shown {
    let quantity = Some(quantity);
    let req = SetLine { token: token(&headers), sku_id, quantity, add: false };
    Ok(shown(client.set_line(&ctx, req).await?))
}

/// Removes a sku from the cart; fine when it is not in it.
#[utoipa::path(delete, path = "/v1/store/cart/lines/{sku_id}", tag = "cart",
    params(("sku_id" = SkuId, Path),
        ("X-Cart-Token" = Option<String>, Header, description = "An anonymous cart's token.")),
    responses((status = 200, body = CartView), (status = 401, description = "There is no cart.")))]
async fn remove_line(
    State(client): State<CartClient>,
    ReqCtx(ctx): ReqCtx,
    Path(sku_id): Path<SkuId>,
    headers: HeaderMap,
) -> Shown {
    let req = SetLine { token: token(&headers), sku_id, quantity: None, add: false };
    Ok(shown(client.set_line(&ctx, req).await?))
}

/// Moves a line out of the cart to what is saved for later, with its quantity. Fine when it is there already.
#[utoipa::path(post, path = "/v1/store/cart/saved", tag = "cart", request_body = SaveForLater,
    params(("X-Cart-Token" = Option<String>, Header, description = "An anonymous cart's token.")),
    responses((status = 200, body = CartView), (status = 401, description = "There is no cart."),
        (status = 404, description = "It is neither in the cart nor saved."),
        (status = 409, description = "Too many lines are saved.")))]
async fn save_for_later(
    State(client): State<CartClient>,
    ReqCtx(ctx): ReqCtx,
    headers: HeaderMap,
    Json(SaveForLater { sku_id }): Json<SaveForLater>,
) -> Shown {
    let req = SaveLine { token: token(&headers), sku_id };
    Ok(shown(client.save_for_later(&ctx, req).await?))
}

/// Moves a saved line into the cart, added to what is there. Fine when it is there already.
#[utoipa::path(post, path = "/v1/store/cart/saved/{sku_id}/move-to-cart", tag = "cart",
    params(("sku_id" = SkuId, Path),
        ("X-Cart-Token" = Option<String>, Header, description = "An anonymous cart's token.")),
    responses((status = 200, body = CartView), (status = 401, description = "There is no cart."),
        (status = 404, description = "It is neither saved nor in the cart."),
        (status = 409, description = "It is not on sale, or the cart is full.")))]
async fn move_to_cart(
    State(client): State<CartClient>,
    ReqCtx(ctx): ReqCtx,
    Path(sku_id): Path<SkuId>,
    headers: HeaderMap,
) -> Shown {
    let req = SaveLine { token: token(&headers), sku_id };
    Ok(shown(client.move_to_cart(&ctx, req).await?))
}

/// Forgets a saved line; fine when there is none.
#[utoipa::path(delete, path = "/v1/store/cart/saved/{sku_id}", tag = "cart",
    params(("sku_id" = SkuId, Path),
        ("X-Cart-Token" = Option<String>, Header, description = "An anonymous cart's token.")),
    responses((status = 200, body = CartView), (status = 401, description = "There is no cart.")))]
async fn remove_saved(
    State(client): State<CartClient>,
    ReqCtx(ctx): ReqCtx,
    Path(sku_id): Path<SkuId>,
    headers: HeaderMap,
) -> Shown {
    let req = SaveLine { token: token(&headers), sku_id };
    Ok(shown(client.remove_saved(&ctx, req).await?))
}

/// Puts an anonymous cart's lines into one's own, summed per sku, and what was saved to what one has
/// saved, and empties it. Repeating it changes nothing, nor does a token that is not known.
#[utoipa::path(post, path = "/v1/store/cart/merge", tag = "cart", request_body = MergeCart,
    responses((status = 200, body = CartView)))]
async fn merge(
    State(client): State<CartClient>,
    ReqCtx(ctx): ReqCtx,
    Json(MergeCart { token }): Json<MergeCart>,
) -> Shown {
    Ok(shown(client.merge(&ctx, Merge { token: CartToken(token) }).await?))
}

/// Begins the checkout of one's cart, or goes on with the one that has begun: its id becomes the order's.
#[utoipa::path(post, path = "/v1/store/checkout", tag = "cart",
    responses((status = 200, body = Checkout), (status = 409, description = "The cart is empty.")))]
async fn begin_checkout(
    State(client): State<CartClient>,
    ReqCtx(ctx): ReqCtx,
) -> Result<Json<Checkout>, Problem> {
    Ok(Json(client.begin_checkout(&ctx, BeginCheckout {}).await?))
}
