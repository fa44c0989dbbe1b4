//! What others may see of the service `cart`: a member's or an anonymous shopper's basket, and the
//! checkout token that it keeps until an order used it.

use kit::{ErrorCode, Money, Secret};
use rpc::{Ctx, Fault, ServiceError};
use serde::{Deserialize, Serialize};
use types::{MemberId, OrderId, Quantity, SkuId, Slug, Texts};
use utoipa::ToSchema;

/// The most lines a cart may have.
pub const LINES_MAX: usize = 100;
/// The most lines that may be saved for later.
pub const SAVED_MAX: usize = 100;

/// A cart as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CartView {
    /// Lines, in the order they were put in.
    pub lines: Vec<CartLine>,
    /// Lines saved for later, in the order they were saved: never ordered, and not in the sum.
    #[serde(default)]
    pub saved: Vec<CartLine>,
    /// Sum over the sellable lines.
    pub subtotal: Money,
    /// Counts its changes.
    pub version: i64,
}

/// A line of a cart as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CartLine {
    /// The sku.
    pub sku_id: SkuId,
    /// How many.
    pub quantity: Quantity,
    /// The product's name for the address bar; absent when the sku is gone.
    pub slug: Option<Slug>,
    /// The product's name.
    pub title: Option<Texts>,
    /// Chosen values.
    pub variant: String,
    /// A picture's address.
    pub image_url: Option<String>,
    /// Price of one, now.
    pub price: Option<Money>,
    /// Price of all, now.
    pub total: Option<Money>,
    /// Whether it can be bought now; says nothing of stock.
    pub sellable: bool,
}

/// What is in a cart, for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartContent {
    /// Lines.
    pub lines: Vec<(SkuId, Quantity)>,
    /// The checkout that has begun.
    pub checkout_id: Option<OrderId>,
    /// Counts its changes.
    pub version: i64,
}

/// The token of an anonymous cart: 128 random bits, kept hashed, good for 30 days. It travels in the
/// header `X-Cart-Token` or in a cookie.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CartToken(
    /// The token.
    #[serde(serialize_with = "kit::secret::reveal")]
    pub Secret<String>,
);

/// A new anonymous cart.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedCart {
    /// Shown once.
    #[serde(serialize_with = "kit::secret::reveal")]
    #[schema(value_type = String)]
    pub token: Secret<String>,
}

/// Begins an anonymous cart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Create {}

/// Asks for the cart of the member who signed in, else of the token; empty when there is none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Get {
    /// The anonymous cart's token.
    pub token: Option<CartToken>,
}

/// Sets how many of a sku are in the cart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetLine {
    /// The anonymous cart's token.
    pub token: Option<CartToken>,
    /// The sku; must be on sale.
    pub sku_id: SkuId,
    /// How many; none removes the line.
    pub quantity: Option<Quantity>,
    /// Whether to add to what is there instead of replacing it.
    pub add: bool,
}

/// Which line to save for later, to move back or to forget.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SaveLine {
    /// The anonymous cart's token.
    pub token: Option<CartToken>,
    /// The sku.
    pub sku_id: SkuId,
}

/// Puts an anonymous cart's lines into the member's cart, summed per sku and capped, and
/// what was saved there to what the member has saved; empties it.
/// Repeating it changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Merge {
    /// The anonymous cart.
    pub token: CartToken,
}

/// Begins the checkout of the member who signed in, or goes on with the one that has begun. One whose
/// reservation was given back can no longer become an order; then it begins a new one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BeginCheckout {}

/// A checkout: its id becomes the order's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Checkout {
    /// The id that the order will have.
    pub checkout_id: OrderId,
}

/// Asks for a member's cart, as the system or as the member.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetContent {
    /// Whose.
    pub member_id: MemberId,
}

/// An order was placed: takes its lines out of the cart, as far as they are there, and forgets the
/// checkout when it is still this one. Once per order: repeating it changes nothing. Only for the system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Consume {
    /// Whose cart.
    pub member_id: MemberId,
    /// The order.
    pub order_id: OrderId,
    /// What was ordered.
    pub lines: Vec<(SkuId, Quantity)>,
}

/// Carts.
#[rpc::service(name = "cart")]
pub trait Cart: Send + Sync + 'static {
    /// Begins an anonymous cart.
    async fn create(&self, ctx: &Ctx, req: Create) -> Result<CreatedCart, Error>;
    /// The cart.
    async fn get(&self, ctx: &Ctx, req: Get) -> Result<CartView, Error>;
    /// Sets a line.
    async fn set_line(&self, ctx: &Ctx, req: SetLine) -> Result<CartView, Error>;
    /// Moves a line out of the cart to what is saved for later, with its quantity. Fine when it is there
    /// already; not found when it is in neither.
    async fn save_for_later(&self, ctx: &Ctx, req: SaveLine) -> Result<CartView, Error>;
    /// Moves a saved line into the cart, added to what is there; it must be on sale. Fine when it is there
    /// already; not found when it is in neither.
    async fn move_to_cart(&self, ctx: &Ctx, req: SaveLine) -> Result<CartView, Error>;
    /// Forgets a saved line; fine when there is none.
    async fn remove_saved(&self, ctx: &Ctx, req: SaveLine) -> Result<CartView, Error>;
    /// Merges an anonymous cart into the member's.
    async fn merge(&self, ctx: &Ctx, req: Merge) -> Result<CartView, Error>;
    /// Begins or goes on with a checkout.
    async fn begin_checkout(&self, ctx: &Ctx, req: BeginCheckout) -> Result<Checkout, Error>;
    /// What is in a member's cart.
    async fn get_content(&self, ctx: &Ctx, req: GetContent) -> Result<CartContent, Error>;
    /// Takes out what was ordered.
    async fn consume(&self, ctx: &Ctx, req: Consume) -> Result<(), Error>;
}

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Error {
    /// The sku does not exist or is not on sale.
    #[error("this product is not on sale")]
    NotSellable(SkuId),
    /// Too many lines.
    #[error("a cart holds at most 100 lines")]
    Full,
    /// Too many saved lines.
    #[error("at most 100 lines can be saved for later")]
    SavedFull,
    /// A checkout needs something in the cart.
    #[error("the cart is empty")]
    Empty,
    /// Anything that can happen to any call.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotSellable(_) | Self::Full | Self::SavedFull | Self::Empty => {
                ErrorCode::Conflict
            }
            Self::Fault(f) => f.code,
        }
    }

    fn into_fault(self) -> Fault {
        let slug = match &self {
            Self::NotSellable(_) => "not_sellable",
            Self::Full => "cart_full",
            Self::SavedFull => "saved_full",
            Self::Empty => "cart_empty",
            Self::Fault(f) => return f.clone(),
        };
        Fault::new(self.code(), self.to_string()).with_slug(slug)
    }
}
