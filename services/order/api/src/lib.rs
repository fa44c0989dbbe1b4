//! What others may see of the service order: types, trait, events, errors.
