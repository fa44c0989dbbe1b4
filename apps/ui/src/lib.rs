//! What the browser applications share: layout, typed routes, formats, texts, the stylesheet.
//!
//! Everything here is a pure function from values to markup or text. It must not know a service, a
//! request or a cookie. No page needs JavaScript, and none may have any: see [`policy`].

pub mod assets;
pub mod colour;
pub mod format;
pub mod lang;
pub mod layout;
pub mod parts;
pub mod policy;
pub mod routes;
pub mod text;

pub use lang::{Lang, Reader};
pub use layout::{Head, Shell, document};
pub use routes::{Local, Route};
pub use text::Words;
