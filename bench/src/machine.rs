//! What the machine says of itself and of a process: `/proc`, and how fast its disk confirms a write.
//! Reads only, apart from one small file.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::stats::per_second;

/// The kernel counts CPU time for programs in hundredths of a second on every architecture.
const TICK_MS: u64 = 10;
const BLOCK: usize = 4096;
/// The file that is written; then it begins anew.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// What the report says about the machine.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Cores that this program may use.
    pub cores: usize,
    /// The processor's name.
    pub cpu: String,
    /// Memory in MB.
    pub memory_mb: u64,
    /// The kernel's release.
    pub kernel: String,
    /// The load average before the run: 1, 5 and 15 minutes.
    pub load_average: String,
}

/// Looks at the machine.
#[must_use]
pub fn look() -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    Machine {
        cores: crate::load::threads(),
        cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
        memory_mb: kilobytes(&read("/proc/meminfo"), "MemTotal").unwrap_or(0) / 1024,
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        load_average: load_average(),
    }
}

/// The load average now.
#[must_use]
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// Milliseconds of CPU that a process has used.
///
/// # Errors
/// When there is no such process.
pub fn cpu_ms(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    cpu_ticks(&text).map(|t| t * TICK_MS).with_context(|| format!("{path} reads differently"))
}

/// Milliseconds of CPU that a process and its children have used, those that have ended included: a
/// database server may have a process per connection.
///
/// # Errors
/// When there is no such process.
pub fn cpu_ms_of_family(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let own = ticks(&text, 4).with_context(|| format!("{path} reads differently"))?;
    let mut sum = own;
    for entry in fs::read_dir("/proc")?.flatten() {
        let is_process = entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit());
        // One that has just ended counts with its parent.
        let stat = is_process.then(|| fs::read_to_string(entry.path().join("stat")).ok());
        let Some(stat) = stat.flatten() else { continue };
        if parent(&stat) == Some(pid) {
            sum += ticks(&stat, 4).unwrap_or(0);
        }
    }
    Ok(sum * TICK_MS)
}

/// Bytes that a process has had written to the disk.
///
/// # Errors
/// When there is no such process.
pub fn written_bytes(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/io");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let bytes = field(&text, "write_bytes").and_then(|text| text.parse().ok());
    bytes.with_context(|| format!("{path} has no write_bytes"))
}

/// Bytes that are free on the disk of a folder.
///
/// # Errors
/// When `df` cannot tell.
pub fn free_bytes(folder: &Path) -> Result<u64> {
    let told = Command::new("df").args(["-Pk"]).arg(folder).output().context("cannot run df")?;
    let text = String::from_utf8_lossy(&told.stdout);
    let kb = text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    let kb: u64 = kb.with_context(|| format!("df says nothing of {}", folder.display()))?;
    Ok(kb * 1_024)
}

/// Kilobytes of anonymous memory that a process holds.
///
/// # Errors
/// When there is no such process.
pub fn rss_anon_kb(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    kilobytes(&text, "RssAnon").with_context(|| format!("{path} has no RssAnon"))
}

/// Waits until a process has hardly used the CPU for a while, at most so long; how long it took.
///
/// # Errors
/// When there is no such process.
pub fn wait_until_idle(pid: u32, at_most: Duration) -> Result<Duration> {
    const LOOK_EVERY: Duration = Duration::from_millis(100);
    const QUIET_LOOKS: u32 = 3;
    let began = Instant::now();
    let (mut before, mut quiet) = (cpu_ms(pid)?, 0);
    while began.elapsed() < at_most && quiet < QUIET_LOOKS {
        std::thread::sleep(LOOK_EVERY);
        let now = cpu_ms(pid)?;
        quiet = if now - before <= TICK_MS { quiet + 1 } else { 0 };
        before = now;
    }
    Ok(began.elapsed().saturating_sub(LOOK_EVERY * quiet))
}

/// How many appends of 4 KiB a second the disk of a folder confirms, one after another.
///
/// # Errors
/// When the folder cannot be written.
pub fn fdatasyncs(folder: &Path, window: Duration) -> Result<u64> {
    let mut file = tempfile::tempfile_in(folder)?;
    let block = vec![0x5a_u8; BLOCK];
    let (began, mut count, mut length) = (Instant::now(), 0, 0);
    while began.elapsed() < window {
        if length >= FILE_BYTES_MAX {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            length = 0;
        }
        file.write_all(&block)?;
        file.sync_data()?;
        length += BLOCK as u64;
        count += 1;
    }
    Ok(per_second(count, began.elapsed()))
}

/// User and system time out of `/proc/PID/stat`.
fn cpu_ticks(stat: &str) -> Option<u64> {
    ticks(stat, 2)
}

/// The first so many of: user and system time, and those of children that have ended. The program's name
/// may hold spaces and parentheses.
fn ticks(stat: &str, count: usize) -> Option<u64> {
    let after = stat.rsplit_once(')')?.1;
    let fields = after.split_whitespace().skip(11).take(count);
    let times: Vec<u64> = fields.map(|f| f.parse().ok()).collect::<Option<_>>()?;
    (times.len() == count).then(|| times.iter().sum())
}

fn parent(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_past_a_name_with_spaces() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 100 1 1";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks("nonsense"), None);
        let stat = "7 (b) S 3 7 7 0 -1 4194560 100 0 0 0 250 50 4 6 20 0 4 0 100 1 1";
        assert_eq!((ticks(stat, 4), parent(stat)), (Some(310), Some(3)));
    }

    #[test]
    fn memory_is_read_by_its_exact_name() {
        let status = "VmRSS:\t 9000 kB\nRssAnon:\t 1234 kB\nRssFile:\t 1 kB\n";
        assert_eq!(kilobytes(status, "RssAnon"), Some(1_234));
        assert_eq!(kilobytes(status, "Rss"), None);
    }

    #[test]
    fn this_process_can_be_looked_at() {
        let me = std::process::id();
        assert!(rss_anon_kb(me).unwrap() > 0);
        assert!(cpu_ms(me).is_ok());
        assert!(cpu_ms(u32::MAX).is_err());
        assert!(cpu_ms_of_family(me).unwrap() >= cpu_ms(me).unwrap());
        assert!(written_bytes(me).is_ok());
        assert!(free_bytes(Path::new(".")).unwrap() > 0);
    }
}
