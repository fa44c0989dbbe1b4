//! What others may see of the service member: types, trait, events, errors.
