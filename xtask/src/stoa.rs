//! The built `stoa` program: building it, asking what it can do, and running its printing commands.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::process::{self, Deadline};
use crate::workspace::Workspace;

/// Builds every program and test of the workspace, with the features the test run uses, so that nothing is built twice.
///
/// # Errors
/// When the build fails.
pub fn build_all(workspace: &Workspace, deadline: Deadline) -> Result<()> {
    process::run(&mut workspace.cargo(&["build", "--workspace", "--bins", "--tests"]), deadline)
}

/// The debug build of `stoa`.
pub struct Stoa {
    path: PathBuf,
}

impl Stoa {
    /// The program as it stands in the target folder.
    pub fn built(workspace: &Workspace) -> Self {
        Self { path: workspace.target.join("debug/stoa") }
    }

    /// A command line that begins with it.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(args);
        command
    }

    /// Whether `stoa` has this command; `["flow", "schema"]` asks for the subcommand `schema` of `flow`.
    pub fn has(&self, words: &[&str]) -> bool {
        let mut path: Vec<&str> = Vec::new();
        words.iter().all(|word| {
            let mut asked = path.clone();
            asked.push("--help");
            path.push(word);
            process::capture(&mut self.command(&asked)).is_ok_and(|help| lists_command(&help, word))
        })
    }
}

/// Whether a help text lists the command: a line that begins with its name, under the heading `Commands:`.
fn lists_command(help: &str, name: &str) -> bool {
    let mut below = help.lines().skip_while(|line| line.trim() != "Commands:").skip(1);
    below.by_ref().take_while(|line| line.is_empty() || line.starts_with(' ')).any(|line| {
        let indent = line.len() - line.trim_start().len();
        indent <= 4 && line.split_whitespace().next() == Some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "A mall.\n\nUsage: stoa <COMMAND>\n\nCommands:\n  demo    Runs everything\n  serve   Runs the\n          openapi server\n\nOptions:\n  -h, --help  Print help\n";

    #[test]
    fn a_command_is_found_in_the_help_and_nothing_else_is() {
        assert!(lists_command(HELP, "demo"));
        assert!(lists_command(HELP, "serve"));
        assert!(!lists_command(HELP, "openapi"), "a continued line is not a command");
        assert!(!lists_command(HELP, "-h,"));
        assert!(!lists_command("", "demo"));
    }
}
