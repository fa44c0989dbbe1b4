//! The one binary: configuration, wiring, commands.
