//! Rules about files as text: a purpose at the top, no large files, no paths of somebody's machine. Pure.

use super::Finding;
use super::tree::Tree;

/// The largest tracked file.
const BYTES_MAX: u64 = 1 << 20;

/// Names that exist on one machine only. Written in two halves, so that this file passes its own rule.
const MACHINE_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!(".lib", "rary")];

/// Every Rust file says first what it is for.
pub fn opens_with_purpose(tree: &Tree) -> Vec<Finding> {
    let rust = tree.files.iter().filter(|file| file.path.ends_with(".rs"));
    rust.filter(|file| !file.text.starts_with("//!"))
        .map(|file| {
            Finding::new(
                "purpose",
                &file.path,
                1,
                "begin the file with `//!`: what it is for and what it must not do",
            )
        })
        .collect()
}

/// Every Rust file parses; else no other rule can look at it.
pub fn parses(tree: &Tree) -> Vec<Finding> {
    tree.files
        .iter()
        .filter_map(|file| match &file.rust {
            Some(Err((line, reason))) => {
                Some(Finding::new("parses", &file.path, *line, format!("not Rust: {reason}")))
            }
            _ => None,
        })
        .collect()
}

/// No file over the limit, and none that names a path of a development machine.
pub fn size_and_paths(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in &tree.files {
        if file.bytes > BYTES_MAX {
            let message = format!(
                "{} bytes; a tracked file has at most {BYTES_MAX}: make it smaller, or make it by a program",
                file.bytes
            );
            found.push(Finding::new("size", &file.path, 1, message));
        }
        for (index, line) in file.text.lines().enumerate() {
            if let Some(name) = MACHINE_PATHS.iter().find(|name| mentions(line, name)) {
                let message = format!(
                    "`{name}` exists on one machine only: name something in the repository, or leave it out"
                );
                found.push(Finding::new("machine-path", &file.path, index + 1, message));
            }
        }
    }
    found
}

/// Whether a line has this name, not as the end of a longer one (`frame/work/`, `self.library`).
fn mentions(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '_' | ')' | '-' | ']')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_purpose_is_found() {
        let tree = Tree::sample(&[
            ("a.rs", "//! Good.\n"),
            ("b.rs", "// Bad.\n"),
            ("c.rs", ""),
            ("d.md", "x"),
        ]);
        let files: Vec<String> =
            opens_with_purpose(&tree).into_iter().map(|finding| finding.file).collect();
        assert_eq!(files, ["b.rs", "c.rs"]);
    }

    #[test]
    fn a_large_file_and_a_machine_path_are_found() {
        let path = MACHINE_PATHS[0];
        let large = "x".repeat(1 << 20) + "y";
        let lines = format!("fine\nsee {path}main\nnet{path}main is fine\n");
        let tree = Tree::sample(&[
            ("a.txt", &large),
            ("b.md", &lines),
            ("c.rs", "//! C.\nfn f(s: S) { s.library() }"),
        ]);
        let found = size_and_paths(&tree);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!((found[0].rule, found[1].rule, found[1].line), ("size", "machine-path", 2));
    }

    #[test]
    fn a_file_that_is_not_rust_is_found() {
        assert_eq!(parses(&Tree::sample(&[("a.rs", "//! A.\nfn (")])).len(), 1);
    }
}
