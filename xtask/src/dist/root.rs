//! Folders that programs run in by chroot.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, process};

use crate::{Result, process as run};

/// A folder to chroot into. Dropping it removes it and everything in it.
pub(super) struct Root(PathBuf);

impl Root {
    /// Makes an empty folder that everyone may enter.
    pub(super) fn new(name: &str) -> Result<Self> {
        let folder = env::temp_dir().join(format!("mailbearer-dist-{name}-{}", process::id()));
        run::output(run::as_root("mkdir").arg("--mode=755").arg(&folder))?;
        Ok(Self(folder))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Copies a file into it, and makes the folders on the way.
    pub(super) fn put(&self, from: &Path, to: &str, mode: &str) -> Result<()> {
        let to = self.0.join(to.trim_start_matches('/'));
        let mut install = run::as_root("install");
        install.args(["-D", "--mode", mode]).arg(from).arg(to);
        run::output(&mut install).map(drop)
    }

    /// A command that runs `program` in it, with these environment variables and no others.
    pub(super) fn command(
        &self,
        user: Option<&str>,
        settings: &[(String, String)],
        program: &str,
    ) -> Command {
        let mut command = run::as_root("env");
        command.arg("-i").args(settings.iter().map(|(key, value)| format!("{key}={value}")));
        command.arg("PATH=/usr/sbin:/usr/bin:/sbin:/bin").arg("chroot");
        command.args(user.map(|user| format!("--userspec={user}"))).arg(&self.0).arg(program);
        command
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // If this fails, all that stays is a temporary folder.
        let _ = run::output(run::as_root("rm").args(["-rf", "--one-file-system"]).arg(&self.0));
    }
}
