//! A server's folder, and the account it runs as: database servers refuse to run as root, so root hands
//! the folder to another account. Touches nothing outside the folder.

use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::error::Error;

/// Lines of a log that are worth an error message.
const LOG_LINES: usize = 20;

/// The account that a server runs as when we are root.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    name: String,
    uid: u32,
    gid: u32,
}

impl Account {
    /// The first of these accounts that exists; `None` when we are not root and simply run as ourselves.
    fn other_than_root(names: &[&str]) -> Result<Option<Self>, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let file = "/etc/passwd";
        let text = std::fs::read_to_string(file).map_err(Error::io(format!("reading {file}")))?;
        let found = names.iter().chain(&["nobody"]).find_map(|name| Self::of(&text, name));
        let none = Account { name: "nobody".to_owned(), uid: 65_534, gid: 65_534 };
        Ok(Some(found.unwrap_or(none)))
    }

    fn of(passwd: &str, name: &str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let is_it = fields.next() == Some(name);
            let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
            is_it.then(|| Self { name: name.to_owned(), uid, gid })
        })
    }
}

/// Where a server keeps everything: `data`, and its log beside it.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    account: Option<Account>,
    // Removed when it is dropped.
    temporary: Option<TempDir>,
}

impl Folder {
    /// The given folder, made when it is missing, or a temporary one; it belongs to the first of the
    /// accounts that exists when we are root.
    pub(crate) fn open(
        server: &'static str,
        given: Option<&Path>,
        accounts: &[&str],
    ) -> Result<Self, Error> {
        let account = Account::other_than_root(accounts)?;
        let (path, temporary) = match given {
            Some(path) => {
                std::fs::create_dir_all(path)
                    .map_err(Error::io(format!("making the folder {}", path.display())))?;
                (path.to_path_buf(), None)
            }
            None => {
                let made = tempfile::Builder::new().prefix("stoa-server-").tempdir();
                let made = made.map_err(Error::io("making a temporary folder"))?;
                (made.path().to_path_buf(), Some(made))
            }
        };
        let path = path
            .canonicalize()
            .map_err(Error::io(format!("looking at the folder {}", path.display())))?;
        let folder = Self { path, account, temporary };
        folder.hand_over(server)?;
        Ok(folder)
    }

    /// Makes the folder the account's, and sees to it that the account can get there.
    fn hand_over(&self, server: &'static str) -> Result<(), Error> {
        let refused = || Error::io(format!("preparing the folder {}", self.path.display()));
        std::fs::set_permissions(&self.path, Permissions::from_mode(0o700)).map_err(refused())?;
        let Some(account) = &self.account else { return Ok(()) };
        chown(&self.path, Some(account.uid), Some(account.gid)).map_err(refused())?;
        for above in self.path.ancestors().skip(1) {
            let meta = above.metadata().map_err(refused())?;
            let open = meta.mode() & 0o001 != 0
                || (meta.uid() == account.uid && meta.mode() & 0o100 != 0)
                || (meta.gid() == account.gid && meta.mode() & 0o010 != 0);
            if !open {
                let (account, barrier) = (account.name.clone(), above.to_path_buf());
                return Err(Error::Unreachable { server, account, barrier });
            }
        }
        Ok(())
    }

    /// Whether it goes with the server.
    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    /// The whole folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The server's own files.
    pub(crate) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// A command that runs as the server does, in the folder, in a plain environment.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.path)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("HOME", &self.path)
            // MariaDB throws away what it takes for its own left-overs in a shared one, at every start
            .env("TMPDIR", &self.path);
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    /// Writes a file that only the server's account can read, with these rights.
    pub(crate) fn write(&self, file: &Path, text: &str, mode: u32) -> Result<(), Error> {
        let refused = || Error::io(format!("writing {}", file.display()));
        std::fs::write(file, text).map_err(refused())?;
        std::fs::set_permissions(file, Permissions::from_mode(mode)).map_err(refused())?;
        self.give(file)
    }

    /// Makes a folder of the server's account.
    pub(crate) fn make(&self, folder: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(folder)
            .map_err(Error::io(format!("making the folder {}", folder.display())))?;
        self.give(folder)
    }

    fn give(&self, path: &Path) -> Result<(), Error> {
        let Some(account) = &self.account else { return Ok(()) };
        chown(path, Some(account.uid), Some(account.gid))
            .map_err(Error::io(format!("preparing {}", path.display())))
    }

    fn log(&self) -> PathBuf {
        self.path.join("server.log")
    }

    /// The log, to be written on at its end.
    pub(crate) fn open_log(&self) -> Result<File, Error> {
        let log = self.log();
        let opened = File::options().create(true).append(true).open(&log);
        opened.map_err(Error::io(format!("opening {}", log.display())))
    }

    /// The last lines of the log.
    pub(crate) fn log_end(&self) -> String {
        self.log_tail(LOG_LINES)
    }

    /// So many last lines of the log, for a server that says much after it has said why.
    pub(crate) fn log_tail(&self, count: usize) -> String {
        let bytes = std::fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:7::/:\npostgres:x:101:104:a,b:/x:/y\n";
        let account = Account::of(passwd, "postgres").unwrap();
        assert_eq!((account.uid, account.gid), (101, 104));
        assert!(Account::of(passwd, "mysql").is_none());
    }
}
