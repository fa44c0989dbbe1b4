//! Debian's packages: the only thing that is ever installed outside the target folder, and only with the right to.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{self, Deadline};

/// Installs packages with apt-get, and says so first.
///
/// # Errors
/// On a machine that is no Debian, without the right to install, or without network; names the packages then.
pub fn install(packages: &[&str], deadline: Deadline) -> Result<()> {
    let list = packages.join(" ");
    let Some(rights) = rights() else {
        bail!("install what is missing yourself (on Debian: apt-get install {list})");
    };
    say!("installing {list} with apt-get{}", if rights.is_empty() { "" } else { " through sudo" });
    let apt = |args: &[&str]| {
        let mut words: Vec<&str> = rights.to_vec();
        words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        words.extend(args);
        let mut command = Command::new(words.remove(0));
        command.args(words);
        process::run(&mut command, deadline)
    };
    apt(&["update", "--quiet"])?;
    let mut args = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    args.extend(packages);
    apt(&args)
}

/// What must stand before `apt-get` on this machine: nothing for root, sudo when it asks for no password; `None` when
/// this is no Debian or there is no right to install.
fn rights() -> Option<&'static [&'static str]> {
    if !Path::new("/etc/debian_version").exists() {
        return None;
    }
    let is_root = process::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if is_root {
        return Some(&[]);
    }
    process::succeeds(Command::new("sudo").args(["--non-interactive", "true"]))
        .then_some(&["sudo", "--non-interactive"])
}
