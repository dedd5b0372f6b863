//! The package for Debian and systems based on it.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;

use super::{binary, install, mock::Mock, root::Root, text};
use crate::{Result, checks, process};

/// Builds the package, installs it in a fresh Debian, uses it there, and removes it to the last file.
pub(super) fn make(folder: &Path) -> Result<String> {
    let program = super::program(folder)?;
    install("deb", "3.8.0")?;
    let package = folder.join("mailbearer.deb");
    let mut build = checks::cargo_command();
    build.args(["deb", "--no-build", "--no-strip", "--package", "mailbearer-cli", "--output"]).arg(&package);
    // cargo-deb takes only the architecture from it: the binary is an asset like any other.
    build.args(["--target", &binary::target()?]);
    // As Debian's own tools have it: who publishes the package answers for it.
    if let (Ok(name), Ok(address)) = (env::var("DEBFULLNAME"), env::var("DEBEMAIL")) {
        build.args(["--maintainer", &format!("{name} <{address}>")]);
    }
    process::output(&mut build)?;

    let debian = debian(folder)?;
    let before = files(&debian)?;
    debian.put(&package, "/mailbearer.deb", "644")?;
    run(&debian, "dpkg", &["--install", "/mailbearer.deb"])?;
    for file in FILES {
        // Absolute links lead elsewhere from outside the root, so the link itself is looked at.
        if fs::symlink_metadata(debian.path().join(file)).is_err() {
            return Err(format!("{file} is not installed").into());
        }
    }
    let mock = Mock::start(&program)?;
    mock.try_in(&debian, None, "/usr/bin/mailbearer", &["/usr/sbin/sendmail", "ann@example.org"])?;
    // The secret is where systemd puts the credential for the unit.
    fs::write(folder.join("secret"), "s3cret\n")?;
    debian.put(&folder.join("secret"), "/run/credentials/mailbearer-relay.service/secret", "600")?;
    debian.put(&process::workspace().join("packaging/config.toml"), "/etc/mailbearer/config.toml", "644")?;
    run(&debian, "mailbearer", &["relay", "--check", "--spool", "/tmp/spool"])?;
    super::units::look(&debian)?;
    run(
        &debian,
        "rm",
        &["-r", "/etc/mailbearer", "/run/credentials", "/tmp/spool", "/mailbearer.deb", "/ca.pem"],
    )?;
    run(&debian, "dpkg", &["--purge", "mailbearer"])?;
    let after = files(&debian)?;
    let left: Vec<&String> = after.symmetric_difference(&before).collect();
    if !left.is_empty() {
        return Err(format!("it was removed, and these files are others than before: {left:?}").into());
    }
    beside_another(&debian, &package)?;
    Ok(format!("{} bytes, installed, used and removed", fs::metadata(&package)?.len()))
}

/// Checks that the package leaves another package's sendmail alone.
fn beside_another(debian: &Root, package: &Path) -> Result<()> {
    debian.put(Path::new("/etc/hostname"), "/usr/sbin/sendmail", "755")?;
    debian.put(package, "/mailbearer.deb", "644")?;
    run(debian, "dpkg", &["--install", "/mailbearer.deb"])?;
    let kept =
        || fs::symlink_metadata(debian.path().join("usr/sbin/sendmail")).is_ok_and(|meta| meta.is_file());
    let installed = kept();
    run(debian, "dpkg", &["--purge", "mailbearer"])?;
    if !installed || !kept() {
        return Err("the sendmail of another package was touched".into());
    }
    Ok(())
}

/// Unpacks a small Debian with dpkg and systemd. The archive is kept for the next run.
fn debian(folder: &Path) -> Result<Root> {
    let archive = folder.join("debian.tar");
    if !archive.exists() {
        let mut mmdebstrap = process::as_root("mmdebstrap");
        // systemd-analyze also wants the units that ours name.
        let with = "--include=systemd,procps";
        mmdebstrap.args(["--quiet", "--variant=essential", with, SUITE]).arg(&archive).arg(MIRROR);
        process::output(&mut mmdebstrap)?;
    }
    let root = Root::new("debian")?;
    // Not every machine lets us make devices, and only /dev/null is needed.
    let mut tar = process::as_root("tar");
    tar.args(["--exclude=./dev/*", "-xpf"]).arg(&archive).arg("-C").arg(root.path());
    process::output(&mut tar)?;
    let null = root.path().join("dev/null");
    process::output(process::as_root("mknod").args(["-m", "666"]).arg(null).args(["c", "1", "3"]))?;
    root.put(Path::new("/etc/hosts"), "/etc/hosts", "644")?;
    Ok(root)
}

fn run(debian: &Root, program: &str, arguments: &[&str]) -> Result<()> {
    let settings = [("DEBIAN_FRONTEND".to_owned(), "noninteractive".to_owned())];
    process::output(debian.command(None, &settings, program).args(arguments)).map(drop)
}

/// All paths in the root, without dpkg's own records and logs.
fn files(debian: &Root) -> Result<BTreeSet<String>> {
    let mut find = process::as_root("find");
    find.arg(debian.path()).args(["-xdev", "-printf", "%P %y %l\\n"]);
    let all = text(&mut find)?;
    let own = |path: &&str| !["var/lib/dpkg/", "var/log/"].iter().any(|folder| path.starts_with(folder));
    Ok(all.lines().filter(own).map(String::from).collect())
}

const SUITE: &str = "bookworm";
const MIRROR: &str = "http://deb.debian.org/debian";

/// Files that the package must install, relative to the root.
const FILES: [&str; 13] = [
    "usr/bin/mailbearer",
    "usr/sbin/sendmail",
    "usr/lib/sendmail",
    "usr/bin/mailq",
    "usr/share/man/man1/mailbearer.1.gz",
    "usr/share/man/man1/mailbearer-relay.1.gz",
    "usr/share/bash-completion/completions/mailbearer",
    "usr/share/zsh/vendor-completions/_mailbearer",
    "usr/share/fish/vendor_completions.d/mailbearer.fish",
    "usr/share/doc/mailbearer/copyright",
    "usr/share/doc/mailbearer/mailbearer.cdx.json",
    "usr/share/doc/mailbearer/examples/config.toml",
    "usr/share/doc/mailbearer/configuration.md",
];
