//! What others may see of the service staff: types, trait, events, errors.
