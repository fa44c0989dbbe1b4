//! What can be wrong with settings, told so that the reader knows which line to change.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The defaults built into the program.
    Defaults,
    /// A settings file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// The command line.
    Override,
    /// Nobody set it.
    Unset,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Defaults => f.write_str("the built-in defaults"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Override => f.write_str("the command line"),
            Self::Unset => f.write_str("not set"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key with its sections: `bus.port`.
    pub key: String,
    /// Where the value came from.
    pub source: Source,
    /// What is wrong and what is allowed.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            return write!(f, "{} ({})", self.detail, self.source);
        }
        write!(f, "{}: {} ({})", self.key, self.detail, self.source)
    }
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the settings file {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is too large to be settings.
    #[error("the settings file {} is larger than {max} bytes", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// The most bytes a file may have.
        max: u64,
    },
    /// Not TOML.
    #[error("{origin}, line {line}: {message}")]
    Syntax {
        /// Which layer.
        origin: Source,
        /// Counted from one.
        line: usize,
        /// What is wrong there, without the text of the line, which may hold a secret.
        message: String,
    },
    /// TOML, but not good settings.
    #[error("the settings are not usable:{}", list(.0))]
    Invalid(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|p| format!("\n  {p}")).collect()
}

impl Error {
    /// The problems, when it is about values.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid(problems) => problems,
            Self::Read { .. } | Self::TooLarge { .. } | Self::Syntax { .. } => &[],
        }
    }
}
