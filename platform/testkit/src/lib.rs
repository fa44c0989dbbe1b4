//! For tests and the demo: temporary platforms, test clocks, waiting for a condition.
