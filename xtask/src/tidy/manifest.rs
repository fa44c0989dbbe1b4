//! Rules about manifests: every crate takes the workspace's lints and versions, and there are no cargo features. Pure.

use toml::{Table, Value};

use super::Finding;
use super::tree::{File, Tree};

/// The only feature a crate may have: helpers for the tests of other crates.
const FEATURE: &str = "test-util";

/// The rules.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.files.iter().filter(|file| file.path.ends_with("/Cargo.toml"));
    manifests.flat_map(check_one).collect()
}

fn check_one(file: &File) -> Vec<Finding> {
    let complain =
        |rule, at: &str, message: String| Finding::new(rule, &file.path, file.line_of(at), message);
    let manifest = match file.text.parse::<Table>() {
        Ok(manifest) => manifest,
        Err(error) => {
            return vec![complain("manifest", "", format!("not TOML: {}", error.message()))];
        }
    };
    let mut found = Vec::new();
    if !manifest.get("lints").is_some_and(is_inherited) {
        found.push(complain(
            "lints",
            "[lints]",
            "add `[lints]` with `workspace = true`".to_owned(),
        ));
    }
    for dependencies in dependency_tables(&manifest) {
        for (name, value) in dependencies {
            if !is_inherited(value) {
                let message = format!(
                    "write `{name}.workspace = true`; versions stand in the one table of the root Cargo.toml"
                );
                found.push(complain("versions", name, message));
            }
            if value.get("optional").is_some() {
                found.push(complain(
                    "features",
                    name,
                    format!("`{name}` is optional, which makes a feature: depend on it or do not"),
                ));
            }
        }
    }
    for feature in
        manifest.get("features").and_then(Value::as_table).into_iter().flat_map(Table::keys)
    {
        if feature != FEATURE {
            let message = format!(
                "no cargo features except `{FEATURE}`: a choice is a setting, made when the program runs"
            );
            found.push(complain("features", feature, message));
        }
    }
    found
}

fn is_inherited(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// All tables of dependencies, those for some platforms included.
fn dependency_tables(manifest: &Table) -> Vec<&Table> {
    let mut places = vec![manifest];
    places.extend(
        manifest
            .get("target")
            .and_then(Value::as_table)
            .into_iter()
            .flat_map(Table::values)
            .filter_map(Value::as_table),
    );
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    places
        .iter()
        .flat_map(|place| kinds.iter().filter_map(|kind| place.get(*kind)?.as_table()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = 'a'\n[lints]\nworkspace = true\n[features]\ntest-util = []\n[dependencies]\nserde.workspace = true\nsyn = { workspace = true, features = ['visit'] }\n";

    fn found(text: &str) -> Vec<String> {
        check(&Tree::sample(&[("a/Cargo.toml", text)])).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_good_manifest_passes() {
        assert_eq!(found(GOOD), Vec::<String>::new());
    }

    #[test]
    fn an_own_version_in_any_table_is_found() {
        for table in ["dev-dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"] {
            let text = format!("{GOOD}[{table}]\nrand = '0.9'\n");
            assert_eq!(found(&text).len(), 1, "{table}");
        }
        assert!(
            found(&GOOD.replace("serde.workspace = true", "serde = '1'"))[0]
                .starts_with("a/Cargo.toml:8: [versions]")
        );
    }

    #[test]
    fn missing_lints_and_features_are_found() {
        assert!(found(&GOOD.replace("[lints]\nworkspace = true\n", ""))[0].contains("[lints]"));
        assert!(found(&GOOD.replace("test-util", "fast"))[0].contains("no cargo features"));
        assert!(
            found(&GOOD.replace("features = ['visit']", "optional = true"))[0].contains("optional")
        );
        assert!(found("x = ")[0].contains("not TOML"));
    }
}
