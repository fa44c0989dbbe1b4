//! State machines and triggers as tenant data.
