//! The service macro, which makes client, router and mock of a trait; nothing else.
