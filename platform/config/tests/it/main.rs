//! The loader as the binary uses it: layers, units, unknown keys, problems that name their source.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write as _;

use config::{ByteSize, Duration, Error, Loader, Problems, Source, Validate};
use serde::Deserialize;
use stoa_config as config;

const DEFAULTS: &str = r#"
# The front door.
[bus]
# TCP port; 0 takes a free one.
port = 8080
host = "127.0.0.1"
timeout = "10s"
body_max = "1MiB"

[store]
# path = "./data"
readers = 2
"#;

#[derive(Debug, Deserialize)]
struct Settings {
    bus: Bus,
    store: Store,
}

#[derive(Debug, Deserialize)]
struct Bus {
    port: u16,
    host: String,
    timeout: Duration,
    body_max: ByteSize,
    signing_key: Option<kit::Secret<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Store {
    path: Option<String>,
    readers: u32,
}

impl Validate for Settings {
    fn validate(&self, problems: &mut Problems) {
        problems.section("bus", &self.bus);
        problems.section("store", &self.store);
    }
}

impl Validate for Bus {
    fn validate(&self, problems: &mut Problems) {
        problems.require(!self.timeout.is_zero(), "timeout", "must be longer than 0s");
    }
}

impl Validate for Store {
    fn validate(&self, problems: &mut Problems) {
        problems.range("readers", self.readers, 1..=64);
    }
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut f = tempfile::NamedTempFile::new().unwrap();
    f.write_all(text.as_bytes()).unwrap();
    f
}

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn a_later_layer_wins_and_the_rest_stays() {
    let f = file("[bus]\nport = 81\ntimeout = \"5m\"\nhost = \"a\"\n");
    let s: Settings = Loader::new(DEFAULTS)
        .file(f.path())
        .environment(env(&[
            ("STOA_BUS__HOST", "1234"),
            ("STOA_BUS__PORT", "82"),
            ("STOA_STORE__PATH", "./x"),
            ("STOA_CONFIG", "not a setting"),
            ("HOME", "/"),
        ]))
        .set("bus.port", "83")
        .load()
        .unwrap();
    assert_eq!(s.bus.port, 83);
    assert_eq!(s.bus.host, "1234");
    assert_eq!(s.bus.timeout.get().as_secs(), 300);
    assert_eq!(s.bus.body_max.bytes(), 1 << 20);
    assert_eq!((s.store.path.as_deref(), s.store.readers), (Some("./x"), 2));
    assert!(s.bus.signing_key.is_none());
}

fn refuse(loader: &Loader) -> Error {
    loader.load::<Settings>().unwrap_err()
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    let f = file("[bus]\nprt = 81\n");
    let e = refuse(&Loader::new(DEFAULTS).file(f.path()));
    let p = &e.problems()[0];
    assert_eq!(p.key, "bus.prt");
    assert_eq!(p.source, Source::File(f.path().to_owned()));
    assert!(p.detail.contains("did you mean `port`?"), "{p}");

    let e = refuse(&Loader::new(DEFAULTS).environment(env(&[("STOA_STORE__WRITERS", "1")])));
    assert_eq!(e.problems()[0].source, Source::Environment("STOA_STORE__WRITERS".into()));
    let text = e.to_string();
    assert!(text.contains("store.writers") && text.contains("readers"), "{text}");

    let e = refuse(&Loader::new(DEFAULTS).set("buss.port", "1"));
    assert!(e.to_string().contains("did you mean `bus`?"), "{e}");
}

#[test]
fn a_wrong_value_names_key_source_and_what_is_allowed() {
    for (key, value, expects) in [
        ("bus.port", "99999", "u16"),
        ("bus.port", "http", "u16"),
        ("bus.timeout", "30", "like \"30s\""),
        ("bus.body_max", "1MB", "like \"64MiB\""),
    ] {
        let e = refuse(&Loader::new(DEFAULTS).set(key, value));
        let p = &e.problems()[0];
        assert_eq!((p.key.as_str(), &p.source), (key, &Source::Override));
        assert!(p.detail.contains(expects), "{p}");
    }
}

#[test]
fn all_problems_of_validation_come_at_once() {
    let f = file("[store]\nreaders = 65\n");
    let e = refuse(&Loader::new(DEFAULTS).file(f.path()).set("bus.timeout", "0s"));
    let keys: Vec<&str> = e.problems().iter().map(|p| p.key.as_str()).collect();
    assert_eq!(keys, ["bus.timeout", "store.readers"]);
    assert!(e.to_string().contains("65 is not allowed; it must be between 1 and 64"), "{e}");
    assert_eq!(e.problems()[1].source, Source::File(f.path().to_owned()));
}

#[test]
fn a_syntax_error_names_the_line_and_never_repeats_it() {
    let f = file("[bus]\nport = 1\nsigning_key = \"hunter2\n");
    let e = refuse(&Loader::new(DEFAULTS).file(f.path()));
    assert!(e.to_string().contains("line 3"), "{e}");
    assert!(!e.to_string().contains("hunter2"), "{e}");
    let e = refuse(&Loader::new(DEFAULTS).set("bus.signing_key", "4711"));
    assert!(!e.to_string().contains("4711"), "{e}");
}

#[test]
fn a_missing_file_is_an_error() {
    assert!(matches!(refuse(&Loader::new(DEFAULTS).file("/nowhere.toml")), Error::Read { .. }));
}
