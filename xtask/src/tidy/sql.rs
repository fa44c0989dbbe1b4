//! The rule about SQL: in a service only `store.rs` (or the files below `store/`) and `migrations/` know a column. Pure.

use super::Finding;
use super::tree::Tree;

/// The crates one builds or runs statements with.
const SQL_CRATES: &[&str] = &["sea_query", "rusqlite", "sea_orm"];

/// The rule.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    let folders = ["services/", "apps/"];
    for (file, source) in folders.into_iter().flat_map(|folder| tree.sources(folder)) {
        if may_know_columns(&file.path) {
            continue;
        }
        let uses = source.tokens.iter().filter_map(|token| Some((token.ident()?, token.line)));
        for (name, line) in uses.filter(|(name, _)| SQL_CRATES.contains(name)) {
            let message = format!(
                "`{name}` only in `store.rs`, `store/` or `migrations/`: move the statement there behind a function"
            );
            found.push(Finding::new("sql", &file.path, line, message));
        }
    }
    found
}

fn may_know_columns(path: &str) -> bool {
    let inside: Vec<&str> = path.split('/').skip(2).collect();
    path.starts_with("services/")
        && matches!(
            inside.as_slice(),
            ["src", "store.rs"]
                | ["src", "store" | "migrations", ..]
                | ["migrations" | "tests", ..]
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_outside_the_store_is_found() {
        let code = "//! A.\nuse sea_query::Query;\n";
        let fine = [
            "services/cart/src/store.rs",
            "services/cart/src/store/lines.rs",
            "services/cart/migrations/m1.rs",
            "platform/shard/src/a.rs",
        ];
        assert!(check(&Tree::sample(&fine.map(|path| (path, code)))).is_empty());
        let wrong = [
            "services/cart/src/service.rs",
            "services/cart/api/src/lib.rs",
            "apps/storefront/src/lib.rs",
            "services/cart/src/jobs/store.rs",
        ];
        let found = check(&Tree::sample(&wrong.map(|path| (path, code))));
        assert_eq!(found.len(), 4);
        assert_eq!((found[0].line, found[0].file.as_str()), (2, "services/cart/src/service.rs"));
    }

    #[test]
    fn a_mention_in_a_comment_is_none() {
        assert!(
            check(&Tree::sample(&[(
                "services/cart/src/model.rs",
                "//! A.\n// never sea_query here\nfn f() -> &str { \"sea_query\" }\n"
            )]))
            .is_empty()
        );
    }
}
