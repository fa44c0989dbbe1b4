//! The service order.
