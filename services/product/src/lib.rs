//! The service product.

pub mod import;
pub mod model;
