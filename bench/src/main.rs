//! The program `bench`: see the library. Nothing stands here but its start.

fn main() -> std::process::ExitCode {
    bench::main()
}
