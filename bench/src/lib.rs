//! Load scenarios and the report of cargo xtask bench.
