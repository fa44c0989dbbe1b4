//! What others may see of the service cart: types, trait, events, errors.
