//! All SQL of this crate, by table. Rows in, rows out; what they mean is decided elsewhere.

pub(crate) mod fence;
pub(crate) mod globals;
pub(crate) mod leases;
pub(crate) mod locks;
pub(crate) mod rows;
pub(crate) mod undo;

/// Values for an `IN` list, filled up with the last one to a power of two: a server prepares few texts then.
fn padded<T: Clone>(mut values: Vec<T>) -> Vec<T> {
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}
