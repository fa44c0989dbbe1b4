//! The service member.
