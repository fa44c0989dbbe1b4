//! The service staff.
