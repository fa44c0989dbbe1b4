//! Ctx and service traits: one handle for a local, a remote or a mocked service.
