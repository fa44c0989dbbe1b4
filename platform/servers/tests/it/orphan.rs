//! A server does not outlive the process that has started it, even when that process is killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::postgres::note;
use servers::{Mariadb, MariadbOptions, Postgres, PostgresOptions, RabbitMq, RabbitMqOptions};

const WITHIN: Duration = Duration::from_secs(60);
/// Where the process that will be killed writes the ids of its servers.
const REPORT: &str = "STOA_TEST_ORPHAN_REPORT";

fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < WITHIN, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Not a test of its own: the process that the other test kills.
#[test]
fn servers_of_a_process_that_will_be_killed() {
    let Some(report) = std::env::var_os(REPORT).map(PathBuf::from) else { return };
    let postgres = Postgres::start(&PostgresOptions::default()).unwrap();
    let mariadb = Mariadb::start(&MariadbOptions::default()).unwrap();
    let rabbitmq = RabbitMq::start(&RabbitMqOptions::default()).unwrap();
    let ids = [postgres.process_id(), mariadb.process_id(), rabbitmq.process_id()];
    let half_written = report.with_extension("part");
    std::fs::write(&half_written, ids.map(|id| id.unwrap().to_string()).join(" ")).unwrap();
    std::fs::rename(&half_written, &report).unwrap();
    eventually("the end", || None::<()>);
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn servers_end_when_their_owner_is_killed() {
    if servers::installed().iter().any(Result::is_err) || servers::rabbitmq_installed().is_err() {
        return note("SKIPPED: not all servers are installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("ids");
    let owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "orphan::servers_of_a_process_that_will_be_killed"])
        .env(REPORT, &report)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let owner = Killed(owner);
    let ids = eventually("the start", || std::fs::read_to_string(&report).ok());
    let cwds: Vec<PathBuf> = ids
        .split_whitespace()
        .map(|id| std::fs::read_link(format!("/proc/{id}/cwd")).unwrap())
        .collect();
    assert_eq!(cwds.len(), 3);
    drop(owner);
    for (id, cwd) in ids.split_whitespace().zip(&cwds) {
        let is_gone = || (!Path::new(&format!("/proc/{id}/cwd")).exists()).then_some(());
        eventually("the end of the server", is_gone);
        eventually("the end of its folder", || (!cwd.exists()).then_some(()));
    }
}
