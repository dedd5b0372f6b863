//! The Debian packages that the tests need.

use std::process::{Command, Stdio};

use crate::{Result, process};

const PACKAGES: &[&str] = &[
    "dovecot-imapd",
    "dovecot-pop3d",
    "dovecot-lmtpd",
    "postfix",
    "tinyproxy-bin",
    "microsocks",
    "curl",
    "python3",
    "default-jre-headless",
    "libmail-java",
    "nodejs",
    "openssl",
    "strace",
    "git-email",
    "libmailtools-perl",
    "cron",
    "s-nail",
    "php-cli",
    "ruby-mail",
    "mutt",
    "swaks",
    "msmtp",
    // For a login in a real browser, with Chinese pages too.
    "chromium",
    "chromium-driver",
    "fonts-noto-cjk",
    "python3-msal",
    // For a network without IPv6.
    "iproute2",
    // For a keyring on a bus of its own.
    "dbus",
    "gnome-keyring",
    "libglib2.0-bin",
    "libsecret-tools",
    "mpop",
    "fetchmail",
    // Programs that get their tokens from `mailbearer token`.
    "isync",
    "libsasl2-modules-kdexoauth2",
    "msmtp",
    "neomutt",
];

/// Installs the packages that the tests need, as [`ensure_only`] does.
pub(crate) fn ensure() -> Result<()> {
    ensure_only(PACKAGES)
}

/// Installs those of `wanted` that are missing, without letting them start services.
///
/// # Errors
///
/// Names the command to run by hand if this system is not Debian's kind, if it takes root and `sudo` would ask
/// for a password, or if the installation fails.
pub(crate) fn ensure_only(wanted: &[&'static str]) -> Result<()> {
    let missing = missing(wanted)?;
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("xtask: installing {}", missing.join(" "));
    let status = process::as_root("sh")
        .args(["-c", include_str!("packages/install.sh"), "install.sh"])
        .args(&missing)
        .stdin(Stdio::null())
        // Standard output is for results.
        .stdout(std::io::stderr())
        .status();
    if status.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(format!(
        "could not install the packages; as root run\n  \
         apt-get update && apt-get install -y --no-install-recommends {}",
        missing.join(" ")
    )
    .into())
}

fn missing(wanted: &[&'static str]) -> Result<Vec<&'static str>> {
    // It fails if it does not know one of the packages, but still lists the others.
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${Package} ${db:Status-Status}\\n"])
        .args(wanted)
        .output()
        .map_err(|error| {
            format!(
                "cannot ask dpkg-query which packages are installed ({error}): the real servers run on Debian 12 \
                 and its kin; `cargo test` alone runs all tests that do not need them"
            )
        })?;
    let listing = String::from_utf8_lossy(&output.stdout);
    let installed = |package: &&str| listing.lines().any(|line| line == format!("{package} installed"));
    Ok(wanted.iter().copied().filter(|package| !installed(package)).collect())
}
