//! The commands as a person runs them: the built program, its output and its exit code.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn stoa(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stoa")).args(args).env("STOA_DATA", folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_tenant_is_added_once_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let add = ["tenant", "add", "my-shop", "--name", "My shop", "--host", "my.localhost"];
    let added = stoa(folder.path(), &add);
    assert!(added.status.success(), "{}", text(&added.stderr));
    let again = stoa(folder.path(), &add);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("exists already"), "{}", text(&again.stderr));
    let listed = stoa(folder.path(), &["tenant", "list", "--json"]);
    let tenants: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(tenants[0]["code"], "my-shop");
    let overflow =
        ["tenant", "add", "big", "--name", "B", "--host", "b.localhost", "--placement", "30,1,4,0"];
    let refused = stoa(folder.path(), &overflow);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("past 31"), "{}", text(&refused.stderr));
    let healthy = stoa(folder.path(), &["doctor"]);
    assert!(healthy.status.success(), "{}", text(&healthy.stdout));
}

#[test]
fn a_bad_flow_document_is_refused_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flow.json");
    std::fs::write(&file, r#"{"code":"order","initStatus":"A","statuses":{},"operations":{}}"#)
        .unwrap();
    let refused = stoa(folder.path(), &["flow", "validate", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stdout).contains("/statuses"), "{}", text(&refused.stdout));
}

#[test]
fn help_teaches_and_wrong_input_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let help = stoa(folder.path(), &["--help"]);
    for command in ["demo", "serve", "import", "tenant", "flow", "outbox", "doctor", "openapi"] {
        assert!(text(&help.stdout).contains(command), "{command}");
    }
    let missing = folder.path().join("nowhere");
    let doctor = stoa(folder.path(), &["doctor", "--data", missing.to_str().unwrap()]);
    assert_eq!(doctor.status.code(), Some(1));
    assert!(text(&doctor.stderr).contains("--data"), "{}", text(&doctor.stderr));
    let settings = folder.path().join("stoa.toml");
    std::fs::write(&settings, "[server]\nlisten = \"here\"\nport = 3\n").unwrap();
    let check = stoa(folder.path(), &["serve", "--check", "--config", settings.to_str().unwrap()]);
    assert_eq!(check.status.code(), Some(1));
    assert!(text(&check.stderr).contains("server."), "{}", text(&check.stderr));
    let import = stoa(folder.path(), &["import", "none.csv", "--tenant", "flora"]);
    assert!(text(&import.stderr).contains("none.csv"), "{}", text(&import.stderr));
}

#[test]
fn an_import_goes_into_the_catalogue_whole_or_not_at_all() {
    let Some(data) = shared_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let add = ["tenant", "add", "shop", "--name", "Shop", "--host", "shop.localhost"];
    assert!(stoa(folder.path(), &add).status.success());
    let good = data.join("apparel.csv");
    let bad = folder.path().join("bad.csv");
    let broken = std::fs::read_to_string(&good).unwrap().replacen("manual,60,", "manual,sixty,", 1);
    std::fs::write(&bad, broken).unwrap();
    let refused = stoa(folder.path(), &["import", bad.to_str().unwrap(), "--tenant", "shop"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stderr));
    assert!(text(&refused.stdout).contains("Variant Price"), "{}", text(&refused.stdout));
    let checked =
        stoa(folder.path(), &["import", good.to_str().unwrap(), "--tenant", "shop", "--dry-run"]);
    assert!(checked.status.success(), "{}", text(&checked.stdout));
}

/// The real product files, where this checkout has them beside it.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn shared_data() -> Option<std::path::PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|a| a.join("shared/data"))
        .find(|d| d.is_dir());
    if found.is_none() {
        #[expect(clippy::disallowed_macros, reason = "a skipped test says so")]
        {
            eprintln!("skipped: no shared/data beside the checkout");
        }
    }
    found
}
