//! What others may see of the service tenant: types, trait, events, errors.
