//! Puts the layers together and turns them into a type.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::error::{Error, Problem, Source};
use crate::tree::{Tree, nearest};
use crate::validate::{Problems, Validate};

/// The largest settings file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What the names of environment variables begin with.
const ENV_PREFIX: &str = "STOA_";

/// The layers, in the order in which they are laid on one another.
#[derive(Debug, Clone)]
pub struct Loader {
    defaults: &'static str,
    file: Option<PathBuf>,
    environment: Vec<(String, String)>,
    overrides: Vec<(String, String)>,
}

impl Loader {
    /// Begins with the embedded defaults, a commented TOML text that names every section.
    #[must_use]
    pub const fn new(defaults: &'static str) -> Self {
        Self { defaults, file: None, environment: Vec::new(), overrides: Vec::new() }
    }

    /// Adds the settings file.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Adds environment variables, such as `std::env::vars_os()` as text. `STOA_BUS__PORT` is the key
    /// `bus.port`; a variable without `__` is not a setting and is passed over.
    #[must_use]
    pub fn environment(mut self, vars: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment = vars
            .into_iter()
            .filter(|(name, _)| name.strip_prefix(ENV_PREFIX).is_some_and(|n| n.contains("__")))
            .collect();
        self.environment.sort();
        self
    }

    /// Adds the process's environment.
    #[must_use]
    pub fn process_environment(self) -> Self {
        self.environment(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))),
        )
    }

    /// Overrides one key, `section.key`, as the command line does.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.overrides.push((key.into(), value.into()));
        self
    }

    /// The settings.
    ///
    /// # Errors
    /// When the file cannot be read or is not TOML, a key is unknown, a value has the wrong type, or the
    /// settings do not validate. All problems of validation come at once.
    pub fn load<T: DeserializeOwned + Validate>(&self) -> Result<T, Error> {
        let mut defaults = Tree::default();
        defaults.merge_text(self.defaults, &Source::Defaults)?;
        let tree = self.merged()?;
        let settings = deserialize::<T>(&tree, &defaults)?;
        let mut problems = Problems::default();
        settings.validate(&mut problems);
        if problems.is_empty() {
            return Ok(settings);
        }
        let found = problems.into_found().into_iter();
        Err(Error::Invalid(
            found.map(|(key, detail)| Problem { source: tree.origin(&key), key, detail }).collect(),
        ))
    }

    fn merged(&self) -> Result<Tree, Error> {
        let mut tree = Tree::default();
        tree.merge_text(self.defaults, &Source::Defaults)?;
        if let Some(path) = &self.file {
            tree.merge_text(&read(path)?, &Source::File(path.clone()))?;
        }
        for (name, value) in &self.environment {
            let key = name.trim_start_matches(ENV_PREFIX).to_ascii_lowercase();
            let path: Vec<String> = key.split("__").map(str::to_owned).collect();
            tree.set_text(&path, value, &Source::Environment(name.clone()));
        }
        for (key, value) in &self.overrides {
            let path: Vec<String> = key.split('.').map(str::to_owned).collect();
            tree.set_text(&path, value, &Source::Override);
        }
        Ok(tree)
    }
}

fn read(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > FILE_BYTES_MAX {
        return Err(Error::TooLarge { path: path.to_owned(), max: FILE_BYTES_MAX });
    }
    std::fs::read_to_string(path).map_err(failed)
}

fn deserialize<T: DeserializeOwned>(tree: &Tree, defaults: &Tree) -> Result<T, Error> {
    let mut track = serde_path_to_error::Track::new();
    let mut unknown = Vec::new();
    let values = toml::Value::Table(tree.values.clone());
    let result: Result<T, toml::de::Error> = serde_ignored::deserialize(
        serde_path_to_error::Deserializer::new(values, &mut track),
        |path| unknown.push(path.to_string()),
    );
    match result {
        Ok(_) if !unknown.is_empty() => Err(Error::Invalid(
            unknown.into_iter().map(|key| unknown_key(key, tree, defaults)).collect(),
        )),
        Ok(settings) => Ok(settings),
        Err(e) => {
            let key = track.path().to_string();
            let key = if key == "." { String::new() } else { key };
            let detail = if is_secret(&key) {
                "has the wrong form".to_owned()
            } else {
                e.message().to_owned()
            };
            Err(Error::Invalid(vec![Problem { source: tree.origin(&key), key, detail }]))
        }
    }
}

/// Names the nearest known key of the section, or all of them.
fn unknown_key(key: String, tree: &Tree, defaults: &Tree) -> Problem {
    let (section, name) = key.rsplit_once('.').unwrap_or(("", &key));
    let mut table = Some(&defaults.values);
    for part in section.split('.').filter(|p| !p.is_empty()) {
        table = table.and_then(|t| t.get(part)).and_then(toml::Value::as_table);
    }
    let known: Vec<&str> =
        table.map(|t| t.keys().map(String::as_str).collect()).unwrap_or_default();
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if known.is_empty() => String::new(),
        None => format!("; known here: {}", known.join(", ")),
    };
    let detail = format!("there is no such setting{hint}");
    Problem { source: tree.origin(&key), key, detail }
}

/// Whether a message about the key may not repeat its value.
fn is_secret(key: &str) -> bool {
    ["secret", "password", "token", "key"].iter().any(|w| key.to_ascii_lowercase().contains(w))
}
