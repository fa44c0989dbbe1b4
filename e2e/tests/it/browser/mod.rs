//! What people do in a browser, at all three tenants. They run where there is one; `cargo xtask ci` sees to
//! it that there is.

mod buying;
mod console;
mod desk_pages;
mod keyboard;
mod pages;
mod walk;
