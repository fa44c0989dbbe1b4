//! What others may see of the service inventory: types, trait, events, errors.
