//! Moving a logical database as a person does it: the built program, its output and its exit code.

use std::path::Path;
use std::process::{Command, Output};

use servers::{Postgres, PostgresOptions};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn stoa(args: &[&str], variable: (&str, &Path)) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stoa"));
    command.env_remove("STOA_DATA").env_remove("STOA_CONFIG");
    command.args(args).env(variable.0, variable.1).output().unwrap()
}

/// Two databases of one server stand for two servers, and settings for them that never change.
struct Case {
    server: Postgres,
    folder: tempfile::TempDir,
}

impl Case {
    fn new(server: Postgres) -> Self {
        server.ensure_database("a").unwrap();
        server.ensure_database("b").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let settings = format!(
            "[server]\ndata = {data:?}\n[storage]\nengine = \"postgres\"\nprefix = \"it_\"\n\
             [[storage.server]]\nname = \"a\"\nurl = \"{}\"\n\
             [[storage.server]]\nname = \"b\"\nurl = \"{}\"\n[storage.directory]\ndefault = \"a\"\n",
            server.url("a"),
            server.url("b")
        );
        std::fs::write(folder.path().join("stoa.toml"), settings).unwrap();
        let case = Self { server, folder };
        case.does(&["tenant", "add", "shop", "--name", "Shop", "--host", "s.localhost"]);
        case
    }

    fn run(&self, args: &[&str]) -> Output {
        stoa(args, ("STOA_CONFIG", &self.folder.path().join("stoa.toml")))
    }

    fn does(&self, args: &[&str]) -> String {
        let done = self.run(args);
        assert!(done.status.success(), "{args:?}: {}{}", text(&done.stdout), text(&done.stderr));
        text(&done.stdout)
    }

    fn refuses(&self, args: &[&str]) -> String {
        let done = self.run(args);
        assert_eq!(done.status.code(), Some(1), "{args:?}: {}", text(&done.stdout));
        text(&done.stderr)
    }

    fn backup(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

#[test]
fn what_cannot_be_moved_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |args: &[&str], says: &str| {
        let output = stoa(args, ("STOA_DATA", folder.path()));
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", text(&output.stdout));
        assert!(text(&output.stderr).contains(says), "{args:?}: {}", text(&output.stderr));
    };
    refused(&["shard", "move", "order_04", "--to", "b"], "one folder");
    refused(&["shard", "servers"], "one folder");
    refused(&["shard", "move", "order_32", "--to", "b"], "order_00 to order_31");
    std::fs::write(folder.path().join("engine.json"), r#"{"engine":"postgres","own":true}"#)
        .unwrap();
    refused(&["shard", "move", "order_04", "--to", "b"], "--config");
    let help = stoa(&["shard", "move", "--help"], ("STOA_DATA", folder.path()));
    for taught in ["stoa shard move order_04 --to b --plan", "503", "taken back", "--drop-old"] {
        assert!(text(&help.stdout).contains(taught), "{taught}: {}", text(&help.stdout));
    }
}

#[test]
fn a_database_is_planned_moved_shown_and_moved_back() {
    let Ok(server) = Postgres::start(&PostgresOptions::default()) else { return skipped() };
    let case = Case::new(server);
    let planned = case.does(&["shard", "move", "tenant", "--to", "b", "--plan"]);
    assert!(planned.contains("from a to b") && planned.contains("writes refused"), "{planned}");
    let before = case.does(&["shard", "servers"]);
    assert!(!before.contains("settings say"), "a plan changes nothing: {before}");

    let moved = case.does(&["shard", "move", "tenant", "--to", "b"]);
    assert!(moved.contains("is on b now") && moved.contains("tenant = \"b\""), "{moved}");
    let again = case.does(&["shard", "move", "tenant", "--to", "b"]);
    assert!(again.contains("on b already"), "{again}");
    let shown = case.does(&["shard", "servers"]);
    let line = shown.lines().find(|l| l.starts_with("tenant ")).unwrap_or_default();
    assert!(line.contains(" b ") && line.contains("settings say a"), "{shown}");
    assert!(line.contains("old copy is left on a"), "{shown}");
    // The program starts with its old settings, and everything is there.
    assert!(case.does(&["tenant", "list"]).contains("shop"));
    case.does(&["tenant", "add", "later", "--name", "Later", "--host", "l.localhost"]);
    assert!(case.does(&["migrate", "--check"]).contains("up to date"));
    let refused = case.refuses(&["backup", &case.backup("parts")]);
    assert!(refused.contains("2 servers (a, b)"), "{refused}");

    let back = case.does(&["shard", "move", "tenant", "--to", "a", "--drop-old"]);
    assert!(back.contains("left of it on b is dropped"), "{back}");
    assert!(case.does(&["tenant", "list"]).contains("later"));
    case.does(&["backup", &case.backup("whole")]);
    // What is restored is where the backup was made, whatever has moved since.
    case.does(&["shard", "move", "tenant", "--to", "b"]);
    case.does(&["tenant", "add", "last", "--name", "Last", "--host", "z.localhost"]);
    let url = case.server.url("a");
    case.does(&["restore", &case.backup("whole"), "--database-url", &url, "--reset"]);
    let tenants = case.does(&["tenant", "list"]);
    assert!(tenants.contains("later") && !tenants.contains("last"), "{tenants}");
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped() {
    #[expect(clippy::disallowed_macros, reason = "a skipped test says so")]
    {
        eprintln!("skipped: the server's programs are not installed");
    }
}
