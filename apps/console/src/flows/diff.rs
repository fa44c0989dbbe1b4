//! What differs between two texts, line by line, with a few lines around. No markup.

use similar::{ChangeTag, TextDiff};

/// Lines shown around what differs.
const AROUND: usize = 3;

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It stays.
    Same,
    /// It is only in the old text.
    Gone,
    /// It is only in the new text.
    New,
}

/// A line with its number in the old and the new text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) change: Change,
    pub(crate) old: Option<usize>,
    pub(crate) new: Option<usize>,
    pub(crate) text: String,
}

/// A difference: parts that belong together, and how many lines went and came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Diff {
    pub(crate) parts: Vec<Vec<Line>>,
    pub(crate) gone: usize,
    pub(crate) new: usize,
}

impl Diff {
    /// The difference from one text to another.
    pub(crate) fn of(old: &str, new: &str) -> Self {
        let compared = TextDiff::from_lines(old, new);
        let mut diff = Self::default();
        for group in compared.grouped_ops(AROUND) {
            let changes = group.iter().flat_map(|op| compared.iter_changes(op));
            let part = changes.map(|change| Line {
                change: match change.tag() {
                    ChangeTag::Equal => Change::Same,
                    ChangeTag::Delete => Change::Gone,
                    ChangeTag::Insert => Change::New,
                },
                old: change.old_index().map(|n| n + 1),
                new: change.new_index().map(|n| n + 1),
                text: change.value().trim_end_matches(['\n', '\r']).to_owned(),
            });
            let part: Vec<Line> = part.collect();
            let count = |what| part.iter().filter(|l| l.change == what).count();
            diff.gone += count(Change::Gone);
            diff.new += count(Change::New);
            diff.parts.push(part);
        }
        diff
    }

    /// Whether nothing differs.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_shown_with_its_numbers_and_a_little_around() {
        let lines = |skip: usize| {
            (1..=20).filter(|n| *n != skip).map(|n| format!("line {n}\n")).collect::<String>()
        };
        let diff = Diff::of(&lines(5), &lines(18));
        assert_eq!((diff.parts.len(), diff.gone, diff.new), (2, 1, 1));
        let new = diff.parts[0].iter().find(|l| l.change == Change::New).unwrap();
        assert_eq!((new.old, new.new, new.text.as_str()), (None, Some(5), "line 5"));
        let gone = diff.parts[1].iter().find(|l| l.change == Change::Gone).unwrap();
        assert_eq!((gone.old, gone.new, gone.text.as_str()), (Some(17), None, "line 18"));
        assert!(diff.parts.iter().flatten().count() < 16);
        assert!(Diff::of("a\n", "a\n").is_empty());
    }
}
