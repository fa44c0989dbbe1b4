//! What tests and measurements in a browser need: Chromium with its driver and Chinese fonts from Debian, axe-core and
//! Lighthouse from npm. The npm packages are pinned with their checksums by the lock files in `xtask/web`, run no
//! install scripts, and stay in `target/tools/web`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::apt;
use crate::process::{self, Deadline};
use crate::workspace::Workspace;

/// A pinned set of npm packages.
struct Pinned {
    /// The folder below `target/tools/web`.
    folder: &'static str,
    package: &'static str,
    lock: &'static str,
    /// The file that is wanted of it.
    file: &'static str,
    /// For people: what it is, and how large.
    what: &'static str,
}

const AXE: Pinned = Pinned {
    folder: "axe",
    package: include_str!("../../web/axe/package.json"),
    lock: include_str!("../../web/axe/package-lock.json"),
    file: "node_modules/axe-core/axe.min.js",
    what: "axe-core, 3 MB",
};

const LIGHTHOUSE: Pinned = Pinned {
    folder: "lighthouse",
    package: include_str!("../../web/lighthouse/package.json"),
    lock: include_str!("../../web/lighthouse/package-lock.json"),
    file: "node_modules/lighthouse/cli/index.js",
    what: "Lighthouse, 185 MB",
};

/// Programs that must be there, and the Debian package that brings each.
const BROWSER: [(&str, &str); 2] = [("chromium", "chromium"), ("chromedriver", "chromium-driver")];
const NODE: [(&str, &str); 2] = [("node", "nodejs"), ("npm", "npm")];
/// Without it Chinese pages show boxes in screenshots.
const FONTS: &str = "fonts-noto-cjk";

/// What browser tests are given.
#[derive(Debug)]
pub struct Browser {
    chromium: PathBuf,
    chromedriver: PathBuf,
    axe: PathBuf,
    artifacts: PathBuf,
}

impl Browser {
    /// Names everything to a command that runs tests.
    pub fn tell(&self, command: &mut Command) {
        command
            .env("STOA_CHROMIUM", &self.chromium)
            .env("STOA_CHROMEDRIVER", &self.chromedriver)
            .env("STOA_AXE_JS", &self.axe)
            .env("STOA_ARTIFACTS", &self.artifacts);
    }

    /// Where screenshots lie, also those of failed tests.
    pub fn artifacts(&self) -> &Path {
        &self.artifacts
    }

    /// The browser's own words about its version.
    pub fn version(&self) -> String {
        let asked = process::capture(Command::new(&self.chromium).arg("--version"));
        asked.map_or_else(|_| "Chromium".to_owned(), |v| v.trim().to_owned())
    }
}

/// The browser, its driver, fonts, and axe-core; installs what is missing.
///
/// # Errors
/// When something is missing and cannot be installed.
pub fn browser(workspace: &Workspace, deadline: Deadline) -> Result<Browser> {
    let mut missing = lacking(&BROWSER);
    if !has_chinese_fonts() {
        missing.push(FONTS);
    }
    if !AXE.is_installed(workspace) {
        missing.extend(lacking(&NODE));
    }
    if !missing.is_empty() {
        apt::install(&missing, deadline).context("the browser tests need more than is there")?;
    }
    Ok(Browser {
        chromium: found("chromium")?,
        chromedriver: found("chromedriver")?,
        axe: AXE.install(workspace, deadline)?,
        artifacts: workspace.target.join("e2e-artifacts"),
    })
}

/// What Lighthouse is run with.
#[derive(Debug)]
pub struct Lighthouse {
    node: PathBuf,
    /// Its command line, a script for node.
    script: PathBuf,
    chromium: PathBuf,
}

impl Lighthouse {
    /// Names everything to a command that measures.
    pub fn tell(&self, command: &mut Command) {
        command
            .env("STOA_NODE", &self.node)
            .env("STOA_LIGHTHOUSE", &self.script)
            .env("STOA_CHROMIUM", &self.chromium);
    }
}

/// Lighthouse; installs what is missing.
///
/// # Errors
/// When something is missing and cannot be installed.
pub fn lighthouse(workspace: &Workspace, deadline: Deadline) -> Result<Lighthouse> {
    let mut missing = lacking(&BROWSER);
    missing.extend(lacking(&NODE));
    if !missing.is_empty() {
        apt::install(&missing, deadline).context("Lighthouse needs more than is there")?;
    }
    let script = LIGHTHOUSE.install(workspace, deadline)?;
    Ok(Lighthouse { node: found("node")?, script, chromium: found("chromium")? })
}

impl Pinned {
    fn home(&self, workspace: &Workspace) -> PathBuf {
        workspace.target.join("tools/web").join(self.folder)
    }

    /// Whether exactly these versions are there, as a whole.
    fn is_installed(&self, workspace: &Workspace) -> bool {
        let home = self.home(workspace);
        let same = std::fs::read_to_string(home.join("package-lock.json"))
            .is_ok_and(|lock| lock == self.lock);
        // npm writes its own record last.
        same && home.join("node_modules/.package-lock.json").is_file()
            && home.join(self.file).is_file()
    }

    /// The wanted file; installs the packages when they are missing or others.
    fn install(&self, workspace: &Workspace, deadline: Deadline) -> Result<PathBuf> {
        let home = self.home(workspace);
        let file = home.join(self.file);
        if self.is_installed(workspace) {
            return Ok(file);
        }
        say!("installing {} (once) from npm into {}", self.what, home.display());
        std::fs::create_dir_all(&home)
            .with_context(|| format!("cannot make {}", home.display()))?;
        std::fs::write(home.join("package.json"), self.package)?;
        std::fs::write(home.join("package-lock.json"), self.lock)?;
        let mut npm = Command::new("npm");
        npm.current_dir(&home).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        process::run(&mut npm, deadline).with_context(|| {
            format!("{} could not be installed: is there a network?", self.what)
        })?;
        if !self.is_installed(workspace) {
            bail!("npm has run, but {} is not there", file.display());
        }
        Ok(file)
    }
}

/// The packages of the programs that are not on the path.
fn lacking(wanted: &[(&'static str, &'static str)]) -> Vec<&'static str> {
    wanted.iter().filter(|(program, _)| on_path(program).is_none()).map(|(_, p)| *p).collect()
}

fn found(program: &str) -> Result<PathBuf> {
    on_path(program).with_context(|| format!("`{program}` is not on the path"))
}

fn on_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn has_chinese_fonts() -> bool {
    let listed = process::capture(Command::new("fc-list").args([":lang=zh-cn", "family"]));
    listed.is_ok_and(|fonts| !fonts.trim().is_empty())
        || process::succeeds(Command::new("dpkg").args(["--status", FONTS]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_npm_package_is_pinned_to_one_version_with_its_checksum() {
        for pinned in [&AXE, &LIGHTHOUSE] {
            let package: serde_json::Value = serde_json::from_str(pinned.package).unwrap();
            for (name, version) in package["dependencies"].as_object().unwrap() {
                let exact =
                    version.as_str().unwrap().chars().all(|c| c.is_ascii_digit() || c == '.');
                assert!(exact, "{name} {version}");
            }
            let lock: serde_json::Value = serde_json::from_str(pinned.lock).unwrap();
            for (path, entry) in lock["packages"].as_object().unwrap() {
                assert!(path.is_empty() || entry["integrity"].is_string(), "{path}");
            }
        }
    }

    #[test]
    fn only_what_is_missing_is_installed() {
        assert_eq!(lacking(&[("sh", "dash"), ("no-such-program-here", "it")]), ["it"]);
    }
}
