//! What the browser applications share: layout, typed routes, formats.
