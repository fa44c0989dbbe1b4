//! What others may see of the service fulfillment: types, trait, events, errors.
