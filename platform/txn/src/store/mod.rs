//! All SQL of this crate, by table. Rows in, rows out; what they mean is decided elsewhere.

pub(crate) mod fence;
pub(crate) mod globals;
pub(crate) mod leases;
pub(crate) mod locks;
pub(crate) mod rows;
pub(crate) mod undo;
