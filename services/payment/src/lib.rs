//! The service payment.
