//! The rule about length: a file has at most 500 lines (700 in a `tests` folder), a function at most 70. What is longer
//! today stands in the list of exceptions with its length, and may only shrink. Pure.

use super::Finding;
use super::exceptions::{FILE, Length};
use super::source::is_test_path;
use super::tree::Tree;

const FILE_LINES_MAX: usize = 500;
const TEST_FILE_LINES_MAX: usize = 700;
const FUNCTION_LINES_MAX: usize = 70;

/// A thing with a length.
struct Measured {
    /// As in the list of exceptions.
    key: String,
    file: String,
    line: usize,
    what: String,
    advice: &'static str,
    lines: usize,
    limit: usize,
}

/// The rule.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    let long: Vec<Measured> =
        measure(tree).into_iter().filter(|thing| thing.lines > thing.limit).collect();
    for thing in &long {
        let complain = |message: String| Finding::new("length", &thing.file, thing.line, message);
        let Measured { what, lines, limit, advice, key, .. } = thing;
        // Two methods of one name (of two traits) share an entry: the longer one counts.
        if long.iter().any(|other| other.key == *key && other.lines > *lines) {
            continue;
        }
        match tree.exceptions.length.iter().find(|entry| entry.of == *key) {
            None => found.push(complain(format!(
                "{what} has {lines} lines, the limit is {limit}: {advice}"
            ))),
            Some(Length { lines: listed, .. }) if lines > listed => {
                found.push(complain(format!(
                    "{what} has grown from {listed} to {lines} lines (limit {limit}): {advice}"
                )));
            }
            Some(Length { lines: listed, .. }) if lines * 10 < listed * 9 => {
                found.push(complain(format!("{what} has shrunk to {lines} lines: well done; write {lines} instead of {listed} in {FILE}")));
            }
            Some(_) => {}
        }
    }
    for entry in &tree.exceptions.length {
        if !long.iter().any(|thing| thing.key == entry.of) {
            found.push(Finding::new(
                "length",
                FILE,
                1,
                format!("`{}` is within the limit or gone: remove its entry", entry.of),
            ));
        }
    }
    found
}

fn measure(tree: &Tree) -> Vec<Measured> {
    let mut things = Vec::new();
    for (file, source) in tree.sources("") {
        things.push(Measured {
            key: file.path.clone(),
            file: file.path.clone(),
            line: 1,
            what: "the file".to_owned(),
            advice: "make it a folder of the same name with one file per operation",
            lines: file.text.lines().count(),
            limit: if is_test_path(&file.path) { TEST_FILE_LINES_MAX } else { FILE_LINES_MAX },
        });
        for function in
            source.functions.iter().filter(|function| !source.is_test(function.lines.first))
        {
            things.push(Measured {
                key: format!("{}::{}", file.path, function.name),
                file: file.path.clone(),
                line: function.lines.first,
                what: format!("`{}`", function.name),
                advice: "give its steps names as functions of their own",
                lines: function.lines.count(),
                limit: FUNCTION_LINES_MAX,
            });
        }
    }
    things
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, lines: usize) -> String {
        format!("async fn {name}() {{\n{}}}\n", "    x();\n".repeat(lines - 2))
    }

    fn messages(tree: &Tree) -> Vec<String> {
        check(tree).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_long_file_is_found_and_a_test_file_may_be_longer() {
        let text = format!("//! A.\n{}", "// x\n".repeat(500));
        let tree =
            Tree::sample(&[("src/a.rs", &text), ("tests/it/a.rs", &text), ("notes.md", &text)]);
        assert_eq!(messages(&tree).len(), 1);
        assert!(messages(&tree)[0].starts_with("src/a.rs:1: [length] the file has 501 lines"));
    }

    #[test]
    fn a_long_function_or_method_is_found_and_a_test_is_not() {
        let text = format!(
            "//! A.\n{}impl S {{\n{}}}\n#[cfg(test)]\nmod tests {{\n#[test]\n{}}}\n",
            function("fits", 70),
            function("long", 71),
            function("a_test", 200)
        );
        let found = messages(&Tree::sample(&[("src/a.rs", &text)]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("src/a.rs:73: [length] `S::long` has 71 lines"), "{found:?}");
    }

    #[test]
    fn an_exception_may_only_shrink_and_must_be_needed() {
        let text = format!("//! A.\n{}", function("long", 100));
        let with = |lines: usize| {
            let entry = format!("[[length]]\nof = 'a.rs::long'\nlines = {lines}\n");
            messages(&Tree::sample(&[("a.rs", &text)]).with_exceptions(&entry))
        };
        assert!(with(100).is_empty() && with(111).is_empty());
        assert!(with(99)[0].contains("has grown from 99 to 100"));
        assert!(with(112)[0].contains("write 100 instead of 112"));
        let stale = messages(
            &Tree::sample(&[("a.rs", "//! A.\n")])
                .with_exceptions("[[length]]\nof = 'a.rs::long'\nlines = 99\n"),
        );
        assert!(stale[0].contains("remove its entry"));
    }
}
