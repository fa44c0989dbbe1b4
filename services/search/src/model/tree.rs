//! The categories of a tenant as a tree. A category stays where it was added, so what is above it does
//! not change.

use std::collections::HashMap;

use product_api::Category;
use types::CategoryId;

/// Deeper than any tree: a loop in what was read ends here.
const DEPTH_MAX: usize = 16;

/// All categories, by position.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    categories: Vec<Category>,
    index: HashMap<CategoryId, usize>,
}

impl Tree {
    /// The tree of categories that come by position.
    pub fn new(categories: Vec<Category>) -> Self {
        let index = categories.iter().enumerate().map(|(i, c)| (c.id, i)).collect();
        Self { categories, index }
    }

    /// Whether all of these are known.
    pub fn knows(&self, ids: &[CategoryId]) -> bool {
        ids.iter().all(|id| self.index.contains_key(id))
    }

    fn get(&self, id: CategoryId) -> Option<&Category> {
        self.index.get(&id).and_then(|i| self.categories.get(*i))
    }

    /// A category and all above it, from below; only itself when it is not known.
    pub fn path(&self, id: CategoryId) -> Vec<CategoryId> {
        let mut path = vec![id];
        let mut next = self.get(id).and_then(|c| c.parent_id);
        while let Some(above) = next
            && path.len() < DEPTH_MAX
        {
            path.push(above);
            next = self.get(above).and_then(|c| c.parent_id);
        }
        path
    }

    /// The names of a category in all languages.
    pub fn names(&self, id: CategoryId) -> impl Iterator<Item = &str> {
        self.get(id).into_iter().flat_map(|c| c.name.all().values().map(String::as_str))
    }

    /// What is directly under a category, by position; the topmost ones under none.
    pub fn under(&self, parent: Option<CategoryId>) -> impl Iterator<Item = &Category> {
        self.categories.iter().filter(move |c| c.parent_id == parent)
    }
}
