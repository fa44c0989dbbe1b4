//! What stands between a browser's requests and the pages of any application: answers, cookies, forms
//! with their token, failures, live updates.
//!
//! It must not know any page's content, nor which application uses it.

pub mod answer;
pub mod cookies;
pub mod csrf;
pub mod failure;
pub mod feed;
pub mod fields;
pub mod frame;
pub mod kept;
pub mod live;
pub mod remembered;
#[cfg(any(test, feature = "test-util"))]
pub mod testing;

pub use answer::{Answer, page, redirect};
pub use cookies::Cookies;
pub use csrf::FormToken;
pub use failure::Failure;
pub use fields::{Fields, Form};
pub use kept::KeptPages;
pub use live::{Hub, Key};
pub use remembered::Remembered;
