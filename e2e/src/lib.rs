//! Whole-life tests over HTTP against a running program.
