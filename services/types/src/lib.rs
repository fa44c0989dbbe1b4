//! Domain ids and value types that several services share. Plain data with its own rules checked on the
//! way in; no trait of a service, no SQL, no HTTP.

pub mod address;
pub mod ids;
pub mod locale;
pub mod quantity;
pub mod text;

pub use address::Address;
pub use ids::*;
pub use locale::{Locale, Texts};
pub use quantity::Quantity;
pub use text::Slug;
