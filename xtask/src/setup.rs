//! Installing what the tests need and the machine lacks: Python with venv from Debian, schemathesis from PyPI; a browser
//! and what is used with it in [`web`], servers in [`databases`] and [`broker`]. It says what it does before it does it, and touches nothing outside
//! `target/tools` except through apt.

mod apt;
pub mod broker;
pub mod databases;
pub mod web;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process::{self, Deadline};
use crate::workspace::Workspace;

/// The pinned versions: schemathesis and everything below it.
const REQUIREMENTS: &str = include_str!("../schemathesis.txt");

/// The installed schemathesis program; installs it when it is missing or another version.
///
/// # Errors
/// Without Python and without the right to install it, or without network.
pub fn schemathesis(workspace: &Workspace, deadline: Deadline) -> Result<PathBuf> {
    let venv = workspace.target.join("tools/schemathesis");
    let program = venv.join("bin/schemathesis");
    if is_pinned(&program) {
        return Ok(program);
    }
    ensure_python(deadline)?;
    say!(
        "installing {} from PyPI into {} (about 30 MB, once)",
        pinned("schemathesis").unwrap_or_default(),
        venv.display()
    );
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv), deadline)?;
    let list = venv.join("requirements.txt");
    std::fs::write(&list, REQUIREMENTS)
        .with_context(|| format!("cannot write {}", list.display()))?;
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&list);
    process::run(&mut pip, deadline)
        .context("schemathesis could not be installed from PyPI: is there a network?")?;
    if !is_pinned(&program) {
        bail!("{} is there, but not the pinned version", program.display());
    }
    Ok(program)
}

/// Makes sure that `python3 -m venv` works.
fn ensure_python(deadline: Deadline) -> Result<()> {
    let works =
        || process::succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]));
    if works() {
        return Ok(());
    }
    apt::install(&["python3", "python3-venv"], deadline).context("python3 with venv is missing")?;
    if works() {
        Ok(())
    } else {
        bail!("python3 was installed, but `python3 -m venv` still does not work")
    }
}

/// Whether the program is there in the version of the list.
fn is_pinned(program: &Path) -> bool {
    let Some(version) =
        pinned("schemathesis").and_then(|line| line.split_once("==")).map(|(_, version)| version)
    else {
        return false;
    };
    program.exists()
        && process::capture(Command::new(program).arg("--version")).is_ok_and(|printed| {
            printed.lines().next().is_some_and(|line| line.ends_with(&format!(" {version}")))
        })
}

/// The line of the list that pins this package.
fn pinned(package: &str) -> Option<&'static str> {
    REQUIREMENTS.lines().find(|line| line.split_once("==").is_some_and(|(name, _)| name == package))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_list_is_a_comment_or_an_exact_version() {
        assert!(pinned("schemathesis").is_some());
        for line in REQUIREMENTS.lines() {
            assert!(
                line.starts_with('#')
                    || line.split_once("==").is_some_and(|(_, version)| !version.is_empty()),
                "{line}"
            );
        }
    }
}
