//! The service product.
