//! The program as one static binary.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{mock::Mock, root::Root, text};
use crate::{Result, checks, footprint, process};

/// Builds it, runs it in a root that holds nothing else but `/etc/hosts`, and looks at its memory.
pub(super) fn make(folder: &Path) -> Result<String> {
    let target = target()?;
    let built = build(&target, &[])?;
    // Linux brings a program into memory by 64 KiB around each page that it asks for. What the usual commands run through
    // is a fifth of the program, and scattered all over it, so that most of it would come with that.
    let is_ordered = target == host()? && footprint::links_with_lld()?;
    if is_ordered {
        let used = used(&built)?;
        // Cargo links again for another name, not for what another file holds.
        let mut hash = DefaultHasher::new();
        used.hash(&mut hash);
        let order = folder.join(format!("used-{:x}", hash.finish()));
        fs::write(&order, used)?;
        let order = format!("--symbol-ordering-file={}", order.display());
        build(&target, &[&order, "--no-warn-symbol-ordering"])?;
    }
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
    let memory = if is_ordered {
        streams(&program, PEAK_KIB)?;
        format!("150 MB sent, appended and fetched within {PEAK_KIB} KiB")
    } else {
        "its functions in no order, which wants lld".to_owned()
    };
    let bytes = fs::metadata(&program)?.len();
    Ok(format!("{target}, {bytes} bytes, sent and listed in an empty root; {memory}"))
}

/// Returns where it is.
fn build(target: &str, linker: &[&str]) -> Result<PathBuf> {
    let mut build = checks::cargo_command();
    build.args(["rustc", "--locked", "--release", "--package", "mailbearer-cli", "--bin", "mailbearer"]);
    // Naming a target keeps these flags away from build scripts and macros, which run on the host.
    build.args(["--target", target]).env("RUSTFLAGS", "-C target-feature=+crt-static");
    // Flags behind `--` are those of the last crate alone: nothing else is built again for them.
    build.arg("--").args(linker.iter().map(|argument| format!("-Clink-arg=-Wl,{argument}")));
    process::output(&mut build)?;
    Ok(process::target().join(target).join("release/mailbearer"))
}

/// The names of the functions that the usual commands run through.
fn used(program: &Path) -> Result<String> {
    text(Command::new("python3").args(["-c", include_str!("used.py")]).arg(program))
}

/// Holds what carries a message of 150 MB to so much memory, by the tests of the program.
fn streams(program: &Path, most: u64) -> Result<()> {
    let mut test = checks::cargo_command();
    test.args(["test", "--locked", "--workspace", "--test", "cli", "streaming"]);
    test.env("MAILBEARER_TEST_PROGRAM", program).env("MAILBEARER_TEST_PEAK_KIB", most.to_string());
    process::output(&mut test).map(drop)
}

/// 5,100 to 6,400 KiB were seen.
const PEAK_KIB: u64 = 8 * 1024;

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
