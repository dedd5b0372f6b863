//! Runs every target over its seeds, on any toolchain: `replay [--into FOLDER] [TARGET…]`.
//!
//! With `--into` it runs nothing, and writes the seeds to `FOLDER/TARGET` for a fuzzer to start from. `replay --names` prints
//! the names of all targets.

use std::{env, error::Error, fs, panic, path::Path, process::ExitCode};

use mailbearer_fuzz::{TARGETS, seeds};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut args: Vec<String> = env::args().skip(1).collect();
    if args == ["--names"] {
        TARGETS.iter().for_each(|(name, _)| println!("{name}"));
        return Ok(ExitCode::SUCCESS);
    }
    let into = (args.first().is_some_and(|arg| arg == "--into") && args.len() > 1).then(|| args.remove(1));
    args.retain(|arg| arg != "--into");
    if let Some(unknown) = args.iter().find(|arg| TARGETS.iter().all(|(name, _)| name != arg)) {
        let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        return Err(format!("no target `{unknown}`; there are {}", names.join(", ")).into());
    }
    let (mut count, mut octets, mut failed) = (0, 0, 0);
    for (name, run) in
        TARGETS.iter().filter(|(name, _)| args.is_empty() || args.iter().any(|arg| arg == name))
    {
        let seeds = seeds::of(name)?;
        if seeds.is_empty() {
            return Err(format!("{name} has no seed").into());
        }
        if let Some(into) = &into {
            let folder = Path::new(into).join(name);
            fs::create_dir_all(&folder)?;
            for seed in seeds {
                fs::write(folder.join(seed.name), seed.data)?;
            }
            continue;
        }
        println!("{name}: {} seeds", seeds.len());
        for seed in seeds {
            (count, octets) = (count + 1, octets + seed.data.len());
            if panic::catch_unwind(|| run(&seed.data)).is_err() {
                eprintln!("{name}: {} fails", seed.name);
                failed += 1;
            }
        }
    }
    if into.is_none() {
        println!("{count} seeds of {octets} octets in all, {failed} failed");
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
