//! The program as a process: its help, its refusals, and the bare server. No load is measured here.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

fn bench() -> Command {
    Command::new(env!("CARGO_BIN_EXE_bench"))
}

/// Asks again and again until there is an answer, or the patience has an end.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    None
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_help_teaches_what_is_measured_and_what_the_exit_code_means() {
    let output = bench().arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for part in ["--quick", "--orders-stored", "--report", "exit code", "1000000", "Examples:"] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    assert!(!text.contains("bare-server"), "a part for the program itself");
}

#[test]
fn a_missing_program_is_told_with_the_way_to_build_it() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.md");
    let output =
        bench().args(["--stoa", "/nowhere/stoa", "--report"]).arg(&report).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("/nowhere/stoa is missing") && text.contains("cargo build"), "{text}");
    assert!(!report.exists());
}

#[test]
fn the_bare_server_answers_the_given_bytes_and_ends_with_its_input() {
    let folder = tempfile::tempdir().unwrap();
    let (answers, ready) = (folder.path().join("answers.json"), folder.path().join("ready.json"));
    std::fs::write(
        &answers,
        r#"[{"id":"7","headers":[["etag","\"3\""]],"body":"{\"id\":\"7\"}"}]"#,
    )
    .unwrap();
    let mut command = bench();
    command.arg("bare-server").arg("--answers").arg(&answers).arg("--ready-file").arg(&ready);
    let mut server = Running(command.stdin(Stdio::piped()).spawn().unwrap());
    let text = until(|| std::fs::read_to_string(&ready).ok()).expect("it becomes ready");
    let ready: serde_json::Value = serde_json::from_str(&text).unwrap();
    let address = ready["base_url"].as_str().unwrap().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /v1/store/products/7 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("etag: \"3\""), "{answer}");
    assert!(answer.ends_with("{\"id\":\"7\"}"), "{answer}");
    drop(server.0.stdin.take());
    assert!(until(|| server.0.try_wait().unwrap()).expect("it ends").success());
}
