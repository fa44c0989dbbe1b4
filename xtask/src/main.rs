//! The program behind `cargo xtask`. It only hands over to the library, so that everything can be tested.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::main()
}
