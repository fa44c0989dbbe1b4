//! `cargo xtask test`: all Rust tests, those in a browser among them, those of the services again on the database servers,
//! then the API fuzz step.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;

use crate::process::{self, Deadline};
use crate::setup::broker::Broker;
use crate::setup::databases::Databases;
use crate::setup::web::{self, Browser};
use crate::workspace::Workspace;
use crate::{fuzz, stoa, ui};

/// A whole test run may not take longer.
const TEST_TIME_MAX: Duration = Duration::from_secs(85 * 60);

/// Tells `testkit` which engine the databases of a test are on; without it they are embedded.
const ENGINE: &str = "STOA_TEST_ENGINE";

/// The crates whose tests run on every engine: the services, and what stands between them and their databases.
const ON_EVERY_ENGINE: &[&str] = &[
    "outbox",
    "txn",
    "tenant",
    "staff",
    "member",
    "product",
    "inventory",
    "cart",
    "order",
    "payment",
    "fulfillment",
    "search",
    "messages",
];

/// What runs on the embedded engine only: a hundred thousand timers and ten thousand races take four minutes
/// each on a server that shares two cores with everything else.
const NOT_AGAIN: &str = "test(ob_08_of_100_000) - test(ob_09_)";

/// Which engines a run tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engines {
    /// Embedded
    Sqlite,
    /// PostgreSQL
    Postgres,
    /// MariaDB
    Mysql,
    /// One after another
    All,
}

impl Engines {
    /// The engines that the tests run on again, by the names that `testkit` knows.
    fn again(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &[],
            Self::Postgres => &["postgres"],
            Self::Mysql => &["mysql"],
            Self::All => &["postgres", "mysql"],
        }
    }

    fn embedded(self) -> bool {
        matches!(self, Self::Sqlite | Self::All)
    }
}

/// The command.
///
/// # Errors
/// When anything does not build or any test fails.
pub fn command(args: &[String], engine: Option<Engines>, no_fuzz: bool) -> Result<()> {
    let workspace = Workspace::open()?;
    let deadline = Deadline::after(TEST_TIME_MAX);
    let started = Instant::now();
    let chosen = names_packages(args);
    let engines = engine.unwrap_or(if chosen { Engines::Sqlite } else { Engines::All });
    if !(no_fuzz && chosen) {
        ui::head("build");
        stoa::build_all(&workspace, deadline)?;
    }
    let browser = if chosen && !args.iter().any(|arg| arg.ends_with("e2e")) {
        None
    } else {
        ui::head("browser");
        browser_or_reason(&workspace, deadline)
    };
    let databases = if engine == Some(Engines::Sqlite) {
        None
    } else {
        ui::head("databases");
        databases_or_reason(&workspace, engine.is_some(), deadline)?
    };
    let broker =
        if chosen && !args.iter().any(|arg| arg.ends_with("broker") || arg.ends_with("e2e")) {
            None
        } else {
            ui::head("broker");
            broker_or_reason(deadline)
        };
    let (browser, databases) = (browser.as_ref(), databases.as_ref());
    let broker = broker.as_ref();
    let run = Run { workspace: &workspace, args, engines, browser, databases, broker };
    let tested = run.tests(deadline);
    let rust_time = started.elapsed();
    let fuzzed = if no_fuzz {
        Ok("not run (--no-fuzz)".to_owned())
    } else {
        ui::head("api fuzz");
        fuzz::after_build(&workspace, fuzz::Missing::FallBack, deadline)
    };
    ui::head("summary");
    say!(
        "tests {} in {} · api fuzz: {}",
        tested.as_ref().map_or("FAILED", String::as_str),
        ui::human(rust_time),
        fuzzed.as_ref().map_or("FAILED", String::as_str)
    );
    tested.and(fuzzed).map(|_| ())
}

/// The browser for tests; without it they are skipped, or run with what they find themselves.
fn browser_or_reason(workspace: &Workspace, deadline: Deadline) -> Option<Browser> {
    match web::browser(workspace, deadline) {
        Ok(browser) => {
            say!("{}; screenshots go to {}", browser.version(), browser.artifacts().display());
            Some(browser)
        }
        Err(error) => {
            say!(
                "not everything for browser tests is available: {error:#}\nTests that find no browser or no axe-core do NOT run."
            );
            None
        }
    }
}

/// The database servers for tests; when nobody has asked for them by name, the run goes on without.
fn databases_or_reason(
    workspace: &Workspace,
    demanded: bool,
    deadline: Deadline,
) -> Result<Option<Databases>> {
    match Databases::start(workspace, deadline) {
        Ok(databases) => Ok(Some(databases)),
        Err(error) if demanded => Err(error),
        Err(error) => {
            say!("no database servers: {error:#}\nTests on PostgreSQL and MariaDB do NOT run.");
            Ok(None)
        }
    }
}

/// The message broker for tests; without it they are skipped.
fn broker_or_reason(deadline: Deadline) -> Option<Broker> {
    match Broker::start(deadline) {
        Ok(broker) => Some(broker),
        Err(error) => {
            say!("no message broker: {error:#}\nTests of messages over a broker do NOT run.");
            None
        }
    }
}

/// A run of the Rust tests: of all, or of the packages that the arguments name; with nextest where it is installed.
pub struct Run<'a> {
    /// The repository.
    pub workspace: &'a Workspace,
    /// For nextest or `cargo test`.
    pub args: &'a [String],
    /// On which engines.
    pub engines: Engines,
    /// For the tests in a browser.
    pub browser: Option<&'a Browser>,
    /// For the tests on servers.
    pub databases: Option<&'a Databases>,
    /// For the tests over a message broker.
    pub broker: Option<&'a Broker>,
}

impl Run<'_> {
    /// Runs them on one engine after another, and says how long each took.
    ///
    /// # Errors
    /// When a test fails; the others have run.
    pub fn tests(&self, deadline: Deadline) -> Result<String> {
        let mut times = Vec::new();
        let mut failure = None;
        let again = self.engines.again().iter().map(|engine| Some(*engine));
        for engine in self.engines.embedded().then_some(None).into_iter().chain(again) {
            let name = engine.unwrap_or("sqlite");
            if engine.is_some() && self.databases.is_none() {
                times.push(format!("{name} NOT RUN"));
                continue;
            }
            ui::head(&format!("tests: {name}"));
            let started = Instant::now();
            let result = self.on(engine, deadline);
            let verdict = if result.is_ok() { "" } else { "FAILED after " };
            times.push(format!("{name} {verdict}{}", ui::human(started.elapsed())));
            failure = failure.or(result.err());
        }
        let times = times.join(", ");
        failure.map_or(Ok(times.clone()), |error| Err(error.context(times)))
    }

    fn on(&self, engine: Option<&str>, deadline: Deadline) -> Result<()> {
        let mut command = self.runner();
        match engine {
            Some(engine) => {
                command.env(ENGINE, engine);
                if !names_packages(self.args) {
                    self.choose(&mut command);
                }
            }
            None => {
                command.env_remove(ENGINE);
                if !names_packages(self.args) {
                    command.arg("--workspace");
                }
            }
        }
        if let Some(browser) = self.browser {
            browser.tell(&mut command);
        }
        if let Some(databases) = self.databases {
            databases.tell(&mut command);
        }
        if let Some(broker) = self.broker {
            broker.tell(&mut command);
        }
        process::run(command.args(self.args), deadline)
    }

    /// The tests that run on every engine. By a filter where there is one: choosing packages would resolve
    /// features anew and build everything once more.
    fn choose(&self, command: &mut Command) {
        if self.has_nextest() {
            let chosen: Vec<String> =
                ON_EVERY_ENGINE.iter().map(|name| format!("package({name})")).collect();
            let chosen = chosen.join(" + ");
            command.args(["--workspace", "-E", &format!("({chosen}) - {NOT_AGAIN}")]);
            return;
        }
        for package in ON_EVERY_ENGINE {
            command.args(["--package", package]);
        }
    }

    fn has_nextest(&self) -> bool {
        process::succeeds(&mut self.workspace.cargo(&["nextest", "--version"]))
    }

    fn runner(&self) -> Command {
        if self.has_nextest() {
            return self.workspace.cargo(&["nextest", "run"]);
        }
        say!(
            "cargo-nextest is not installed: using `cargo test`, which is slower but covers the same"
        );
        // Documentation examples are left out: nextest does not run them either.
        self.workspace.cargo(&["test", "--no-fail-fast", "--lib", "--bins", "--tests"])
    }
}

/// Whether the caller has chosen packages; cargo would ignore the choice beside `--workspace`.
fn names_packages(args: &[String]) -> bool {
    args.iter()
        .any(|arg| arg.starts_with("-p") || arg == "--package" || arg.starts_with("--package="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_on_every_engine_is_there() {
        let workspace = Workspace::open().unwrap();
        for name in ON_EVERY_ENGINE {
            assert!(workspace.crates.iter().any(|krate| krate.name == *name), "{name}");
        }
    }

    #[test]
    fn a_choice_of_packages_is_seen() {
        let chosen = |args: &[&str]| {
            names_packages(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
        };
        assert!(
            chosen(&["--package", "kit"])
                && chosen(&["-p", "kit"])
                && chosen(&["-pkit"])
                && chosen(&["--package=kit"])
        );
        assert!(!chosen(&[]) && !chosen(&["sh_02", "--no-capture"]));
    }
}
