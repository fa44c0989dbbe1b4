//! The front door: tenant from host or credential, authentication, routing to the services.
