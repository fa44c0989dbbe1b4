//! Local message table, delayed messages, relay, inbox, idempotency records.
