//! The platform's vocabulary: ids, money, tenant codes, clocks, pages, secrets and error codes.
//!
//! Small and slow to change, because every crate depends on it. It must not know an async runtime, a
//! database, HTTP, or any word of the shop domain.

pub mod clock;
pub mod entropy;
pub mod error;
pub mod growth;
pub mod id;
pub mod money;
pub mod page;
pub mod placement;
pub mod schema;
pub mod secret;
pub mod tenant;

pub use clock::{Clock, SharedClock, SystemClock, TestClock, Timestamp};
pub use entropy::{Entropy, SeededEntropy, SharedEntropy, SystemEntropy};
pub use error::{ErrorCode, FieldError};
pub use growth::{Growth, Share};
pub use id::{Id, IdGenerator, Place};
pub use money::{Currency, Money, MoneyError};
pub use page::{Cursor, Limit, Page};
pub use placement::{
    HashVersion, Placement, PlacementError, PlacementState, PlacementVersion, Placements,
};
pub use secret::Secret;
pub use tenant::TenantCode;

/// For the expansion of [`id_types`], so that crates that declare ids need no dependency of their own.
#[doc(hidden)]
pub mod __private {
    pub use {serde, utoipa};
}
