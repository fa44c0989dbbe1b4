//! Growing a tenant as a person does it: the built program, its output and its exit code.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn stoa(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stoa")).args(args).env("STOA_DATA", folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let output = stoa(folder, args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_tenant_is_planned_grown_and_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let add = ["tenant", "add", "outlet", "--name", "Outlet", "--host", "outlet.localhost"];
    let placed = [&add[..], &["--placement", "4,8,4,0"]].concat();
    assert!(stoa(folder.path(), &placed).status.success());
    let plan = json(folder.path(), &["shard", "plan", "outlet", "8,8,4,0", "--json"]);
    assert_eq!((&plan["stays"]["of"], &plan["stays"]["all"]), (&1.into(), &2.into()));
    assert_eq!(plan["new_databases"], serde_json::json!([8, 9, 10, 11]));
    assert_eq!(plan["new_cells"].as_array().unwrap().len(), 32);
    assert_eq!(plan["warnings"], serde_json::json!([]));
    let shuffling = stoa(folder.path(), &["shard", "plan", "outlet", "4,16,4,0"]);
    let told = text(&shuffling.stdout);
    assert!(told.contains("12.5 %") && told.contains("(8,8,4,0) keeps 50.0 %"), "{told}");
    let before = json(folder.path(), &["shard", "status", "outlet", "--json"]);
    assert_eq!(before["versions"].as_array().unwrap().len(), 1, "a plan changes nothing");
    let grown = json(folder.path(), &["shard", "grow", "outlet", "8,8,4,0", "--no-wait", "--json"]);
    assert_eq!((&grown["version"], &grown["repeated"]), (&2.into(), &false.into()));
    assert_eq!(grown["fenced"].as_array().unwrap().len(), 8);
    let again = json(folder.path(), &["shard", "grow", "outlet", "8,8,4,0", "--no-wait", "--json"]);
    assert_eq!(again["repeated"], true, "repeated it changes nothing");
    assert_eq!(again["effective_from"], grown["effective_from"]);
    let status = json(folder.path(), &["shard", "status", "outlet", "--json"]);
    let versions = status["versions"].as_array().unwrap();
    assert_eq!((versions.len(), &versions[1]["cells_open"]), (2, &64.into()));
    let fences = status["fences"].as_array().unwrap();
    assert!(fences.len() == 8 && fences.iter().all(|f| f["epoch"] == 2), "{fences:?}");
    let listed = stoa(folder.path(), &["shard", "status", "outlet"]);
    let listed = text(&listed.stdout);
    assert!(
        listed.contains("(8,8,4,0)") && listed.contains("fences at version 2: 8 of 8"),
        "{listed}"
    );
}

#[test]
fn what_cannot_be_grown_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let add = ["tenant", "add", "shop", "--name", "Shop", "--host", "shop.localhost"];
    assert!(stoa(folder.path(), &add).status.success());
    let refused = |args: &[&str], code: i32, says: &str| {
        let output = stoa(folder.path(), args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", text(&output.stdout));
        let told = text(&output.stderr);
        assert!(told.contains(says), "{args:?}: {told}");
    };
    refused(&["shard", "plan", "shop", "30,1,4,0"], 2, "past 31");
    refused(&["shard", "plan", "shop", "eight"], 2, "4,8,4,0");
    refused(&["shard", "plan", "nobody", "2,8,0,0"], 1, "does not exist");
    refused(&["shard", "grow", "shop", "1,4,0,0", "--no-wait"], 1, "does not shrink");
    assert!(
        stoa(folder.path(), &["shard", "grow", "shop", "2,8,0,0", "--no-wait"]).status.success()
    );
    refused(&["shard", "grow", "shop", "4,8,0,0", "--no-wait"], 1, "grow again after");
    refused(&["shard", "drain", "shop"], 1, "drain after that");
    let help = stoa(folder.path(), &["shard", "grow", "--help"]);
    assert!(
        text(&help.stdout).contains("stoa shard plan outlet 8,8,4,0"),
        "{}",
        text(&help.stdout)
    );
}

#[test]
fn a_tenant_is_grown_and_drained_while_the_command_waits() {
    let folder = tempfile::tempdir().unwrap();
    let add = ["tenant", "add", "shop", "--name", "Shop", "--host", "shop.localhost"];
    assert!(stoa(folder.path(), &add).status.success());
    let nothing = stoa(folder.path(), &["shard", "drain", "shop"]);
    assert!(text(&nothing.stdout).contains("already"), "{}", text(&nothing.stderr));
    let grown = stoa(folder.path(), &["shard", "grow", "shop", "2,8,0,0"]);
    let told = text(&grown.stdout);
    assert!(grown.status.success() && told.contains("in effect in"), "{told}");
    let drained = json(folder.path(), &["shard", "drain", "shop", "--json"]);
    let versions = drained["standing"]["versions"].as_array().unwrap();
    assert_eq!(
        (&versions[0]["state"], &versions[1]["state"]),
        (&"retired".into(), &"active".into())
    );
    let again = stoa(folder.path(), &["shard", "drain", "shop"]);
    assert!(text(&again.stdout).contains("already"), "{}", text(&again.stderr));
}

#[test]
fn a_tenant_is_drained_in_the_folder_that_only_the_settings_name() {
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("stoa.toml"));
    std::fs::write(&config, format!("[server]\ndata = {data:?}\n")).unwrap();
    let with_config = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stoa"));
        command.args(args).current_dir(folder.path()).env_remove("STOA_DATA");
        command.arg("--config").arg(&config).output().unwrap()
    };
    let add = ["tenant", "add", "shop", "--name", "Shop", "--host", "shop.localhost"];
    assert!(with_config(&add).status.success());
    let drained = with_config(&["shard", "drain", "shop"]);
    assert!(drained.status.success(), "{}", text(&drained.stderr));
    assert!(text(&drained.stdout).contains("already"), "{}", text(&drained.stdout));
    assert!(!folder.path().join("stoa-data").exists(), "another folder was taken");
}
