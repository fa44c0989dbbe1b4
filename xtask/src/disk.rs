//! Room on the disk: a run that fills it fails late and in odd ways, so it is looked at first.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process;

/// A build and a test run of everything may write this much.
const NEEDED: u64 = 8 << 30;

/// Bytes that are free where the folder is, or will be.
///
/// # Errors
/// When the system does not tell.
pub fn free(folder: &Path) -> Result<u64> {
    let there = folder.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/"));
    let stat = rustix::fs::statvfs(there)
        .with_context(|| format!("cannot see how much room there is for {}", there.display()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// What the folder takes and what is free beside it, for people.
///
/// # Errors
/// When the system does not tell.
pub fn state(folder: &Path) -> Result<String> {
    let free = human(free(folder)?);
    // du counts files that have two names once, as the disk does
    let used =
        process::capture(Command::new("du").args(["--summarize", "--block-size=1"]).arg(folder));
    let used = used.ok().and_then(|text| text.split_whitespace().next()?.parse().ok()).map(human);
    let used = used.unwrap_or_else(|| "nothing".to_owned());
    Ok(format!("{} takes {used}; {free} are free", folder.display()))
}

/// Refuses to begin what would fill the disk.
///
/// # Errors
/// When there is too little room.
pub fn ensure_room(folder: &Path) -> Result<()> {
    check(folder, free(folder)?)
}

fn check(folder: &Path, free: u64) -> Result<()> {
    if free < NEEDED {
        bail!(
            "only {} are free where {} is, and a whole run needs {}: make room (`cargo clean` removes what was built)",
            human(free),
            folder.display(),
            human(NEEDED)
        );
    }
    Ok(())
}

/// `7.3 GB`, in units of 1,024.
fn human(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 30;
    format!("{}.{} GB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_refused_and_the_text_says_what_to_do() {
        let folder = Path::new("/somewhere/target");
        check(folder, NEEDED).unwrap();
        let error = check(folder, (7 << 30) + (1 << 29)).unwrap_err().to_string();
        assert!(error.contains("only 7.5 GB are free") && error.contains("cargo clean"), "{error}");
    }

    #[test]
    fn room_is_seen_also_for_a_folder_that_is_not_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free(&folder.path().join("not/there")).unwrap() > 0);
        let state = state(folder.path()).unwrap();
        assert!(state.contains("takes 0.0 GB") && state.ends_with("free"), "{state}");
    }
}
