//! The service cart.
