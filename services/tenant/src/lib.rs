//! The service tenant.
