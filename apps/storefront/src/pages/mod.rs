//! The pages: each a struct with everything it shows, and a function that renders it. Pages call nobody
//! and decide nothing; what stands in them is escaped unless a service has cleaned it.

mod account;
mod address;
mod addresses;
mod card;
mod cart;
mod checkout;
mod error;
mod filters;
mod gallery;
mod home;
mod listing;
mod order;
mod orders;
mod parcels;
mod pay;
mod placing;
mod plain;
mod product;
mod register;
#[cfg(test)]
pub(crate) mod sample;
mod schema;
mod shops;
mod sign_in;
#[cfg(test)]
mod tests;

pub(crate) use account::{AccountPage, render_account};
pub(crate) use addresses::{AddressPage, AddressesPage, render_address, render_addresses};
pub(crate) use card::{Card, Errors, to_product};
pub(crate) use cart::{CartPage, line_name, render_cart};
pub(crate) use checkout::{CheckoutPage, Trouble, render_checkout};
pub(crate) use error::{ErrorPage, render_error};
pub(crate) use home::{HomePage, render_home};
pub(crate) use listing::{ListingPage, Place, render_listing};
pub(crate) use order::{OrderPage, OrderTrouble, render_order};
pub(crate) use orders::{OrdersPage, render_orders};
pub(crate) use parcels::Parcels;
pub(crate) use pay::{PayPage, render_pay};
pub(crate) use placing::{PlacingPage, render_placing};
pub(crate) use plain::{PlainPage, render_plain};
pub(crate) use product::{ProductPage, render_product};
pub(crate) use register::{RegisterPage, render_register};
pub use shops::Shop;
pub(crate) use shops::{ShopsPage, render_shops};
pub(crate) use sign_in::{SignInPage, render_sign_in};
