//! Folders that are the root of the file system for what runs in them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, process};

use crate::{Result, process as run};

/// A folder that is removed with all that is in it when it is dropped.
pub(super) struct Root(PathBuf);

impl Root {
    /// Makes an empty one, which everyone may enter.
    pub(super) fn new(name: &str) -> Result<Self> {
        let folder = env::temp_dir().join(format!("mailbearer-dist-{name}-{}", process::id()));
        run::output(run::as_root("mkdir").arg("--mode=755").arg(&folder))?;
        Ok(Self(folder))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Puts a file into it, with its folders.
    pub(super) fn put(&self, from: &Path, to: &str, mode: &str) -> Result<()> {
        let to = self.0.join(to.trim_start_matches('/'));
        let mut install = run::as_root("install");
        install.args(["-D", "--mode", mode]).arg(from).arg(to);
        run::output(&mut install).map(drop)
    }

    /// A command in it, with these variables of the environment and no others.
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
        // What is left in the temporary folder is in nobody's way.
        let _ = run::output(run::as_root("rm").args(["-rf", "--one-file-system"]).arg(&self.0));
    }
}
