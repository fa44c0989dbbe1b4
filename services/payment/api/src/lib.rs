//! What others may see of the service payment: types, trait, events, errors.
