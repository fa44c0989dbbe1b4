//! The tree of categories. A parent is given when a category is added and stays, so a cycle cannot come
//! about; what is checked here is that it exists and that the tree stays shallow. Pure.

use std::collections::HashMap;

use types::CategoryId;

use super::DEPTH_MAX;

/// A category's place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Branch {
    /// The category.
    pub id: CategoryId,
    /// What it hangs on.
    pub parent_id: Option<CategoryId>,
}

/// All categories of a tenant by id.
#[derive(Debug, Clone, Default)]
pub struct Tree(HashMap<CategoryId, Option<CategoryId>>);

/// Why a category cannot hang there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misplaced {
    /// The parent does not exist.
    #[error("there is no such category")]
    NoParent,
    /// Too many levels.
    #[error("categories nest at most 8 deep")]
    TooDeep,
}

impl Tree {
    /// A tree out of all its categories.
    #[must_use]
    pub fn new(branches: impl IntoIterator<Item = Branch>) -> Self {
        Self(branches.into_iter().map(|b| (b.id, b.parent_id)).collect())
    }

    /// Whether the category exists.
    #[must_use]
    pub fn has(&self, id: CategoryId) -> bool {
        self.0.contains_key(&id)
    }

    /// The category and all that it hangs on, nearest first. Bounded by the depth of the tree, whatever
    /// the table holds.
    #[must_use]
    pub fn path(&self, id: CategoryId) -> Vec<CategoryId> {
        let step = |at: &CategoryId| self.0.get(at).copied().flatten();
        std::iter::successors(self.has(id).then_some(id), step).take(DEPTH_MAX).collect()
    }

    /// These categories and all that they hang on, each once: where a product is found.
    #[must_use]
    pub fn cover(&self, ids: &[CategoryId]) -> Vec<CategoryId> {
        let mut all: Vec<CategoryId> = ids.iter().flat_map(|id| self.path(*id)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether a new category may hang on `parent`.
    ///
    /// # Errors
    /// When the parent does not exist or is on the last level.
    pub fn place_under(&self, parent: Option<CategoryId>) -> Result<(), Misplaced> {
        let Some(parent) = parent else { return Ok(()) };
        match self.path(parent).len() {
            0 => Err(Misplaced::NoParent),
            n if n >= DEPTH_MAX => Err(Misplaced::TooDeep),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: i64) -> CategoryId {
        CategoryId::from_i64(n).unwrap()
    }

    fn chain(n: i64) -> Tree {
        Tree::new((1..=n).map(|i| Branch { id: id(i), parent_id: (i > 1).then(|| id(i - 1)) }))
    }

    #[test]
    fn a_product_is_found_in_its_categories_and_all_above_them() {
        let tree = chain(3);
        assert_eq!(tree.path(id(3)), [id(3), id(2), id(1)]);
        assert_eq!(tree.cover(&[id(2), id(3)]), [id(1), id(2), id(3)]);
        assert_eq!(tree.cover(&[id(9)]), []);
    }

    #[test]
    fn the_tree_stays_shallow_and_whole() {
        assert_eq!(chain(1).place_under(None), Ok(()));
        assert_eq!(chain(7).place_under(Some(id(7))), Ok(()));
        assert_eq!(chain(8).place_under(Some(id(8))), Err(Misplaced::TooDeep));
        assert_eq!(chain(8).place_under(Some(id(9))), Err(Misplaced::NoParent));
    }

    #[test]
    fn even_a_cycle_in_the_table_does_not_hang() {
        let tree = Tree::new([
            Branch { id: id(1), parent_id: Some(id(2)) },
            Branch { id: id(2), parent_id: Some(id(1)) },
        ]);
        assert_eq!(tree.cover(&[id(1)]), [id(1), id(2)]);
    }
}
