//! `cargo xtask`: the project's own tasks. One file per command.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to its user")]

mod bench;
mod checks;
mod crates;
mod dist;
mod footprint;
mod fuzz;
mod mutants;
mod packages;
mod process;
mod servers;
mod test;

use std::env;
use std::error::Error;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "\
cargo xtask COMMAND

  test [FILTER…]            install and start what the tests need, run them all, shut down
  bench [PIECE…]            parsers, composing and uploads beside their peers: instructions, allocations, growth, against
                            their limits; or the pieces of these names (`responses`, `messages`, …), or those that want
                            one program alone (`fast`)
  check [NAME]              formatting, dependencies, licences, no_std, clippy, documentation, fuzz targets; or one
  dist [STEP]               static binary, man pages, SBOM, .deb, systemd units, OCI image in target/dist, each tried
  footprint                 size and crates of the smallest embedding, against its limits
  fuzz [TARGET] [SECONDS]   fuzz all targets or one, each for 60 s or so long, on the nightly toolchain
  fuzz replay [TARGET…]     run the fuzz targets over their seeds, on this toolchain
  mutants [PART] [K/N]      break each line of a part or crate, or of a shard of it, and see whether its tests notice;
                            with no name, of all that it is for
  servers up [--dir DIR]    start Dovecot and Postfix on free local ports, print KEY=value lines
  servers down [--dir DIR]  stop them and remove their folder (without --dir: all that `up` started)
";

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let command = args.next();
    let rest: Vec<String> = args.collect();
    let result = match command.as_deref() {
        Some("bench") => bench::run(&rest),
        Some("check") => checks::run(&rest),
        Some("dist") => dist::run(&rest),
        Some("footprint") => footprint::run(&rest),
        Some("fuzz") => fuzz::run(&rest),
        Some("mutants") => mutants::run(&rest),
        Some("servers") => servers::run(&rest),
        Some("test") => test::run(&rest),
        None => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        Some(other) => Err(format!("no command `{other}`\n\n{USAGE}").into()),
    };
    result.unwrap_or_else(|error| {
        eprintln!("xtask: {error}");
        ExitCode::FAILURE
    })
}
