//! Which folders hold running servers, so that `down` finds them.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::{Result, process};

/// The folders of all servers that were started and not yet taken down.
pub(crate) fn all() -> Vec<PathBuf> {
    fs::read_to_string(file()).unwrap_or_default().lines().map(PathBuf::from).collect()
}

pub(crate) fn add(dir: &Path) -> Result<()> {
    let mut dirs = all();
    dirs.push(dir.to_owned());
    write(&dirs)
}

pub(crate) fn remove(dir: &Path) -> Result<()> {
    let mut dirs = all();
    dirs.retain(|known| known != dir);
    write(&dirs)
}

fn write(dirs: &[PathBuf]) -> Result<()> {
    let file = file();
    if dirs.is_empty() {
        return match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        };
    }
    let lines: String = dirs.iter().map(|dir| format!("{}\n", dir.display())).collect();
    Ok(fs::write(file, lines)?)
}

fn file() -> PathBuf {
    process::target().join("xtask-servers")
}
