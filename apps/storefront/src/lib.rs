//! The shop in the browser: an application over the service traits, without a database.
