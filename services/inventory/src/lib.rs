//! The service inventory.
