//! The program as one static binary.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{mock::Mock, root::Root, text};
use crate::{Result, checks, process};

/// Builds it, and runs it in a root that holds nothing else but `/etc/hosts`.
pub(super) fn make(folder: &Path) -> Result<String> {
    let target = target()?;
    let mut build = checks::cargo_command();
    build.args(["build", "--locked", "--release", "--package", "mailbearer-cli", "--bin", "mailbearer"]);
    // Naming a target keeps these flags away from build scripts and macros, which run on the host.
    build.args(["--target", &target]).env("RUSTFLAGS", "-C target-feature=+crt-static");
    process::output(&mut build)?;
    let built = process::target().join(&target).join("release/mailbearer");
    let program = folder.join("mailbearer");
    fs::copy(&built, &program)?;
    let headers =
        text(Command::new("readelf").args(["--program-headers", "--dynamic", "--wide"]).arg(&program))?;
    if headers.contains("INTERP") || headers.contains("(NEEDED)") {
        return Err(format!("the binary wants libraries:\n{headers}").into());
    }
    let root = Root::new("binary")?;
    let hosts = folder.join("hosts");
    fs::write(&hosts, "127.0.0.1 localhost\n::1 localhost\n")?;
    root.put(&hosts, "/etc/hosts", "644")?;
    root.put(&program, "/mailbearer", "755")?;
    let mock = Mock::start(&program)?;
    mock.try_in(&root, None, "/mailbearer", &["/mailbearer", "sendmail", "ann@example.org"])?;
    Ok(format!("{target}, {} bytes, sent and listed in an empty root", fs::metadata(&program)?.len()))
}

/// The target to build for: musl's where it is installed, else the host's, whose glibc can be linked statically too.
pub(super) fn target() -> Result<String> {
    let musl = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let host = host()?;
    Ok(if is_installed(&musl)? { musl } else { host })
}

/// Whether the standard library for a target is there.
pub(super) fn is_installed(target: &str) -> Result<bool> {
    let folder = text(Command::new("rustc").args(["--print", "target-libdir", "--target", target]))?;
    Ok(Path::new(folder.trim()).exists())
}

fn host() -> Result<String> {
    let version = text(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc names no host")?.to_owned())
}
