//! What the browser applications share: layout, typed routes, formats, texts, the stylesheet.
//!
//! Everything here is a pure function from values to markup or text. It must not know a service, a
//! request or a cookie. No page needs JavaScript; the one script only adds comfort: see [`policy`].

pub mod assets;
pub mod colour;
pub mod format;
pub mod forms;
pub mod lang;
pub mod layout;
pub mod list;
pub mod parts;
pub mod policy;
pub mod routes;
pub mod text;
pub mod theme;

pub use forms::Errors;
pub use lang::{Lang, Reader};
pub use layout::{Frame, Head, Live, Shell, document};
pub use list::{ListFilter, ListSort};
pub use routes::{Local, Route};
pub use text::Words;
pub use theme::Theme;
