//! Where the repository is and what it consists of: its crates with their dependencies, and the files git tracks.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::process;

/// Cargo's own variable.
const INCREMENTAL: &str = "CARGO_INCREMENTAL";

/// The repository.
pub struct Workspace {
    /// The folder of the root manifest.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
    /// Its crates, sorted by folder.
    pub crates: Vec<Crate>,
    /// Whether cargo keeps what a later build of the same crate would reuse; it doubles the target folder.
    incremental: bool,
}

/// One crate of the workspace.
#[derive(Debug, Clone)]
pub struct Crate {
    /// Package name.
    pub name: String,
    /// Folder relative to the root, with `/`.
    pub dir: String,
    /// The workspace crates it depends on; crates from elsewhere are left out.
    pub deps: Vec<Dep>,
}

/// A dependency on another crate of the workspace.
#[derive(Debug, Clone)]
pub struct Dep {
    /// Package name of the other crate.
    pub name: String,
    /// Whether it is only there for tests.
    pub dev: bool,
}

impl Workspace {
    /// Reads the repository this program was started in.
    ///
    /// # Errors
    /// Outside a checkout, or when `cargo metadata` fails.
    pub fn open() -> Result<Self> {
        let root = find_root()?;
        let metadata = MetadataCommand::new()
            .manifest_path(root.join("Cargo.toml"))
            .no_deps()
            .exec()
            .context("`cargo metadata` failed: is a Cargo.toml broken?")?;
        let mut crates: Vec<Crate> = metadata
            .packages
            .iter()
            .filter_map(|package| {
                let dir =
                    package.manifest_path.parent()?.strip_prefix(&metadata.workspace_root).ok()?;
                let deps = package
                    .dependencies
                    .iter()
                    .filter(|dep| dep.path.is_some())
                    .map(|dep| Dep {
                        name: dep.name.clone(),
                        dev: dep.kind == DependencyKind::Development,
                    })
                    .collect();
                Some(Crate { name: package.name.to_string(), dir: dir.to_string(), deps })
            })
            .collect();
        crates.sort_by(|a, b| a.dir.cmp(&b.dir));
        let target = metadata.target_directory.into_std_path_buf();
        Ok(Self { root, target, crates, incremental: true })
    }

    /// For a build that happens once: cargo keeps nothing for a next one, unless the environment decides it.
    pub fn built_once(self) -> Self {
        Self { incremental: std::env::var_os(INCREMENTAL).is_some(), ..self }
    }

    /// A cargo command that runs at the root.
    pub fn cargo(&self, args: &[&str]) -> Command {
        let mut command = process::cargo();
        command.current_dir(&self.root).args(args);
        if !self.incremental {
            command.env(INCREMENTAL, "0");
        }
        command
    }

    /// The files git tracks, relative to the root; with `untracked` also the new ones that are not ignored.
    ///
    /// # Errors
    /// When git is missing or the folder is no checkout.
    pub fn files(&self, untracked: bool) -> Result<Vec<String>> {
        let mut git = Command::new("git");
        git.current_dir(&self.root).args(["ls-files", "-z", "--cached"]);
        if untracked {
            git.args(["--others", "--exclude-standard"]);
        }
        let listed = process::capture(&mut git)
            .context("tidy looks at the files git tracks, so it needs git and a checkout")?;
        let mut files: Vec<String> =
            listed.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        files.sort();
        files.dedup();
        Ok(files)
    }
}

/// The root: above this crate when cargo started us, else above the current folder.
fn find_root() -> Result<PathBuf> {
    let start = match std::env::var_os("CARGO_MANIFEST_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => std::env::current_dir().context("there is no current folder")?,
    };
    match start.ancestors().find(|dir| is_root(dir)) {
        Some(root) => Ok(root.to_path_buf()),
        None => bail!("{} is not inside the repository", start.display()),
    }
}

fn is_root(dir: &Path) -> bool {
    dir.join("xtask/Cargo.toml").is_file() && dir.join("Cargo.toml").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_found_with_its_crates() {
        let workspace = Workspace::open().unwrap();
        let xtask = workspace.crates.iter().find(|c| c.name == "xtask").unwrap();
        assert_eq!(xtask.dir, "xtask");
        let cart = workspace.crates.iter().find(|c| c.name == "cart").unwrap();
        assert_eq!(cart.dir, "services/cart");
        assert!(cart.deps.iter().any(|dep| dep.name == "cart-api" && !dep.dev));
        assert!(!cart.deps.iter().any(|dep| dep.name == "serde"), "only crates of the workspace");
    }
}
