//! What can go wrong, in words for whoever started the program. Holds no secret: there are none here.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A server could not be started, reached or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program is not installed.
    #[error("`{program}` is not installed; install it (on Debian: apt-get install {package})")]
    Missing {
        /// The program.
        program: String,
        /// The Debian package that brings it.
        package: &'static str,
    },
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Its answer.
        source: io::Error,
    },
    /// The account that the server must run as cannot get at its folder.
    #[error(
        "{server} does not run as root but as `{account}`, who cannot enter {barrier}; \
         choose another folder, or allow it (chmod o+x)"
    )]
    Unreachable {
        /// The server.
        server: &'static str,
        /// The account it runs as.
        account: String,
        /// The folder that is closed to it.
        barrier: PathBuf,
    },
    /// A program of the server's has failed.
    #[error("`{program}` failed: {output}")]
    Failed {
        /// The program.
        program: String,
        /// What it said, or what became of it.
        output: String,
    },
    /// The server ended by itself, or was not ready in time.
    #[error("{server} did not come up within {within:?}; the end of its log:\n{log}")]
    NotReady {
        /// The server.
        server: &'static str,
        /// The time it was given.
        within: Duration,
        /// The last lines of its log.
        log: String,
    },
    /// Something of the server's that was waited for did not happen.
    #[error("{what} did not happen within {within:?}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// The time it was given.
        within: Duration,
    },
    /// It is not running.
    #[error("{0} is not running")]
    Stopped(&'static str),
    /// No port is free.
    #[error("no port from {0} to {1} of 127.0.0.1 is free")]
    NoPort(u16, u16),
}

impl Error {
    /// For `map_err`: what was tried when the operating system refused.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
