//! Lists of values in statements. It knows no statement.

/// Values for a list in a statement, filled up with the last one until there are 1, 2, 4, 8 …: lists of few
/// lengths make few texts, and a server keeps every text prepared. What the statement finds must not depend on
/// how often a value is in the list.
pub fn padded<T: Clone>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_few_lengths_and_the_same_values() {
        for (given, filled) in [(0, 0), (1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (64, 64), (65, 128)]
        {
            let values = padded(0..given);
            assert_eq!(values.len(), filled, "{given}");
            assert!(values[..given].iter().copied().eq(0..given));
            assert!(values[given..].iter().all(|v| *v == given - 1));
        }
    }
}
