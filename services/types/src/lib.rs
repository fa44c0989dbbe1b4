//! Domain ids and value types that several services share.
