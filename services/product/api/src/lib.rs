//! What others may see of the service product: types, trait, events, errors.
