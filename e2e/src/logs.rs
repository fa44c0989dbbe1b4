//! How the logs of a test's servers end, for whoever fails beside them. A test is polled on the thread that it
//! began on, whatever its runtime does on others, so what is remembered for that thread is the test's own.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

/// What an error shows of a log at most, in characters.
const CHARS_MAX: usize = 4_000;

thread_local! {
    /// The folders of the servers that this test has.
    static FOLDERS: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
}

/// A server's folder, remembered until this is dropped.
#[derive(Debug)]
pub(crate) struct Remembered(PathBuf);

impl Remembered {
    pub(crate) fn new(folder: &Path) -> Self {
        let folder = folder.to_path_buf();
        FOLDERS.with_borrow_mut(|all| all.push(folder.clone()));
        Self(folder)
    }
}

impl Drop for Remembered {
    fn drop(&mut self) {
        // When the thread is at its end there is nothing left to forget.
        let _ = FOLDERS.try_with(|all| {
            if let Ok(mut all) = all.try_borrow_mut() {
                all.retain(|folder| *folder != self.0);
            }
        });
    }
}

/// Where a server writes its log.
pub(crate) fn file_in(folder: &Path) -> PathBuf {
    folder.join("log.txt")
}

/// How the log of a server ends.
pub(crate) fn tail(folder: &Path) -> String {
    let text = fs::read_to_string(file_in(folder)).unwrap_or_default();
    let skipped = text.chars().count().saturating_sub(CHARS_MAX);
    format!("the server's log ends with: {}", text.chars().skip(skipped).collect::<String>())
}

/// How the logs of all servers of this test end; nothing where there is none.
#[must_use]
pub fn tails() -> String {
    let folders = FOLDERS.with_borrow(|all| all.clone());
    folders.iter().map(|folder| format!("\n{}", tail(folder))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_shown_by_its_end_and_only_while_its_server_is_there() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(file_in(folder.path()), ["first ", &"x".repeat(CHARS_MAX), " last"].concat())
            .unwrap();
        assert_eq!(tails(), "");
        let server = Remembered::new(folder.path());
        let shown = tails();
        assert!(shown.ends_with(" last") && !shown.contains("first"), "{shown}");
        drop(server);
        assert_eq!(tails(), "");
    }
}
