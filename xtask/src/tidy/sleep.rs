//! The rule about waiting: no test sleeps. It waits for a condition, in a loop that has a deadline. Pure.

use super::Finding;
use super::source::{Source, TokenKind};
use super::tree::{File, Tree};

/// Words that show that a loop ends: a function that has one of them and sleeps in a loop polls with a deadline.
const LIMITS: &[&str] = &["deadline", "timeout", "elapsed"];

/// The rule.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (file, source) in tree.sources("") {
        for line in
            sleeps(source).filter(|line| source.is_test(*line) && !polls(file, source, *line))
        {
            if !tree.exceptions.allows("sleep", &file.path, "") {
                let message = "a test does not sleep: wait for a condition in a loop with a deadline (testkit has helpers)";
                found.push(Finding::new("sleep", &file.path, line, message));
            }
        }
    }
    found
}

/// The lines where something named `sleep` is called.
fn sleeps(source: &Source) -> impl Iterator<Item = usize> {
    let pairs = source.tokens.iter().zip(source.tokens.iter().skip(1));
    pairs
        .filter(|(name, next)| name.ident() == Some("sleep") && next.kind == TokenKind::OpenParen)
        .map(|(name, _)| name.line)
}

/// Whether this line is in a loop of a function that names its limit.
fn polls(file: &File, source: &Source, line: usize) -> bool {
    let Some(function) = source.function_at(line) else { return false };
    let body = file.text.lines().skip(function.lines.first - 1).take(function.lines.count());
    source.is_in_loop(line)
        && body.into_iter().any(|text| LIMITS.iter().any(|limit| text.contains(limit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, code: &str) -> usize {
        check(&Tree::sample(&[(path, &format!("//! A.\n{code}\n"))])).len()
    }

    #[test]
    fn a_sleeping_test_is_found() {
        let code = "#[tokio::test]\nasync fn t() {\n tokio::time::sleep(SECOND).await;\n}";
        assert_eq!(found("platform/x/tests/it/main.rs", code), 1);
        assert_eq!(
            found("platform/x/src/lib.rs", &format!("#[cfg(test)]\nmod tests {{\n{code}\n}}")),
            1
        );
        assert_eq!(found("platform/x/src/lib.rs", code), 1);
        assert_eq!(found("platform/x/src/lib.rs", "fn backoff() { sleep(S); }"), 0, "only tests");
    }

    #[test]
    fn a_loop_with_a_deadline_is_fine_and_one_without_is_not() {
        let polling = "fn wait() {\n let deadline = now() + LIMIT;\n while now() < deadline {\n  sleep(S);\n }\n}";
        assert_eq!(found("x/tests/it/main.rs", polling), 0);
        assert_eq!(found("x/tests/it/main.rs", "fn wait() {\n loop {\n  sleep(S);\n }\n}"), 1);
        let after = "fn wait() {\n let timeout = 1;\n loop { break; }\n sleep(S);\n}";
        assert_eq!(found("x/tests/it/main.rs", after), 1);
    }

    #[test]
    fn an_exception_holds() {
        let tree = Tree::sample(&[("platform/testkit/tests/a.rs", "//! A.\nfn f() { sleep(S); }")]);
        let entry = "[[allow]]\nrule = 'sleep'\nfile = 'platform/testkit/'\nreason = 'r'\n";
        assert!(check(&tree.with_exceptions(entry)).is_empty());
    }
}
