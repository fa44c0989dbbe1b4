//! Layered, validated settings.
