//! The service fulfillment.
