//! `cargo xtask gen`: the committed files that are made from code. `--check` makes them in memory and compares, so that
//! a change of the API, of a schema, or of who calls whom is seen in review.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::stoa::Stoa;
use crate::workspace::{Crate, Workspace};

/// What to do with a generated text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Write it to its file.
    Write,
    /// Compare it with its file.
    Check,
}

/// A file that a command of `stoa` prints.
struct Printed {
    file: &'static str,
    command: &'static [&'static str],
}

const PRINTED: &[Printed] = &[
    Printed { file: "docs/openapi.json", command: &["openapi"] },
    Printed { file: "docs/flow.schema.json", command: &["flow", "schema"] },
];

const GRAPH_FILE: &str = "docs/service-graph.txt";

/// The command.
///
/// # Errors
/// When `stoa` does not build or a file differs.
pub fn command(check: bool) -> Result<()> {
    let workspace = Workspace::open()?;
    let deadline = process::Deadline::after(std::time::Duration::from_secs(60 * 60));
    process::run(&mut workspace.cargo(&["build", "--package", "stoa"]), deadline)?;
    let note = after_build(&workspace, if check { Mode::Check } else { Mode::Write })?;
    say!("gen: {note}");
    Ok(())
}

/// Generates or compares everything with the `stoa` that is already built. Returns a note for the summary.
///
/// # Errors
/// When a generator fails, or in check mode when any file differs.
pub fn after_build(workspace: &Workspace, mode: Mode) -> Result<String> {
    let stoa = Stoa::built(workspace);
    let mut skipped = 0;
    let mut stale = Vec::new();
    let mut texts = vec![(GRAPH_FILE, service_graph(&workspace.crates))];
    for Printed { file, command } in PRINTED {
        if stoa.has(command) {
            texts.push((file, printed_json(&stoa, command)?));
        } else {
            say!("skipped: {file} (`stoa --help` does not list `{}` yet)", command.join(" "));
            skipped += 1;
        }
    }
    let count = texts.len();
    for (file, text) in texts {
        if let Some(difference) = apply(&workspace.root.join(file), &text, mode)? {
            say!("{file} {difference}");
            stale.push(file);
        }
    }
    if !stale.is_empty() {
        bail!(
            "{} not up to date: run `cargo xtask gen`, look at the difference, and commit it",
            stale.join(", ")
        );
    }
    let done = if mode == Mode::Check { "up to date" } else { "written" };
    Ok(if skipped == 0 {
        format!("{count} files {done}")
    } else {
        format!("{count} files {done}, {skipped} skipped")
    })
}

fn printed_json(stoa: &Stoa, command: &[&str]) -> Result<String> {
    let text = process::capture(&mut stoa.command(command))?;
    serde_json::from_str::<serde::de::IgnoredAny>(&text)
        .with_context(|| format!("`stoa {}` did not print JSON", command.join(" ")))?;
    Ok(format!("{}\n", text.trim_end()))
}

/// Writes or compares one file; the answer describes the first difference found by a comparison.
fn apply(path: &Path, text: &str, mode: Mode) -> Result<Option<String>> {
    let old = std::fs::read_to_string(path).ok();
    if old.as_deref() == Some(text) {
        return Ok(None);
    }
    if mode == Mode::Check {
        return Ok(Some(old.map_or("is missing".to_owned(), |old| difference(&old, text))));
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    say!("wrote {}", path.display());
    Ok(None)
}

/// Where two texts part, as a hint for people; git shows the rest.
fn difference(old: &str, new: &str) -> String {
    let same = old.lines().zip(new.lines()).take_while(|(a, b)| a == b).count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("(the end)").to_owned();
    format!("differs from line {}:\n  - {}\n  + {}", same + 1, line(old), line(new))
}

/// Who may call whom: a line `cart -> product` for each service or application that depends on another's api crate.
fn service_graph(crates: &[Crate]) -> String {
    let is_caller = |c: &&Crate| {
        (c.dir.starts_with("services/") || c.dir.starts_with("apps/")) && !c.name.ends_with("-api")
    };
    let mut lines: Vec<String> = crates
        .iter()
        .filter(is_caller)
        .flat_map(|caller| {
            let callees = caller
                .deps
                .iter()
                .filter(|dep| !dep.dev)
                .filter_map(|dep| dep.name.strip_suffix("-api"));
            callees
                .filter(|callee| *callee != caller.name)
                .map(|callee| format!("{} -> {callee}\n", caller.name))
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dep;

    fn krate(name: &str, dir: &str, deps: &[(&str, bool)]) -> Crate {
        let deps = deps.iter().map(|(name, dev)| Dep { name: (*name).into(), dev: *dev }).collect();
        Crate { name: name.into(), dir: dir.into(), deps }
    }

    #[test]
    fn the_graph_has_a_sorted_line_for_each_edge_and_none_for_tests_or_oneself() {
        let crates = [
            krate("storefront", "apps/storefront", &[("cart-api", false), ("kit", false)]),
            krate(
                "cart",
                "services/cart",
                &[("product-api", false), ("cart-api", false), ("order-api", true)],
            ),
            krate("cart-api", "services/cart/api", &[("types", false)]),
            krate("stoa", "stoa", &[("cart-api", false)]),
        ];
        assert_eq!(service_graph(&crates), "cart -> product\nstorefront -> cart\n");
    }

    #[test]
    fn a_check_names_the_first_line_that_differs_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("docs/x.txt");
        assert_eq!(apply(&file, "a\nb\n", Mode::Check).unwrap().unwrap(), "is missing");
        assert!(!file.exists());
        assert!(apply(&file, "a\nb\n", Mode::Write).unwrap().is_none());
        assert!(apply(&file, "a\nb\n", Mode::Check).unwrap().is_none());
        assert_eq!(
            apply(&file, "a\nc\nd\n", Mode::Check).unwrap().unwrap(),
            "differs from line 2:\n  - b\n  + c"
        );
    }
}
